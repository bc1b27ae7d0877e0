"""How all plots look: colours that the colour-blind tell apart, with lines and markers besides.

The colours are Okabe and Ito's; in grey the dashes and markers tell the lines apart.
Source: M. Okabe, K. Ito, Color Universal Design, 2008.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kohort.errors import with_remedies

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = ("#0072B2", "#D55E00", "#000000", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1, 1.2)), (0, (6, 1.5, 1, 1.5)), (0, (9, 3)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, QUIET, GRID = "#222222", "#888888", "#e4e4e4"
# Rising evenly in lightness, and read alike by all eyes.
MAP, DIVERGING = "cividis", "RdBu_r"


def axes(ax: Axes | None = None, size: tuple[float, float] = (6.0, 4.0)) -> Axes:
    """The Axes to draw on, a new one unless given, in the common style."""
    ax = figure(1, 1, size).axes[0] if ax is None else ax
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color=GRID, linewidth=0.7)
    ax.set_axisbelow(True)
    return ax


def figure(rows: int, columns: int, size: tuple[float, float]) -> Figure:
    """A figure of rows x columns Axes; notebooks show it, scripts save it with `savefig`."""
    from matplotlib.figure import Figure

    made = Figure(figsize=size, layout="constrained")
    made.subplots(rows, columns, squeeze=False)
    return made


def tiles(count: int, width: float, height: float, columns: int) -> tuple[Figure, list[Axes]]:
    """A figure of `count` Axes, at most `columns` a row, each of a size in inches."""
    columns = min(columns, count)
    rows = -(-count // columns)
    made = figure(rows, columns, (width * columns, height * rows))
    for ax in made.axes[count:]:
        ax.remove()
    return made, made.axes[:count]


def line(number: int) -> dict[str, Any]:
    """Colour and dashes of the line of this number.

    >>> line(1)["color"], line(8)["color"]
    ('#D55E00', '#D55E00')
    """
    return {"color": COLORS[number % len(COLORS)], "linestyle": DASHES[number % len(DASHES)]}


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
