"""Attention without weights of its own: dot product (Luong) and additive (Bahdanau)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort import random
from kohort.core.component import field, hyper
from kohort.layers.regularization import _Noise


def causal_mask(targets: int, sources: int) -> Any:
    """(1, targets, sources): True where the source comes no later than the target.

    >>> print(causal_mask(2, 3)[0])
    [[ True False False]
     [ True  True False]]
    """
    return jnp.tri(targets, sources, dtype=bool)[None]


def _check_mode(name: str, value: Any) -> None:
    if value not in ("dot", "concat"):
        raise ValueError(
            f"Invalid value for argument {name}. Expected one of {{'dot', 'concat'}}. "
            f"Received: {name}={value}"
        )


class Attention(_Noise):
    """Mix values by how well their keys fit the query.

        output = softmax(scale * query @ transpose(key)) @ value

    Args:
        use_scale: whether to learn `scale`; else it is 1.
        score_mode: `"dot"` as above, or `"concat"`: scores `sum(tanh(scale * (query + key)))`.
        dropout: the share of scores to drop in training.
        seed: an int makes the dropout repeatable.

    Call arguments: `inputs`, a list `[query, value]` or `[query, value, key]` (the key is the
    value, unless given) of shapes `(batch, targets, dim)` and `(batch, sources, dim)`; `mask`, a
    list of their masks; `return_attention_scores`; `use_causal_mask`: no source later than the
    target counts. Output shape: `(batch, targets, dim)`.

    >>> query, value = np.ones((2, 3, 4)), np.ones((2, 5, 4))
    >>> Attention()([query, value]).shape
    (2, 3, 4)

    Source: Luong et al., "Effective approaches to attention-based neural machine translation",
    2015.
    """

    _strength = "dropout"

    use_scale: bool = False
    score_mode: str = field("dot", check=_check_mode)
    dropout: float = hyper(0.0, low=0, high=1)
    seed: int | None = None

    def build(self, input_shape: Any) -> None:
        """Create the scale and the weight of the scores, where they are learned."""
        self._check_inputs_list(input_shape)
        self.scale: Any = None
        self.concat_score_weight: Any = None
        if self.use_scale:
            self.scale = self.add_weight(name="scale", shape=(), initializer="ones")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(
                name="concat_score_weight", shape=(), initializer="ones"
            )

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        """(batch, targets, sources): how well keys fit queries."""
        scale = 1 if self.scale is None else self.scale.value
        if self.score_mode == "dot":
            return query @ jnp.swapaxes(key, -2, -1) * scale
        both = query[..., :, None, :] + key[..., None, :, :]
        return self.concat_score_weight.value * jnp.tanh(scale * both).sum(axis=-1)

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Score, normalise, mix."""
        self._check_inputs_list(inputs, mask)
        query, value = inputs[:2]
        key = inputs[2] if len(inputs) > 2 else value
        query_mask, value_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._calculate_scores(query, key)
        counts = None if value_mask is None else jnp.asarray(value_mask).astype(bool)
        if counts is not None and counts.ndim == 2:
            counts = counts[:, None, :]
        if use_causal_mask:
            causal = causal_mask(*scores.shape[-2:])
            counts = causal if counts is None else counts & causal
        if counts is not None:
            low = 65504.0 if scores.dtype == jnp.float16 else 1e9
            scores = jnp.where(counts, scores, scores - jnp.asarray(low, scores.dtype))
        weights = jax.nn.softmax(scores, axis=-1)
        if self._active(training):
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        output = weights @ value
        if query_mask is not None:
            keep = jnp.asarray(query_mask).astype(bool)[..., None]
            output = jnp.where(keep, output, jnp.zeros_like(output))
        return (output, weights) if return_attention_scores else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the query."""
        self._check_inputs_list(inputs, mask)
        return None if mask is None or mask[0] is None else jnp.asarray(mask[0])

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The query's shape with the features of the value."""
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """The output, and the scores where they are asked for, as symbolic tensors."""
        self._check_inputs_list(inputs, kwargs.get("mask"))
        output = super().compute_output_spec(inputs)
        if not kwargs.get("return_attention_scores"):
            return output
        sources = (inputs[2] if len(inputs) > 2 else inputs[1]).shape[-2]
        return output, type(output)((*inputs[0].shape[:-1], sources), dtype=output.dtype)

    def _check_inputs_list(self, inputs: Any, mask: Any = None) -> None:
        name = type(self).__name__
        if not isinstance(inputs, list):
            raise ValueError(
                f"{name} layer must be called on a list of inputs, namely [query, value] or "
                f"[query, value, key]. Received: inputs={inputs}."
            )
        if len(inputs) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts inputs list of length 2 or 3, namely [query, value] or "
                f"[query, value, key]. Received length: {len(inputs)}."
            )
        if mask is not None and not isinstance(mask, list):
            raise ValueError(
                f"{name} layer mask must be a list, namely [query_mask, value_mask]. "
                f"Received: mask={mask}."
            )
        if mask is not None and len(mask) not in (2, 3):
            raise ValueError(
                f"{name} layer accepts mask list of length 2 or 3. "
                f"Received: inputs={inputs}, mask={mask}."
            )


class AdditiveAttention(Attention):
    """Mix values by how well their keys fit the query, scored by a sum.

        output = softmax(sum(scale * tanh(query + key))) @ value

    Args:
        use_scale: whether to learn `scale`, a number for each feature; else it is 1.
        dropout: the share of scores to drop in training.
        seed: an int makes the dropout repeatable.

    Call arguments and output shape: see `Attention`.

    >>> AdditiveAttention()([np.ones((2, 3, 4)), np.ones((2, 5, 4))]).shape
    (2, 3, 4)

    Source: Bahdanau et al., "Neural machine translation by jointly learning to align and
    translate", 2015.
    """

    use_scale: bool = True
    dropout: float = hyper(0.0, low=0, high=1)
    seed: int | None = None
    score_mode: str = field("dot", check=_check_mode, config=False)

    def build(self, input_shape: Any) -> None:
        """Create the scale, where it is learned."""
        self._check_inputs_list(input_shape)
        self.scale = None
        if self.use_scale:
            shape = (input_shape[0][-1],)
            self.scale = self.add_weight(name="scale", shape=shape, initializer="glorot_uniform")

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        scale = 1.0 if self.scale is None else self.scale.value
        return (scale * jnp.tanh(query[..., :, None, :] + key[..., None, :, :])).sum(axis=-1)
