"""Underfitting, overfitting, and the good fit between them."""

from __future__ import annotations

import numpy as np

from kohort.workflow.diagnose.curves import Curves, noise
from kohort.workflow.diagnose.finding import Finding
from kohort.workflow.diagnose.stability import last_quarter

LARGER = "a larger network: twice the units, then one more layer"


def overfitting(c: Curves) -> Finding | None:
    """A validation loss that rises while the training loss falls, or a wide gap between the two."""
    if c.val_loss is None:
        return None
    s, best = c.judged, c.best
    rise, gap = s[-1] - s[best], s[best] - c.loss[best]
    falling = c.loss[-1] < c.loss[best]
    rises = falling and rise > 2 * noise(c.val_loss) and rise > 0.03 * c.unit
    wide = gap > 0.4 * c.unit and gap > 3 * noise(c.val_loss)
    if not rises and not wide:
        return None
    severity = max(
        1 - np.exp(-rise / c.unit / 0.3) if rises else 0,
        0.7 * (1 - np.exp(-gap / c.unit)) if wide else 0,
    )
    if rises:
        words = (
            f"the validation loss is least at epoch {best + 1} ({s[best]:.4g}) and {s[-1]:.4g} at "
            f"the end, while the training loss went on from {c.loss[best]:.4g} to {c.loss[-1]:.4g}"
        )
    else:
        words = (
            f"at its best, epoch {best + 1}, the validation loss is {s[best]:.4g} and the training "
            f"loss {c.loss[best]:.4g}"
        )
    stop = f"EarlyStopping(restore_best_weights=True): about {best + 1} epochs are enough"
    remedies = (
        *([stop] if rises else []),
        "dropout of 0.2 to 0.5, or L2 of 1e-4 to 1e-3",
        "a smaller network",
        "more rows, or augmented ones",
    )
    return Finding(
        "overfitting",
        float(severity),
        words + _accuracies(c),
        remedies,
        best + 2 if rises else None,
    )


def underfitting(c: Curves) -> Finding | None:
    """A fit that stopped while still improving, or that stays near the trivial guess."""
    share = last_quarter(c.loss if c.val_loss is None else c.val_loss)
    last = c.judged[-1 - c.epochs // 4] - c.judged[-1]
    steady = noise(c.loss if c.val_loss is None else c.val_loss)
    unfinished = share > 0.08 and last > max(0.02 * c.unit, 2 * steady)
    poor, words = _poor(c)
    if not unfinished and not poor:
        return None
    found, remedies = [words] if poor else [], [LARGER] if poor else []
    if unfinished:
        found.append(
            f"the loss was still falling at the end: the last quarter of the {c.epochs} epochs "
            f"brought {share:.0%} of the whole gain"
        )
        remedies.insert(0, "more epochs, with EarlyStopping to end them")
    remedies += [
        "a larger learning rate, or less dropout and L2",
        "inputs that say more: features, scaling, cleaner labels",
    ]
    severity = max(poor, float(np.clip(2 * share, 0.2, 0.8)) if unfinished else 0)
    return Finding("underfitting", severity, "; ".join(found) + ".", tuple(remedies))


def _poor(c: Curves) -> tuple[float, str]:
    """How near the training figures stay to the trivial guess, 0 to 0.9, and the words for it."""
    found = []
    if c.trivial:
        gain = 1 - c.loss.min() / c.trivial
        than = f"{gain:.0%} below" if gain > 0 else "not below"
        words = f"the training loss, {c.loss.min():.4g} at best, is {than} the {c.trivial:.4g} "
        found.append((gain, words + "of a guess without inputs"))
    if c.chance and c.chance < 0.7 and c.accuracy is not None:  # else accuracy says little
        top = c.accuracy.max()
        words = f"training accuracy is {top:.3f} at best, and {c.chance:.3f} by guessing"
        found.append(((top - c.chance) / (1 - c.chance), words))
    if not found and c.loss[0] > 0:  # a loss that hardly left its start tells something, not all
        words = f"the training loss fell from {c.loss[0]:.4g} to {c.loss.min():.4g} only"
        found.append((max(0.14, 2 * (1 - c.loss.min() / c.loss[0])), words))
    gain, words = min(found, default=(1.0, ""))
    return (float(0.9 * np.clip(1 - gain / 0.4, 0, 1)) if gain < 0.4 else 0.0), words


def good_fit(c: Curves) -> Finding:
    """Said where nothing else weighs: both losses came down, and stay together."""
    if c.val_loss is None:
        words = f"the training loss came down from {c.loss[0]:.4g} to {c.loss[-1]:.4g}. "
        words += "Without validation data nobody knows what new rows would give"
        return Finding("good_fit", 0.0, words + ".", ("validation_data=, or validation_split=0.2",))
    s, best = c.judged, c.best
    return Finding(
        "good_fit",
        0.0,
        f"the validation loss came down from {c.val_loss[0]:.4g} to {s[best]:.4g} (epoch "
        f"{best + 1}) and ends at {s[-1]:.4g}, beside a training loss of {c.loss[-1]:.4g}"
        + _accuracies(c),
        ("if that is not good enough, a larger network first: it shows what the data can give",),
        best + 1,
    )


def _accuracies(c: Curves) -> str:
    if c.accuracy is None or c.val_accuracy is None:
        return "."
    return f"; accuracy {c.accuracy[-1]:.3f} in training, {c.val_accuracy[-1]:.3f} in validation."
