"""Candidates, judged on every fold: all settings, folds and repeats train as one cohort."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.cohort import Candidate, Cohort, Member
from kohort.workflow import network
from kohort.workflow.bench import Bench, in_own_unit
from kohort.workflow.budget import Budget
from kohort.workflow.honest import Comparison, corrected_t_test, jackknife_error
from kohort.workflow.measure import Measure
from kohort.workflow.network import Setting
from kohort.workflow.search.watch import Deadline

FIRST = 10  # epochs of a run's first network, whatever the time: there must be one to take
ROW_PARTS = 20  # of the rows, for the standard error where there is one fold only


@dataclass(frozen=True)
class Result:
    """A candidate's curves, and what it makes of rows that it did not train on.

    `score` is taken over all rows that were judged, the mean over repeats, and `standard_error`
    leaves out a fold at a time; `scores` and `train_scores` have one number for each fold.
    `predictions`, `(repeats, development rows, …)`, are out of fold, NaN where no fold judged.
    `complete` is False where the time ended before the training did.
    """

    stage: str
    setting: Setting
    parameters: int
    score: float
    standard_error: float
    scores: list[float]
    train_scores: list[float]
    curves: list[tuple[list[float], list[float]]]
    best_epochs: list[int]
    predictions: np.ndarray
    seconds: float
    complete: bool = True

    @property
    def train_score(self) -> float:
        return float(np.mean(self.train_scores))

    @property
    def failed(self) -> bool:
        """Whether some fold gave no finite score (the loss ran away, say)."""
        return not np.isfinite(self.score)

    @property
    def prediction(self) -> np.ndarray:
        """The mean over repeats, `(development rows, …)`."""
        return self.predictions.mean(axis=0)


@dataclass
class Judge:
    """Trains settings and remembers their results: each is trained once in a run.

    `known` are results of the interrupted run that goes on; `keep` is called with each new result,
    `note` before and after each batch; `watch` gives callbacks for its cohort. `budget` says what
    there is time for, and when trainings end.
    """

    bench: Bench
    budget: Budget = field(default_factory=Budget)
    known: dict[Setting, Result] = field(default_factory=dict)
    keep: Callable[[Result], None] = lambda result: None
    note: Callable[[str], None] = lambda text: None
    results: list[Result] = field(default_factory=list)
    watch: Callable[[str], list[CohortCallback]] = lambda text: []

    def __call__(self, stage: str, settings: Sequence[Setting], what: str) -> list[Result]:
        """The results of `settings`, in their order; `what` tells who waits."""
        new = [setting for setting in dict.fromkeys(settings) if setting not in self.known]
        if new:
            self.note(what)
            start = self.budget.spent
            least = 0 if self.results else FIRST
            found = train(stage, new, self.bench, self.budget.deadline, self.watch(what), least)
            self.budget.trained(*size_of(new), self.budget.spent - start)
            for result in found:
                self.known[result.setting] = result
                if result.complete:
                    self.keep(result)
        out = [replace(self.known[setting], stage=stage) for setting in settings]
        seen = {result.setting for result in self.results}
        for result in out:
            if result.setting not in seen:
                seen.add(result.setting)
                self.results.append(result)
        self.note(what)
        return out

    def affordable(self, settings: Sequence[Setting]) -> list[Setting]:
        """Those that there is time for, the first ones first; what is known costs nothing."""
        out: list[Setting] = []
        new: list[Setting] = []
        for setting in settings:
            known = setting in self.known
            if known or self.budget.allows(*size_of([*new, setting])):
                out.append(setting)
                new += [] if known else [setting]
        return out


def size_of(settings: Sequence[Setting]) -> tuple[int, int]:
    """How many structures and settings there are."""
    return len({setting.structure for setting in settings}), len(settings)


def train(
    stage: str,
    settings: Sequence[Setting],
    bench: Bench,
    deadline: float | None = None,
    watchers: Sequence[CohortCallback] = (),
    least: int = 0,
) -> list[Result]:
    """Trains all settings on all folds as one cohort and scores them on the rows that judge.

    Past the deadline trainings end where they are, but not before `least` epochs.
    """
    start = time.perf_counter()
    members: list[Member] = []
    for setting in settings:
        members += _members(setting, bench)
    watchers = [*([] if deadline is None else [Deadline(deadline, least)]), *watchers]
    rows = min(max(len(fold.validation) for fold in bench.folds), 1024)
    cohort = Cohort(
        members, (bench.x, bench.y, None), callbacks=watchers, validation_batch_size=rows
    )
    cohort.fit()
    rows_of = [np.concatenate([fold.train, fold.validation]) for fold in bench.folds]
    outputs = cohort.predict(rows_of * len(settings))
    seconds = (time.perf_counter() - start) / len(settings)
    each = len(bench.folds)
    return [
        _result(stage, setting, bench, members[a : a + each], outputs[a : a + each], seconds)
        for setting, a in zip(settings, range(0, len(members), each), strict=True)
    ]


def _members(setting: Setting, bench: Bench) -> list[Member]:
    size = network.batch_size(len(bench.folds[0].train))
    sample = (bench.x[:size], bench.y[:size], None)
    made = [
        Candidate(lambda: network.build(setting, bench.shape, bench.goal), bench.seed + r, sample)
        for r in range(bench.repeats)
    ]
    # Batch normalisation would need programs of its own for a last batch of another size.
    trim = size if setting.batch_norm else 1
    return [
        Member(
            made[number // bench.each], fold.train[: len(fold.train) // trim * trim or None],
            fold.validation, size, bench.epochs,
            network.callbacks(setting, bench.epochs, bench.patience),
        )
        for number, fold in enumerate(bench.folds)
    ]  # fmt: skip


def _result(
    stage: str,
    setting: Setting,
    bench: Bench,
    members: list[Member],
    outputs: list[np.ndarray],
    seconds: float,
) -> Result:
    measure, truth = bench.measure, bench.truth
    scores, train_scores, curves, best = [], [], [], []
    predictions: np.ndarray | None = None
    for number, (member, output) in enumerate(zip(members, outputs, strict=True)):
        place, count = bench.places[number], len(bench.folds[number].train)
        found = in_own_unit(output, bench.shifts[number])
        if predictions is None:
            shape = (bench.repeats, len(truth), *found.shape[1:])
            predictions = np.full(shape, np.nan)
        predictions[number // bench.each, place.validation] = found[count:]
        scores.append(_score(measure, truth[place.validation], found[count:]))
        train_scores.append(_score(measure, truth[place.train], found[:count]))
        logs = member.history.history
        curves.append(([*map(float, logs["loss"])], [*map(float, logs["val_loss"])]))
        finite = np.where(np.isfinite(curves[-1][1]), curves[-1][1], np.inf)
        best.append(int(np.argmin(finite)) + 1)
    assert predictions is not None
    score, error = pooled(bench, predictions)
    if not np.isfinite(scores).all():
        score = error = float("nan")
    return Result(
        stage, setting, _parameters(members[0].candidate.model), score, error,
        scores, train_scores, curves, best, predictions, seconds,
        all(member.status != "dropped" for member in members),
    )  # fmt: skip


def _parameters(model: Any) -> int:
    """The number of weights and biases that are trained."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)


def _score(measure: Measure, y: np.ndarray, prediction: np.ndarray) -> float:
    return measure.score(y, prediction) if np.isfinite(prediction).all() else float("nan")


def pooled(bench: Bench, predictions: np.ndarray) -> tuple[float, float]:
    """Score over all judged rows and its standard error, both as the mean over repeats."""
    parts = bench.parts
    if parts is None:
        parts = np.random.default_rng(0).permutation(np.arange(len(bench.truth)) % ROW_PARTS)
    scores, errors = [], []
    for one in predictions:
        rows = np.flatnonzero(np.isfinite(one.reshape(len(one), -1)).all(axis=1))
        if not len(rows):
            return float("nan"), float("nan")
        y, prediction = bench.truth[rows], one[rows]
        scores.append(bench.measure.score(y, prediction))
        errors.append(jackknife_error(bench.measure.score, y, prediction, parts[rows]))
    return float(np.mean(scores)), float(np.mean(errors))


def best_of(results: Sequence[Result], measure: Measure) -> Result:
    """The best score; candidates whose training failed come last."""
    return max(results, key=lambda r: -np.inf if r.failed else measure.sign * r.score)


def compare(first: Result, second: Result, bench: Bench) -> Comparison | None:
    """How much better the first is on the same folds (positive is better, in any measure).

    None where that cannot be said: one fold only, or a candidate that failed.
    """
    if len(bench.folds) < 2 or first.failed or second.failed:
        return None
    sign = bench.measure.sign
    ours, theirs = sign * np.array(first.scores), sign * np.array(second.scores)
    return corrected_t_test(ours, theirs, bench.folds)
