"""The names that Keras's files give to operations in functional graphs.

A node of `ops.reduce.sum` is the class `Sum` of the module `keras.src.ops.numpy` there; some
arguments are in the node's call, the others in the configuration of the class.

>>> keras_class_of("logical_and")
('keras.src.ops.numpy', 'LogicalAnd')
>>> function_of("BatchNorm").__name__
'batch_normalization'
>>> call_arguments("clip"), call_arguments("sum")
(('x',), ('x',))
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

# Where the class is not the function's name in camel case.
_CLASSES = {
    "allclose": "AllClose", "isin": "IsIn", "searchsorted": "SearchSorted",
    "batch_normalization": "BatchNorm", "ctc_loss": "CTCLoss", "ctc_decode": "CTCDecode",
    "psnr": "PSNR", "rms_normalization": "RMSNorm", "layer_normalization": "LayerNorm",
    "cdist": "CDist", "fft": "FFT", "fft2": "FFT2", "ifft2": "IFFT2", "rfft": "RFFT",
    "irfft": "IRFFT", "stft": "STFT", "istft": "ISTFT", "svd": "SVD", "jvp": "JVP",
    "rgb_to_grayscale": "RGBToGrayscale", "rgb_to_hsv": "RGBToHSV", "hsv_to_rgb": "HSVToRGB",
    "ssim": "SSIM", "extract_patches_3d": "ExtractPatches",
}  # fmt: skip
_elsewhere: dict[str, tuple[str, Callable[..., Any]]] = {}
_CORE = {
    "associative_scan", "cast", "cond", "convert_to_tensor", "fori_loop", "map", "saturate_cast",
    "scan", "scatter", "scatter_update", "slice", "slice_update", "stop_gradient", "switch",
    "unstack", "vectorized_map", "while_loop",
}  # fmt: skip
# Arguments that carry tensors (or functions), by their usual names.
_CALLED = {
    "a", "abs_", "angle", "array", "axes_lengths", "b", "beta", "bias", "branches", "choicelist",
    "condition", "condlist", "constant_values", "coordinates", "data", "default",
    "depthwise_kernel", "elements", "elems", "end_points", "f", "false_fn", "fun", "gamma",
    "image1", "image2", "images", "index", "indices", "init", "init_val", "inputs", "kernel",
    "key", "loop_vars", "mask", "mean", "operands", "output", "output_length", "pattern",
    "pointwise_kernel", "pred", "predictions", "primals", "q", "query", "scale", "segment_ids",
    "sequence_lengths", "sorted_sequence", "start", "start_indices", "start_points", "step",
    "stop", "tangents", "target", "target_length", "targets", "tensor", "transform",
    "translation", "true_fn", "updates", "value", "values", "variable", "variance", "x", "x1",
    "x2", "xs", "y",
}  # fmt: skip
# Where one operation differs from the usual: True is in the call, False in the configuration.
_EXCEPTIONS = {
    ("squareplus", "b"): False, ("trapezoid", "x"): False, ("digitize", "bins"): True,
    ("isclose", "rtol"): True, ("isclose", "atol"): True, ("average", "weights"): True,
    ("full", "fill_value"): True, ("full_like", "fill_value"): True,
    ("batch_normalization", "offset"): True, ("scale_and_translate", "output_shape"): True,
}  # fmt: skip


def keras_class_of(function: str | Callable[..., Any]) -> tuple[str, str]:
    """The module and class that a file names for a function of `kohort.ops` (or its name)."""
    name = function if isinstance(function, str) else function.__name__
    for class_name, (module, known) in _elsewhere.items():
        if known is function:
            return module, class_name
    camel = "".join(part.capitalize() for part in name.split("_"))
    return f"keras.src.ops.{_module(name)}", _CLASSES.get(name, camel)


def add_class(module: str, class_name: str, function: Callable[..., Any]) -> None:
    """Let files name a function of a higher level as a class."""
    _elsewhere[class_name] = (module, function)


def _module(name: str) -> str:
    from kohort.ops import image, linalg, nn, numpy

    if name in _CORE:
        return "core"
    if name == "rearrange":
        return "einops"
    for short, module in (("numpy", numpy), ("nn", nn)):
        if hasattr(module, name):
            return short
    if hasattr(image, name):
        return "image"
    return "linalg" if hasattr(linalg, name) and name != "logdet" else "math"


def function_of(class_name: str) -> Callable[..., Any]:
    """The function of `kohort.ops` for a class name of a file.

    Raises:
        KeyError: no operation has this class.
    """
    return _elsewhere[class_name][1] if class_name in _elsewhere else _functions()[class_name]


@functools.cache
def _functions() -> dict[str, Callable[..., Any]]:
    from kohort import ops

    found: dict[str, Callable[..., Any]] = {}
    for space in (ops.image, ops):
        for name, function in vars(space).items():
            if inspect.isfunction(function) and not name.startswith("_"):
                found[keras_class_of(name)[1]] = function
    found.update({"Abs": ops.absolute, "Conj": ops.conjugate})
    found["ExtractPatches"] = ops.image.extract_patches
    return found


def call_arguments(function: str | Callable[..., Any]) -> tuple[str, ...]:
    """The arguments of an operation that are in a node's call, in order."""
    from kohort import ops

    known = function
    if isinstance(known, str):
        known = getattr(ops, known, None) or getattr(ops.image, known)
    name, parameters = known.__name__, inspect.signature(known).parameters
    return tuple(p for p in parameters if _EXCEPTIONS.get((name, p), p in _CALLED))
