"""`search`: trials in batches, each batch with all its folds and repeats one cohort."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.cohort import Cohort, Member
from kohort.core import tree
from kohort.errors import KohortWarning
from kohort.monitor.cohort_progress import CohortProgress
from kohort.monitor.hparams import write_hparams
from kohort.workflow.crossval import out_of_fold, split, validation_rows
from kohort.workflow.failure import WorkflowError
from kohort.workflow.honest.splits import Fold
from kohort.workflow.interrupts import heard
from kohort.workflow.search.identity import identity
from kohort.workflow.search.kept import Kept
from kohort.workflow.search.objective import Objective, objectives, score_of
from kohort.workflow.search.result import Search
from kohort.workflow.search.space import HyperParameters
from kohort.workflow.search.watch import PRUNING, Deadline, Pruner
from kohort.workflow.trainings import Data, Training, candidate, maker, members_of
from kohort.workflow.watching import Watch

if TYPE_CHECKING:
    from kohort.workflow.search.study import Study

_TOGETHER = {"tpe": 8, "bayesian": 8, "cmaes": 8, "genetic": 16}
_MOST = 64
_TIMED = 8  # trials in the first batch where time is short; later ones may be larger


@dataclass(frozen=True)
class Protocol:
    """How each trial is trained and judged."""

    data: Data
    folds: list[Fold]
    repeats: int
    training: Training
    objectives: list[Objective]
    seed: int

    def candidate(self, build: Callable[..., Any], hp: HyperParameters, repeat: int = 0) -> Any:
        """The trial's model with the seed of a repeat."""
        size = self.lengths(hp)["batch_size"]
        return candidate(maker(build, hp), self.seed + repeat, self.data, size)

    def lengths(self, hp: HyperParameters) -> dict[str, int]:
        """Epochs and batch size, which may be searched."""
        names = ("epochs", "batch_size")
        return {name: int(hp.values.get(name, getattr(self.training, name))) for name in names}

    def members(self, build: Callable[..., Any], trial: Any) -> list[Member]:
        """The members of a trial: its folds and repeats."""
        wanted = self.lengths(trial.hp)
        training = replace(self.training, epochs=wanted["epochs"], batch_size=wanted["batch_size"])
        each = len(self.folds) // self.repeats
        found: list[Member] = []
        for repeat in range(self.repeats):
            made = trial.model if repeat == 0 else self.candidate(build, trial.hp, repeat)
            part = self.folds[repeat * each : (repeat + 1) * each]
            found += members_of(made, part, training, trial=trial.number, repeat=repeat)
        return found


def search(
    build: Callable[..., Any],
    x: Any,
    y: Any,
    trials: int | None = None,
    *,
    seconds: float | None = None,
    sampler: Any = "tpe",
    objective: Any = "val_loss",
    folds: Any = None,
    repeats: int = 1,
    hold_out: float | None = None,
    groups: Any = None,
    time_order: Any = None,
    stratify: Any = "auto",
    epochs: int = 10,
    batch_size: int = 32,
    callbacks: Any = (),
    sample_weight: Any = None,
    class_weight: Any = None,
    pruning: str | None = None,
    together: int | None = None,
    folder: str | Path | None = None,
    storage: Any = None,
    name: str = "search",
    seed: int = 0,
    verbose: int | str = "auto",
    **options: Any,
) -> Search:
    """Search hyperparameters; trials of one structure train together, folds and repeats with them.

    Args:
        build: `build(hp)` returns a compiled model, as for KerasTuner. `hp` may also hold
            "batch_size" and "epochs".
        x, y, sample_weight, class_weight: arrays, as for `fit`.
        trials: how many points to try; 32 unless told, without limit when only `seconds` is given.
        seconds: how long to search at most. What comes first, ends the search.
        sampler: "random", "grid", "coarse_to_fine", "quasi_random", "tpe", "bayesian",
            "genetic", "cmaes", or an Optuna sampler; `options` go to it.
        objective: "val_loss", a metric ("val_accuracy"), "parameters", or a list of several;
            a pair (name, "min" or "max") tells the direction.
        folds, repeats, hold_out, groups, time_order, stratify: how trials are judged, as for
            `cross_validate` (`time_order` is its `time`).
        epochs, batch_size: as for `fit`.
        callbacks: as for `fit`; each member gets copies of its own. `TensorBoard`, trackers and
            `CohortCallback`s follow all members together; `TensorBoard` gets the trials for its
            HParams page as well.
        pruning: "halving", "hyperband" or "median" end trials that fall behind.
        together: how many trials are asked for at a time.
        folder: where the study, the curves and the out-of-fold predictions are kept: a search
            that was killed goes on from there.
        storage: an Optuna storage or its URL, instead of the journal in the folder.
        seed: of samples, splits, first weights and row orders.
        verbose: 1: a live table of the trials; 0: none; "auto": where it can be redrawn, in a
            terminal or a notebook.

    Raises:
        StudyError: where the storage belongs to another search, or no trial could be built.

    >>> import numpy as np, kohort as keras
    >>> def build(hp):
    ...     model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    ...     rate = hp.Float("learning_rate", 1e-3, 1, sampling="log")
    ...     model.compile(keras.optimizers.SGD(rate), "mse")
    ...     return model
    >>> x = np.linspace(-1, 1, 32).reshape(-1, 1)
    >>> found = search(build, x, 2 * x, trials=6, sampler="random", folds=2, epochs=3)
    >>> len(found.table()), found.best_hp.get("learning_rate") > 0.05
    (6, True)
    """
    if pruning not in (None, *PRUNING):
        raise WorkflowError(
            f"pruning must be one of {', '.join(PRUNING)}, or None.", repr(pruning), "choose one"
        )
    if trials is None and seconds is None:
        trials = 32
    data = Data.of(x, y, sample_weight, class_weight)
    space = HyperParameters()
    first = candidate(maker(build, space), seed, data, batch_size).model
    _check_asked(space, trials)
    pairs = split(
        first, data, folds, repeats, groups=groups, time=time_order, stratify=stratify,
        hold_out=hold_out, seed=seed,
    )  # fmt: skip
    goals = objectives(objective, first)
    watch = Watch(callbacks, verbose, "search", goals[0].name, "max" if goals[0].higher else "min")
    training = Training(epochs, batch_size, watch.own)
    protocol = Protocol(data, pairs, repeats, training, goals, seed)
    kept = Kept(None if folder is None else Path(folder))
    storage = storage if storage is not None else kept.journal
    study = _open(build, protocol, storage, name=name, sampler=sampler, trials=trials, **options)
    result = Search(study, build, protocol, kept, score_of(goals[0], first))
    size = together or (_TOGETHER.get(sampler, _MOST) if isinstance(sampler, str) else 8)
    deadline = None if seconds is None else time.monotonic() + seconds
    with study, _interruptible(result), watch:
        _run(result, trials, deadline, size, pruning, watch)
    watch.verdict(result)
    for board in watch.boards:
        write_hparams(result, board.log_dir)
    return result


def _check_asked(space: HyperParameters, trials: int | None) -> None:
    if not space.space and trials != 1:
        text = "The build function asked hp for nothing, so there is one trial."
        warnings.warn(text, KohortWarning, stacklevel=3)


@contextmanager
def _interruptible(result: Search) -> Iterator[None]:
    """Ctrl-C ends the search with what is finished, if anything is."""
    try:
        with heard():
            yield
    except KeyboardInterrupt:
        result.interrupted = True
        if not result.study.counts()["complete"]:
            raise
        warnings.warn(
            "The search was interrupted: the result has the trials that were finished.",
            stacklevel=4,
        )


def _open(build: Callable[..., Any], protocol: Protocol, storage: Any, **arguments: Any) -> Study:
    """The study of this search, new or continued."""
    from kohort.workflow.search.study import Study

    goals = protocol.objectives
    return Study(
        lambda hp: protocol.candidate(build, hp),
        storage=storage,
        seed=protocol.seed,
        directions=[goal.direction for goal in goals],
        identity=identity(build, _numbers(protocol.data), [goal.name for goal in goals]),
        **arguments,
    )


def _run(
    result: Search,
    trials: int | None,
    deadline: float | None,
    size: int,
    pruning: str | None,
    watch: Watch,
) -> None:
    """Ask, train and tell until the budget is spent or the space is exhausted.

    With a deadline the batches begin small, and double while four as long would fit in.
    """
    study = result.study
    together = size if deadline is None else min(size, _TIMED)
    while not study.exhausted:
        counts = study.counts()
        done = counts["complete"] + counts["pruned"] + counts["failed"]
        away = counts["running"]  # in other processes, which will tell
        left = together if trials is None else min(together, trials - done - away)
        if left <= 0 and away and study.reclaim():
            continue
        start = time.monotonic()
        if left <= 0 or (deadline is not None and start >= deadline):
            return
        asked = study.ask(left)
        if asked:
            if watch.progress is not None:
                _announce(watch.progress, asked, done, trials, deadline)
            _train(result, asked, deadline, pruning, watch)
        now = time.monotonic()
        if deadline is not None and deadline - now > 4 * (now - start):
            together = min(2 * together, size)


def _announce(
    progress: CohortProgress,
    asked: Sequence[Any],
    done: int,
    trials: int | None,
    deadline: float | None,
) -> None:
    """Say which trials come next, and how much of the search they are."""
    of = "" if trials is None else f" of {trials}"
    progress.title = f"search, trials {done + 1}-{done + len(asked)}{of}"
    progress.part = (0.0, 0.0) if trials is None else (done / trials, len(asked) / trials)
    progress.deadline = deadline


def _train(
    result: Search,
    asked: Sequence[Any],
    deadline: float | None,
    pruning: str | None,
    watch: Watch,
) -> None:
    """Train a batch of trials as one cohort, and tell what came out."""
    protocol = result.protocol
    own = [protocol.members(result.build, trial) for trial in asked]
    members = [m for part in own for m in part]
    numbers = [i for i, part in enumerate(own) for _ in part]
    watchers: list[Any] = [] if deadline is None else [Deadline(deadline)]
    if pruning is not None:
        most = max(m.epochs for m in members)
        pruner = Pruner(pruning, protocol.objectives[0], numbers, most)
        watchers.append(pruner)
        if watch.progress is not None:
            watch.progress.notes = pruner.standing
    cohort = Cohort(members, protocol.data.arrays, callbacks=[*watchers, *watch.all]).fit()
    result.kept.add_curves(members)
    scores, outputs = cohort.evaluate(), cohort.predict(validation_rows(members))
    for number, (trial, part) in enumerate(zip(asked, own, strict=True)):
        places = np.flatnonzero(np.asarray(numbers) == number)
        own_scores = {name: values[places] for name, values in scores.items()}
        _tell(result, trial, part, [outputs[i] for i in places], own_scores)


def _tell(
    result: Search, trial: Any, members: list[Member], outputs: list[Any], scores: dict[str, Any]
) -> None:
    """Tell the study what became of a trial."""
    status = {m.status for m in members}
    attributes = {
        "epochs": [len(m.history.epoch) for m in members],
        "parameters": members[0].candidate.model.count_params(),
    }
    if "diverged" in status:
        gaps = result.protocol.data.gaps
        reason = "diverged: the loss was no longer a number" + (f" ({gaps})" if gaps else "")
        result.study.tell(trial, reason=reason, attributes=attributes)
        return
    predictions = out_of_fold(members, outputs, result.protocol.data.rows)
    values = []
    for goal in result.protocol.objectives:
        each = result.score_members(goal, members, predictions, scores)
        values.append(float(np.mean(each)))
        attributes[f"{goal.name} by member"] = [float(v) for v in each]
    result.kept.add_predictions(trial.number, predictions)
    pruned = "dropped" in status
    result.study.tell(
        trial, values, "pruned" if pruned else "complete",
        step=max(attributes["epochs"]), attributes=attributes,
    )  # fmt: skip


def _numbers(data: Data) -> np.ndarray:
    """All numbers of the data, a row each: what tells it from other data."""
    flat = [np.asarray(a) for a in tree.flatten((data.x, data.y)) if a is not None]
    return np.concatenate([a.reshape(len(a), -1) for a in flat if a.dtype.kind in "biuf"], axis=1)
