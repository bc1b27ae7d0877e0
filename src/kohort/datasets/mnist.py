"""MNIST: handwritten digits."""

from __future__ import annotations

from kohort.datasets._cache import KERAS_FILES, Split, locate
from kohort.datasets._npz import load_npz

_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(path: str = "mnist.npz") -> Split:
    """Load MNIST: 60,000 training and 10,000 test images of the digits 0 to 9.

    Returns `(x_train, y_train), (x_test, y_test)`: images `(n, 28, 28)` with values 0 to 255 and
    classes `(n,)`, all uint8. `path` is the file's name in the data folders, or its path.

    Source: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/ (CC BY-SA 3.0).
    """
    data = load_npz(locate(path, KERAS_FILES + "mnist.npz", _SHA256))
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
