"""Iris: measures of flowers of three species."""

from __future__ import annotations

from kohort.datasets._cache import Split
from kohort.datasets._embedded import bundle, feature_names, label_names
from kohort.datasets._split import shuffle_split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Load iris: 150 rows of 4 measures in cm, and the species 0 to 2.

    Returns `(x_train, y_train), (x_test, y_test)`: `(n, 4)` float64 and classes `(n,)` int64. The
    rows are shuffled by `seed` and the last `test_split` of them are the test part.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape
    (120, 4)

    Source: Fisher, *The use of multiple measurements in taxonomic problems*, 1936, as bundled with
    scikit-learn.
    """
    data = bundle("iris")
    return shuffle_split(data.data, data.target, test_split, seed)


def get_feature_names() -> tuple[str, ...]:
    """The names of the columns."""
    return feature_names("iris")


def get_label_names() -> tuple[str, ...]:
    """The names of the classes.

    >>> get_label_names()
    ('setosa', 'versicolor', 'virginica')
    """
    return label_names("iris")
