"""Data to train on in tests, and the product of test parameters."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def get_test_data(
    train_samples: int,
    test_samples: int,
    input_shape: tuple[int, ...],
    num_classes: int,
    random_seed: int | None = None,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return balanced classes that a small model can learn: a template each, plus noise.

    The training part has `train_samples // num_classes` rows of each class; the test part
    has the others.

    >>> (x, y), (x_test, y_test) = get_test_data(6, 3, (4,), num_classes=3, random_seed=0)
    >>> x.shape, sorted(y.tolist()), y_test.shape
    ((6, 4), [0, 0, 1, 1, 2, 2], (3,))
    """
    rng = np.random.default_rng(random_seed)
    total = train_samples + test_samples
    per_class = total // num_classes
    labels = np.repeat(np.arange(num_classes), per_class)
    labels = np.concatenate([labels, np.arange(total - len(labels)) % num_classes])
    templates = 2 * num_classes * rng.random((num_classes, *input_shape))
    x = (templates[labels] + rng.normal(size=(total, *input_shape))).astype("float32")

    train = train_samples // num_classes
    members = [rng.permutation(np.flatnonzero(labels == c)) for c in range(num_classes)]
    rows = rng.permutation(np.concatenate([m[:train] for m in members]))
    rest = rng.permutation(np.concatenate([m[train:] for m in members]))
    return (x[rows], labels[rows]), (x[rest], labels[rest])


def named_product(
    *args: Sequence[Mapping[str, Any]], **kwargs: Sequence[Any]
) -> list[dict[str, Any]]:
    """Return the named product of test parameters, for absl's `named_parameters`.

    Args:
        *args: sequences of dicts with a `"testcase_name"` and parameters.
        **kwargs: parameter -> its values; a value's text names the case.

    >>> [case["testcase_name"] for case in named_product(a=[1, 2], b=[float])]
    ['1_float', '2_float']
    """
    axes = [*args, *([_named(name, value) for value in values] for name, values in kwargs.items())]
    cases = []
    # The first axis varies fastest, as in Keras.
    for reverse in itertools.product(*reversed(axes)):
        parts = reverse[::-1]
        name = "_".join(part["testcase_name"] for part in parts)
        merged = {key: value for part in parts for key, value in part.items()}
        cases.append(merged | {"testcase_name": name})
    return cases


def _named(name: str, value: Any) -> dict[str, Any]:
    return {"testcase_name": str(getattr(value, "__name__", value)).lower(), name: value}
