"""How a layer is called: inputs, `training`, masks, losses, and shapes without values."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from kohort.core import frame as frames
from kohort.core import tree
from kohort.core.dtypes import DTypePolicy
from kohort.core.masks import get_mask, set_mask
from kohort.core.naming import name_scope
from kohort.core.symbolic import KerasTensor, Node, infer_outputs
from kohort.core.variable import Variable, autocast
from kohort.layers import call as calls
from kohort.layers.call import CallSpec, takes
from kohort.layers.input_spec import assert_input_compatibility


class Calling:
    """The part of `Layer` that runs `call`."""

    name: str
    built: bool
    autocast: bool
    dtype_policy: DTypePolicy
    compute_dtype: str
    variable_dtype: str
    input_spec: Any
    supports_masking: bool
    activity_regularizer: Any
    _convert_input_args: bool
    _allow_non_tensor_positional_args: bool
    _check_super_called: Callable[[], None]
    rematerialized_call: Callable[..., Callable[..., Any]]
    _maybe_build: Callable[[CallSpec], None]
    _clear_losses: Callable[[], None]
    add_loss: Callable[[Any], None]

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; subclasses override it."""
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call` method implemented."
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._check_super_called()
        given = args, dict(kwargs)
        args, kwargs = self._convert_inputs(args, kwargs)
        parameters = calls.signature_of(self.call).parameters.values()
        told = None  # `training` for the layers inside, where `call` itself does not ask for it
        if not any(p.name == "training" or p.kind is p.VAR_KEYWORD for p in parameters):
            told = kwargs.pop("training", None)
            given[1].pop("training", None)
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
            return self._run(args, kwargs, training, masks, spec, given)
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

    def _run(
        self, args: tuple, kwargs: dict, training: Any, masks: dict, spec: CallSpec, given: Any
    ) -> Any:
        extra = dict(masks)
        if training is not None and "training" not in spec.given and takes(self.call, "training"):
            extra["training"] = training
        # The mask before the call, which may take it off the inputs.
        previous = {**kwargs, **extra}.get("mask")
        if previous is None:
            previous = tree.map_structure(get_mask, spec.first)
        with name_scope(self.name, self), autocast(self._cast_dtype()):
            if calls.is_symbolic(spec):
                outputs = self.compute_output_spec(*args, **{**kwargs, **extra})
                Node(self, *given, outputs)  # as given: a cast is no part of the graph
            else:
                given_all = {**kwargs, **extra}
                outputs = self.rematerialized_call(self.call, *args, **given_all)(
                    *args, **given_all
                )
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
        if type(self).compute_mask is Calling.compute_mask and not masked:
            return
        if not self.supports_masking:
            if masked and type(self).compute_mask is Calling.compute_mask:
                self._warn_lost_mask()
            return
        masks = self.compute_mask(spec.first, previous)
        if masks is None:
            return
        for y, mask in zip(flat, tree.flatten(masks), strict=False):
            if mask is not None and y is not None and get_mask(y) is None:
                set_mask(y, mask)

    def _warn_lost_mask(self) -> None:
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
        if type(self).call is Calling.call:
            raise NotImplementedError(
                f"Layer {type(self).__name__} does not have a `compute_output_shape` method "
                "implemented."
            )
        spec = self.compute_output_spec(*self._symbolic_args(args), **self._symbolic_kwargs(kwargs))
        return tree.map_structure(lambda x: x.shape, spec)

    def _symbolic_args(self, shapes: tuple) -> list[Any]:
        make = functools.partial(KerasTensor, dtype=self.compute_dtype)
        return [None if s is None else tree.map_shape_structure(make, s) for s in shapes]

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
        if type(self).compute_output_shape is not Calling.compute_output_shape:
            spec = CallSpec(calls.signature_of(self.call), args, kwargs)
            shapes = calls.shapes_for(self.compute_output_shape, spec.shapes())
            shape = self.compute_output_shape(**shapes)
            make = functools.partial(KerasTensor, dtype=self.compute_dtype)
            if shape == () or shape is None or tree.is_shape(shape):
                return make(shape or ())
            return tree.map_shape_structure(make, shape)
        if not self.built:
            self._maybe_build(CallSpec(calls.signature_of(self.call), args, kwargs))
        with autocast(self._cast_dtype()):
            return infer_outputs(self.call, *args, **kwargs)

    def _cast_dtype(self) -> str | None:
        """The dtype in which float variables are read inside `call`, where it is another."""
        mixed = self.autocast and self.compute_dtype != self.variable_dtype
        return self.compute_dtype if mixed else None


def _is_number_list(x: Any) -> bool:
    return (
        isinstance(x, list)
        and bool(x)
        and all(isinstance(v, (bool, int, float, np.generic)) for v in tree.flatten(x))
    )
