"""MultiHeadAttention."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from kohort.core.component import field
from kohort.layers.attention.heads import HeadsAttention, check_window
from kohort.layers.fields import constraint, initializer, regularizer

LETTERS = string.ascii_lowercase


def _check_size(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a positive integer. "
            f"Received: {name}={value}"
        )


def _check_value_dim(name: str, value: Any) -> None:
    if value is not None and (not isinstance(value, int) or value <= 0):
        raise ValueError(
            f"Received an invalid value for argument `{name}`, expected a positive integer or "
            f"`None`. Received: {name}={value}"
        )


def _output_shape(value: Any) -> tuple[int, ...] | None:
    if not value:
        return value
    try:
        return (value,) if isinstance(value, int) else tuple(value)
    except TypeError:
        raise ValueError(
            f"Invalid `output_shape`: {value}. When specified, the `output_shape` should be of "
            "type tuple, list, or int."
        ) from None


def _axes(value: Any) -> Any:
    if isinstance(value, int):
        return (value,)
    if value and not isinstance(value, (list, tuple)):
        raise ValueError(
            f"`attention_axes` must be an int, list, or tuple. Received: attention_axes={value}"
        )
    return value


class MultiHeadAttention(HeadsAttention):
    """Attention of several heads: each target position looks at all source positions.

        head_i = softmax(query @ Q_i @ transpose(key @ K_i) / sqrt(key_dim)) @ value @ V_i
        output = concatenate(head_1, head_2, …) @ O

    Args:
        num_heads: the number of heads.
        key_dim: the size of each head for query and key.
        value_dim: the size of each head for value; `key_dim` unless told.
        dropout: the share of scores to drop in training.
        use_bias: whether the projections have biases.
        output_shape: the size (or sizes) of the output; the query's last unless told.
        attention_axes: the axes over which attention goes; all but batch and features unless told.
        sliding_window: how near a source must be: less than this many positions away.
        flash_attention: whether to use flash attention where the device has it; see
            `keras.config.enable_flash_attention`.
        use_gate: whether to multiply the heads by `sigmoid(query @ G)` (arXiv:2505.06708).
        seed: an int makes the dropout repeatable.

    Call arguments: `query` `(batch, targets, dim)`, `value` `(batch, sources, dim)`, `key` (the
    value unless given), `attention_mask` `(batch, targets, sources)`, False where a target may not
    look, `use_causal_mask`: no target looks at later sources, `return_attention_scores`. The
    inputs' own masks count too. Output shape: `(batch, targets, dim)`; with the scores also
    `(batch, heads, targets, sources)`.

    >>> x = np.ones((2, 5, 16))
    >>> MultiHeadAttention(num_heads=2, key_dim=8)(x, x, use_causal_mask=True).shape
    (2, 5, 16)

    Source: Vaswani et al., "Attention is all you need", 2017 (arXiv:1706.03762).
    """

    num_heads: int = field(check=_check_size)
    key_dim: int = field(check=_check_size)
    value_dim: int | None = field(None, check=_check_value_dim)
    dropout: float = 0.0
    use_bias: bool = True
    output_shape: Any = field(None, convert=_output_shape)
    attention_axes: Any = field(None, convert=_axes)
    sliding_window: int | None = field(None, check=check_window)
    flash_attention: bool | None = field(None, config=False)
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()
    use_gate: bool = False
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.value_dim = self.value_dim or self.key_dim

    def build(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        """Create the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        if value_shape[1:-1] != key_shape[1:-1]:
            raise ValueError(
                "All dimensions of `value` and `key`, except the last one, must be equal. "
                f"Received: value_shape={value_shape} and key_shape={key_shape}"
            )
        query_size, value_size = (self.num_heads, self.key_dim), (self.num_heads, self.value_dim)
        self._query_dense = self._project("query", query_shape, 1, query_size)
        self._key_dense = self._project("key", key_shape, 1, query_size)
        if self.use_gate:
            self._gate_dense = self._project("gate", query_shape, 1, value_size, "sigmoid")
        self._value_dense = self._project("value", value_shape, 1, value_size)
        self._build_attention(len(value_shape) + 1)
        heads_shape = (*query_shape[:-1], *value_size)
        output_size = self.output_shape or (query_shape[-1],)
        self._output_dense = self._project("attention_output", heads_shape, 2, output_size)

    def _project(self, name: str, shape: Any, bound: int, size: Any, activation: Any = None) -> Any:
        """A projection of the last `bound` axes to axes of the sizes `size`."""
        free = len(shape) - bound
        kept, summed = LETTERS[:free], LETTERS[free : free + bound]
        made = LETTERS[free + bound : free + bound + len(size)]
        equation = f"{kept}{summed},{summed}{made}->{kept}{made}"
        dense = self._dense(name, equation, made, (None,) * (free - 1) + tuple(size), activation)
        dense.build(shape)
        return dense

    def _build_attention(self, rank: int) -> None:
        """Find the equations of scores and outputs for projections of this rank."""
        axes = self.attention_axes
        axes = range(1, rank - 2) if axes is None else (a if a >= 0 else rank - 1 + a for a in axes)
        self._attention_axes = tuple(axes)
        equations = attention_equations(rank, self._attention_axes)
        self._dot_product_equation, self._combine_equation, scores_rank = equations
        self._make_softmax_and_dropout(
            tuple(range(scores_rank - len(self._attention_axes), scores_rank))
        )


def attention_equations(rank: int, axes: Sequence[int]) -> tuple[str, str, int]:
    """The einsums of scores and outputs, and the rank of the scores.

    Queries, keys and values are (batch, …, heads, size) of this rank; `axes` are attended.

    >>> attention_equations(4, (1,))
    ('aecd,abcd->acbe', 'acbe,aecd->abcd', 4)
    """
    target = LETTERS[:rank]
    other = dict(zip(axes, LETTERS[rank:], strict=False))
    source = "".join(other.get(i, letter) for i, letter in enumerate(target))
    batch = "".join(target[i] for i in range(rank - 1) if i not in axes)
    scores = batch + "".join(target[i] for i in axes) + "".join(source[i] for i in axes)
    return f"{source},{target}->{scores}", f"{scores},{source}->{target}", len(scores)
