"""`Study`: trials asked for in batches and told back, kept in a file or a database."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kohort.core.json_values import plain
from kohort.workflow.search import records, workers
from kohort.workflow.search.dimensions import Fixed, HyperParameter
from kohort.workflow.search.failure import StudyError, require_optuna
from kohort.workflow.search.samplers import sampler as sampler_by_name
from kohort.workflow.search.space import HyperParameters
from kohort.workflow.search.storage import guarded, open_storage

ATTEMPTS = 3  # a trial whose process dies each time is given up after this many
DRAWS = 20  # as many times in a row another process may be quicker to take a free point
PATIENCE = 5.0  # seconds for another process to decide about a point that it has drawn


@dataclass(frozen=True)
class Trial:
    """A point to try: its number in the study, its hyperparameters, and what `build(hp)` made."""

    number: int
    hp: HyperParameters
    model: Any


class Study:
    """A search space, its trials and their results, over an Optuna study.

    `build(hp)` is called for each trial; what it returns is the trial's `model`. A first call with
    the defaults finds the space; hyperparameters that appear later, in another branch, join it.
    `storage` is None (memory), a path (a journal; SQLite for `.db`), a storage URL or an Optuna
    storage. `identity` names the parts that make this search what it is (see `identity()`): a
    storage that was made by another search is refused. Several processes may open one study.

    >>> study = Study(lambda hp: hp.Float("x", -4.0, 4.0), sampler="tpe", seed=1)
    >>> for _ in range(6):
    ...     for trial in study.ask(4):
    ...         study.tell(trial, (trial.model - 1.5) ** 2)
    >>> study.counts()["complete"], abs(study.best()["hp"]["x"] - 1.5) < 0.2
    (24, True)
    """

    def __init__(
        self,
        build: Callable[[HyperParameters], Any],
        *,
        storage: Any = None,
        name: str = "search",
        sampler: Any = "tpe",
        trials: int | None = None,
        seed: int = 0,
        directions: Sequence[str] = ("minimize",),
        identity: Mapping[str, str] | None = None,
        **options: Any,
    ):
        optuna = require_optuna()
        self.build, self.seed, self.name = build, seed, name
        self.worker = workers.new_worker()
        self.exhausted = False
        self._place = "the memory" if storage is None else str(storage)
        self._sampler, self._planned, self._options = sampler, trials, options
        if sampler == "cmaes" and len(directions) > 1:
            rule = "The sampler 'cmaes' is for one objective."
            raise StudyError(rule, f"directions {list(directions)}", "sampler='genetic'")
        self._make_sampler(0)  # a wrong name or option shows before anything is written
        with guarded(self._place):
            self._storage, self._journal = open_storage(storage)
            self.optuna = optuna.create_study(
                study_name=name,
                storage=self._storage,
                directions=list(directions),
                sampler=optuna.samplers.RandomSampler(seed=seed),
                load_if_exists=True,
            )
            self._study_id = self._storage.get_study_id_from_name(name)
        parts = {"directions": " ".join(directions), "seed": str(seed), **(identity or {})}
        self._check_identity(parts)
        self.space = self._find_space()
        self.reclaim()

    def ask(self, count: int = 1) -> list[Trial]:
        """Up to `count` points that no trial has tried.

        A point whose `build` fails is recorded as failed, and another one takes its place. Fewer
        points come back when the space is exhausted, or when builds keep failing.
        """
        sampler = self._make_sampler(len(self._frozen()))
        asked: list[Trial] = []
        failures: list[str] = []
        while len(asked) < count and len(failures) < max(10, 2 * count):
            trial = self._propose(sampler) or self._propose_unvisited()
            if trial is None:
                self.exhausted = True
                break
            if isinstance(trial, str):
                failures.append(trial)
            else:
                asked.append(trial)
        self.optuna.sampler = sampler  # it may want to hear the results
        self._sync()
        if failures and not asked and not self.counts()["complete"]:
            rule = "build(hp) must return a model for some values of the hyperparameters."
            remedy = "call build(HyperParameters()), which takes the defaults, to see the error"
            raise StudyError(rule, f"{len(failures)} failures, the last: {failures[-1]}", remedy)
        return asked

    def tell(
        self,
        trial: Trial | int,
        values: float | Sequence[float] | None = None,
        state: str | None = None,
        *,
        reason: str = "",
        step: int = 0,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Records the result of a trial: `state` is "complete", "pruned" or "failed".

        `values` has one number for each direction; with a number that is not finite the trial
        has failed. A pruned trial may have the value that it reached at `step`. `attributes` are
        kept with it (JSON), `reason` says why it failed.
        """
        number = trial if isinstance(trial, int) else trial.number
        results = None if values is None else [float(v) for v in np.atleast_1d(values)]
        if results is not None and not np.isfinite(results).all():
            results, state, reason = None, "failed", reason or f"the result is {values}"
        state = state or ("failed" if results is None else "complete")
        if state not in ("complete", "pruned", "failed") or (state == "complete" and not results):
            rule = "A result is 'complete' with values, 'pruned' or 'failed'."
            raise StudyError(rule, f"state={state!r}, values={values!r}", "give values, or a state")
        with guarded(self._place):
            self._check_running(number)
            kept: dict[str, Any] = {f"{records.OURS}reason": reason} if reason else {}
            if state == "pruned" and results:
                kept[f"{records.OURS}values"] = results
                if len(self.optuna.directions) == 1:
                    identifier = self._id(number)
                    self._storage.set_trial_intermediate_value(identifier, step, results[0])
            self._keep(number, {**kept, **(attributes or {})})
            self.optuna.tell(
                number,
                results if state == "complete" else None,
                state=records.STATES[state],
            )
        self._sync()

    def enqueue(self, values: Mapping[str, Any]) -> None:
        """Plans a point: the next trial takes these values, and the sampler's for the rest."""
        from kohort.workflow.search.distributions import parameter

        wanted = {}
        for dimension in self.space.space:
            if dimension.name in values and dimension.is_active(values):
                p = parameter(dimension, self._sampler == "grid")
                wanted[p.name] = p.translate(values[dimension.name])
        with guarded(self._place):
            self.optuna.enqueue_trial(wanted)

    def requeue(self, trial: Trial | int, reason: str = "stopped before it ran") -> None:
        """Gives an asked trial back: its point is tried later, under another number."""
        number = trial if isinstance(trial, int) else trial.number
        with guarded(self._place):
            self._check_running(number)
            self._set_aside(number, reason, again=True)
        self._sync()

    def reclaim(self, everything: bool = False) -> int:
        """Requeues the running trials of processes that died; returns how many.

        Processes on other machines cannot be seen: `everything` takes their trials as well.
        """
        running = [t for t in self._frozen() if t.state == records.STATES["running"]]
        lost = [
            t.number
            for t in running
            if (worker := t.user_attrs.get(records.WORKER)) != self.worker
            and (everything or (worker is not None and workers.is_dead(worker)))
        ]
        with guarded(self._place):
            return sum(self._set_aside(n, "its process ended", again=True) for n in lost)

    def close(self) -> None:
        """Gives back what was asked and not told."""
        for trial in self._frozen():
            mine = trial.user_attrs.get(records.WORKER) == self.worker
            if mine and trial.state == records.STATES["running"]:
                self.requeue(trial.number)
        workers.retire(self.worker)

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def table(self) -> list[dict[str, Any]]:
        """A dict for each trial: number, state, values, hp, seconds, reason, attributes."""
        return [records.row(t) for t in self._frozen() if records.SET_ASIDE not in t.user_attrs]

    def counts(self) -> dict[str, int]:
        """How many trials there are in each state."""
        states = [row["state"] for row in self.table()]
        return {state: states.count(state) for state in records.STATES}

    def best(self) -> dict[str, Any]:
        """The row of the best complete trial (one objective)."""
        return self.pareto()[0]

    def pareto(self) -> list[dict[str, Any]]:
        """The rows of the complete trials that none beats in all objectives."""
        with guarded(self._place):
            front = self.optuna.best_trials
        if not front:
            rule = "A search needs a complete trial before it has a best one."
            raise StudyError(rule, str(self.counts()), "look at the reasons in table()")
        return [records.row(t) for t in front]

    def importance(self, objective: int = 0) -> dict[str, float]:
        """How much each parameter matters to the objective; see `records.importance`."""
        with guarded(self._place):
            return records.importance(self.optuna, objective)

    def hyperparameters(self, number: int) -> HyperParameters:
        """The hyperparameters of a trial again, to build its model anew."""
        values = records.row(self._frozen()[number])["hp"]
        return HyperParameters.from_config({**self.space.get_config(), "values": values})

    def _repr_html_(self) -> str:
        from kohort.workflow.notebook import study_html

        return study_html(self)

    def _propose(self, sampler: Any) -> Trial | str | None:
        """A trial; the error of its `build`; or None if its point is taken."""
        with guarded(self._place):
            self.optuna.sampler = sampler
            trial = self.optuna.ask()
            trial.set_user_attr(records.WORKER, self.worker)
        hp = HyperParameters(suggest=lambda dimension: self._suggest(trial, dimension))
        problem = model = None
        try:
            model = self.build(hp)
        except StudyError:  # the storage, not the point
            raise
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
            details = "".join(traceback.format_exception(error)[-3:])
        with guarded(self._place):
            if self._is_taken(trial):
                self._set_aside(trial.number, "tried before")
                return None
            trial.set_user_attr(records.VALUES, hp.values)
        self._extend_space(hp)
        if problem is None:
            return Trial(trial.number, hp, model)
        self.tell(trial.number, reason=problem, attributes={"traceback": details})
        return problem

    def _propose_unvisited(self) -> Trial | str | None:
        """A trial at a point that none has; the error of its `build`; None if there is no such."""
        for _ in range(DRAWS):
            sampler = sampler_by_name("grid", self.seed, start=len(self._frozen()))
            trial = self._propose(sampler)
            if trial is not None or sampler.all_visited:
                return trial
        return None

    def _suggest(self, trial: Any, dimension: HyperParameter) -> Any:
        if isinstance(dimension, Fixed):
            return dimension.value
        from kohort.workflow.search.distributions import parameter, suggest

        # The range that came first holds: one parameter of a study has one distribution.
        known = self.space._find(dimension.name, dimension.conditions) or dimension
        p = parameter(known, self._sampler == "grid")
        with guarded(self._place):
            return p.translate(suggest(trial, p.name, p.distribution))

    def _is_taken(self, trial: Any) -> bool:
        """Whether the point belongs to another trial.

        Processes may draw one point at once. Each has written its parameters before it looks
        here, so that one of them sees the other at least. A trial with `VALUES` has its point; of
        those that are undecided the lowest number waits for the others, which leave it the point
        or took it before they could see it.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            rivals = [
                t
                for t in self._frozen()
                if t.params == trial.params
                and t.number != trial.number
                and records.SET_ASIDE not in t.user_attrs
                and t.state != records.STATES["waiting"]
            ]
            undecided = all(
                t.state == records.STATES["running"]
                and records.VALUES not in t.user_attrs
                and t.number > trial.number
                for t in rivals
            )
            if not rivals or not undecided or time.monotonic() > deadline:
                return bool(rivals)
            time.sleep(0.01)

    def _set_aside(self, number: int, why: str, again: bool = False) -> bool:
        """Ends a trial that does not count; False if another process was quicker.

        A kill between the steps loses nothing: until the last one the trial is running, and will
        be reclaimed; a point that is planned twice runs once.
        """
        try:
            self._keep(number, {records.SET_ASIDE: why})
            if again:
                frozen = self._storage.get_trial(self._id(number))
                attempt = frozen.user_attrs.get(records.ATTEMPT, 1)
                if attempt < ATTEMPTS:
                    self.optuna.enqueue_trial(frozen.params, {records.ATTEMPT: attempt + 1})
            self.optuna.tell(number, state=records.STATES["failed"])
        except (ValueError, require_optuna().exceptions.UpdateFinishedTrialError):
            return False
        return True

    def _make_sampler(self, start: int) -> Any:
        if not isinstance(self._sampler, str):
            return self._sampler
        with guarded(self._place):
            return sampler_by_name(
                self._sampler, self.seed, start=start, trials=self._planned, **self._options
            )

    def _frozen(self) -> list[Any]:
        with guarded(self._place):
            return self.optuna.get_trials(deepcopy=False)

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study_id, number)

    def _keep(self, number: int, attributes: Mapping[str, Any]) -> None:
        for key, value in attributes.items():
            self._storage.set_trial_user_attr(self._id(number), key, plain(value))

    def _check_running(self, number: int) -> None:
        trial = self._storage.get_trial(self._id(number))
        if trial.state.is_finished():
            rule = "A trial is told once."
            received = f"trial {number}, which is {records.row(trial)['state']}"
            raise StudyError(rule, received, "ask for another trial")

    def _sync(self) -> None:
        if self._journal is not None:
            with guarded(self._place):
                self._journal.sync()

    def _check_identity(self, parts: dict[str, str]) -> None:
        with guarded(self._place):
            kept = self.optuna.user_attrs.get(records.IDENTITY)
            if kept is None:
                self.optuna.set_user_attr(records.IDENTITY, parts)
                return
        differing = [name for name in sorted({*parts, *kept}) if parts.get(name) != kept.get(name)]
        if differing:
            changes = (f"{n} was {kept.get(n)}, is {parts.get(n)}" for n in differing)
            raise StudyError(
                "A study goes on with the data, the build function, the objective, the seed and "
                "the directions that it began with.",
                f"{self._place}, study {self.name!r}, from another search: {'; '.join(changes)}",
                "name another file, or another study name, for the new search",
                "delete the file to start afresh",
            )

    def _find_space(self) -> HyperParameters:
        kept = self.optuna.user_attrs.get(records.SPACE)
        if kept is not None:
            return HyperParameters.from_config(kept)
        space = HyperParameters()
        try:
            self.build(space)
        except Exception:  # the defaults may be the very values for which it fails
            pass
        self.space = HyperParameters()
        self._extend_space(space)
        return self.space

    def _extend_space(self, hp: HyperParameters) -> None:
        before = len(self.space.space)
        self.space.merge(hp, overwrite=False)
        if len(self.space.space) > before:
            with guarded(self._place):
                self.optuna.set_user_attr(records.SPACE, self.space.get_config())
