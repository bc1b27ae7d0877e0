"""Rematerialisation: what the backward pass computes again instead of keeping it."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kohort.core import tree
from kohort.core.lifting import rematerialized

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)
_local = threading.local()


class RematMode(NamedTuple):
    """What a `RematScope` asks of the layers made inside."""

    mode: str | None
    output_size_threshold: int
    layer_names: tuple[str, ...]


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, computed again in the backward pass instead of keeping its inner values.

    This takes less memory and more time. Variables that `f` assigns to get their values.

    >>> import jax
    >>> jax.grad(remat(lambda x: x * x))(3.0)
    Array(6., dtype=float32, weak_type=True)
    """
    return functools.wraps(f)(rematerialized(f))


class RematScope:
    """Layers made inside are computed again in the backward pass.

    Args:
        mode: "full": every layer; "activations": the activation functions of layers;
            "larger_than": layers with more than `output_size_threshold` outputs (the batch
            included); "list_of_layers": those in `layer_names`; None: none.
        output_size_threshold: see "larger_than".
        layer_names: see "list_of_layers".

    >>> import kohort as keras
    >>> with keras.RematScope("larger_than", output_size_threshold=100):
    ...     layer = keras.layers.Dense(200, activation="relu")
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ):
        if mode not in _MODES:
            raise ValueError(
                f"Invalid mode '{mode}'. Supported modes are: 'full', 'activations', "
                "'larger_than', 'list_of_layers', or None."
            )
        self.mode, self.output_size_threshold = mode, output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> RematScope:
        _scopes().append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _scopes().pop()


def _scopes() -> list[RematScope]:
    if not hasattr(_local, "scopes"):
        _local.scopes = []
    return _local.scopes


def get_current_remat_mode() -> RematMode | None:
    """What the innermost open `RematScope` asks for; None where there is none."""
    scopes = _scopes()
    if not scopes or scopes[-1].mode is None:
        return None
    scope = scopes[-1]
    return RematMode(scope.mode, scope.output_size_threshold, tuple(scope.layer_names))


def remat_call(operation: Any, call: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
    """`call` of an operation, rematerialised as the scope asks that the operation was made in."""
    asked: RematMode = operation._remat_mode
    if asked.mode == "activations":
        return _with_remat_activation(operation, call)
    if asked.mode == "list_of_layers":
        wanted = operation.name in asked.layer_names
    elif asked.mode == "larger_than":
        outputs = tree.flatten(operation.compute_output_spec(*args, **kwargs))
        size = sum(math.prod(x.shape) for x in outputs if None not in x.shape)
        wanted = size > asked.output_size_threshold
    else:
        wanted = True
    return rematerialized(call, getattr(operation, "add_loss", None)) if wanted else call


def _with_remat_activation(operation: Any, call: Callable[..., Any]) -> Callable[..., Any]:
    if operation.__dict__.get("activation") is None:  # a recurrent layer's cell has it
        return call

    @functools.wraps(call)
    def run(*args: Any, **kwargs: Any) -> Any:
        own = operation.__dict__
        activation = own["activation"]
        own["activation"] = remat(activation)
        try:
            return call(*args, **kwargs)
        finally:
            own["activation"] = activation

    return run
