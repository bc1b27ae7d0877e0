"""Function: the computation between symbolic inputs and outputs, without a model around it."""

from __future__ import annotations

from typing import Any

from kohort.core import tree
from kohort.core.graph import Graph
from kohort.core.symbolic import KerasTensor, Node, Operation
from kohort.core.variable import convert_to_tensor


class Function(Operation):
    """Runs the operations between `inputs` and `outputs`.

    Args:
        inputs, outputs: symbolic tensors, as one, a list or a dict.
        name: a name.

    >>> from kohort import Input
    >>> x = Input((2,))
    >>> Function(x, x * 2)(np.ones((1, 2)))
    Array([[2., 2.]], dtype=float32)
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        super().__init__(name=name)
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            if not tree.flatten(structure):
                raise ValueError(f"`{what}` argument cannot be empty. Received: {what}={structure}")
        self._graph = Graph(inputs, outputs)

    @property
    def operations(self) -> list[Any]:
        """The operations in order."""
        return self._graph.operations

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs as a flat list."""
        return self._graph.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs as a flat list."""
        return self._graph.outputs

    def call(self, inputs: Any) -> Any:
        """Compute the outputs from arrays."""
        flat = [convert_to_tensor(x) for x in self._flat(inputs)]
        return self._graph.run(flat, lambda node, args, kwargs: node.operation(*args, **kwargs))

    def compute_output_spec(self, inputs: Any) -> Any:
        """The symbolic outputs for symbolic inputs."""

        def run(node: Node, args: tuple, kwargs: dict) -> Any:
            return node.operation.compute_output_spec(*args, **kwargs)

        return self._graph.run(self._flat(inputs), run)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The output's shape for an input shape."""
        dtypes = iter([x.dtype for x in self.inputs])
        spec = tree.map_shape_structure(lambda s: KerasTensor(s, next(dtypes)), input_shape)
        return tree.map_structure(lambda x: x.shape, self.compute_output_spec(spec))

    def _flat(self, inputs: Any) -> list[Any]:
        struct = self._graph.inputs_struct
        try:
            tree.assert_same_structure(inputs, struct)
        except ValueError:
            raise ValueError(
                "Function was called with an invalid input structure. "
                f"Expected input structure: {struct}\nReceived input structure: {inputs}"
            ) from None
        flat = tree.flatten(inputs)
        for x, ref in zip(flat, self.inputs, strict=True):
            fits = len(x.shape) == len(ref.shape) and all(
                a is None or b is None or a == b for a, b in zip(x.shape, ref.shape, strict=True)
            )
            if not fits:
                raise ValueError(
                    f"{type(self).__name__} was passed incompatible inputs. For input "
                    f"'{ref.name}', expected shape {ref.shape}, but received instead a tensor "
                    f"with shape {x.shape}."
                )
        return flat
