"""Sequential: a plain stack of layers."""

from __future__ import annotations

import copy
import inspect
from typing import Any

from kohort.core import tree
from kohort.core.component import touch
from kohort.core.masks import get_mask
from kohort.core.naming import name_scope
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.symbolic import KerasTensor
from kohort.core.variable import standardize_shape
from kohort.layers import InputLayer, Layer
from kohort.layers.call import takes
from kohort.models.functional import Functional
from kohort.models.model import Model


class Sequential(Model, module="keras"):
    """A stack of layers, each with one input and one output.

    It is built when the input's shape is known: from an `Input`, from `input_shape=` of the
    first layer, or from the first data.

    Args:
        layers: the layers.
        trainable: whether the variables are trained.
        name: the model's name.

    >>> from kohort import layers
    >>> model = Sequential([layers.Input((4,)), layers.Dense(2)])
    >>> model.output_shape
    (None, 2)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name)
        self._stack: list[Layer] = []
        self._functional: Functional | None = None
        self._tail: Any = None
        self._deferred = False  # built from data: nobody said what shape the input has
        for layer in layers or []:
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top."""
        if not self._stack and getattr(layer, "_input_shape_arg", None) is not None:
            self.add(InputLayer(batch_shape=layer._input_shape_arg))
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            layer = layer._keras_history.operation
        self._check_layer(layer)
        self._stack.append(layer)
        touch()
        self._functional = None
        if self._tail is not None:
            self._extend(layer)
        else:
            self.built = False
            self._try_start()

    def _check_layer(self, layer: Any) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(
                "Only instances of `keras.Layer` can be added to a Sequential model. "
                f"Received: {layer} (of type {type(layer)})"
            )
        if any(known.name == layer.name and known is not layer for known in self._stack):
            raise ValueError(
                "All layers added to a Sequential model should have unique names. Name "
                f"'{layer.name}' is already the name of a layer in this model. Update the `name` "
                "argument to pass a unique name."
            )
        if isinstance(layer, InputLayer) and self._stack and isinstance(self._stack[0], InputLayer):
            raise ValueError(
                f"Sequential model '{self.name}' has already been configured to use input shape "
                f"{self._stack[0].batch_shape}. You cannot add a different Input layer to it."
            )

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer away and return it."""
        layer = self._stack.pop()
        self._functional = self._tail = None
        self.built = False
        touch()
        if self._stack:
            self._try_start()
        return layer

    def _try_start(self) -> None:
        """Build where the stack begins with something of known shape."""
        first = self._stack[0]
        if isinstance(first, InputLayer):
            self._build_from(first.batch_shape)
        elif isinstance(first, Model) and len(self._stack) > 1:
            shape = getattr(first, "input_shape", None)
            if shape is not None:
                self.build(shape)

    def build(self, input_shape: Any = None) -> None:
        """Build all layers for an input shape."""
        try:
            input_shape = standardize_shape(input_shape)
        except (ValueError, TypeError):
            return  # several inputs: built by the first call
        if not self._stack:
            raise ValueError(
                f"Sequential model {self.name} cannot be built because it has no layers. "
                "Call `model.add(layer)`."
            )
        first = self._stack[0]
        if isinstance(first, InputLayer):
            if first.batch_shape != input_shape:
                raise ValueError(
                    f"Sequential model '{self.name}' has already been configured to use input "
                    f"shape {first.batch_shape}. You cannot build it with input_shape {input_shape}"
                )
            if self._tail is not None:
                return
        else:
            self._deferred = True
            self._stack.insert(0, InputLayer(batch_shape=input_shape, dtype=first.compute_dtype))
            touch()
        self._build_from(input_shape)

    def _build_from(self, input_shape: Any) -> None:
        self._tail = self._stack[0].output
        with name_scope(self.name, self):
            for layer in self._stack[1:]:
                self._extend(layer)
                if self._tail is None:
                    return
        self.built = len(self._stack) > 1

    def _extend(self, layer: Layer) -> None:
        with name_scope(self.name, self):
            try:
                self._tail = layer(self._tail)
                self.built = True
            except NotImplementedError:
                self._tail = None
            except TypeError:
                self._check_one_argument(layer)
                raise

    @staticmethod
    def _check_one_argument(layer: Layer) -> None:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        positional = [
            p for p in inspect.signature(layer.call).parameters.values() if p.kind in kinds
        ]
        required = [p for p in positional if p.default is inspect.Parameter.empty]
        if not positional:
            raise ValueError(
                "Layers added to a Sequential model should have a single positional argument, the "
                f"input tensor. Layer {type(layer).__name__} has no positional arguments."
            )
        if len(required) > 1:
            raise ValueError(
                "Layers added to a Sequential model can only have a single required positional "
                f"argument, the input tensor. Layer {type(layer).__name__} has multiple required "
                f"positional arguments: {required}"
            )

    def _as_functional(self) -> Functional | None:
        """The stack as a graph, made when it is first asked for."""
        if self._functional is None and self._tail is not None:
            self._functional = Functional(self._stack[0].output, self._tail, name=self.name)
        return self._functional

    def call(
        self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        """Run the layers one after another."""
        functional = self._as_functional()
        if functional is not None:
            return functional.call(inputs, training=training, mask=mask, **kwargs)
        outputs = inputs
        for layer in self.layers:
            extra = {k: v for k, v in kwargs.items() if takes(layer.call, k)}
            if mask is not None and takes(layer.call, "mask"):
                extra["mask"] = mask
            if training is not None and takes(layer.call, "training"):
                extra["training"] = training
            outputs = layer(outputs, **extra)
            mask = tree.map_structure(get_mask, outputs)
            if all(m is None for m in tree.flatten(mask)):
                mask = None
        return outputs

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        stack = self.__dict__.get("_stack", [])
        return stack[1:] if stack and isinstance(stack[0], InputLayer) else list(stack)

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(
            "`Sequential.layers` attribute is reserved and should not be used. Use `add()` and "
            "`pop()` to change the layers in this model."
        )

    @property
    def _layers(self) -> list[Any]:
        return list(self.__dict__.get("_stack", []))

    @_layers.setter
    def _layers(self, layers: list[Any]) -> None:
        self._stack = list(layers)

    def compute_output_spec(
        self, inputs: Any, training: Any = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        """The symbolic output for a symbolic input."""
        functional = self._as_functional()
        if functional is not None:
            return functional.compute_output_spec(inputs, training=training, mask=mask)
        for layer in self.layers:
            inputs = layer.compute_output_spec(inputs)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input shape."""
        functional = self._as_functional()
        if functional is not None:
            return functional.compute_output_shape(input_shape)
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    @property
    def input_spec(self) -> Any:
        """What the input must look like, once the model is built."""
        if self.__dict__.get("_tail") is None or self._deferred:
            return None  # other sizes than those of the first data may follow
        functional = self._as_functional()
        return functional.input_spec if functional is not None else None

    @input_spec.setter
    def input_spec(self, value: Any) -> None:
        if value is not None:
            raise AttributeError("The `input_spec` of a Sequential model follows from its layers.")

    def _known(self, what: str) -> Functional:
        functional = self._as_functional()
        if functional is None:
            raise AttributeError(f"Sequential model '{self.name}' has no defined {what} yet.")
        return functional

    @property
    def input_shape(self) -> Any:
        """The shape of the input."""
        return self._known("input shape").input_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output."""
        return self._known("output shape").output_shape

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic input, in a list."""
        return self._known("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic output, in a list."""
        return self._known("outputs").outputs

    @property
    def input(self) -> KerasTensor:
        """The symbolic input."""
        return self.inputs[0]

    @property
    def output(self) -> KerasTensor:
        """The symbolic output."""
        return self.outputs[0]

    @property
    def input_names(self) -> list[str]:
        """The name of the input."""
        return self._known("inputs").input_names

    @property
    def output_names(self) -> list[str]:
        """The name of the output."""
        return self._known("outputs").output_names

    @property
    def input_dtype(self) -> str:
        """The dtype of the input layer."""
        stack = self.__dict__.get("_stack", [])
        if stack and isinstance(stack[0], InputLayer):
            return stack[0].dtype
        return super().input_dtype

    def get_config(self) -> dict[str, Any]:
        """The layers' configurations and the input shape."""
        config = Model.get_config(self)
        config["name"] = self.name
        config["layers"] = copy.deepcopy([serialize_keras_object(x) for x in self._stack])
        if self._tail is not None:
            config["build_input_shape"] = self._stack[0].batch_shape  # type: ignore[attr-defined]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Sequential:
        """Make the model from its configuration."""
        if "name" not in config:
            raise ValueError(
                "A Sequential model configuration must be a dictionary containing the 'name' and "
                f"'layers' keys. Received: config={config}"
            )
        model = cls(name=config["name"])
        for layer_config in config["layers"]:
            if not isinstance(layer_config, dict) or "config" not in layer_config:
                raise ValueError(
                    "The provided configuration is not a valid Keras configuration. Expected a "
                    f"dictionary containing a 'config' key. Received: config={layer_config}"
                )
            model.add(deserialize_keras_object(layer_config, custom_objects=custom_objects))
        shape = config.get("build_input_shape")
        if model._tail is None and shape is not None and isinstance(shape, (tuple, list)):
            model.build(tuple(shape))
        return model
