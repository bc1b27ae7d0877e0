"""Breast cancer: measures of cell nuclei, benign or malignant."""

from __future__ import annotations

from kohort.datasets._cache import Split
from kohort.datasets._embedded import bundle, feature_names, label_names
from kohort.datasets._split import shuffle_split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Load breast cancer (Wisconsin): 569 rows of 30 measures; 0 is malignant, 1 benign.

    Returns `(x_train, y_train), (x_test, y_test)`: `(n, 30)` float64 and classes `(n,)` int64. The
    rows are shuffled by `seed` and the last `test_split` of them are the test part.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape
    (455, 30)

    Source: Street, Wolberg and Mangasarian, 1993 (UCI), as bundled with scikit-learn.
    """
    data = bundle("breast_cancer")
    return shuffle_split(data.data, data.target, test_split, seed)


def get_feature_names() -> tuple[str, ...]:
    """The names of the columns."""
    return feature_names("breast_cancer")


def get_label_names() -> tuple[str, ...]:
    """The names of the classes.

    >>> get_label_names()
    ('malignant', 'benign')
    """
    return label_names("breast_cancer")
