"""CIFAR-10: small colour photographs of 10 kinds of things."""

from __future__ import annotations

import numpy as np

from kohort.datasets._cache import Split
from kohort.datasets._cifar import load_batches

_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"


def load_data() -> Split:
    """Load CIFAR-10: 50,000 training and 10,000 test photographs.

    Classes: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship,
    9 truck. Returns `(x_train, y_train), (x_test, y_test)`: images `(n, 32, 32, 3)` with values 0
    to 255 and classes `(n, 1)`, all uint8.

    Source: Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009.
    """
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    batches = load_batches(
        "cifar-10-batches-py", "cifar-10-python.tar.gz", _SHA256, names, "labels"
    )
    *train, (x_test, y_test) = batches
    x_train = np.concatenate([x for x, _ in train])
    y_train = np.concatenate([y for _, y in train])
    return (x_train, y_train.astype("uint8")), (x_test, y_test.astype("uint8"))
