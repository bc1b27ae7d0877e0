"""ReversibleEmbedding: vectors for tokens, and scores of all tokens for a vector."""

from __future__ import annotations

from typing import Any

from kohort import ops
from kohort.core.masks import set_mask
from kohort.core.symbolic import KerasTensor
from kohort.layers.core import Embedding
from kohort.layers.fields import constraint, initializer, regularizer


class ReversibleEmbedding(Embedding):
    """An embedding that also maps back: `output = input @ embeddings.T` with `reverse=True`.

    Args:
        input_dim: the number of different inputs (the largest plus 1).
        output_dim: the size of the vectors.
        tie_weights: whether the way back uses the same vectors, or some of its own.
        mask_zero: whether 0 is padding, which later layers skip.
        reverse_dtype: the dtype of the way back; None for the compute dtype.
        logit_soft_cap: a number `c` that limits the scores: `c * tanh(scores / c)`.

    Input shape: `(batch, …)` of whole numbers. Output shape: `(batch, …, output_dim)`.
    With `reverse=True`: from `(batch, …, output_dim)` to `(batch, …, input_dim)`.

    >>> layer = ReversibleEmbedding(100, 8)
    >>> layer(layer(np.array([[4, 20, 0]])), reverse=True).shape
    (1, 3, 100)

    Source: `keras.layers.ReversibleEmbedding`; Press & Wolf, 2016.
    """

    tie_weights: bool = True
    embeddings_initializer: Any = initializer("uniform")
    embeddings_regularizer: Any = regularizer()
    embeddings_constraint: Any = constraint()
    mask_zero: bool = False
    reverse_dtype: Any = None
    logit_soft_cap: float | None = None
    activity_regularizer: Any = regularizer()

    def build(self, input_shape: Any = None) -> None:
        """Create the vectors; others for the way back unless the weights are tied."""
        if self.built:
            return
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                name="reverse_embeddings",
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        """Look the vectors up, or score all of them."""
        if reverse:
            return self._scores(inputs)
        outputs = super().call(inputs)
        mask = super().compute_mask(inputs)
        if mask is not None:
            set_mask(outputs, mask)
        return outputs

    def _scores(self, inputs: Any) -> Any:
        kernel = self.embeddings.value.T if self.tie_weights else self.reverse_embeddings.value
        dtype = self.reverse_dtype or self.compute_dtype
        scores = ops.cast(inputs, dtype) @ ops.cast(kernel, dtype)
        cap = self.logit_soft_cap
        return scores if cap is None else ops.tanh(scores / cap) * cap

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: `call` sets the mask, since there is none on the way back."""
        return None

    def compute_output_shape(self, input_shape: Any, reverse: bool = False) -> Any:
        """`(batch, …, output_dim)`, on the way back `(batch, …, input_dim)`."""
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> KerasTensor:
        """The outputs as symbolic tensors."""
        dtype = self.reverse_dtype if reverse and self.reverse_dtype else self.compute_dtype
        return KerasTensor(self.compute_output_shape(inputs.shape, reverse), dtype=dtype)
