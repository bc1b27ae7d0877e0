"""Layer: the base of all layers, written here or by a user in Keras's documented way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from kohort import constraints, initializers, regularizers
from kohort.core import frame as frames
from kohort.core import tree
from kohort.core.component import touch
from kohort.core.dtypes import DTypePolicy, get_policy
from kohort.core.naming import auto_name, name_scope, to_snake_case
from kohort.core.symbolic import KerasTensor, Operation, infer_outputs
from kohort.core.variable import Variable, standardize_shape
from kohort.layers import call as calls
from kohort.layers.call import CallSpec
from kohort.layers.calling import Calling
from kohort.layers.configured import LEGACY, Configured
from kohort.layers.tracking import Tracked

# Values that no compiled program is made anew for, as in Keras: a counter, say.
_PLAIN = (type(None), bool, int, float, str, np.generic)
_RUNTIME = {"optimizer", "built", "_called", "stop_training", "_build_shapes", "history"}
_ABSENT = {"quantization_config", "lora_rank", "lora_alpha"}  # Keras's files say None


def _scoped_build(build: Callable[..., Any]) -> Callable[..., Any]:
    """Run `build` inside the layer's name scope and mark the layer as built."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> Any:
        with name_scope(self.name, self):
            result = build(self, *args, **kwargs)
        self._remember_build(build, args, kwargs)
        self.built = True
        return result

    return wrapper


class Layer(Calling, Configured, Tracked, Operation, module="keras.layers"):
    """A callable with variables.

    A subclass declares its configuration as fields (or writes `__init__`), creates its
    variables in `build(input_shape)` and computes in `call(inputs)`. `call` may ask for
    `training` and `mask` by name.

    Args:
        activity_regularizer: a penalty on the outputs.
        trainable: whether training changes the variables.
        dtype: a dtype or policy.
        autocast: whether float inputs are cast to the compute dtype.
        name: the layer's name.

    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")
    ...     def call(self, x):
    ...         return x * self.gain
    >>> Scale()(np.ones((1, 2))).shape
    (1, 2)

    Source: the interface of `keras.layers.Layer`.
    """

    _needs_no_build = False
    """True for layers of Kohort that never have variables: they are built from the start."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _scoped_build(cls.__dict__["build"])  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ):
        legacy = {key: kwargs.pop(key) for key in list(kwargs) if key in LEGACY}
        for key in _ABSENT & kwargs.keys():
            if kwargs[key] is None:
                del kwargs[key]
        if kwargs:
            raise ValueError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}"
            )
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                "Argument `name` must be a string and cannot contain character `/`. "
                f"Received: name={name} (of type {type(name)})"
            )
        super().__init__(name=name or auto_name(to_snake_case(type(self).__name__)))
        if not isinstance(trainable, bool):
            raise ValueError(
                "Argument `trainable` was expected to be a boolean, but received: "
                f"trainable={trainable} (of type {type(trainable)})"
            )
        self._own: list[Variable] = []
        self._trainable = trainable
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.dtype_policy = dtype
        self.autocast = autocast
        self.built = type(self)._needs_no_build and type(self).build is Layer.build
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self._called = False
        self.input_spec: Any = None
        self._convert_input_args = True
        self._allow_non_tensor_positional_args = False
        self._legacy_input(legacy)

    def _legacy_input(self, legacy: dict[str, Any]) -> None:
        """Keep `input_shape=` and its kin for Sequential to find."""
        shape = legacy.get("batch_input_shape") or legacy.get("batch_shape")
        if shape is None and legacy.get("input_shape") is not None:
            shape = (legacy.get("batch_size"), *tree.flatten([legacy["input_shape"]]))
        if shape is None and legacy.get("input_dim") is not None:
            shape = (legacy.get("batch_size"), legacy["input_dim"])
        if shape is None and legacy.get("input_length") is not None:  # of an Embedding
            shape = (legacy.get("batch_size"), legacy["input_length"])
        if shape is not None:
            self._input_shape_arg = tuple(shape)
        if legacy.get("weights") is not None:
            weights = legacy["weights"]
            several = isinstance(weights, (list, tuple))
            self._initial_weights = list(weights) if several else [weights]

    def __setattr__(self, key: str, value: Any) -> None:
        if key not in _RUNTIME:
            if not isinstance(value, _PLAIN) or key in self.fields:
                touch()
        super().__setattr__(key, value)

    def __delattr__(self, key: str) -> None:
        touch()
        super().__delattr__(key)

    def _check_super_called(self) -> None:
        if "_own" not in self.__dict__:
            raise RuntimeError(
                f"In layer '{type(self).__name__}', you forgot to call `super().__init__()` as "
                "the first statement in the `__init__()` method. Go add it!"
            )

    # ---- dtypes and names

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtypes of computation and variables; may be set by name."""
        return self._dtype_policy.at(self.name)

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = get_policy(value)

    @property
    def dtype(self) -> str:
        """The dtype of the variables."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:  # type: ignore[override]
        """The dtype in which `call` runs."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:  # type: ignore[override]
        """The dtype of the variables."""
        return self.dtype_policy.variable_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype to which float inputs are cast."""
        return self.compute_dtype

    @property
    def path(self) -> str:
        """The layer's name."""
        return self.name

    # ---- building

    def _weight_shape(self, name: str | None, shape: Any) -> tuple[int, ...]:
        """The shape of a weight, of which no axis may be unknown."""
        found = standardize_shape(shape)
        if None in found:
            raise ValueError(
                f"A weight's shape must be known when it is made. Received: shape {found} for "
                f"'{name}' of layer '{self.name}'.\n"
                "  1. Give the input its full shape.\n"
                "  2. Give the preprocessing layer before it a fixed width: max_tokens=… and "
                "pad_to_max_tokens=True, or its vocabulary."
            )
        return found  # type: ignore[return-value]

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> Variable:
        """Create a variable and own it.

        Where nothing is given, `<name>_initializer`, `<name>_regularizer` and
        `<name>_constraint` of the layer apply.
        """
        self._check_super_called()
        if isinstance(shape, str):  # Keras 2: add_weight("kernel", shape=…)
            name, shape = shape, kwargs.pop("shape", None)
        own = {
            part: given if given is not None else getattr(self, f"{name}_{part}", None)
            for part, given in (
                ("initializer", initializer),
                ("regularizer", regularizer),
                ("constraint", constraint),
            )
        }  # fmt: skip
        dtype = dtype or self.variable_dtype
        if own["initializer"] is None:
            own["initializer"] = "glorot_uniform" if "float" in str(dtype) else "zeros"
        with name_scope(self.name, self):
            variable = Variable(
                initializers.get(own["initializer"]),
                shape=self._weight_shape(name, () if shape is None else shape),
                dtype=dtype,
                trainable=trainable and self._trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = regularizers.get(own["regularizer"])
        variable.constraint = constraints.get(own["constraint"])
        variable.overwrite_with_gradient = overwrite_with_gradient
        if trainable:
            self._born_trainable.add(variable)
        self._own.append(variable)
        touch()
        return variable

    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, trainable: bool = True, **kwargs: Any
    ) -> Variable:
        """Keras's other name of `add_weight`."""
        return self.add_weight(shape, initializer, dtype=dtype, trainable=trainable, **kwargs)

    def add_metric(self, value: Any, name: str | None = None, aggregation: str = "mean") -> None:
        """Report the mean of `value` over the epoch as `name` (the Keras 2 call)."""
        from kohort.metrics import Mean

        if name is None:
            raise ValueError(
                "Please provide a name for your metric like `add_metric(value, name='…')`"
            )
        metrics = self.__dict__.setdefault("_added_metrics", {})
        if name not in metrics:
            metrics[name] = Mean(name=name)
            touch()
        metrics[name].update_state(value)

    def build(self, input_shape: Any) -> None:
        """Create the variables. The default creates none."""
        self._check_super_called()
        self.built = True

    def _build_at_init(self) -> None:
        """Mark a layer without variables as built; layers written for Keras call it."""
        if type(self).build is Layer.build:
            self.built = True

    def _remember_build(self, build: Callable[..., Any], args: tuple, kwargs: dict) -> None:
        if args and not kwargs and len(args) == 1:
            self._build_shapes = {"input_shape": args[0]}
        elif kwargs or args:
            names = list(calls._signature(build).parameters)[1:]
            self._build_shapes = {**dict(zip(names, args, strict=False)), **kwargs}
            if list(self._build_shapes) == ["input_shape"] or len(self._build_shapes) == 1:
                self._build_shapes = {"input_shape": next(iter(self._build_shapes.values()))}

    def get_build_config(self) -> dict[str, Any] | None:
        """The shapes that the layer was built with."""
        shapes = self.__dict__.get("_build_shapes")
        if not shapes:
            return None
        return shapes if "input_shape" in shapes else {"shapes_dict": shapes}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build from what `get_build_config` returned."""
        if not config:
            return
        if "input_shape" in config:
            shape = config["input_shape"]
            shape = tree.map_shape_structure(tuple, shape) if shape is not None else None
            if type(self).build is Layer.build:
                self.built = True
            else:
                self.build(shape)
        elif "shapes_dict" in config:
            shapes = {
                k: tree.map_shape_structure(tuple, v)
                for k, v in config["shapes_dict"].items()
                if v is not None
            }
            self.build(**calls.shapes_for(self.build, shapes))
        self.built = True

    def _maybe_build(self, spec: CallSpec) -> None:
        if self.built:
            return
        with frames.suspended():
            shapes = spec.shapes()
            if type(self).build is not Layer.build:
                self.build(**calls.shapes_for(self.build, shapes))
            else:
                with name_scope(self.name, self):
                    self._build_by_call(spec)
                self._build_shapes = {"input_shape": next(iter(shapes.values()), None)}
        self.built = True
        weights = self.__dict__.pop("_initial_weights", None)
        if weights is not None:
            self.set_weights(weights)

    def _build_by_call(self, spec: CallSpec) -> None:
        """A layer without `build`: run `call` on shapes, so that sub-layers get built."""
        if self.held(Layer) or type(self).call is not Layer.call and self._builds_in_call():
            symbolic = tree.map_structure(
                lambda x: KerasTensor(x.shape, str(x.dtype)) if calls.is_tensor(x) else x,
                spec.given,
            )
            try:
                infer_outputs(self.call, **symbolic)
            except Exception:  # the real call tells what is wrong, with values
                return

    def _builds_in_call(self) -> bool:
        """Whether `call` may make variables: it then runs once on shapes alone."""
        code = getattr(type(self).call, "__code__", None)
        return code is not None and "add_weight" in code.co_names

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"
