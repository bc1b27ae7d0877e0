"""InputSpec: what a layer demands of its input's rank, shape and dtype."""

from __future__ import annotations

from typing import Any

from kohort.core import tree
from kohort.core.dtypes import standardize_dtype
from kohort.core.host import is_prepared
from kohort.core.variable import standardize_shape


class InputSpec:
    """Rank, shape, axis sizes and dtype that an input must have.

    Args:
        dtype: the dtype.
        shape: the shape; None for any size.
        ndim, max_ndim, min_ndim: the rank, or its limits.
        axes: axis -> size.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing or extra.
        name: the name of the input in a dict of inputs.
        optional: whether the input may be None.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = standardize_dtype(dtype) if dtype is not None else None
        self.shape = standardize_shape(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.name, self.optional = name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        limit = self.ndim if self.ndim is not None else max_ndim
        if self.axes and limit is not None and max(self.axes) > limit - 1:
            raise ValueError(
                f"Axis {max(self.axes)} is greater than the maximum allowed value: {limit - 1}"
            )

    def get_config(self) -> dict[str, Any]:
        """The specification as a dict."""
        keys = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return {key: getattr(self, key) for key in keys}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """Make a specification from its dict."""
        return cls(**config)

    def __repr__(self) -> str:
        parts = {k: v for k, v in self.get_config().items() if v not in (None, {})}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in parts.items())})"


def assert_input_compatibility(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Raise ValueError where the inputs do not fit the specification."""
    if not input_spec or is_prepared(inputs):
        return
    specs = tree.flatten(input_spec)
    if isinstance(inputs, dict):
        names = [spec.name for spec in specs]
        if any(names):
            missing = [s.name for s in specs if s.name not in inputs and not s.optional]
            if missing:
                raise ValueError(
                    f'Missing data for input "{missing[0]}". You passed a data dictionary with '
                    f"keys {list(inputs)}. Expected the following keys: {names}"
                )
            inputs = [inputs.get(name) for name in names]
    flat = tree.flatten(inputs)
    if len(flat) != len(specs):
        raise ValueError(_wrong_number(layer_name, specs, flat))
    for index, (x, spec) in enumerate(zip(flat, specs, strict=True)):
        if spec is None or (x is None and spec.optional):
            continue
        if x is None:
            name = spec.name or f"{layer_name}, number {index}"
            raise ValueError(
                f"The input '{name}' is not optional, but None was passed. "
                "Please provide a valid tensor."
            )
        start = f"Input {index} of layer '{layer_name}' is incompatible with the layer: "
        _check_one(x, spec, start)


def _wrong_number(layer_name: str, specs: list, flat: list) -> str:
    start = f"Layer '{layer_name}' expects {len(specs)}"
    names = [spec.name for spec in specs if spec is not None]
    if len(specs) > 1 and len(names) == len(specs) and all(names):
        example = ", ".join(f"'{name}': ..." for name in names)
        return (
            f"{start} named input(s) with keys {names}, but it received {len(flat)} input tensors. "
            f"Pass inputs as a dict, e.g. `layer({{{example}}})`."
        )
    return f"{start} input(s), but it received {len(flat)} input tensors. Received: {flat}"


def _check_one(x: Any, spec: InputSpec, start: str) -> None:
    shape = tuple(x.shape)
    ndim = len(shape)
    full = f"Full shape received: {shape}"
    if spec.ndim is not None and not spec.allow_last_axis_squeeze and ndim != spec.ndim:
        raise ValueError(f"{start}expected ndim={spec.ndim}, found ndim={ndim}. {full}")
    if spec.max_ndim is not None and ndim > spec.max_ndim:
        raise ValueError(f"{start}expected max_ndim={spec.max_ndim}, found ndim={ndim}")
    if spec.min_ndim is not None and ndim < spec.min_ndim:
        raise ValueError(f"{start}expected min_ndim={spec.min_ndim}, found ndim={ndim}. {full}")
    if spec.dtype is not None and standardize_dtype(x.dtype) != spec.dtype:
        raise ValueError(f"{start}expected dtype={spec.dtype}, found dtype={x.dtype}")
    for axis, size in spec.axes.items():
        if size is not None and shape[axis] not in (size, None):
            raise ValueError(
                f"{start}expected axis {axis} of input shape to have value {size}, "
                f"but received input with shape {shape}"
            )
    if spec.shape is not None:
        _check_shape(shape, spec, start)


def _check_shape(shape: tuple, spec: InputSpec, start: str) -> None:
    wanted, found = spec.shape or (), shape
    if spec.allow_last_axis_squeeze:
        found = found[:-1] if found and found[-1] == 1 else found
        wanted = wanted[:-1] if wanted and wanted[-1] == 1 else wanted
    # The rank was checked before, or may differ by a last axis.
    fits = all(a is None or b is None or a == b for a, b in zip(wanted, found, strict=False))
    if not fits:
        raise ValueError(f"{start}expected shape={spec.shape}, found shape={shape}")
