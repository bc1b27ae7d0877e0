"""Layer: the base of all layers, written here or by a user in Keras's documented way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from kohort import constraints, initializers, regularizers
from kohort.core import frame as frames
from kohort.core import tree
from kohort.core.component import touch
from kohort.core.dtypes import DTypePolicy, get_policy
from kohort.core.frame import Frame
from kohort.core.masks import get_mask, set_mask
from kohort.core.naming import auto_name, name_scope, to_snake_case
from kohort.core.serialization import serialize_keras_object
from kohort.core.symbolic import KerasTensor, Node, Operation, infer_outputs
from kohort.core.variable import Variable, autocast, standardize_shape
from kohort.layers import call as calls
from kohort.layers.call import CallSpec, takes
from kohort.layers.input_spec import assert_input_compatibility
from kohort.layers.tracking import Tracked

# Values that no compiled program is made anew for, as in Keras: a counter, say.
_PLAIN = (type(None), bool, int, float, str, np.generic)
_RUNTIME = {"optimizer", "built", "_called", "stop_training", "_build_shapes", "history"}
_LEGACY = {"input_shape", "batch_input_shape", "input_dim", "input_dtype", "batch_size", "weights",
           "input_length", "batch_shape", "implementation", "sparse"}  # fmt: skip

_ABSENT = {"quantization_config", "lora_rank", "lora_alpha"}  # Keras's files say None


def _scoped_build(build: Callable[..., Any]) -> Callable[..., Any]:
    """Run `build` inside the layer's name scope and mark the layer as built."""

    @functools.wraps(build)
    def wrapper(self: Layer, *args: Any, **kwargs: Any) -> Any:
        with name_scope(self.name, owner=self):
            result = build(self, *args, **kwargs)
        self._remember_build(build, args, kwargs)
        self.built = True
        return result

    return wrapper


class Layer(Tracked, Operation, module="keras.layers"):
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
        legacy = {key: kwargs.pop(key) for key in list(kwargs) if key in _LEGACY}
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
        self.built = False
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
            self._initial_weights = list(weights) if isinstance(weights, (list, tuple)) else [weights]

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
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        self._dtype_policy = get_policy(value)

    @property
    def dtype(self) -> str:
        """The dtype of the variables."""
        return self.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype in which `call` runs."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
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
                ("initializer", initializer), ("regularizer", regularizer), ("constraint", constraint)
            )
        }  # fmt: skip
        dtype = dtype or self.variable_dtype
        if own["initializer"] is None:
            own["initializer"] = "glorot_uniform" if "float" in str(dtype) else "zeros"
        with name_scope(self.name, owner=self):
            variable = Variable(
                initializers.get(own["initializer"]),
                shape=standardize_shape(() if shape is None else shape),
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

    def add_metric(self, value: Any, name: str | None = None, aggregation: str = "mean") -> None:
        """Report the mean of `value` over the epoch as `name` (the Keras 2 call)."""
        from kohort.metrics import Mean

        if name is None:
            raise ValueError("Please provide a name for your metric like `add_metric(value, name='…')`")
        metrics = self.__dict__.setdefault("_added_metrics", {})
        if name not in metrics:
            metrics[name] = Mean(name=name)
            touch()
        metrics[name].update_state(value)

    def build(self, input_shape: Any) -> None:
        """Create the variables. The default creates none."""
        self._check_super_called()
        self.built = True

    def _remember_build(self, build: Callable[..., Any], args: tuple, kwargs: dict) -> None:
        if args and not kwargs and len(args) == 1:
            self._build_shapes = {"input_shape": args[0]}
        elif kwargs or args:
            names = [n for n in calls._signature(build).parameters][1:]
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
            shapes = {k: tree.map_shape_structure(tuple, v) for k, v in config["shapes_dict"].items() if v is not None}
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
                with name_scope(self.name, owner=self):
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
                lambda x: KerasTensor(x.shape, str(x.dtype)) if calls.is_tensor(x) else x, spec.given
            )
            try:
                infer_outputs(self.call, **symbolic)
            except Exception:  # noqa: BLE001 - the real call tells what is wrong, with values
                return

    def _builds_in_call(self) -> bool:
        """Whether `call` may make variables: it then runs once on shapes alone."""
        code = getattr(type(self).call, "__code__", None)
        return code is not None and "add_weight" in code.co_names

    # ---- calling

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; subclasses override it."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call` method implemented."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._check_super_called()
        args, kwargs = self._convert_inputs(args, kwargs)
        parameters = calls.signature_of(self.call).parameters.values()
        told = None  # `training` for the layers inside, where `call` itself does not ask for it
        if not any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters):
            told = kwargs.pop("training", None)
        try:
            spec = CallSpec(calls.signature_of(self.call), args, kwargs)
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}.call(): {error}") from None
        if not self._allow_non_tensor_positional_args:
            self._check_positional(args, spec)
        if spec.tensors:
            self._check_inputs(spec)
        outer = calls.call_context()
        context = outer or calls.CallContext(self)
        if outer is None:
            calls.set_call_context(context)
            if frames.current() is None:
                self._clear_losses()
        before = context.training
        try:
            context.training = before if told is None else told
            training = self._resolve_training(spec, kwargs, context)
            masks = self._fill_masks(spec, kwargs)
            self._maybe_build(spec)
            return self._run(args, kwargs, training, masks, spec)
        finally:
            context.training = before
            if outer is None:
                calls.set_call_context(None)

    def _convert_inputs(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """Arrays and lists of numbers become JAX arrays; floats get the compute dtype."""
        if not self._convert_input_args:
            return args, kwargs
        dtype = self.compute_dtype

        def convert(x: Any) -> Any:
            if isinstance(x, (Variable, np.ndarray, jnp.ndarray, KerasTensor)) or (
                hasattr(x, "__array__") and not isinstance(x, (str, np.generic))
            ):
                if isinstance(x, np.ndarray) and x.dtype.kind in "OSU":
                    return x
                mask = get_mask(x)
                y = self.dtype_policy.convert_input(x, self.autocast, dtype)
                if mask is not None and y is not x:
                    set_mask(y, mask)
                return y
            return x

        # Lists of numbers are data where the first argument stands, settings elsewhere.
        if args and _is_number_list(args[0]):
            args = (np.asarray(args[0]), *args[1:])
        return tree.map_structure(convert, args), tree.map_structure(convert, kwargs)

    def _check_positional(self, args: tuple, spec: CallSpec) -> None:
        for leaf in tree.flatten(args):
            if not calls.is_tensor(leaf) and leaf is not None:
                raise ValueError(
                    "Only input tensors may be passed as positional arguments. The following "
                    f"argument value should be passed as a keyword argument: {leaf} "
                    f"(of type {type(leaf)})"
                )

    def _check_inputs(self, spec: CallSpec) -> None:
        assert_input_compatibility(self.input_spec, spec.first, layer_name=self.name)

    def _resolve_training(self, spec: CallSpec, kwargs: dict, context: Any) -> bool | None:
        """The call's own value, else the outer call's, else the signature's default."""
        training = spec.given.get("training")
        if training is None:
            training = context.training
        if training is None:
            training = spec.arguments.get("training")
        context.training = training
        return training

    def _fill_masks(self, spec: CallSpec, kwargs: dict) -> dict[str, Any]:
        """The masks that travel with the inputs, where `call` asks for them."""
        return {
            name: masks
            for name, masks in spec.masks().items()
            if takes(self.call, name) and spec.given.get(name) is None
        }

    def _run(self, args: tuple, kwargs: dict, training: Any, masks: dict, spec: CallSpec) -> Any:
        extra = dict(masks)
        if training is not None and "training" not in spec.given and takes(self.call, "training"):
            extra["training"] = training
        # The mask before the call, which may take it off the inputs.
        previous = {**kwargs, **extra}.get("mask")
        if previous is None:
            previous = tree.map_structure(get_mask, spec.first)
        cast = self.compute_dtype if self.autocast and self.compute_dtype != self.variable_dtype else None
        with name_scope(self.name, owner=self), autocast(cast):
            if calls.is_symbolic(spec):
                outputs = self.compute_output_spec(*args, **{**kwargs, **extra})
                Node(self, args, kwargs, outputs)
            else:
                outputs = self.call(*args, **{**kwargs, **extra})
                self._add_activity_losses(outputs)
        self._called = True
        self._set_output_masks(spec, previous, outputs)
        return outputs

    def _add_activity_losses(self, outputs: Any) -> None:
        """The penalty on the outputs, per row: a batch of any size weighs the same."""
        if self.activity_regularizer is None:
            return
        for y in tree.flatten(outputs):
            if calls.is_tensor(y):
                rows = max(y.shape[0], 1) if y.ndim else 1
                self.add_loss(self.activity_regularizer(y) / rows)

    def _set_output_masks(self, spec: CallSpec, previous: Any, outputs: Any) -> None:
        flat = tree.flatten(outputs)
        masked = any(m is not None for m in tree.flatten(previous))
        if type(self).compute_mask is Layer.compute_mask and not masked:
            return
        if not self.supports_masking:
            if masked and type(self).compute_mask is Layer.compute_mask:
                self._warn_lost_mask()
            return
        masks = self.compute_mask(spec.first, previous)
        if masks is None:
            return
        for y, mask in zip(flat, tree.flatten(masks), strict=False):
            if mask is not None and y is not None and get_mask(y) is None:
                set_mask(y, mask)

    def _warn_lost_mask(self) -> None:
        import warnings

        warnings.warn(
            f"Layer '{self.name}' (of type {type(self).__name__}) was passed an input with a mask "
            "attached to it. However, this layer does not support masking and will therefore "
            "destroy the mask information. Downstream layers will not see the mask.",
            stacklevel=5,
        )

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs; the default hands the input's mask on."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The output's shape for an input shape, found by running `call` on shapes."""
        if type(self).call is Layer.call:
            raise NotImplementedError(
                f"Layer {type(self).__name__} does not have a `compute_output_shape` method "
                "implemented."
            )
        spec = self.compute_output_spec(*self._symbolic_args(args), **self._symbolic_kwargs(kwargs))
        return tree.map_structure(lambda x: x.shape, spec)

    def _symbolic_args(self, shapes: tuple) -> list[Any]:
        make = functools.partial(KerasTensor, dtype=self.compute_dtype)
        return [tree.map_shape_structure(make, shape) for shape in shapes]

    def _symbolic_kwargs(self, shapes: dict) -> dict[str, Any]:
        make = functools.partial(KerasTensor, dtype=self.compute_dtype)
        named = {}
        for i, (name, shape) in enumerate(shapes.items()):
            key = name.removesuffix("_shape")
            parameters = list(calls.signature_of(self.call).parameters)
            key = key if key in parameters else parameters[i]
            named[key] = tree.map_shape_structure(make, shape) if shape is not None else None
        return named

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as symbolic tensors."""
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            spec = CallSpec(calls.signature_of(self.call), args, kwargs)
            shapes = calls.shapes_for(self.compute_output_shape, spec.shapes())
            shape = self.compute_output_shape(**shapes)
            make = functools.partial(KerasTensor, dtype=self.compute_dtype)
            if shape == () or shape is None or calls.tree.is_shape(shape):
                return make(shape or ())
            return tree.map_shape_structure(make, shape)
        if not self.built:
            self._maybe_build(CallSpec(calls.signature_of(self.call), args, kwargs))
        return infer_outputs(self.call, *args, **kwargs)

    # ---- pure form, configuration, files

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call the layer as a pure function of its variables.

        Returns the outputs and the new values of the non-trainable variables (and, with
        `return_losses`, the penalties).
        """
        self._check_super_called()
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables "
                "must have been already created). You can build it by calling it on some data."
            )
        own, fixed = self.trainable_variables, self.non_trainable_variables
        for kind, given, have in (
            ("trainable", trainable_variables, own), ("non_trainable", non_trainable_variables, fixed)
        ):  # fmt: skip
            if len(given) != len(have):
                raise ValueError(
                    f"Argument `{kind}_variables` must be a list of tensors corresponding 1:1 to "
                    f"{type(self).__name__}().{kind}_variables. Received list with length "
                    f"{len(given)}, but expected {len(have)} variables."
                )
        values = dict(zip([*own, *fixed], [*trainable_variables, *non_trainable_variables], strict=True))
        values = {v: x.value if isinstance(x, Variable) else jnp.asarray(x) for v, x in values.items()}
        with Frame(values) as frame:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        new = [frame.values[v] for v in fixed]
        return (outputs, new, losses) if return_losses else (outputs, new)

    def base_config(self) -> dict[str, Any]:
        """Name, trainable and dtype policy."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        policy = self.dtype_policy
        config["dtype"] = serialize_keras_object(policy) if isinstance(policy, DTypePolicy) else policy
        declared = self.fields.get("activity_regularizer")
        if self.activity_regularizer is not None and not (declared and declared.config):
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    def get_config(self) -> dict[str, Any]:
        """The configuration; a user's `__init__` arguments are included where they are plain."""
        config = super().get_config()
        cls = type(self)
        if cls.get_config is Layer.get_config and not getattr(cls.__init__, "from_fields", False):
            config |= self._captured_config(set(config))
        return config

    def _captured_config(self, known: set[str]) -> dict[str, Any]:
        args, kwargs = self._init_args
        names = [n for n in calls._signature(type(self).__init__).parameters][1:]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        given = {k: v for k, v in given.items() if k not in known and k not in _LEGACY}
        try:
            return {k: serialize_keras_object(v) for k, v in given.items()}
        except TypeError as error:
            raise NotImplementedError(
                f"Object {type(self).__name__} was created by passing non-serializable argument "
                "values in `__init__()`, and therefore the object must override `get_config()` in "
                f"order to be serializable. Please implement `get_config()`. ({error})"
            ) from None

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own variables into `store`, by position."""
        own = self._own_variables()
        ordered = [v for v in own if v.trainable] + [v for v in own if not v.trainable]
        for i, v in enumerate(ordered):
            store[str(i)] = v

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own variables from `store`."""
        own = self._own_variables()
        ordered = [v for v in own if v.trainable] + [v for v in own if not v.trainable]
        if len(store.keys()) != len(ordered):
            hint = "" if self.built else (
                " The layer was never built, so that it has no variables: call it on data first."
            )
            raise ValueError(
                f"Layer '{self.name}' expected {len(ordered)} variables, but received "
                f"{len(store.keys())} variables during loading.{hint} "
                f"Expected: {[v.name for v in ordered]}"
            )
        for i, v in enumerate(ordered):
            v.assign(np.asarray(store[str(i)]))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _is_number_list(x: Any) -> bool:
    return isinstance(x, list) and bool(x) and all(
        isinstance(v, (bool, int, float, np.generic)) for v in tree.flatten(x)
    )
