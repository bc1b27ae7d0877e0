"""Models as ONNX files, through jax2onnx."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kohort.core import tree
from kohort.core.tracing import portable
from kohort.export.archive import inference
from kohort.export.signature import Spec, signature_of


def export_onnx(
    model: Any,
    filepath: str | os.PathLike[str],
    input_signature: Any = None,
    opset_version: int | None = None,
    verbose: bool | None = None,
) -> None:
    """Write the model's inference as an ONNX file; sizes that are None stay free.

    Args:
        model: a built model.
        filepath: the file's name.
        input_signature: specifications of the inputs, where the model's own are not meant.
        opset_version: the version of the operators; None: jax2onnx's choice.

    Raises:
        ImportError: without the extra `onnx`.
    """
    try:
        from jax2onnx import to_onnx
    except ImportError as error:
        raise ImportError(
            'ONNX needs jax2onnx, which is not installed: pip install "kohort[onnx]"'
        ) from error
    signature = signature_of(model, input_signature)
    specs = tree.flatten(signature)
    call = inference(model)

    def predict(*flat: Any) -> Any:
        with portable():
            return call(*tree.pack_sequence_as(signature, flat))

    with _own_cumsum():
        to_onnx(
            predict, [_described(number, spec) for number, spec in enumerate(specs)],
            model_name=model.name, return_mode="file", output_path=os.fspath(filepath),
            input_names=_names(specs),
            **({} if opset_version is None else {"opset": opset_version}),
        )  # fmt: skip
    if verbose is not False:
        from kohort.utils.printing import print_msg

        print_msg(f"Saved ONNX model at '{filepath}'.")


@contextlib.contextmanager
def _own_cumsum() -> Iterator[None]:
    """JAX's `cumsum` afterwards: jax2onnx leaves another in its place, which takes less."""
    own = jnp.cumsum
    try:
        yield
    finally:
        jnp.cumsum = own


def _described(number: int, spec: Spec) -> jax.ShapeDtypeStruct:
    sizes: list[Any] = [
        size if size is not None else "batch" if axis == 0 else f"axis{axis}_{number}"
        for axis, size in enumerate(spec.shape)
    ]
    return jax.ShapeDtypeStruct(tuple(sizes), np.dtype(spec.dtype))


def _names(specs: list[Spec]) -> list[str]:
    """Unique names of the inputs."""
    names = [spec.name or f"input_{number}" for number, spec in enumerate(specs)]
    return names if len(set(names)) == len(names) else [f"input_{i}" for i in range(len(names))]
