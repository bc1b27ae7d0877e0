"""GroupQueryAttention: groups of query heads that share their keys and values."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from kohort.core.component import field
from kohort.layers.attention.heads import HeadsAttention, check_window
from kohort.layers.fields import constraint, initializer, regularizer


class GroupedQueryAttention(HeadsAttention):
    """Multi-head attention in which groups of query heads share a key and a value head.

    With one key and value head this is multi-query attention, with as many as query heads
    multi-head attention. It is exported as `GroupQueryAttention`, as in Keras.

    Args:
        head_dim: the size of each head.
        num_query_heads: the number of query heads.
        num_key_value_heads: the number of key and value heads; it divides `num_query_heads`.
        dropout: the share of scores to drop in training.
        use_bias: whether the projections have biases.
        sliding_window, flash_attention, use_gate, seed: see `MultiHeadAttention`.

    Call arguments and output shape: see `MultiHeadAttention`.

    >>> from kohort.layers import GroupQueryAttention
    >>> x = np.ones((2, 5, 16))
    >>> GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)(x, x).shape
    (2, 5, 16)

    Source: Ainslie et al., "GQA: training generalized multi-query transformer models from
    multi-head checkpoints", 2023 (arXiv:2305.13245).
    """

    _public_name = "GroupQueryAttention"
    _dot_product_equation = "bkuh,bquh->buqk"
    _combine_equation = "buqk,bkuh->bquh"
    _attention_axes = (1,)

    head_dim: int
    num_query_heads: int
    num_key_value_heads: int
    dropout: float = 0.0
    use_bias: bool = True
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
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                "`num_query_heads` must be divisible by `num_key_value_heads`. Received: "
                f"num_query_heads={self.num_query_heads}, "
                f"num_key_value_heads={self.num_key_value_heads}"
            )

    def build(  # type: ignore[override]
        self, query_shape: Any, value_shape: Any, key_shape: Any = None
    ) -> None:
        """Create the projections."""
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        query_size = (None, self.num_query_heads, self.head_dim)
        shared_size = (None, self.num_key_value_heads, self.head_dim)
        to_queries, to_shared = "bqm,muh->bquh", "bkm,mvh->bkvh"
        self._query_dense = self._dense("query", to_queries, "uh", query_size)
        self._query_dense.build(query_shape)
        self._key_dense = self._dense("key", to_shared, "vh", shared_size)
        self._key_dense.build(key_shape)
        if self.use_gate:
            self._gate_dense = self._dense("gate", to_queries, "uh", query_size, "sigmoid")
            self._gate_dense.build(query_shape)
        self._value_dense = self._dense("value", to_shared, "vh", shared_size)
        self._value_dense.build(value_shape)
        self._make_softmax_and_dropout(-1)
        output_size = (None, query_shape[-1])
        self._output_dense = self._dense("attention_output", "bquh,uhm->bqm", "m", output_size)
        self._output_dense.build((None, None, self.num_query_heads, self.head_dim))

    def _check_shapes(self, query_shape: Any, value_shape: Any, key_shape: Any) -> None:
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(
                "The last dimension of `query_shape` and `value_shape` must be equal, but are "
                f"{query_shape[-1]}, {value_shape[-1]}. Received: query_shape={query_shape}, "
                f"value_shape={value_shape}"
            )
        if value_shape[1:-1] != key_shape[1:-1]:
            raise ValueError(
                "All dimensions of `value` and `key`, except the last one, must be equal. "
                f"Received: value_shape={value_shape} and key_shape={key_shape}"
            )

    def _for_each_query_head(self, x: Any) -> Any:
        return jnp.repeat(x, self.num_query_heads // self.num_key_value_heads, axis=2)
