"""Names that are not public in Keras, or have another place there, and that its tests take."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

from kohort.core.dtypes import ALLOWED
from kohort.core.masks import get_mask as get_keras_mask
from kohort.core.masks import set_mask as set_keras_mask
from kohort.core.naming import current_path
from kohort.core.symbolic import FunctionOp, operation_of
from kohort.core.symbolic import infer_outputs as compute_output_spec
from kohort.core.tree import MAP_TO_NONE
from kohort.core.variable import autocast as AutocastScope
from kohort.models import Functional, Model
from kohort.models.compiling import Compiling
from kohort.models.training import Training
from kohort.ops import keras_names
from kohort.utils.bounding_boxes import (
    clip_to_image_size,
    compute_ciou,
    compute_iou,
    convert_format,
    decode_deltas_to_boxes,
    encode_box_to_deltas,
)

BOOL_TYPES = ("bool",)
ALLOWED_DTYPES = tuple(name for name in ALLOWED if "int4" not in name)
INT_TYPES = tuple(name for name in ALLOWED_DTYPES if "int" in name)
FLOAT_TYPES = ("bfloat16", "float16", "float32", "float64")
FLOAT8_TYPES = ("float8_e4m3fn", "float8_e5m2")
COMPLEX_TYPES = ("complex64", "complex128")


def operation_class(name: str) -> Callable[..., FunctionOp] | None:
    """What stands for Keras's class of an operation, as functional files name it.

    >>> operation_class("Clip")(0, 1)(3.0).item()
    1.0
    """
    try:
        function = keras_names.function_of(name)
    except KeyError:
        return None
    called = keras_names.call_arguments(function)
    parameters = inspect.signature(function).parameters
    static = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for n, p in parameters.items()
              if n not in called and p.kind is not p.VAR_KEYWORD]  # fmt: skip

    def make(*args: Any, name: str | None = None, **kwargs: Any) -> FunctionOp:
        given = inspect.Signature(static).bind(*args, **kwargs).arguments
        if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):  # its operands come last
            first = functools.partial(function, *given.values())
            return operation_of(functools.update_wrapper(first, function), {}, name)
        return operation_of(function, dict(given), name)

    return make


class JAXTrainer(Compiling, Training):
    """What makes a layer trainable: `class Net(JAXTrainer, Dense)` has `compile` and `fit`."""

    train_step, test_step, predict_step = Model.train_step, Model.test_step, Model.predict_step

    def __init__(self) -> None:
        """Start uncompiled."""
        self._start_uncompiled()


__all__ = [
    "ALLOWED_DTYPES",
    "BOOL_TYPES",
    "COMPLEX_TYPES",
    "FLOAT8_TYPES",
    "FLOAT_TYPES",
    "INT_TYPES",
    "MAP_TO_NONE",
    "AutocastScope",
    "Functional",
    "JAXTrainer",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "compute_output_spec",
    "convert_format",
    "current_path",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "get_keras_mask",
    "operation_class",
    "set_keras_mask",
]
