"""What an optimiser's learning rate is at the moment."""

from __future__ import annotations

from typing import Any

import numpy as np


def learning_rates(optimizer: Any) -> dict[str, float]:
    """The learning rate, or that of each of several optimisers, by name; none: an empty dict.

    >>> from kohort.optimizers import SGD
    >>> learning_rates(SGD(0.5))
    {'learning_rate': 0.5}
    """
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a loss-scaling one
    if hasattr(optimizer, "optimizers"):
        return {f"learning_rate_{each.name}": _number(each) for each in optimizer.optimizers}
    return {"learning_rate": _number(optimizer)} if hasattr(optimizer, "learning_rate") else {}


def _number(optimizer: Any) -> float:
    return float(np.asarray(optimizer.learning_rate))
