"""Model: a layer that can be compiled, trained, evaluated and saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kohort.core.serialization import serialize_keras_object
from kohort.core.symbolic import KerasTensor
from kohort.core.tree import flatten
from kohort.layers.layer import Layer
from kohort.models import state_tree as trees
from kohort.models.compiling import Compiling
from kohort.models.training import Training


class Model(Compiling, Training, Layer, module="keras"):  # type: ignore[misc]
    """A network: functional (`Model(inputs, outputs)`) or a subclass with a `call`.

    Args:
        inputs, outputs: symbolic tensors, for a functional model.
        name: the model's name.

    >>> from kohort import layers
    >>> x = layers.Input((3,))
    >>> Model(x, layers.Dense(1)(x)).count_params()
    4
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and (len(args) >= 2 or {"inputs", "outputs"} <= kwargs.keys() or (
            len(args) == 1 and "outputs" in kwargs
        )):  # fmt: skip
            from kohort.models.functional import Functional

            return Functional.__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        graph = _graph_arguments(args, kwargs)
        if graph is not None and type(self) is not Model and not hasattr(type(self), "_as_graph"):
            self._become_functional()
            self.__init__(*args, **kwargs)  # type: ignore[misc]
            return
        if args and graph is None:
            raise TypeError(
                f"{type(self).__name__}.__init__() takes no positional arguments. Received: {args}"
            )
        super().__init__(**kwargs)
        self._start_uncompiled()

    def _become_functional(self) -> None:
        """Make an instance functional whose class calls `super().__init__(inputs, outputs)`."""
        from kohort.models.functional import Functional

        cls = type(self)
        bases = (cls, Functional)
        self.__class__ = type(
            cls.__name__,
            bases,
            {
                "__module__": cls.__module__,
                "_as_graph": True,
                "__init__": Functional.__init__,
                "_user_class": cls,
            },
        )

    @property
    def layers(self) -> list[Layer]:
        """The direct sub-layers."""
        return [x for x in self._layers if isinstance(x, Layer)]

    @layers.setter
    def layers(self, _: Any) -> None:
        raise AttributeError(
            "`Model.layers` attribute is reserved and should not be used. Please use another name."
        )

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its position.

        Raises:
            ValueError: where there is none; the message lists the names.
        """
        if index is not None and name is not None:
            raise ValueError(
                f"Provide only a layer name or a layer index. Received: index={index}, name={name}."
            )
        if index is not None:
            if len(self.layers) <= index:
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has "
                    f"{len(self.layers)} layers."
                )
            return self.layers[index]
        if name is not None:
            for layer in self.layers:
                if layer.name == name:
                    return layer
            raise ValueError(
                f"No such layer: {name}. Existing layers are: {[x.name for x in self.layers]}."
            )
        raise ValueError("Provide either a layer name or layer index at `get_layer`.")

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """All variables as nested dicts, by kind and path.

        Args:
            value_format: `"backend_tensor"` for JAX arrays or `"numpy_array"`.

        >>> from kohort import Sequential, layers
        >>> model = Sequential([layers.Input((2,)), layers.Dense(1, name="last")], name="net")
        >>> model.compile()
        >>> sorted(model.get_state_tree()["trainable_variables"]["net"]["last"])
        ['bias', 'kernel']
        """
        if value_format not in ("backend_tensor", "numpy_array"):
            raise ValueError(
                "Invalid `value_format` argument. Expected one of 'numpy_array', 'backend_tensor'. "
                f"Received: value_format={value_format}"
            )
        as_numpy = value_format == "numpy_array"
        return {kind: trees.nest(trees.variables_of(self, kind), as_numpy) for kind in trees.KINDS}

    def set_state_tree(self, state_tree: dict[str, Any]) -> None:
        """Assign what `get_state_tree` gave, or a part of it."""
        for kind, values in state_tree.items():
            if kind not in trees.KINDS:
                raise ValueError(f"Unknown variable name: {kind}. Known are: {trees.KINDS}")
            trees.assign(trees.variables_of(self, kind), values)

    # ---- steps that a subclass may write in Keras's JAX form

    def train_step(self, state: Any, data: Any) -> Any:
        """One step: `state` is (trainable, non-trainable, optimiser, metrics) variables.

        Returns (logs, new state).
        """
        from kohort.train.stateless import train_step

        return train_step(self, state, data)

    def test_step(self, state: Any, data: Any) -> Any:
        """One evaluation step: `state` is (trainable, non-trainable, metrics) variables."""
        from kohort.train.stateless import test_step

        return test_step(self, state, data)

    def predict_step(self, state: Any, data: Any) -> Any:
        """One prediction: `state` is (trainable, non-trainable) variables."""
        outputs, non_trainable = self.stateless_call(
            state[0], state[1], data[0] if isinstance(data, tuple) else data
        )
        return outputs, (state[0], non_trainable)

    # ---- looking

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], None] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers with their output shapes and parameter counts."""
        from kohort.models.summary import print_summary

        print_summary(
            self, line_length=line_length, positions=positions, print_fn=print_fn,
            expand_nested=expand_nested, show_trainable=show_trainable, layer_range=layer_range,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        """The summary as an HTML table, for notebooks."""
        from kohort.models.summary_html import html_summary

        return html_summary(self)

    # ---- files

    def save(
        self, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any
    ) -> None:
        """Save the whole model as `.keras` (or `.h5`, by the name)."""
        from kohort.saving import save_model

        save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        """Save the weights as `.weights.h5`."""
        from kohort.saving import save_weights

        save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load weights from `.weights.h5`, `.keras` or a legacy `.h5` file."""
        from kohort.saving import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def export(
        self,
        filepath: Any,
        format: str = "stablehlo",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Export the inference of the model as a program that runs without its code.

        Args:
            filepath: a folder, or with `format="onnx"` a file.
            format: `"stablehlo"` (read back with `kohort.export.load`; needs JAX alone) or
                `"onnx"` (the extra `onnx`). Keras's other formats need other frameworks.
            verbose: whether to print a line.
            input_signature: specifications of the inputs, where None is any size; by default
                the model's own.
            kwargs: `opset_version` for ONNX, `platforms` for StableHLO.
        """
        from kohort.export import export_model

        export_model(self, filepath, format, verbose, input_signature, **kwargs)

    def to_json(self, **kwargs: Any) -> str:
        """The configuration as JSON."""
        import json

        return json.dumps(serialize_keras_object(self), **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make the model from its configuration."""
        from kohort.models.functional import Functional, _takes_graph
        from kohort.models.graph_config import model_from_graph_config

        if {"layers", "input_layers", "output_layers"} <= config.keys():
            made = Functional if cls is Model else cls
            if made is Functional or _takes_graph(made):
                from kohort.core.registry import CustomObjectScope

                with CustomObjectScope(custom_objects):
                    return model_from_graph_config(made, config, custom_objects)
        try:
            from kohort.core.serialization import deserialize_nested

            own = cls.get_config is not Layer.get_config and not cls.__module__.startswith(
                "kohort."
            )
            return cls(**(config if own else deserialize_nested(config)))
        except TypeError as error:
            raise TypeError(
                f"Unable to revive model from config. When overriding the `get_config()` method, "
                f"make sure that the returned config contains all items used as arguments in the "
                f"constructor to {cls}, which is the default behavior. You can override this "
                "default behavior by defining a `from_config(cls, config)` class method to specify "
                f"how to create an instance of {cls.__name__} from its config.\n\n"
                f"Received config={config}"
                f"\n\nError encountered during deserialization: {error}"
            ) from None

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build from what `get_build_config` returned."""
        shape = config.get("input_shape") if config else None
        if shape is None and not (config or {}).get("shapes_dict"):
            return
        if type(self).build is Layer.build:
            spec = config.get("shapes_dict") or shape
            spec = _as_tensors(spec)
            from kohort.core.symbolic import infer_outputs

            try:
                if isinstance(config.get("shapes_dict"), dict):
                    infer_outputs(self.call, *spec.values())
                else:
                    infer_outputs(self.call, spec)
                self._build_shapes = dict(config)
            except Exception:
                return
            self.built = True
            return
        super().build_from_config(config)

    def __reduce__(self) -> Any:
        from kohort.saving.pickling import pickle_model

        return pickle_model(self)

    def __deepcopy__(self, memo: Any) -> Any:
        from kohort.saving.pickling import deepcopy_model

        return deepcopy_model(self, memo)


def _as_tensors(shape: Any) -> Any:
    from kohort.core.tree import map_shape_structure

    return map_shape_structure(lambda s: KerasTensor(s), shape)


def _graph_arguments(args: tuple, kwargs: dict) -> Any:
    """(inputs, outputs) where they were given."""
    inputs = args[0] if args else kwargs.get("inputs")
    outputs = args[1] if len(args) > 1 else kwargs.get("outputs")
    if inputs is None or outputs is None:
        return None
    leaves = flatten((inputs, outputs))
    return (inputs, outputs) if all(isinstance(x, KerasTensor) for x in leaves) else None
