"""The graph between symbolic inputs and outputs: its order, and a run through it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from kohort.core import tree
from kohort.core.symbolic import KerasTensor, Node


class Graph:
    """The nodes and operations that lead from `inputs` to `outputs`.

    `operations` stand in Keras's order (by depth, then by first visit), which is the order
    of `model.layers` and of the weights in files.
    """

    def __init__(self, inputs: Any, outputs: Any):
        self.inputs_struct, self.outputs_struct = inputs, outputs
        self.inputs, self.outputs = tree.flatten(inputs), tree.flatten(outputs)
        visit = _Visit(self.inputs)
        for x in self.outputs:
            visit.tensor(x)
        self.order: list[Node] = visit.order
        node_depth, op_depth = self._depths()
        self._add_unused_inputs(node_depth, op_depth, visit.first_seen)
        self.nodes = set(node_depth)
        by_depth: dict[int, list[Node]] = defaultdict(list)
        for node, depth in node_depth.items():
            by_depth[depth].append(node)
        self.nodes_by_depth = dict(sorted(by_depth.items(), reverse=True))
        self.operations = sorted(op_depth, key=lambda o: (-op_depth[o], visit.first_seen[o]))
        self._check_connected()
        self._check_names()

    def _depths(self) -> tuple[dict[Node, int], dict[Any, int]]:
        """The longest way from each node, and each operation, to an output."""
        inside = set(self.order)
        node_depth: dict[Node, int] = {}
        op_depth: dict[Any, int] = {}
        for node in reversed(self.order):
            depth = max(node_depth.setdefault(node, 0), op_depth.get(node.operation, 0))
            node_depth[node] = op_depth[node.operation] = depth
            for parent in node.parents:
                if parent in inside:
                    node_depth[parent] = max(depth + 1, node_depth.get(parent, 0))
        return node_depth, op_depth

    def _add_unused_inputs(self, node_depth: dict, op_depth: dict, first_seen: dict) -> None:
        for x in self.inputs:
            node = node_of(x)
            if node is not None and node.is_input and node.operation not in op_depth:
                op_depth[node.operation] = node_depth[node] = 0
                first_seen[node.operation] = -1

    def _check_connected(self) -> None:
        known = {id(x) for x in self.inputs}
        seen: list[str] = []
        for nodes in self.nodes_by_depth.values():
            for node in nodes:
                for x in node.input_tensors:
                    if id(x) not in known:
                        raise ValueError(
                            f"Graph disconnected: cannot find parent for tensor {x} at operation "
                            f"'{node.operation}'. The following previous operations were accessed "
                            f"without issue: {seen}"
                        )
                seen.append(node.operation.name)
                known |= {id(x) for x in node.output_tensors}
        self._check_outputs()

    def _check_outputs(self) -> None:
        """Every output must follow from the inputs alone."""
        known = {id(x) for x in self.inputs}
        for nodes in self.nodes_by_depth.values():
            for node in nodes:
                if node.input_tensors and all(id(x) in known for x in node.input_tensors):
                    known |= {id(x) for x in node.output_tensors}
        for path, x in tree.flatten_with_path(self.outputs_struct):
            if id(x) not in known:
                raise ValueError(
                    f"Output with path `{'.'.join(map(str, path))}` is not connected to `inputs`"
                )

    def _check_names(self) -> None:
        names = [operation.name for operation in self.operations]
        for name in names:
            if names.count(name) != 1:
                raise ValueError(
                    f'The name "{name}" is used {names.count(name)} times in the model. '
                    "All operation names should be unique."
                )

    def run(
        self,
        inputs: list[Any],
        call: Callable[[Node, tuple, dict], Any],
        values: dict[int, Any] | None = None,
    ) -> Any:
        """Compute the outputs; `call(node, args, kwargs)` runs one operation.

        With `values` (by the ids of tensors) the run starts there, not at the inputs.
        """
        if values is None:
            values = {id(x): value for x, value in zip(self.inputs, inputs, strict=True)}

        def fill(x: Any) -> Any:
            return values.get(id(x), x)

        for nodes in self.nodes_by_depth.values():
            for node in nodes:
                if node.is_input or any(id(x) not in values for x in node.input_tensors):
                    continue
                if all(id(x) in values for x in node.output_tensors):
                    continue
                args = tree.map_structure(fill, node.args)
                kwargs = tree.map_structure(fill, node.kwargs)
                outputs = call(node, args, kwargs)
                for x, value in zip(node.output_tensors, tree.flatten(outputs), strict=True):
                    values.setdefault(id(x), value)
        return tree.map_structure(fill, self.outputs_struct)


def node_of(tensor: Any) -> Node | None:
    """The node that made a symbolic tensor; None for one made by hand."""
    if tensor._keras_history is None:
        return None
    operation, index, _ = tensor._keras_history
    return operation._inbound_nodes[index]


def get_source_inputs(tensor: Any) -> Any:
    """The symbolic tensors that `tensor` is computed from, each once; another value is itself.

    >>> from kohort.layers import Input
    >>> a, b = Input((2,), name="a"), Input((2,), name="b")
    >>> [x.name for x in get_source_inputs(a + b * a)]
    ['a', 'b']
    """
    if not isinstance(tensor, KerasTensor):
        return tensor
    found: dict[int, Any] = {}
    stack, seen = [tensor], set()
    while stack:
        x = stack.pop()
        node = node_of(x)
        if node is None:
            found[id(x)] = x
        elif node.is_input:
            found |= {id(y): y for y in node.output_tensors}
        elif node not in seen:
            seen.add(node)
            stack += reversed(node.input_tensors)
    return list(found.values())


class _Visit:
    """A depth-first walk from an output back to the inputs, without recursion limits."""

    def __init__(self, inputs: list[Any]):
        self.inputs = {id(x) for x in inputs}
        self.order: list[Node] = []
        self.first_seen: dict[Any, int] = {}
        self.done: set[Node] = set()

    def tensor(self, x: Any) -> None:
        stack: list[tuple[Any, bool]] = [(x, False)]
        open_nodes: set[Node] = set()
        while stack:
            tensor, leaving = stack.pop()
            node = node_of(tensor)
            if node is None or (id(tensor) in self.inputs and not node.is_input):
                continue  # the graph begins here
            if leaving:
                open_nodes.discard(node)
                if node not in self.done:
                    self.done.add(node)
                    self.order.append(node)
                continue
            if node in self.done:
                continue
            if node in open_nodes:
                raise ValueError(
                    f"Tensor {tensor} from operation '{node.operation.name}' is part of a cycle."
                )
            self.first_seen.setdefault(node.operation, len(self.first_seen))
            open_nodes.add(node)
            stack.append((tensor, True))
            if not node.is_input:
                stack += [(t, False) for t in reversed(node.input_tensors)]
