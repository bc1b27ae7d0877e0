"""Fashion-MNIST: pictures of clothes."""

from __future__ import annotations

import gzip

import numpy as np

from kohort.datasets._cache import KERAS_FILES, Split, locate

_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7"
    ),
    "train-labels-idx1-ubyte.gz": (
        "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05"
    ),
}


def load_data() -> Split:
    """Load Fashion-MNIST: 60,000 training and 10,000 test images of 10 kinds of clothing.

    Classes: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker,
    8 bag, 9 ankle boot. Returns `(x_train, y_train), (x_test, y_test)`: images `(n, 28, 28)` with
    values 0 to 255 and classes `(n,)`, all uint8.

    Source: Xiao, Rasul and Vollgraf, *Fashion-MNIST*, 2017; Zalando SE, MIT licence.
    """
    train = _images("train-images-idx3-ubyte.gz"), _labels("train-labels-idx1-ubyte.gz")
    test = _images("t10k-images-idx3-ubyte.gz"), _labels("t10k-labels-idx1-ubyte.gz")
    return train, test


def _images(name: str) -> np.ndarray:
    return _read(name, header=16).reshape(-1, 28, 28)


def _labels(name: str) -> np.ndarray:
    return _read(name, header=8)


def _read(name: str, header: int) -> np.ndarray:
    path = locate(f"fashion-mnist/{name}", KERAS_FILES + name, _SHA256[name])
    try:
        with gzip.open(path, "rb") as file:
            # A bytearray, since arrays over plain bytes cannot be written to.
            return np.frombuffer(bytearray(file.read()), np.uint8, offset=header)
    except (gzip.BadGzipFile, EOFError, ValueError) as error:
        raise ValueError(
            f"The data set file {path} is damaged. Received: {error}. Delete it and try again."
        ) from error
