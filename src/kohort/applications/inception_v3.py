"""Inception, version 3: branches of convolutions of several sizes side by side."""

from __future__ import annotations

from typing import Any

from kohort import layers
from kohort.applications._build import (
    STORAGE,
    Files,
    Options,
    architecture,
    channel_axis,
    norm,
    relu,
)
from kohort.applications.imagenet_utils import decode_predictions, preprocessing
from kohort.core.symbolic import KerasTensor

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

# A convolution: filters, rows, columns.
_Step = tuple[int, int, int]


def _convolve(x: KerasTensor, *steps: _Step, **last: Any) -> KerasTensor:
    """Convolutions with normalisation, one after the other; `last` is for the last one."""
    for i, (filters, rows, columns) in enumerate(steps):
        settings = {"padding": "same"} | (last if i == len(steps) - 1 else {})
        x = layers.Conv2D(filters, kernel_size=(rows, columns), use_bias=False, **settings)(x)
        x = relu(norm(x, scale=False))
    return x


def _join(branches: list[KerasTensor], name: str | None = None) -> KerasTensor:
    return layers.concatenate(branches, axis=channel_axis(), name=name)


def _pooled(x: KerasTensor, filters: int) -> KerasTensor:
    pool = layers.AveragePooling2D(3, strides=1, padding="same")(x)
    return _convolve(pool, (filters, 1, 1))


def _body(x: KerasTensor, options: Options) -> KerasTensor:
    halved: dict[str, Any] = {"strides": 2, "padding": "valid"}
    x = _convolve(x, (32, 3, 3), **halved)
    x = _convolve(_convolve(x, (32, 3, 3), padding="valid"), (64, 3, 3))
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = _convolve(_convolve(x, (80, 1, 1), padding="valid"), (192, 3, 3), padding="valid")
    x = layers.MaxPooling2D(3, strides=2)(x)
    for i, filters in enumerate((32, 64, 64)):
        x = _join([
            _convolve(x, (64, 1, 1)),
            _convolve(x, (48, 1, 1), (64, 5, 5)),
            _convolve(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)),
            _pooled(x, filters),
        ], f"mixed{i}")  # fmt: skip
    x = _join([
        _convolve(x, (384, 3, 3), **halved),
        _convolve(x, (64, 1, 1), (96, 3, 3), (96, 3, 3), **halved),
        layers.MaxPooling2D(3, strides=2)(x),
    ], "mixed3")  # fmt: skip
    for i, n in enumerate((128, 160, 160, 192), 4):
        x = _join([
            _convolve(x, (192, 1, 1)),
            _convolve(x, (n, 1, 1), (n, 1, 7), (192, 7, 1)),
            _convolve(x, (n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)),
            _pooled(x, 192),
        ], f"mixed{i}")  # fmt: skip
    x = _join([
        _convolve(x, (192, 1, 1), (320, 3, 3), **halved),
        _convolve(x, (192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3), **halved),
        layers.MaxPooling2D(3, strides=2)(x),
    ], "mixed8")  # fmt: skip
    for i in range(2):
        x = _widest(x, i)
    return x


def _widest(x: KerasTensor, i: int) -> KerasTensor:
    """The last two blocks, whose branches branch again."""
    first = _convolve(x, (320, 1, 1))
    second = _convolve(x, (384, 1, 1))
    second = _join([_convolve(second, (384, 1, 3)), _convolve(second, (384, 3, 1))], f"mixed9_{i}")
    third = _convolve(x, (448, 1, 1), (384, 3, 3))
    third = _join([_convolve(third, (384, 1, 3)), _convolve(third, (384, 3, 1))])
    return _join([first, second, third, _pooled(x, 192)], f"mixed{9 + i}")


_START = "inception_v3_weights_tf_dim_ordering_tf_kernels"
InceptionV3 = architecture(
    "InceptionV3", "Inception, version 3",
    "Szegedy et al., \"Rethinking the Inception architecture for computer vision\", 2015",
    _body, Files(f"{STORAGE}inception_v3/", f"{_START}.h5", f"{_START}_notop.h5"), 299, least=75,
    name="inception_v3",
)  # fmt: skip
preprocess_input = preprocessing("tf")
