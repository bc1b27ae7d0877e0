"""CIFAR-100: small colour photographs of 100 kinds of things."""

from __future__ import annotations

from kohort.datasets._cache import Split
from kohort.datasets._cifar import load_batches

_SHA256 = "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"


def load_data(label_mode: str = "fine") -> Split:
    """Load CIFAR-100: 50,000 training and 10,000 test photographs.

    `label_mode` is `"fine"` (100 classes) or `"coarse"` (their 20 groups). Returns
    `(x_train, y_train), (x_test, y_test)`: images `(n, 32, 32, 3)`, uint8 with values 0 to 255,
    and integer classes `(n, 1)`.

    Source: Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(
            f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.'
        )
    train, test = load_batches(
        "cifar-100-python",
        "cifar-100-python.tar.gz",
        _SHA256,
        ["train", "test"],
        f"{label_mode}_labels",
    )
    return train, test
