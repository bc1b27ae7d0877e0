"""How all plots look: colours that the colour-blind tell apart, with lines and markers besides.

The colours are Okabe and Ito's; in grey the dashes and markers tell the lines apart.
Source: M. Okabe, K. Ito, Color Universal Design, 2008.
"""

from __future__ import annotations

import functools
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.errors import with_remedies
from kohort.utils.live import NOTEBOOK, place

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#000000", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (9, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, QUIET, GRID = "#222222", "#888888", "#e4e4e4"
# Rising evenly in lightness, and read alike by all eyes.
MAP, DIVERGING = "cividis", "RdBu_r"
INSIDE, A_COLUMN, LISTED = 6, 16, 32  # entries of a legend: over the curves, in a column, in all


def axes(ax: Axes | None = None, size: tuple[float, float] = (6.0, 4.0)) -> Axes:
    """The Axes to draw on, a new one unless given, in the common style."""
    ax = _shown_figure(1, 1, size).axes[0] if ax is None else ax
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    return ax


def figure(rows: int, columns: int, size: tuple[float, float]) -> Figure:
    """A figure of rows x columns Axes that nobody but the caller knows."""
    from matplotlib.figure import Figure

    made = Figure(figsize=size, layout="constrained")
    made.subplots(rows, columns, squeeze=False)
    return made


def _shown_figure(rows: int, columns: int, size: tuple[float, float]) -> Figure:
    """The same; a notebook, or a script's `plt.show()`, shows it."""
    if place() != NOTEBOOK and "matplotlib.pyplot" not in sys.modules:
        return figure(rows, columns, size)
    import matplotlib.pyplot as plt

    made = plt.figure(figsize=size, layout="constrained")
    made.subplots(rows, columns, squeeze=False)
    # As the value of a cell it would be shown there, and by pyplot at the end of the cell.
    made.__dict__["_ipython_display_"] = functools.partial(_display, made)
    return made


def _display(made: Any) -> None:
    """Show a figure in a notebook, and no more at the end of the cell."""
    import matplotlib.pyplot as plt
    from IPython.display import display

    made.__dict__.pop("_ipython_display_", None)
    display(made)
    plt.close(made)


def tiles(
    count: int, width: float, height: float, columns: int, ax: Axes | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure of `count` Axes, at most `columns` a row, each of a size in inches; or inside `ax`.

    >>> made, panels = tiles(3, 2.0, 1.5, columns=2)
    >>> made.get_size_inches(), len(panels)
    (array([4., 3.]), 3)
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    if ax is None:
        made = _shown_figure(rows, columns, (width * columns, height * rows))
        for spare in made.axes[count:]:
            spare.remove()
        return made, made.axes[:count]
    ax.set_axis_off()
    across, down = 1 / columns, 1 / rows
    places = [(i % columns * across, 1 - (i // columns + 1) * down) for i in range(count)]
    return owner(ax), [
        ax.inset_axes((x + 0.16 * across, y + 0.12 * down, 0.8 * across, 0.66 * down))
        for x, y in places
    ]


def line(number: int) -> dict[str, Any]:
    """Colour and dashes of the line of this number.

    >>> line(1)["color"], line(8)["color"]
    ('#D55E00', '#D55E00')
    """
    return {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)]}


def legend(ax: Axes, **options: Any) -> None:
    """The legend: over the curves, or beside them where it would hide them."""
    handles, names = ax.get_legend_handles_labels()
    if len(names) <= INSIDE:
        ax.legend(frameon=False, **options)
        return
    more = len(names) - LISTED
    if more > 0:
        handles, names = handles[:LISTED], [*names[: LISTED - 1], f"and {more + 1} more"]
        handles[-1] = ax.plot([], [], linestyle="none")[0]
    ax.legend(
        handles, names, frameon=False, fontsize=8, ncols=-(-len(names) // A_COLUMN),
        loc="center left", bbox_to_anchor=(1.0, 0.5),
    )  # fmt: skip


def label(text: str) -> str:
    """A label in lines that are not longer than an axis.

    >>> label("sparse_top_k_categorical_accuracy_of_the_first_output")
    'sparse top k categorical accuracy of the\\nfirst output'
    """
    return textwrap.fill(text.replace("_", " "), 40)


def owner(ax: Axes) -> Figure:
    """The figure that an Axes lies in."""
    return ax.get_figure(root=True)  # type: ignore[return-value]


class PlotError(ValueError):
    """What cannot be drawn: the rule, what came, and what to do.

    >>> print(unknown("metric", "acc", ["loss", "accuracy"]))
    The metric must be one of those there are: loss, accuracy. Received: 'acc'.
      1. choose one of them
    """

    def __init__(self, rule: str, received: str, remedy: str):
        super().__init__(with_remedies(rule, received, [remedy]))


def unknown(what: str, name: Any, known: Iterable[str]) -> PlotError:
    """The error for a name that is none of those there are."""
    rule = f"The {what} must be one of those there are: {', '.join(map(str, known))}."
    return PlotError(rule, repr(name), "choose one of them")


def finite(what: str, values: Any) -> Any:
    """The values, where all of them are finite numbers."""
    array = np.asarray(values)
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        count = array.size - np.isfinite(array).sum()
        raise PlotError(
            f"{what} must be finite.", f"{count} of {array.size} are not",
            "leave these rows out, or see with kohort.diagnose where the training was lost",
        )  # fmt: skip
    return values
