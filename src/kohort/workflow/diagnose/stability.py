"""Does the loss go down at all, and how steadily: divergence, standstill, learning rate, noise."""

from __future__ import annotations

import numpy as np

from kohort.workflow.diagnose.curves import Curves, noise, smooth
from kohort.workflow.diagnose.finding import Finding

SMALLER_RATE = "a learning rate 3 to 10 times smaller (kohort.lr_range finds one)"


def diverging(c: Curves) -> Finding | None:
    """NaN or infinity, or a training loss that ends above where it began or far above its best."""
    remedies = (
        SMALLER_RATE,
        "clipnorm=1.0 in the optimiser",
        "inputs scaled to mean 0 and spread 1; look for NaN and huge values in x and y",
    )
    bad = np.flatnonzero(~np.isfinite(c.loss))
    if len(bad):
        words = f"the training loss is {c.loss[bad[0]]} from epoch {bad[0] + 1} on."
        return Finding("diverging", 1.0, words, remedies, int(bad[0]) + 1)
    least, end = int(np.argmin(c.loss)), smooth(c.loss)[-1]
    rise = (end - c.loss[least]) / max(abs(c.loss[least]), 0.1 * abs(c.loss[0]), 1e-12)
    above = end > 1.1 * c.loss[0]
    if rise < 0.5 or (not above and rise < 2) or end - c.loss[least] < 4 * noise(c.loss):
        return None
    words = f"the training loss rose from {c.loss[least]:.4g} (epoch {least + 1}) to {end:.4g}."
    return Finding("diverging", 0.95 if above else 0.75, words, remedies, least + 1)


def constant(c: Curves) -> Finding | None:
    """A training loss that does not move."""
    spread, level = float(np.ptp(c.loss)), float(np.abs(c.loss).mean())
    if spread > 1e-3 * max(level, 1e-12):
        return None
    if level < 1e-6:
        return Finding(
            "constant_loss",
            1.0,
            f"the training loss is {c.loss[0]:.2g} from the first epoch on.",
            ("look at y: all labels may be equal", "look whether an input holds the answer"),
        )
    return Finding(
        "constant_loss",
        1.0,
        f"the training loss stays at {c.loss[0]:.4g} (it moves by {spread:.1g}).",
        (
            "look whether weights are trainable and the learning rate is above 0",
            "the last layer: softmax over one unit is always 1; relu there may be 0 for all rows",
            "units that are all dead: give model= and x= to see; try he_normal, leaky relu",
            SMALLER_RATE,
        ),
    )


def too_large_rate(c: Curves) -> Finding | None:
    """A training loss that jumps at a level that matters, or climbs back from its best."""
    rising = float(np.mean(np.diff(c.loss) > 0))
    level, jump = float(np.median(c.loss[c.epochs // 2 :])), noise(c.loss)
    relative = jump / max(level + 0.5 * abs(c.loss[0]), 1e-12)
    climb = float(np.median(c.loss[-5:]) - c.loss.min())
    climbs = climb > 0.1 * c.loss.max() and climb > 3 * jump
    if rising < 0.3 or (relative < 0.03 and not climbs):
        return None
    severity = max(float(np.clip(relative / 0.2, 0.2, 0.9)), 0.75 if climbs else 0)
    words = f"the training loss rose in {rising:.0%} of the epochs"
    if climbs:
        words += f", and ends about {climb:.2g} above its best, {c.loss.min():.4g}."
    else:
        words += f" and jumps by {jump:.2g} about a level of {level:.3g}."
        severity *= 0.4 if c.hindrances else 1  # dropout makes it jump as well
    return Finding(
        "learning_rate_too_large",
        severity,
        words,
        (SMALLER_RATE, "a schedule that lowers it, or ReduceLROnPlateau", "a larger batch_size"),
    )


def too_small_rate(c: Curves) -> Finding | None:
    """A training loss that falls slowly, steadily and in nearly a straight line."""
    fall = c.loss[0] - c.loss[-1]
    share = last_quarter(c.loss)
    relative = fall / max(abs(c.loss[0]), 1e-12)
    straight = (c.epochs // 4) / (c.epochs - 1)  # the share of a straight line
    if (
        not (0.001 < relative < 0.5)
        or share < 0.65 * straight
        or np.mean(np.diff(c.loss) > 0) > 0.2
    ):
        return None
    return Finding(
        "learning_rate_too_small",
        float(np.clip(0.95 - relative, 0.4, 0.95)) * min(1.0, c.epochs / 15),
        f"in {c.epochs} epochs the training loss fell by {relative:.1%} only, and the last quarter "
        f"of them brought {share:.0%} of that: nearly a straight line.",
        ("a learning rate 3 to 10 times larger (kohort.lr_range finds one)", "more epochs"),
    )


def last_quarter(values: np.ndarray) -> float:
    """The share of the whole fall that came in the last quarter of the epochs."""
    s = smooth(values)
    fall = s[0] - s[-1]
    return float((s[-1 - len(s) // 4] - s[-1]) / fall) if fall > 0 else 0.0


def noisy(c: Curves) -> Finding | None:
    """A validation loss that jumps while the training loss does not."""
    if c.val_loss is None:
        return None
    jump = noise(c.val_loss)
    relative = jump / c.unit
    if relative < 0.04 or jump < 2 * noise(c.loss):
        return None
    return Finding(
        "noisy",
        float(np.clip(relative / 0.25, 0.2, 0.8)),
        f"the validation loss jumps by {jump:.2g} from epoch to epoch ({relative:.0%} of its "
        f"level), the training loss by {noise(c.loss):.2g} only.",
        (
            "K-fold cross-validation, or a larger validation part: one small part is a lottery",
            "a smaller learning rate towards the end, or a larger batch_size",
            "patience in EarlyStopping, so that one lucky epoch does not decide",
        ),
    )
