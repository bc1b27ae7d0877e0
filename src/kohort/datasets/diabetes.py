"""Diabetes: the course of the disease after a year."""

from __future__ import annotations

from kohort.datasets._cache import Split
from kohort.datasets._embedded import bundle, feature_names
from kohort.datasets._split import shuffle_split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Load diabetes: 442 rows of 10 measures (centred and scaled), and a score from 25 to 346.

    Returns `(x_train, y_train), (x_test, y_test)`: `(n, 10)` and targets `(n,)`, float64. The
    rows are shuffled by `seed` and the last `test_split` of them are the test part.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape
    (353, 10)

    Source: Efron et al., *Least Angle Regression*, 2004, as bundled with scikit-learn.
    """
    data = bundle("diabetes")
    return shuffle_split(data.data, data.target, test_split, seed)


def get_feature_names() -> tuple[str, ...]:
    """The names of the columns."""
    return feature_names("diabetes")
