"""The diagnosis of one fit, or of several at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from kohort.workflow.diagnose import curves, data, fitting, stability
from kohort.workflow.diagnose.curves import Curves
from kohort.workflow.diagnose.finding import Diagnosis, Finding
from kohort.workflow.diagnose.units import hidden_outputs, idle_units

LEAST = 4  # epochs below which a curve has no shape
SERIOUS = 0.3  # a fit with a finding of this weight is not called good

Check = Callable[[Curves], Finding | None]
# A curve that breaks down or stands still says nothing about capacity, so those come first.
BROKEN: tuple[Check, ...] = (stability.diverging, stability.constant)
CHECKS: tuple[Check, ...] = (
    fitting.overfitting,
    fitting.underfitting,
    stability.too_large_rate,
    stability.too_small_rate,
    stability.noisy,
    data.at_chance,
    data.nothing_carries_over,
    data.validation_better,
)


def diagnose(
    result: Any,
    *,
    y: Any = None,
    loss: Any = None,
    model: Any = None,
    x: Any = None,
    activations: Mapping[str, Any] | None = None,
) -> Diagnosis:
    """Says what learning curves show: each finding with its evidence and what to try next.

    `result` is a History, a dict of lists, a cross-validation, a search (its best trial), or a
    list of these (folds, seeds); findings of several fits are joined, with the number of fits that
    show them.

    What helps: `y`, the training targets, from which the level of guessing follows (with `loss`,
    taken from the model where there is one); `x`, rows whose way through the `model` shows dead
    units, or `activations`, name -> array `(rows, units)`. Curves alone cannot tell a network that
    is too small from data that hold no more: `y` helps, and so does `kohort.capacity_sweep`.

    The rules are those of practice, with thresholds relative to the loss and to its noise; sources:
    Chollet (2021), "Deep Learning with Python", ch. 5; Goodfellow, Bengio and Courville (2016),
    "Deep Learning", ch. 11; Prechelt (1998), "Early stopping - but when?".

    >>> epochs = np.arange(30)
    >>> found = diagnose({"loss": 0.8**epochs, "val_loss": 0.3 + 0.02 * abs(epochs - 8)})
    >>> found.findings[0].name, found["overfitting"].epoch
    ('overfitting', 10)
    """
    first = result[0] if isinstance(result, (list, tuple)) and result else result
    if model is None and not inspect.ismethod(own := getattr(first, "model", None)):
        model = own  # of a History; a search's makes a new one
    fits = curves.read(result)
    loss = loss if loss is not None else getattr(model, "loss", None)
    trivial, chance = curves.trivial_level(y, loss)
    hindrances = curves.hindrances(model)
    each = [_findings(_curves(logs, trivial, chance, hindrances)) for logs in fits]
    found = each[0] if len(each) == 1 else _joined(each)
    if activations is None and model is not None and x is not None:
        activations = hidden_outputs(model, x)
    found = found + idle_units(activations or {})
    if not any(finding.severity >= SERIOUS for finding in found):
        found += [one for one in (_good(logs) for logs in fits[:1]) if one]
    return Diagnosis(sorted(found, key=lambda finding: -finding.severity))


def _curves(
    logs: Mapping[str, np.ndarray],
    trivial: float | None = None,
    chance: float | None = None,
    hindrances: tuple[str, ...] | None = None,
) -> Curves:
    name = curves.accuracy_name(logs)
    accuracy, val_accuracy = (logs.get(name), logs.get(f"val_{name}")) if name else (None, None)
    return Curves(
        logs["loss"], logs.get("val_loss"), accuracy, val_accuracy, trivial, chance, hindrances
    )


def _findings(c: Curves) -> list[Finding]:
    if c.epochs < LEAST and np.isfinite(c.loss).all():
        words = f"{c.epochs} epochs draw no curve; {LEAST} are the least, 10 or more are better."
        return [Finding("too_short", 0.3, words, ("more epochs",))]
    broken = [finding for check in BROKEN if (finding := check(c))]
    if broken:
        return broken[:1]
    if c.val_loss is not None and not np.isfinite(c.val_loss).all():
        first = int(np.flatnonzero(~np.isfinite(c.val_loss))[0])
        words = f"the validation loss is {c.val_loss[first]} at epoch {first + 1}."
        remedies = ("look for NaN and huge values in the validation data",)
        return [Finding("diverging", 1.0, words, remedies, first + 1)]
    return [finding for check in CHECKS if (finding := check(c))]


def _good(logs: Mapping[str, np.ndarray]) -> Finding | None:
    c = _curves(logs)
    return fitting.good_fit(c) if c.epochs >= LEAST and np.isfinite(c.loss).all() else None


def _joined(each: list[list[Finding]]) -> list[Finding]:
    """One finding for each name: the mean severity, and the middle fit's words."""
    out = []
    for name in dict.fromkeys(finding.name for found in each for finding in found):
        same = sorted((f for found in each for f in found if f.name == name), key=_severity)
        middle = same[len(same) // 2]
        severity = sum(finding.severity for finding in same) / len(each)
        words = f"in {len(same)} of {len(each)} fits; in the middle one {middle.evidence}"
        out.append(replace(middle, severity=severity, evidence=words))
    return out


def _severity(finding: Finding) -> float:
    return finding.severity
