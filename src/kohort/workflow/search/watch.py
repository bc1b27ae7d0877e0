"""What ends trainings of a search early: successive halving, the median rule, the deadline."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from kohort.callbacks.cohort_callback import CohortCallback
from kohort.workflow.search.objective import Objective
from kohort.workflow.search.pruning import (
    Bracket,
    allot,
    below_median,
    hyperband,
    successive_halving,
    survivors,
)

PRUNING = ("halving", "hyperband", "median")


class Pruner(CohortCallback):
    """Drops the members of trials that fall behind; a trial's score is the mean over its members.

    Args:
        kind: "halving", "hyperband" or "median".
        objective: what is compared.
        trials: the trial of each member, `(members,)`, numbered from 0.
        epochs: the most epochs a trial gets.
    """

    def __init__(self, kind: str, objective: Objective, trials: Sequence[int], epochs: int):
        self.kind, self.objective = kind, objective
        self.trials, self.epochs = np.asarray(trials), epochs
        count = int(self.trials.max()) + 1
        self.curves = np.full((count, epochs), np.nan)
        least = max(1, epochs // 27)
        self.brackets: list[Bracket] = []
        if kind == "halving":
            self.brackets = [successive_halving(count, epochs, least)]
        elif kind == "hyperband":
            self.brackets = hyperband(epochs, least)
        self.bracket = allot(count, self.brackets) if self.brackets else np.zeros(count, int)

    def on_epoch_end(self, cohort: Any, epoch: int, logs: dict[str, np.ndarray]) -> None:
        """Drop who does not go on."""
        name = self.objective.name
        if name not in logs or epoch >= self.epochs:
            return
        running = np.array([m.status == "running" for m in cohort.members])
        for trial in range(len(self.curves)):
            own = self.trials == trial
            if running[own].any():
                self.curves[trial, epoch] = np.mean(logs[name][own])
        stay = self._staying(epoch)
        cohort.drop(np.flatnonzero(running & ~stay[self.trials]))

    def standing(self, cohort: Any) -> list[str]:
        """A line for each bracket: its rung, and how many of its trials still run."""
        running = np.array([m.status == "running" for m in cohort.members])
        epoch = max(
            (len(m.history.epoch) for m in cohort.members if m.status == "running"), default=0
        )
        lines = []
        for number, bracket in enumerate(self.brackets):
            trials = np.flatnonzero(self.bracket == number)
            left = sum(running[self.trials == trial].any() for trial in trials)
            rung = sum(epoch >= end for end in bracket.epochs[:-1])
            if left:
                lines.append(
                    f"{rung + 1}/{len(bracket.epochs)}, to epoch {bracket.epochs[rung]}: "
                    f"{left} of {len(trials)} trials"
                )
        return lines

    def _staying(self, epoch: int) -> np.ndarray:
        """Which trials go on, `(trials,)`."""
        now = self.curves[:, epoch]
        if not self.brackets:
            return ~below_median(
                self.curves, epoch + 1, self.objective.higher, warmup=max(1, self.epochs // 10)
            )
        stay = np.ones(len(now), bool)
        for number, bracket in enumerate(self.brackets):
            own = self.bracket == number
            if own.any():
                stay[own] = survivors(now[own], bracket, epoch + 1, self.objective.higher)
        return stay


class Deadline(CohortCallback):
    """Drops everybody when the time is over (`time.monotonic()`), though not before `epochs`."""

    every_epoch = False

    def __init__(self, at: float, epochs: int = 0):
        self.at, self.epochs = at, epochs

    def on_epoch_end(self, cohort: Any, epoch: int, logs: dict[str, np.ndarray]) -> None:
        """Look at the clock."""
        if time.monotonic() >= self.at and epoch + 1 >= self.epochs:
            cohort.drop(range(len(cohort.members)))
