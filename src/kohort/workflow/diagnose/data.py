"""Trouble that lies in labels or in the split rather than in the network."""

from __future__ import annotations

import numpy as np

from kohort.workflow.diagnose.curves import Curves, noise
from kohort.workflow.diagnose.finding import Finding

LOOK = (
    "look at some rows with their labels: are they in the same order, and right?",
    "shuffle before splitting (a validation part cut from sorted rows holds other classes)",
)


def nothing_carries_over(c: Curves) -> Finding | None:
    """Training improves, and validation never does: labels without meaning, or unlike parts."""
    if c.val_loss is None:
        return None
    learnt = 1 - c.loss.min() / c.loss[0] if c.loss[0] > 0 else 0.0
    gained = 1 - c.judged.min() / c.judged[0] if c.judged[0] > 0 else 0.0
    if c.chance is not None and c.val_accuracy is not None and c.accuracy is not None:
        tail = float(np.median(c.val_accuracy[-5:]))
        reached = float(np.median(c.accuracy[-5:]))
        if tail > c.chance + 0.04 or reached < c.chance + 0.1:
            return None
        words = (
            f"validation accuracy stays at {tail:.3f}, and guessing gives {c.chance:.3f}, while "
            f"training accuracy reached {reached:.3f}."
        )
        return Finding("label_or_split_trouble", 0.9, words, LOOK)
    if learnt < 0.2 or gained > 0.02:
        return None
    words = (
        f"the training loss fell by {learnt:.0%} while the validation loss never came below "
        f"that of its first epoch ({c.judged[0]:.4g}) by more than {gained:.1%}: what is learnt "
        "does not carry over."
    )
    return Finding("label_or_split_trouble", 0.6, words, LOOK)


def at_chance(c: Curves) -> Finding | None:
    """Accuracy no better than naming the commonest class, in training as well."""
    if c.chance is None or c.accuracy is None:
        return None
    tail = float(np.median(c.accuracy[-5:]))
    if tail > c.chance + 0.02:
        return None
    return Finding(
        "accuracy_at_chance",
        0.85,
        f"training accuracy ends at {tail:.3f}; always naming the commonest class gives "
        f"{c.chance:.3f}.",
        (
            "look at labels and inputs: do they belong together, are inputs scaled?",
            "another learning rate, larger and smaller (kohort.lr_range finds one)",
            "class_weight= where one class is rare, and a measure other than accuracy",
        ),
    )


def validation_better(c: Curves) -> Finding | None:
    """A validation loss below the training loss, and why that may be harmless."""
    if c.val_loss is None or c.epochs < 4:
        return None
    # The training loss is the mean over an epoch, so it lags by half of one.
    train = (c.loss[:-1] + c.loss[1:]) / 2
    half = len(train) // 2
    lead = (train - c.val_loss[:-1])[half:]
    relative = float(np.median(lead / np.maximum(np.abs(train[half:]), 1e-12)))
    if relative < 0.05 or np.mean(lead > 0) < 0.75 or np.median(lead) < noise(c.val_loss):
        return None
    words = (
        f"the validation loss is about {relative:.0%} below the training loss (at the end "
        f"{c.val_loss[-1]:.4g} and {c.loss[-1]:.4g})"
    )
    if c.hindrances and relative < 0.6:
        names = ", ".join(c.hindrances[:3])
        words += f", as is usual with {names}, which hinder training only: no cause for worry."
        again = "compare with model.evaluate(x_train, y_train), which switches them off"
        return Finding("validation_better", 0.1, words, (again,))
    easier = (
        "the validation part may be easier: shuffle before splitting, stratify, or use K-fold",
        "look for rows that stand in both parts (kohort.workflow.honest.duplicates_across_splits)",
        "class_weight and sample_weight raise the training loss alone",
    )
    if c.hindrances is None:
        words += "; dropout or noise layers would explain that, since they act in training only"
    return Finding("validation_better", float(np.clip(relative, 0.2, 0.8)), f"{words}.", easier)
