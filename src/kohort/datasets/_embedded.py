"""The data sets that come with scikit-learn."""

from __future__ import annotations

import functools
from typing import Any


@functools.cache
def bundle(name: str) -> Any:
    """Scikit-learn's `load_NAME()`: data, target and names."""
    try:
        import sklearn.datasets
    except ImportError as error:
        raise ImportError(
            f"The data set '{name}' comes with scikit-learn, which is not installed. "
            "Install it with `pip install scikit-learn`."
        ) from error
    return getattr(sklearn.datasets, f"load_{name}")()


def label_names(name: str) -> tuple[str, ...]:
    """The names of the classes."""
    return tuple(str(label) for label in bundle(name).target_names)


def feature_names(name: str) -> tuple[str, ...]:
    """The names of the columns."""
    return tuple(str(feature) for feature in bundle(name).feature_names)
