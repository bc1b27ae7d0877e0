"""How a layer's call binds its arguments: tensors, shapes, `training`, masks."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable
from typing import Any

from kohort.core import tree
from kohort.core.masks import get_mask
from kohort.core.symbolic import KerasTensor

_local = threading.local()


class CallContext:
    """What nested calls share: the outermost layer and its `training` value."""

    def __init__(self, entry_layer: Any):
        self.entry_layer = entry_layer
        self.training: bool | None = None


def call_context() -> CallContext | None:
    """The context of the outermost call that runs now."""
    return getattr(_local, "context", None)


def set_call_context(context: CallContext | None) -> None:
    """Open or close the context."""
    _local.context = context


@functools.lru_cache(maxsize=4096)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def signature_of(method: Callable[..., Any]) -> inspect.Signature:
    """The signature of a bound method, from a cache that holds no instance."""
    function = getattr(method, "__func__", None)
    if function is None:
        return inspect.signature(method)
    full = _signature(function)
    return full.replace(parameters=list(full.parameters.values())[1:])


def takes(method: Callable[..., Any], name: str) -> bool:
    """Whether a method has a parameter of this name."""
    return name in signature_of(method).parameters


def is_tensor(x: Any) -> bool:
    """Whether this is an array, a variable or a symbolic tensor."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


class CallSpec:
    """The arguments of one call, by the names of the `call` signature."""

    def __init__(self, signature: inspect.Signature, args: tuple, kwargs: dict):
        bound = signature.bind(*args, **kwargs)
        self.given = dict(bound.arguments)
        bound.apply_defaults()
        extra = next(
            (p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), None
        )
        self.arguments = dict(bound.arguments)
        if extra:
            self.arguments |= self.arguments.pop(extra)
            self.given |= self.given.pop(extra, {})
        self.tensors = {k: value for k, value in self.arguments.items() if _holds_tensors(value)}
        self.first = next(iter(self.arguments.values()), None)
        self.first_name = next(iter(self.arguments), "")

    def shapes(self) -> dict[str, Any]:
        """`<argument>_shape` -> shape structure, for the arguments that are tensors."""
        return {
            f"{name.removesuffix('_shape')}_shape": tree.map_structure(
                lambda x: tuple(x.shape) if is_tensor(x) else None, value
            )
            for name, value in self.tensors.items()
            if name != "mask"
        }

    def masks(self) -> dict[str, Any]:
        """`mask` or `<argument>_mask` -> the masks that travel with the tensors."""
        names = [n for n in self.tensors if n != "mask" and not n.endswith("_mask")]
        found = {}
        for name in names:
            masks = tree.map_structure(get_mask, self.tensors[name])
            if any(m is not None for m in tree.flatten(masks)):
                key = "mask" if len(names) == 1 else f"{name}_mask"
                found[key] = masks
        return found


def _holds_tensors(value: Any) -> bool:
    leaves = tree.flatten(value)
    return bool(leaves) and any(is_tensor(x) for x in leaves)


def shapes_for(method: Callable[..., Any], shapes: dict[str, Any]) -> dict[str, Any]:
    """Choose from `shapes` what `build` or `compute_output_shape` asks for by name.

    A method with one parameter gets the first shape, whatever the parameter is called.
    """
    parameters = [
        p
        for p in signature_of(method).parameters.values()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    names = [p.name for p in parameters]
    if any(p.kind is p.VAR_KEYWORD for p in signature_of(method).parameters.values()):
        return shapes
    if len(names) == 1:
        return {names[0]: next(iter(shapes.values()), None)}
    chosen = {name: shapes[name] for name in names if name in shapes}
    if not chosen and names and shapes:
        chosen = {names[0]: next(iter(shapes.values()))}
    for p in parameters:
        if p.default is p.empty and p.name not in chosen:
            raise ValueError(_cannot_match(method, p.name))
    return chosen


def _cannot_match(method: Callable[..., Any], name: str) -> str:
    of, what = type(getattr(method, "__self__", None)).__name__, getattr(method, "__name__", "")
    wrong = (
        f"but `call()` does not have argument `{name.removesuffix('_shape')}`, or it is no tensor"
        if name.endswith("_shape")
        else "which does not end in `_shape`"
    )
    return (
        f"For a `{what}()` method with more than one argument, all arguments should have a "
        "`_shape` suffix and match an argument from `call()`. E.g. "
        f"`{what}(self, foo_shape, bar_shape)`. For layer '{of}', received `{what}()` argument "
        f"`{name}`, {wrong}."
    )


def is_symbolic(spec: CallSpec) -> bool:
    """Whether any argument is a symbolic tensor."""
    return any(isinstance(x, KerasTensor) for x in tree.flatten(list(spec.tensors.values())))
