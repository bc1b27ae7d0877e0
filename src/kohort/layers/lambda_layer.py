"""Lambda: any function as a layer."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any

from kohort.core import tree
from kohort.core.bytecode import func_dump, func_load
from kohort.core.serialization import (
    deserialize_keras_object,
    in_safe_mode,
    serialize_keras_object,
)
from kohort.core.symbolic import infer_outputs
from kohort.layers.layer import Layer


class Lambda(Layer):
    """Apply a function: `output = function(input, **arguments)`.

    A Python lambda is saved as byte code, which loads only with `safe_mode=False` and on the
    same Python version. A registered named function, or a subclass of `Layer`, is portable.

    Args:
        function: takes the inputs, and `mask` and `training` where it names them.
        output_shape: the shape without the batch axis, or a function of the input shape; found
            out where it is None.
        mask: a mask for the output, or a function `(inputs, mask) -> mask`.
        arguments: further keyword arguments of the function.

    >>> print(Lambda(lambda x: x**2)(np.array([[1.0, 3.0]])))
    [[1. 9.]]

    Source: `keras.layers.Lambda`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.function, self.arguments = function, arguments or {}
        self.mask, self._output_shape = mask, output_shape
        self.supports_masking = mask is not None
        names = inspect.getfullargspec(function).args
        self._asks = {name for name in ("training", "mask") if name in names}

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Call the function."""
        known = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: known[k] for k in self._asks})

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """The mask that was given, or what its function says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape that was given, or that of the function's result."""
        if self._output_shape is None:
            try:
                return super().compute_output_shape(input_shape)
            except Exception as error:
                raise NotImplementedError(
                    "We could not automatically infer the shape of the Lambda's output. Please "
                    "specify the `output_shape` argument for this Lambda layer. "
                    f"The function failed with {type(error).__name__}: {error}"
                ) from error
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = tree.flatten(input_shape)[0]
        return tree.map_shape_structure(lambda shape: (batch, *shape), self._output_shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs as symbolic tensors."""
        if self._output_shape is None:
            return infer_outputs(self.call, *args, **kwargs)
        return super().compute_output_spec(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The function and what belongs to it; lambdas as byte code."""
        config = {**self.base_config(), "function": _dump(self.function)}
        if self._output_shape is not None:
            shape = self._output_shape
            config["output_shape"] = _dump(shape) if callable(shape) else shape
        if self.mask is not None:
            mask = self.mask
            config["mask"] = _dump(mask) if callable(mask) else serialize_keras_object(mask)
        config["arguments"] = serialize_keras_object(self.arguments)
        return config

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: bool | None = None
    ) -> Any:
        """Make the layer; a lambda is refused unless `safe_mode` is False here or around."""
        safe = (in_safe_mode() if safe_mode is None else safe_mode) is not False
        config = dict(config)
        for key in ("function", "output_shape", "mask", "arguments"):
            if key in config:
                config[key] = _load(config[key], custom_objects, safe)
        shape = config.get("output_shape")
        if isinstance(shape, list) and tree.is_shape(shape):
            config["output_shape"] = tuple(shape)
        return cls(**config)


def _dump(function: Any) -> Any:
    if isinstance(function, types.LambdaType) and function.__name__ == "<lambda>":
        return {"class_name": "__lambda__", "config": func_dump(function)}
    return serialize_keras_object(function)


def _load(config: Any, custom_objects: Any, safe: bool) -> Any:
    if not isinstance(config, dict) or config.get("class_name") != "__lambda__":
        return deserialize_keras_object(config, custom_objects=custom_objects)
    if safe:
        raise ValueError(
            "Requested the deserialization of a `Lambda` layer whose `function` is a Python "
            "lambda. This carries a potential risk of arbitrary code execution and thus it is "
            "disallowed by default. If you trust the source of the artifact, you can override "
            "this error by passing `safe_mode=False` to the loading function, or calling "
            "`keras.config.enable_unsafe_deserialization()."
        )
    return func_load(config["config"].get("value", config["config"]))
