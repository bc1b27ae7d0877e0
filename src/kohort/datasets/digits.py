"""Digits: small pictures of handwritten digits."""

from __future__ import annotations

from kohort.datasets._cache import Split
from kohort.datasets._embedded import bundle
from kohort.datasets._split import shuffle_split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Load digits: 1,797 images of the digits 0 to 9, a small MNIST that needs no file.

    Returns `(x_train, y_train), (x_test, y_test)`: images `(n, 8, 8)` with values 0 to 16, uint8,
    and classes `(n,)`, int64. The rows are shuffled by `seed` and the last `test_split` of them
    are the test part.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((1437, 8, 8), (360, 8, 8))

    Source: Alpaydin and Kaynak, 1998 (UCI), the test part, as bundled with scikit-learn.
    """
    data = bundle("digits")
    return shuffle_split(data.images.astype("uint8"), data.target, test_split, seed)


def get_label_names() -> tuple[str, ...]:
    """The names of the classes.

    >>> get_label_names()[:3]
    ('0', '1', '2')
    """
    return tuple(str(digit) for digit in range(10))
