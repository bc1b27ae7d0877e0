"""RNN: a layer that runs a cell along a sequence."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core import tree
from kohort.core.component import field
from kohort.core.naming import name_scope
from kohort.core.tracing import is_portable
from kohort.core.variable import Variable, autocast, convert_to_tensor
from kohort.layers.call import takes
from kohort.layers.layer import Layer
from kohort.layers.rnn import derivative
from kohort.layers.rnn.cell import Cell, DenseCell, DenseStep, output_size, same_masks
from kohort.layers.rnn.loop import How, finished, run, run_compiled
from kohort.layers.rnn.stacked import StackedRNNCells, check_cell


def _one_cell(cell: Any) -> Any:
    return StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell


def _check(name: str, cell: Any) -> None:
    check_cell(cell, f"Argument `{name}` of RNN")
    if not isinstance(cell.state_size, (list, tuple, int)):
        raise ValueError(
            "state_size must be an integer, or a list/tuple of integers (one for each state "
            f"tensor). Received: state_size={cell.state_size}"
        )


class RNN(Layer):
    """Run a cell along a sequence.

        output[t], states = cell(input[t], states)

    A cell has `call(inputs, states)`, which returns the output and the new states, and
    `state_size` (an int, or one for each state). It may have `output_size` and
    `get_initial_state(batch_size)`.

    Args:
        cell: a cell, or a list of cells that are stacked.
        return_sequences: whether to return the outputs of all steps; else of the last one.
        return_state: whether to return the last states too.
        go_backwards: whether to start at the end of the sequence.
        stateful: whether the states of a batch are where the next batch starts; needs a fixed
            batch size and, in `fit`, `shuffle=False`.
        unroll: whether the program repeats the step instead of looping.
        zero_output_for_mask: whether masked steps give zeros; else the output before.

    Call arguments: `sequences` of shape `(batch, steps, …)`, `initial_state` (the states to start
    from), `mask` of shape `(batch, steps)`, False where a step is skipped.
    Output shape: `(batch, units)`, with `return_sequences` `(batch, steps, units)`; with
    `return_state` a tuple of the output and the states.

    >>> from kohort.layers import LSTMCell
    >>> RNN([LSTMCell(4), LSTMCell(3)], return_sequences=True)(np.ones((2, 5, 1))).shape
    (2, 5, 3)

    Source: `keras.layers.RNN`.
    """

    cell: Any = field(convert=_one_cell, check=_check)
    return_sequences: bool = False
    return_state: bool = False
    go_backwards: bool = False
    stateful: bool = False
    unroll: bool = False
    zero_output_for_mask: bool = False

    def __post_init__(self) -> None:
        self.supports_masking = True
        self.states: Any = None
        size = self.cell.state_size
        self.state_size = list(size) if isinstance(size, (list, tuple)) else [size]
        self.single_state = isinstance(size, int)

    # ---- shapes and states

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Build the cell; make the variables of the states of a stateful layer."""
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True
        if not self.stateful:
            return
        if self.states is not None:
            self.reset_state()
            return
        if sequences_shape[0] is None:
            raise ValueError(
                "When using `stateful=True` in a RNN, the batch size must be static. Found "
                f"dynamic batch size: sequence.shape={sequences_shape}. Give the input a "
                "`batch_size`."
            )
        with name_scope(self.name, self):
            self.states = tree.map_structure(
                lambda x: Variable(x, trainable=False, dtype=self.variable_dtype, name="rnn_state"),
                self.get_initial_state(sequences_shape[0]),
            )

    def _own_variables(self) -> list[Variable]:
        """Without the states: they are no weights, and no part of files."""
        states = {id(v) for v in tree.flatten(self.states)}
        return [v for v in super()._own_variables() if id(v) not in states]

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states to start from, as a list."""
        if getattr(self.cell, "get_initial_state", None) is None:
            dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
            return [jnp.zeros((batch_size, size), dtype) for size in self.state_size]
        states = self.cell.get_initial_state(batch_size=batch_size)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def reset_state(self) -> None:
        """Set the states of a stateful layer to zero."""
        for v in tree.flatten(self.states):
            if v is not None:
                v.assign(jnp.zeros_like(v.value))

    reset_states = reset_state

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """The shape of the output, and of the states with `return_state`."""
        batch, steps = sequences_shape[:2]
        size = output_size(self.cell)
        if not isinstance(size, int):
            raise ValueError(f"output_size must be an integer. Received: output_size={size}")
        shape = (batch, steps, size) if self.return_sequences else (batch, size)
        if not self.return_state:
            return shape
        return shape, *(
            [(batch, n) for n in size] if isinstance(size, (list, tuple)) else (batch, size)
            for size in self.state_size
        )

    def compute_mask(self, sequences: Any, mask: Any) -> Any:
        """The mask of the sequence, where a sequence is returned."""
        output = tree.flatten(mask)[0] if self.return_sequences else None
        return [output, *(None for _ in self.state_size)] if self.return_state else output

    # ---- the loop

    def call(
        self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False
    ) -> Any:
        """Run the cell along the sequence."""
        states = self._first_states(sequences, initial_state)
        with same_masks(self.cell, sequences[:, 0], states):
            last, outputs, states = self.inner_loop(sequences, states, mask, training)
        output = outputs if self.return_sequences else last
        output = output.astype(self.compute_dtype)
        if self.stateful:
            for variable, state in zip(
                tree.flatten(self.states), tree.flatten(states), strict=True
            ):
                variable.assign(state)
        if not self.return_state:
            return output
        return output, *tree.map_structure(lambda x: x.astype(self.compute_dtype), states)

    def _first_states(self, sequences: Any, given: Any) -> list[Any]:
        batch = sequences.shape[0]
        if self.stateful and self.states is not None:
            expected = tree.flatten(self.states)[0].shape[0]
            if batch != expected:
                raise ValueError(
                    "If an RNN is stateful, the batch size of the input sequences must be the "
                    "same as the batch size of the initial state. \n"
                    f"- Expected batch size: {expected}\n- Received batch size: {batch}"
                )
            given = self.states if given is None else given
        if given is None:
            given = self.get_initial_state(batch_size=batch)
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        return tree.map_structure(lambda x: convert_to_tensor(x, dtype), given)

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """Run the cell from `initial_state`.

        Returns the last output, all outputs (or None, where they are not asked for), the states.
        """
        mask = _steps_first_mask(mask)
        xs = jnp.swapaxes(sequences, 0, 1)
        how = How(self.go_backwards, self.unroll, self.zero_output_for_mask, self.return_sequences)
        cell = self.cell
        if _in_two_parts(cell):
            last, outputs, states = _run_own(cell, xs, initial_state, mask, how, training)
        else:
            kwargs = {"training": training} if takes(_call_of(cell), "training") else {}

            def step(x: Any, states: Any) -> Any:
                output, new = cell(x, states, **kwargs)
                return output, tree.pack_sequence_as(states, tree.flatten(new))

            last, outputs, states = run(step, xs, initial_state, mask, how)
        return last, None if outputs is None else jnp.swapaxes(outputs, 0, 1), states


def _call_of(cell: Any) -> Any:
    return cell.call if isinstance(cell, Layer) else cell.__call__


def _steps_first_mask(mask: Any) -> Any:
    """The mask as (steps, batch), or None."""
    mask = tree.flatten(mask)[0] if isinstance(mask, (list, tuple)) else mask
    if mask is None:
        return None
    mask = jnp.asarray(mask).astype(bool)
    return jnp.swapaxes(mask.reshape(*mask.shape[:2], -1).any(axis=-1), 0, 1)


def _in_two_parts(cell: Any) -> bool:
    """Whether the cell is one of Kohort's whose call nobody has replaced."""
    return (
        isinstance(cell, Cell)
        and type(cell).call is Cell.call
        and cell.activity_regularizer is None
    )


def _run_own(cell: Cell, xs: Any, states: Any, mask: Any, how: How, training: bool) -> Any:
    """Run one of Kohort's cells, with the product of inputs and kernel where it is cheapest.

    On a CPU that is inside the loop, where all of a step stays in the cache (a fifth less time
    at 32 units); elsewhere one product for all steps before it.
    """
    with autocast(cell._cast_dtype()):
        masks = cell.masks(xs[0], states, training)
        weights = cell.recurrent(masks.states)
    step = cell.step

    def project(x: Any) -> Any:
        with autocast(cell._cast_dtype()):
            return cell.project(x, masks.inputs)

    arrays = jax.tree.leaves((weights, xs, states, mask))
    if step.cacheable and not any(isinstance(x, jax.core.Tracer) for x in arrays):
        return run_compiled(step, weights, project(xs), states, mask, how)
    inside = jax.default_backend() == "cpu"
    plain = masks.states is None and not how.unroll and not is_portable()
    if plain and isinstance(cell, DenseCell) and _knows_derivative(step):
        with autocast(cell._cast_dtype()):
            inputs = cell.projection(masks.inputs)
        ended = derivative.scan(step, how, inside, inputs, weights, xs, states, mask)
        return finished(*ended, mask, how)

    def advance(x: Any, states: Any) -> Any:
        return step(weights, project(x) if inside else x, states)

    return run(advance, xs if inside else project(xs), states, mask, how, pure=True)


def _knows_derivative(step: Any) -> bool:
    return isinstance(step, DenseStep) and step.derivable
