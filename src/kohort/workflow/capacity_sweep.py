"""The capacity sweep: one network in many sizes, to see which is too small and which is enough."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from kohort.cohort import Cohort, Member
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.choice import one_standard_error
from kohort.workflow.honest.splits import make_folds
from kohort.workflow.trainings import Data, Training, candidate, maker, members_of
from kohort.workflow.watching import Watch


class Size(NamedTuple):
    """A size of the network; None for what is not varied."""

    width: int | None
    depth: int | None
    parameters: int

    def __str__(self) -> str:
        parts = [f"{self.width} units"] if self.width is not None else []
        parts += [f"{self.depth} layers"] if self.depth is not None else []
        return f"{' x '.join(parts)} ({self.parameters:,} parameters)"


@dataclasses.dataclass(frozen=True)
class CapacitySweep:
    """What the sweep saw.

    `training` and `validation` are the curves of the loss, `(sizes, members, epochs)`, where the
    members of a size differ in seed and fold; NaN where a training diverged. `scores` and
    `errors`, `(sizes,)`, are the mean over members of the lowest validation loss, and its standard
    error. `best` and `chosen` are numbers of sizes: the lowest score, and the smallest size whose
    score is within one standard error of it.
    """

    sizes: list[Size]
    training: np.ndarray
    validation: np.ndarray
    scores: np.ndarray
    errors: np.ndarray
    best: int
    chosen: int

    @property
    def verdict(self) -> str:
        """What to make of it, in words."""
        chosen, best = self.sizes[self.chosen], self.sizes[self.best]
        words = f"Take {chosen}: its validation loss is {self.scores[self.chosen]:.4g}"
        if self.chosen != self.best:
            words += (
                f", within one standard error of the best, {self.scores[self.best]:.4g} ± "
                f"{self.errors[self.best]:.2g} with {best}"
            )
        words += "."
        largest = int(np.argmax([s.parameters for s in self.sizes]))
        if self.best == largest:
            words += " The largest size is the best one: larger ones may be better still."
        gap = self.overfitting[largest]
        if gap > 0.05:
            words += (
                f" The largest size overfits: after its best epoch its validation loss rises by "
                f"{gap:.0%} while the training loss falls."
            )
        elif self.best != largest:
            words += " No size overfits in this many epochs."
        return words

    @property
    def overfitting(self) -> np.ndarray:
        """By what share each size's validation loss rises after its best epoch, `(sizes,)`."""
        mean = np.nanmean(self.validation, axis=1)
        return mean[:, -1] / np.nanmin(mean, axis=1) - 1

    def __str__(self) -> str:
        rows = [
            f"  {'*' if i == self.chosen else ' '} {size!s:<40} "
            f"{self.scores[i]:.4g} ± {self.errors[i]:.2g}"
            for i, size in enumerate(self.sizes)
        ]
        return "\n".join(["Lowest validation loss by size:", *rows, self.verdict])

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import sweep_html

        return sweep_html(self)

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the sizes with `kohort.plot.capacity`; returns the Axes."""
        from kohort import plot

        return plot.capacity(self, ax=ax)


def capacity_sweep(
    build: Callable[..., Any],
    x: Any,
    y: Any,
    widths: Sequence[int] | None = None,
    depths: Sequence[int] | None = None,
    *,
    seeds: int = 3,
    folds: Any = None,
    hold_out: float | None = None,
    epochs: int = 30,
    batch_size: int = 32,
    sample_weight: Any = None,
    groups: Any = None,
    time: Any = None,
    seed: int = 0,
    callbacks: Sequence[Any] = (),
    verbose: int | str = "auto",
) -> CapacitySweep:
    """Train a network in several sizes; each size's seeds and folds are one compiled program.

    Args:
        build: returns a compiled model; takes `width`, `depth` or both, or an `hp`, which answers
            the names "width" and "units", "depth" and "layers" with the size.
        x, y, sample_weight: arrays, as for `fit`.
        widths: units a layer; (4, 8, 16, 32, 64, 128) unless told, when no depths are given.
        depths: numbers of layers.
        seeds: trainings of each size on each fold.
        folds, hold_out, groups, time: as for `cross_validate`; a hold-out of 25 % unless told.
        epochs, batch_size: as for `fit`.
        callbacks: what follows all members together: `TensorBoard`, a `CohortCallback`.
        verbose: 1: a live table of the members; 0: none; "auto": where it can be redrawn.

    >>> import numpy as np, kohort as keras
    >>> def build(width):
    ...     layers = [keras.layers.Dense(width, "relu"), keras.layers.Dense(1)]
    ...     model = keras.Sequential([keras.Input((1,)), *layers])
    ...     model.compile("adam", "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> sweep = capacity_sweep(build, x, x**2, widths=(1, 8), seeds=2, epochs=3)
    >>> [size.parameters for size in sweep.sizes], sweep.validation.shape
    ([4, 25], (2, 2, 3))
    """
    watch = Watch(callbacks, verbose, "capacity sweep")
    if watch.own:
        raise WorkflowError(
            "Every size trains for the same epochs, so that their curves can be compared: its "
            "callbacks look at the cohort.",
            f"callbacks={callbacks!r}",
            "give TensorBoard or a CohortCallback",
            "or compare the sizes with kohort.search, where each trial has callbacks of its own",
        )
    if widths is None and depths is None:
        widths = (4, 8, 16, 32, 64, 128)
    data = Data.of(x, y, sample_weight)
    if folds is None and hold_out is None:
        hold_out = 0.25
    pairs = make_folds(data.rows, folds, groups=groups, time=time, hold_out=hold_out, seed=seed)
    training = Training(epochs, batch_size)
    sizes: list[Size] = []
    members: list[Member] = []
    for width, depth in itertools.product(widths or (None,), depths or (None,)):
        make = _sized(build, width, depth)
        made = [candidate(make, seed + i, data, batch_size, size=len(sizes)) for i in range(seeds)]
        sizes.append(Size(width, depth, made[0].model.count_params()))
        members += [m for one in made for m in members_of(one, pairs, training)]
    Cohort(members, data.arrays, callbacks=watch.all, keep_diverged=True).fit()
    each = len(members) // len(sizes)
    curves = [
        np.array([m.history.history[name] for m in members]).reshape(len(sizes), each, epochs)
        for name in ("loss", "val_loss")
    ]
    if not np.isfinite(curves[1]).any():
        raise WorkflowError(
            "At least one size must train with a finite loss.",
            data.gaps or "losses that were no numbers from the first epoch on",
            "leave out rows without a target, and fill gaps in the inputs",
            "a smaller learning rate",
        )
    result = read_sweep(sizes, *curves)
    watch.verdict(result.verdict)
    return result


def read_sweep(sizes: list[Size], training: np.ndarray, validation: np.ndarray) -> CapacitySweep:
    """Choose a size from the curves, `(sizes, members, epochs)` each."""
    lowest = np.nanmin(np.where(np.isfinite(validation), validation, np.inf), axis=2)
    scores = lowest.mean(axis=1)
    count = lowest.shape[1]
    errors = lowest.std(axis=1, ddof=1) / np.sqrt(count) if count > 1 else np.zeros(len(sizes))
    parameters = [size.parameters for size in sizes]
    chosen = one_standard_error(scores, errors, parameters, higher=False)
    best = int(np.argmin(scores))
    return CapacitySweep(sizes, training, validation, scores, errors, best, chosen)


def _sized(build: Callable[..., Any], width: int | None, depth: int | None) -> Callable[[], Any]:
    """A function that returns the model of this size."""
    names = set(inspect.signature(build).parameters)
    size = {"width": width, "depth": depth}
    wanted = {name for name, value in size.items() if value is not None}
    if wanted <= names:
        return maker(lambda: build(**{name: size[name] for name in wanted}))
    if len(names) != 1:
        raise WorkflowError(
            "The build function must take the size: build(width), build(width, depth) or "
            "build(hp).",
            f"a function of ({', '.join(names)}), to be called with {', '.join(sorted(wanted))}",
            "name its parameters width and depth",
        )
    return maker(lambda: build(_answering(width, depth)))


def _answering(width: int | None, depth: int | None) -> Any:
    """An `hp` that answers with the size, and with defaults otherwise."""
    from kohort.workflow.search.space import HyperParameters

    size = {"width": width, "units": width, "depth": depth, "layers": depth}
    known = {name: value for name, value in size.items() if value is not None}
    return HyperParameters(suggest=lambda p: known.get(p.name, p.default))
