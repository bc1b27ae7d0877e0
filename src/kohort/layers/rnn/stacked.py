"""StackedRNNCells: several cells that work as one."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core import tree
from kohort.core.component import field
from kohort.layers.call import takes
from kohort.layers.layer import Layer
from kohort.layers.rnn.cell import output_size


def check_cell(cell: Any, what: str) -> None:
    """Refuse what cannot be a cell."""
    for name in ("call", "state_size"):
        if name not in dir(cell):
            raise ValueError(
                f"{what} must have a `{name}` "
                f"{'method' if name == 'call' else 'attribute'}. "
                f"Received cell without a `{name}`: {cell}"
            )


def _check_cells(name: str, cells: Any) -> None:
    for cell in cells:
        check_cell(cell, "All cells")


class StackedRNNCells(Layer):
    """Cells one after another, as one cell: each gets the output of the one before.

    Args:
        cells: the cells.

    >>> from kohort.layers import RNN, GRUCell
    >>> RNN(StackedRNNCells([GRUCell(4), GRUCell(2)]))(np.ones((3, 5, 1))).shape
    (3, 2)

    Source: `keras.layers.StackedRNNCells`.
    """

    cells: Any = field(check=_check_cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of the cells."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """The states that the cells start from."""
        return [self._initial_state(cell, batch_size) for cell in self.cells]

    def _initial_state(self, cell: Any, batch_size: Any) -> Any:
        if getattr(cell, "get_initial_state", None) is not None:
            return cell.get_initial_state(batch_size=batch_size)
        return tree.map_structure(
            lambda size: jnp.zeros((batch_size, size), self.compute_dtype),
            list(cell.state_size) if isinstance(cell.state_size, tuple) else cell.state_size,
        )

    def build(self, input_shape: Any) -> None:
        """Build each cell for the output of the one before."""
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> Any:
        """Compute one step of all cells."""
        new_states = []
        for cell, own in zip(self.cells, states, strict=True):
            nested = isinstance(own, (list, tuple))
            told = {"training": training} if takes(cell.call, "training") else {}
            run = cell if callable(cell) else cell.call
            inputs, new = run(inputs, list(own) if nested else [own], **kwargs, **told)
            if not nested and isinstance(new, (list, tuple)):
                (new,) = new
            new_states.append(new)
        return inputs, new_states
