"""Functional models: the graph between symbolic inputs and outputs, as a layer."""

from __future__ import annotations

import inspect
import warnings
from collections import OrderedDict
from typing import Any

from kohort.core import tree
from kohort.core.graph import Graph, _Visit
from kohort.core.host import is_prepared, to_host
from kohort.core.masks import get_mask, set_mask
from kohort.core.symbolic import KerasTensor, Node
from kohort.core.variable import convert_to_tensor
from kohort.layers import Input, InputSpec, Layer
from kohort.layers.call import takes
from kohort.models.host_part import started
from kohort.models.model import Model
from kohort.models.reading import Reading


class Functional(Model, module="keras.src.models.functional"):
    """A model made of the layers between `inputs` and `outputs`.

    Args:
        inputs: symbolic tensors, as one, a list or a dict.
        outputs: symbolic tensors, as one, a list or a dict.
        name: the model's name.
        trainable: whether the variables are trained.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any):
        trainable = kwargs.pop("trainable", None)
        self._check_tensors(inputs=inputs, outputs=outputs)
        super().__init__(name=name, **kwargs)
        if not all(_is_input(x) for x in tree.flatten(inputs)):
            inputs, outputs = clone_nodes(inputs, outputs)
        self._graph = Graph(inputs, outputs)
        self._reading = Reading(self._graph)
        self._functional_layers = [o for o in self._graph.operations if isinstance(o, Layer)]
        if trainable is not None:
            self.trainable = trainable
        self.built = True
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.output_names = [x._keras_history.operation.name for x in self.outputs]
        self.input_names = [x._keras_history.operation.name for x in self.inputs]

    @staticmethod
    def _check_tensors(**structures: Any) -> None:
        for what, structure in structures.items():
            for x in tree.flatten(structure):
                if not isinstance(x, KerasTensor):
                    raise ValueError(
                        f"All `{what}` values must be KerasTensors. Received: {what}={structure} "
                        f"including invalid value {x} of type {type(x)}"
                    )
        if isinstance(structures["inputs"], dict):
            for key, x in structures["inputs"].items():
                if isinstance(x, KerasTensor) and key != x.name:
                    warnings.warn(
                        "When providing `inputs` as a dict, all keys in the dict must match the "
                        f"names of the corresponding tensors. Received key '{key}' mapping to "
                        f"value {x} which has name '{x.name}'. Change the tensor name to '{key}' "
                        f"(via `Input(..., name='{key}')`)",
                        stacklevel=4,
                    )

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph, in order of depth."""
        return list(self._functional_layers)

    @layers.setter
    def layers(self, _: Any) -> None:
        Model.layers.fset(self, _)  # type: ignore[attr-defined]

    @property
    def operations(self) -> list[Any]:
        """All operations of the graph, layers and functions."""
        return self._graph.operations

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs as a flat list."""
        return self._graph.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs as a flat list."""
        return self._graph.outputs

    @property
    def input(self) -> Any:
        """The symbolic inputs as they were given."""
        return self._graph.inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs as they were given."""
        return self._graph.outputs_struct

    @property
    def input_shape(self) -> Any:
        """The shape of the input, or a list of shapes."""
        return _single([x.shape for x in self.inputs])

    @property
    def output_shape(self) -> Any:
        """The shape of the output, or a list of shapes."""
        return _single([x.shape for x in self.outputs])

    @property
    def input_spec(self) -> Any:
        """What the inputs must look like; the last axis may be missing when it is 1."""
        if self.__dict__.get("_manual_input_spec") is not None:
            return self._manual_input_spec
        if "_graph" not in self.__dict__:
            return None

        def spec(x: KerasTensor, name: str | None = None) -> InputSpec:
            operation = x._keras_history.operation
            shape = (None, *x.shape[1:]) if x.shape else ()
            optional = getattr(operation, "optional", False)
            return InputSpec(
                shape=shape,
                allow_last_axis_squeeze=True,
                name=name or operation.name,
                optional=optional,
            )

        struct = self._graph.inputs_struct
        if isinstance(struct, dict):
            if all(isinstance(x, KerasTensor) for x in struct.values()):
                return [spec(struct[name], name) for name in tree.keys(struct)]
            return None
        return [spec(x) for x in self.inputs]

    @input_spec.setter
    def input_spec(self, value: Any) -> None:
        self._manual_input_spec = value

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: the graph was built when it was drawn."""
        self.built = True

    def call(
        self, inputs: Any, training: bool | None = None, mask: Any = None, **kwargs: Any
    ) -> Any:
        """Run the graph."""
        prepared = is_prepared(inputs)
        flat = [] if prepared else self._standardize_inputs(inputs)
        if mask is not None:
            for x, m in zip(flat, tree.flatten(mask), strict=True):
                if m is not None:
                    set_mask(x, m)

        def run(node: Node, args: tuple, arguments: dict) -> Any:
            operation = node.operation
            if (
                training is not None
                and isinstance(operation, Layer)
                and takes(operation.call, "training")
            ):
                arguments = {
                    "training": training,
                    **{k: v for k, v in arguments.items() if k != "training" or v is not None},
                }
            return operation(*self._reading.cut(node, args), **arguments)

        outputs = self._graph.run(flat, run, started(self._graph, inputs) if prepared else None)
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
            return outputs[0]
        return outputs

    def compute_output_spec(
        self, inputs: Any, training: bool | None = None, mask: Any = None
    ) -> Any:
        """The symbolic outputs for symbolic inputs, without new nodes in the layers."""

        def run(node: Node, args: tuple, kwargs: dict) -> Any:
            return node.operation.compute_output_spec(*args, **kwargs)

        if is_prepared(inputs):
            outputs = self._graph.run([], run, started(self._graph, inputs))
        else:
            outputs = self._graph.run(self._standardize_inputs(inputs, warn=False), run)
        if isinstance(outputs, (list, tuple)) and len(outputs) == 1:
            return outputs[0]
        return outputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input shape."""
        dtypes = iter([x.dtype for x in self.inputs])
        inputs = tree.map_shape_structure(lambda s: KerasTensor(s, dtype=next(dtypes)), input_shape)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(inputs))

    def _standardize_inputs(self, inputs: Any, warn: bool = True) -> list[Any]:
        """The inputs as a flat list in the order of the graph, with dtype and rank put right."""
        struct = self._graph.inputs_struct
        mismatch = False
        if isinstance(struct, (list, tuple)) and len(struct) == 1 and hasattr(inputs, "shape"):
            inputs = [inputs]
        elif isinstance(inputs, dict) and not isinstance(struct, dict):
            flat_names = [x.name for x in self.inputs]
            if set(flat_names) <= set(inputs):
                inputs = tree.pack_sequence_as(struct, [inputs[name] for name in flat_names])
            else:
                mismatch = True
        elif isinstance(struct, dict) and isinstance(inputs, dict) and set(struct) <= set(inputs):
            if warn and set(struct) != set(inputs):
                self._check_structure(inputs, must_raise=False, same_count=False)
            inputs = OrderedDict((key, inputs[key]) for key in tree.keys(struct))
        elif isinstance(struct, dict) and not isinstance(inputs, dict):
            mismatch = list(struct) != sorted(struct)
        if warn or mismatch:
            self._check_structure(inputs, mismatch)
        flat = tree.flatten(inputs)
        return [
            self._fit_input(x, ref, i)
            for i, (x, ref) in enumerate(zip(flat, self.inputs, strict=True))
        ]

    def _check_structure(self, inputs: Any, must_raise: bool, same_count: bool = True) -> None:
        struct = self._graph.inputs_struct
        try:
            tree.assert_same_structure(tree.lists_to_tuples(inputs), tree.lists_to_tuples(struct))
        except ValueError:
            expected = tree.map_structure(lambda x: x.name, struct)
            came = tree.map_structure(
                lambda x: f"Tensor(shape={x.shape})" if hasattr(x, "shape") else str(x), inputs
            )
            message = (
                "The structure of `inputs` doesn't match the expected structure.\n"
                f"Expected: {expected}\nReceived: inputs={came}"
            )
            if must_raise or (same_count and len(tree.flatten(inputs)) != len(self.inputs)):
                raise ValueError(message) from None
            warnings.warn(message, stacklevel=5)

    def _fit_input(self, x: Any, ref: KerasTensor, index: int) -> Any:
        if x is None:
            _check_optional(ref)
            return None
        mask = get_mask(x)
        y: Any = x
        if not isinstance(x, KerasTensor):
            y = to_host(x) if ref.dtype == "string" else convert_to_tensor(x, ref.dtype)
        rank, expected = len(y.shape), len(ref.shape)
        if rank == expected + 1 and y.shape[-1] == 1:
            y = y.squeeze(-1)
        elif rank == expected - 1 and expected and ref.shape[-1] == 1:
            texts = isinstance(y, KerasTensor) and y.dtype == "string"  # no operation takes them
            y = KerasTensor((*y.shape, 1), "string") if texts else y[..., None]
        elif rank != expected:
            path = ".".join(
                str(p) for p in tree.flatten_with_path(self._graph.inputs_struct)[index][0]
            )
            raise ValueError(
                f"Invalid input shape for input {x} with name '{ref.name}' and path '{path}'. "
                f"Expected shape {ref.shape}, but input has incompatible shape {x.shape}"
            )
        if mask is not None and y is not x:
            set_mask(y, mask)
        return y

    def get_config(self) -> dict[str, Any]:
        """The layers, their calls, the inputs and the outputs."""
        if not _takes_graph(type(self)):
            return Model.get_config(self)
        from kohort.models.graph_config import graph_config

        return {"name": self.name, "trainable": self.trainable, **graph_config(self._graph)}


def _check_optional(x: KerasTensor) -> None:
    operation = x._keras_history.operation
    if not getattr(operation, "optional", True):
        raise ValueError(
            f"The input '{x.name}' is not optional, but None was passed. "
            "Please provide a valid tensor."
        )


def _takes_graph(cls: type) -> bool:
    """Whether the constructor takes inputs and outputs as `Functional` does."""
    parameters = inspect.signature(cls.__init__).parameters.values()  # type: ignore[misc]
    names = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    kinds = {p.kind for p in parameters}
    return names[:3] == ["inputs", "outputs", "name"] or (
        inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD in kinds
    )


def _single(items: list[Any]) -> Any:
    return items[0] if len(items) == 1 else items


def _is_input(x: KerasTensor) -> bool:
    operation, index, _ = x._keras_history
    return operation._inbound_nodes[index].is_input


def clone_nodes(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Redraw the calls between intermediate tensors, with new inputs in front.

    So a model can be cut out of the middle of another one; layers are shared.
    """
    visit = _Visit(tree.flatten(inputs))
    for x in tree.flatten(outputs):
        visit.tensor(x)
    copies: dict[int, Any] = {}

    def new_input(x: KerasTensor) -> KerasTensor:
        copies[id(x)] = (
            x if _is_input(x) else Input(batch_shape=x.shape, dtype=x.dtype, name=f"{x.name}CLONE")
        )
        return copies[id(x)]

    def swap(x: Any) -> Any:
        return copies.get(id(x), x)

    new_inputs = tree.map_structure(new_input, inputs)
    given = {id(x) for x in tree.flatten(inputs)}
    for node in visit.order:
        if node.is_input or all(id(x) in given for x in node.output_tensors):
            continue
        made = tree.map_structure(
            lambda x: KerasTensor(x.shape, x.dtype, name=f"{x.name}_clone"), node.outputs
        )
        Node(
            node.operation,
            tree.map_structure(swap, node.args),
            tree.map_structure(swap, node.kwargs),
            made,
        )
        for old, new in zip(node.output_tensors, tree.flatten(made), strict=True):
            copies.setdefault(id(old), new)
    return new_inputs, tree.map_structure(swap, outputs)
