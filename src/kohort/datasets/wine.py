"""Wine: chemical measures of wines of three growers."""

from __future__ import annotations

from kohort.datasets._cache import Split
from kohort.datasets._embedded import bundle, feature_names, label_names
from kohort.datasets._split import shuffle_split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Load wine: 178 rows of 13 measures, and the grower 0 to 2.

    Returns `(x_train, y_train), (x_test, y_test)`: `(n, 13)` float64 and classes `(n,)` int64. The
    rows are shuffled by `seed` and the last `test_split` of them are the test part.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape
    (142, 13)

    Source: Forina et al., *PARVUS*, 1988 (UCI), as bundled with scikit-learn.
    """
    data = bundle("wine")
    return shuffle_split(data.data, data.target, test_split, seed)


def get_feature_names() -> tuple[str, ...]:
    """The names of the columns."""
    return feature_names("wine")


def get_label_names() -> tuple[str, ...]:
    """The names of the classes.

    >>> get_label_names()
    ('class_0', 'class_1', 'class_2')
    """
    return label_names("wine")
