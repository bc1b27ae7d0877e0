"""What an exported function takes: structures of shapes, where None is any size."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.export
import numpy as np

from kohort.core import tree
from kohort.core.dtypes import standardize_dtype


@dataclasses.dataclass(frozen=True)
class Spec:
    """Shape, dtype and name of one input."""

    shape: tuple[int | None, ...]
    dtype: str
    name: str | None = None


def as_spec(x: Any) -> Spec:
    """The `Spec` of an `InputSpec`, `KerasTensor`, `TensorSpec` or array."""
    if getattr(x, "shape", None) is None:
        raise ValueError(
            "`input_signature` must have a shape and a dtype for each input, as an `InputSpec`, a "
            f"`KerasTensor`, a `TensorSpec` or an array. Received: {x!r}"
        )
    dtype = standardize_dtype(getattr(x, "dtype", None))
    if dtype == "string":
        raise ValueError(
            f"Strings cannot be part of an exported program. Received: the input {x!r}.\n"
            "  1. Export the part behind the text layers: keras.Model(tokens, model.output)."
        )
    # Keras's symbolic inputs name the operation; an array has no name.
    return Spec(tuple(x.shape), dtype, getattr(x, "name", None))


def _with_any_batch(spec: Spec) -> Spec:
    return dataclasses.replace(spec, shape=(None, *spec.shape[1:]))


def signature_of(model: Any, given: Any = None) -> list[Any]:
    """The arguments of `model(…)` as a list of structures of `Spec`s.

    Raises:
        ValueError: where the model has not been built, or its inputs are not known.
    """
    if given is not None:
        arguments = list(given) if isinstance(given, (list, tuple)) else [given]
        return [tree.map_structure(as_spec, argument) for argument in arguments]
    if not getattr(model, "built", True):
        raise ValueError(
            "The model provided has not yet been built. It must be built before export. "
            f"Received: {model!r}.\n  1. Call it on a batch, or build(input_shape)."
        )
    functional = model._as_functional() if hasattr(model, "_as_functional") else model
    graph = getattr(functional, "_graph", None)
    if graph is not None:
        specs = tree.map_structure(as_spec, graph.inputs_struct)
        if getattr(model, "_deferred", False):  # a stack that its first batch built
            specs = tree.map_structure(_with_any_batch, specs)
        return [specs]
    shapes = list((model.__dict__.get("_build_shapes") or {}).values())
    if not shapes:
        raise ValueError(
            "The model provided has never called. It must be called at least once before export. "
            f"Received: {model!r}.\n  1. Call it on a batch.\n  2. Or pass `input_signature`."
        )
    dtype = model.compute_dtype
    return [
        tree.map_shape_structure(lambda s: Spec((None, *s[1:]), dtype), shape) for shape in shapes
    ]


def symbolic(signature: list[Any]) -> list[Any]:
    """The signature with JAX's symbolic sizes: `batch` for an unknown first axis."""
    scope = jax.export.SymbolicScope()

    def shaped(path: tuple, spec: Spec) -> jax.ShapeDtypeStruct:
        where = "_".join(str(part) for part in path)
        sizes = [
            str(size) if size is not None else "batch" if axis == 0 else f"axis{axis}_{where}"
            for axis, size in enumerate(spec.shape)
        ]
        shape = jax.export.symbolic_shape(", ".join(sizes) or "()", scope=scope) if sizes else ()
        return jax.ShapeDtypeStruct(shape, np.dtype(spec.dtype))

    flat = tree.flatten_with_path(signature)
    numbered = [shaped((number,), spec) for number, (_, spec) in enumerate(flat)]
    return tree.pack_sequence_as(signature, numbered)
