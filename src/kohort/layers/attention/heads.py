"""What MultiHeadAttention and GroupQueryAttention share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from kohort import ops
from kohort.core.masks import get_mask, set_mask
from kohort.core.settings import is_flash_attention_enabled
from kohort.layers.activation import Softmax
from kohort.layers.attention.dot import causal_mask
from kohort.layers.einsum_dense import EinsumDense
from kohort.layers.layer import Layer
from kohort.layers.regularization import Dropout

_HANDED_ON = ("kernel_regularizer", "bias_regularizer", "activity_regularizer",
              "kernel_constraint", "bias_constraint")  # fmt: skip


class DropoutRate:
    """A rate that the layer's inner Dropout holds as soon as there is one."""

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        inner = layer.__dict__.get("_dropout_layer")
        return layer.__dict__["dropout"] if inner is None else inner.rate

    def __set__(self, layer: Any, value: Any) -> None:
        inner = layer.__dict__.get("_dropout_layer")
        if inner is None:
            layer.__dict__["dropout"] = value
        else:
            inner.rate = value


def check_window(name: str, value: Any) -> None:
    """Refuse what is no size of a window."""
    if value is not None and (not isinstance(value, int) or value <= 0):
        raise ValueError(f"`{name}` must be `None` or a positive integer. Received: {name}={value}")


class HeadsAttention(Layer):
    """Attention of several heads, each with its own projections of query, key and value.

    A subclass builds the projections; user code may replace `_compute_attention`.
    """

    dropout: Any
    use_bias: bool
    sliding_window: int | None
    flash_attention: bool | None
    kernel_initializer: Any
    bias_initializer: Any
    use_gate: bool
    seed: int | None
    _query_dense: EinsumDense
    _key_dense: EinsumDense
    _value_dense: EinsumDense
    _gate_dense: EinsumDense
    _output_dense: EinsumDense
    _dot_product_equation: str
    _combine_equation: str
    _attention_axes: Sequence[int]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "dropout" in cls.__dict__:
            cls.dropout = DropoutRate()

    def __post_init__(self) -> None:
        self.supports_masking = True
        self._flash_attention = self.flash_attention or is_flash_attention_enabled()
        if self._flash_attention and self.dropout > 0:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled. Please set dropout to "
                f"0.0 to use flash attention. Received: dropout={self.dropout}"
            )

    # ---- the parts

    def _dense(
        self, name: str, equation: str, bias_axes: str, shape: Any, activation: Any = None
    ) -> EinsumDense:
        """A projection; initialisers are copied, so that each draws its own numbers."""
        dense = EinsumDense(
            equation,
            output_shape=shape,
            bias_axes=bias_axes if self.use_bias else None,
            activation=activation,
            name=name,
            kernel_initializer=_copy(self.kernel_initializer),
            bias_initializer=_copy(self.bias_initializer),
            dtype=self.dtype_policy,
            **{name: getattr(self, name) for name in _HANDED_ON},
        )
        dense.supports_masking = True  # masks are dealt with here
        return dense

    def _make_softmax_and_dropout(self, axis: Any) -> None:
        rate = self.__dict__.pop("dropout")
        self._softmax = Softmax(axis=axis, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(rate, dtype=self.dtype_policy, seed=self.seed)

    @property
    def query_dense(self) -> EinsumDense:
        """The projection of the query."""
        return self._query_dense

    @property
    def key_dense(self) -> EinsumDense:
        """The projection of the key."""
        return self._key_dense

    @property
    def value_dense(self) -> EinsumDense:
        """The projection of the value."""
        return self._value_dense

    @property
    def output_dense(self) -> EinsumDense:
        """The projection of what the heads give."""
        return self._output_dense

    # ---- the call

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Project, attend, project back."""
        key = value if key is None else key
        query_mask = get_mask(query) if query_mask is None else query_mask
        mask = self._compute_attention_mask(
            query,
            value,
            query_mask=query_mask,
            value_mask=value_mask,
            key_mask=key_mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
        )
        gate = self._gate_dense(query) if self.use_gate else None
        query, key, value = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        key, value = self._for_each_query_head(key), self._for_each_query_head(value)
        asked = {"return_attention_scores": True} if return_attention_scores else {}
        output, scores = self._compute_attention(query, key, value, mask, training, **asked)
        output = self._output_dense(output if gate is None else output * gate)
        if query_mask is not None:
            set_mask(output, query_mask)
        return (output, scores) if return_attention_scores else output

    def _for_each_query_head(self, x: Any) -> Any:
        return x

    def _compute_attention_mask(
        self,
        query: Any,
        value: Any,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """(batch, targets, sources), False where a target may not look; None: it may anywhere."""
        targets, sources = query.shape[1], value.shape[1]
        masks = [
            None if attention_mask is None else jnp.asarray(attention_mask).astype(bool),
            None if query_mask is None else jnp.asarray(query_mask).astype(bool)[..., None],
            *(
                None if m is None else jnp.asarray(m).astype(bool)[..., None, :]
                for m in (value_mask, key_mask)
            ),
            causal_mask(targets, sources) if use_causal_mask else None,
            _window(targets, sources, self.sliding_window) if self.sliding_window else None,
        ]
        merged = None
        for mask in masks:
            if mask is not None:
                merged = mask if merged is None else merged & mask
        return merged

    def _compute_attention(
        self,
        query: Any,
        key: Any,
        value: Any,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> tuple[Any, Any]:
        """The heads' outputs, and their scores (None where nobody needs them)."""
        if use_causal_mask:  # for user code: `call` has put it into the mask
            causal = causal_mask(query.shape[1], value.shape[1])
            attention_mask = causal if attention_mask is None else attention_mask & causal
        if self._flash_attention and return_attention_scores:
            raise ValueError(
                "Returning attention scores is not supported when flash attention is enabled. "
                "Please disable flash attention to access attention scores."
            )
        scale = 1.0 / math.sqrt(query.shape[-1])
        drops = "seed_generator" in self._dropout_layer.__dict__
        sizes_differ = query.shape[-1] != value.shape[-1]
        if not (drops or return_attention_scores or query.ndim != 4 or sizes_differ):
            output = ops.dot_product_attention(
                query, key, value, mask=self._for_heads(attention_mask, 4), scale=scale,
                flash_attention=self._flash_attention,
            )  # fmt: skip
            return output, None
        query = query * jnp.asarray(scale, query.dtype)
        scores = jnp.einsum(self._dot_product_equation, key, query)
        scores = self._masked_softmax(scores, attention_mask)
        kept = self._dropout_layer(scores, training=training) if drops else scores
        return jnp.einsum(self._combine_equation, kept, value), scores

    def _masked_softmax(self, attention_scores: Any, attention_mask: Any = None) -> Any:
        mask = self._for_heads(attention_mask, attention_scores.ndim)
        return self._softmax(attention_scores, mask=mask)

    def _for_heads(self, mask: Any, ndim: int) -> Any:
        """The mask with an axis for the heads."""
        while mask is not None and mask.ndim < ndim:
            mask = jnp.expand_dims(mask, -len(self._attention_axes) * 2 - 1)
        return mask


def _copy(initializer: Any) -> Any:
    if not hasattr(initializer, "get_config"):
        return initializer
    return type(initializer).from_config(initializer.get_config())


def _window(targets: int, sources: int, size: int) -> Any:
    """(1, targets, sources): True where the source is less than `size` positions away."""
    distance = jnp.arange(targets)[:, None] - jnp.arange(sources)[None, :]
    return (jnp.abs(distance) < size)[None]
