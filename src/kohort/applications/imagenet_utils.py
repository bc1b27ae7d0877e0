"""Images as the ImageNet architectures expect them, and the names of their classes."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import numpy as np

from kohort import ops
from kohort.applications._build import stored
from kohort.core.settings import standardize_data_format

# Of the training images: the means in the order blue, green, red; means and deviations in [0, 1].
_BGR_MEAN = (103.939, 116.779, 123.68)
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Scale images with values in [0, 255]; returns floats.

    Args:
        x: images `(…, rows, columns, 3)`, an array or a symbolic tensor.
        data_format: `"channels_last"` or `"channels_first"`.
        mode: `"caffe"`: red and blue change places and the mean colour is taken away; `"tf"`: to
            [-1, 1]; `"torch"`: to [0, 1], then to mean 0 and deviation 1 of each colour.

    >>> preprocess_input(np.array([[[0.0, 127.5, 255.0]]]), mode="tf").tolist()
    [[[-1.0, 0.0, 1.0]]]
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(
            f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}"
        )
    is_first = standardize_data_format(data_format) == "channels_first"
    is_numpy = isinstance(x, np.ndarray)
    if is_numpy and not np.issubdtype(x.dtype, np.floating):
        x = x.astype("float32")
    if mode == "tf":
        return x / 127.5 - 1.0
    axis = len(x.shape) - 3 if is_first else len(x.shape) - 1

    def colours(values: tuple[float, ...]) -> np.ndarray:
        return np.asarray(values, str(x.dtype)).reshape(-1, *(1, 1) if is_first else ())

    if mode == "torch":
        return (x / 255.0 - colours(_MEAN)) / colours(_DEVIATION)
    flip = np.flip if is_numpy else ops.flip
    return flip(x, axis) - colours(_BGR_MEAN)


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The most probable classes of each row: (WordNet number, name, probability).

    The names are read from `imagenet_class_index.json` in `~/.keras/models`.

    Args:
        preds: probabilities `(samples, 1000)`.
        top: how many classes.
    """
    if len(preds.shape) != 2 or preds.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape "
            f"(samples, 1000)). Received array with shape: {preds.shape}"
        )
    folder = "https://storage.googleapis.com/download.tensorflow.org/data/"
    names = _class_names(stored("imagenet_class_index.json", folder))
    best = [row.argsort()[::-1][:top] for row in np.asarray(preds)]
    rows = zip(np.asarray(preds), best, strict=True)
    return [[(*names[str(i)], row[i]) for i in order] for row, order in rows]


@functools.cache
def _class_names(path: str) -> dict[str, tuple[str, str]]:
    with open(path, encoding="utf-8") as file:
        return {number: tuple(names) for number, names in json.load(file).items()}


def preprocessing(mode: str) -> Callable[..., Any]:
    """The `preprocess_input` of an architecture."""

    def preprocess(x: Any, data_format: str | None = None) -> Any:
        return preprocess_input(x, data_format, mode)

    preprocess.__name__ = preprocess.__qualname__ = "preprocess_input"
    preprocess.__doc__ = f"`imagenet_utils.preprocess_input` with `mode='{mode}'`."
    return preprocess
