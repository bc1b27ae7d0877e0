"""Data sets under Keras's names, and small ones that need no network.

`kohort.datasets.NAME.load_data()` gives `(x_train, y_train), (x_test, y_test)` as NumPy arrays.
Files are looked for in the folders of `$KOHORT_DATA`, in `~/.kohort/datasets` and in Keras's own
cache, then downloaded. `digits`, `breast_cancer`, `wine`, `diabetes` and `iris` come with
scikit-learn.
"""

from kohort.datasets import (
    boston_housing,
    breast_cancer,
    california_housing,
    cifar10,
    cifar100,
    diabetes,
    digits,
    fashion_mnist,
    imdb,
    iris,
    mnist,
    reuters,
    wine,
)

__all__ = [
    "boston_housing",
    "breast_cancer",
    "california_housing",
    "cifar10",
    "cifar100",
    "diabetes",
    "digits",
    "fashion_mnist",
    "imdb",
    "iris",
    "mnist",
    "reuters",
    "wine",
]
