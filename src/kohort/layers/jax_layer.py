"""JaxLayer and FlaxLayer: networks written in JAX or Flax as layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from kohort.core import tree
from kohort.core.dtypes import is_float
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.variable import Variable
from kohort.layers.layer import Layer
from kohort.random import SeedGenerator
from kohort.random.seed import draw_seed

_CALL, _INIT = ("params", "state", "rng", "inputs", "training"), ("rng", "inputs", "training")


class JaxLayer(Layer):
    """A function of JAX with parameters as a layer.

    Args:
        call_fn: a function of `params`, `state`, `rng`, `inputs` and `training`, by these names,
            of which only `inputs` must be there. It returns the outputs; with `state`, outputs
            and new state.
        init_fn: a function of `rng`, `inputs` and `training` that returns the first `params`;
            with `state`, both.
        params, state: PyTrees of first values, in place of `init_fn`.
        seed: of `rng`.

    >>> import jax.numpy as jnp
    >>> def init(rng, inputs):
    ...     return {"w": jnp.ones((inputs.shape[-1], 2))}
    >>> def call(params, inputs):
    ...     return inputs @ params["w"]
    >>> layer = JaxLayer(call, init)
    >>> layer(np.ones((4, 3))).shape, len(layer.trainable_weights)
    ((4, 2), 1)

    Source: `keras.layers.JaxLayer`.
    """

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.call_fn, self.init_fn = call_fn, init_fn
        self._platforms = native_serialization_platforms
        self._asks = _arguments("call_fn", call_fn, _CALL)
        self._init_asks = _arguments("init_fn", init_fn, _INIT) if init_fn else ()
        given = params is not None or state is not None
        if not (init_fn or given) and {"params", "state"} & set(self._asks):
            raise ValueError(
                "`init_fn`, `params` and `state` cannot all be `None` when `call_fn` takes a "
                "`params` or a `state` argument."
            )
        self.params, self.state = self._variables(params, True), self._variables(state, False)
        self.built = given
        if "rng" in self._asks:
            self.seed_generator = SeedGenerator(seed)

    def _variables(self, values: Any, trainable: bool) -> Any:
        """The PyTree with variables in place of arrays and numbers."""

        def variable(value: Any) -> Any:
            if not isinstance(value, (np.ndarray, np.generic, jax.Array, bool, int, float)):
                return value
            array = jax.numpy.asarray(value)
            dtype = None if is_float(array.dtype) else array.dtype.name
            made = self.add_weight(array.shape, "zeros", dtype, trainable)
            made.assign(array)
            return made

        return jax.tree.map(variable, values)

    def build(self, input_shape: Any) -> None:
        """Let `init_fn` make the first values, where none were given."""
        if self.params is not None or self.state is not None or self.init_fn is None:
            return
        inputs = tree.map_shape_structure(
            lambda shape: jax.numpy.ones([1 if n is None else n for n in shape]), input_shape
        )
        known = {"rng": self._init_rng, "inputs": lambda: inputs, "training": lambda: True}
        with jax.ensure_compile_time_eval():
            found = self.init_fn(*(known[name]() for name in self._init_asks))
        params, state = found if "state" in self._asks else (found, None)
        self.params, self.state = self._variables(params, True), self._variables(state, False)

    def _init_rng(self) -> Any:
        return draw_seed(None)

    def _call_rng(self, training: bool | None) -> Any:
        return self.seed_generator.next() if training else None

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        """Call the function; keep the state that it returns."""
        known: dict[str, Callable[[], Any]] = {
            "params": lambda: _values(self.params),
            "state": lambda: _values(self.state),
            "rng": lambda: self._call_rng(training),
            "inputs": lambda: inputs,
            "training": lambda: training,
        }
        found = self.call_fn(*(known[name]() for name in self._asks))
        if "state" not in self._asks:
            return found
        outputs, state = found
        structure: Any  # JAX's class hides its `!=`
        variables, structure = jax.tree.flatten(self.state, is_leaf=_is_variable)
        arrays, given = jax.tree.flatten(state)
        if structure != given:
            raise ValueError(
                "Structure mismatch: `call_fn` must return a state of the structure that it had "
                f"at first. Received: {given}, expected {structure}"
            )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
        return outputs

    def get_config(self) -> dict[str, Any]:
        """The two functions, which must be registered or importable."""
        return {
            **self.base_config(),
            "call_fn": serialize_keras_object(self.call_fn),
            "init_fn": serialize_keras_object(self.init_fn),
            "native_serialization_platforms": self._platforms,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the layer from its configuration."""
        functions = {
            name: deserialize_keras_object(config[name], custom_objects)
            for name in ("call_fn", "init_fn")
        }
        return cls(**{**config, **functions})


class FlaxLayer(JaxLayer):
    """A module of Flax's (`flax.linen`) as a layer.

    Args:
        module: the module; its method takes `inputs` and, if it wants, `training`.
        method: the method to call, `__call__` by default, or a function of the module.
        variables: the module's first variables, in place of those that it makes.

    For example `FlaxLayer(flax.linen.Dense(2))`. Flax is not needed for anything else.

    Source: `keras.layers.FlaxLayer`.
    """

    def __init__(self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any):
        self_method = getattr(module, method) if isinstance(method, str) else method
        asks = inspect.signature(self_method or module.__call__).parameters
        from flax.core.scope import DenyList

        def call_fn(params: Any, state: Any, rng: Any, inputs: Any, training: Any) -> Any:
            options = {"training": training} if "training" in asks else {}
            return module.apply(
                {**(params or {}), **(state or {})}, inputs, rngs=rng, method=self_method,
                mutable=DenyList(["params"]), **options,
            )  # fmt: skip

        def init_fn(rng: Any, inputs: Any, training: Any) -> Any:
            options = {"training": training} if "training" in asks else {}
            return _split(module.init(rng, inputs, method=self_method, **options))

        params, state = _split(variables)
        super().__init__(call_fn, init_fn, params, state, **kwargs)
        self.module, self.method = module, self_method

    def _init_rng(self) -> Any:
        return {"params": draw_seed(None), "dropout": draw_seed(None)}

    def _call_rng(self, training: bool | None) -> Any:
        return {"dropout": self.seed_generator.next()} if training else {}

    def get_config(self) -> dict[str, Any]:
        """The module and the method; a method of the module by its name."""
        method = self.method
        owner = getattr(method, "__self__", None)
        if owner is not None and owner == self.module:  # Flax's modules are compared by value
            method = method.__name__
        return {
            **self.base_config(),
            "module": serialize_keras_object(self.module),
            "method": serialize_keras_object(method),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the layer from its configuration."""
        config = dict(config)
        for name in ("module", "method"):
            config[name] = deserialize_keras_object(config[name], custom_objects)
        return cls(**config)


def _arguments(name: str, function: Callable[..., Any], allowed: tuple[str, ...]) -> list[str]:
    """The names of the arguments, checked."""
    found = list(inspect.signature(function).parameters)
    if "inputs" not in found:
        raise ValueError(
            f"Missing required argument in `{name}`: `inputs`. Received: {name}({', '.join(found)})"
        )
    for argument in found:
        if argument not in allowed:
            raise ValueError(
                f"Unsupported argument in `{name}`: `{argument}`, supported arguments are "
                f"`{'`, `'.join(allowed)}`"
            )
    return found


def _is_variable(x: Any) -> bool:
    return isinstance(x, Variable)


def _values(variables: Any) -> Any:
    return jax.tree.map(
        lambda v: v.value if _is_variable(v) else v, variables, is_leaf=_is_variable
    )


def _split(variables: Any) -> tuple[Any, Any]:
    """Flax's variables as parameters and state."""
    if variables is None:
        return None, None
    params = {k: v for k, v in variables.items() if k == "params"}
    return params, {k: v for k, v in variables.items() if k != "params"}
