"""Discretization: numbers as the numbers of their bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from kohort.core.dtypes import standardize_dtype
from kohort.core.symbolic import KerasTensor
from kohort.layers.layer import Layer
from kohort.layers.preprocessing.encoding import encode, encoded_shape, output_kind, refuse_sparse
from kohort.layers.preprocessing.host import adapt_batches


class Discretization(Layer):
    """The number of the bin that each value lies in.

    The bins are given by their boundaries, or learned by `adapt` so that each holds about as many
    values: `num_bins` quantiles, found from summaries of the batches.

    Args:
        bin_boundaries: increasing; bin i reaches from boundary i - 1 up to, not including, i.
        num_bins: how many bins to learn.
        epsilon: how exact the quantiles are.
        output_mode: int, one_hot, multi_hot or count.
        sparse: must be False.
        dtype: the dtype of encoded outputs.

    >>> print(Discretization([0.0, 1.0])(np.array([[-1.5, 0.0, 3.4]])))
    [[0 1 2]]

    Source: `keras.layers.Discretization`.
    """

    bin_boundaries: Any = None
    num_bins: int | None = None
    epsilon: float = 0.01
    output_mode: str = output_kind()
    sparse: bool = refuse_sparse()
    _needs_no_build = True
    if TYPE_CHECKING:
        summary: np.ndarray

    def __post_init__(self) -> None:
        self._allow_non_tensor_positional_args = True
        self.input_boundaries = self.bin_boundaries
        bins, boundaries = self.num_bins, self.bin_boundaries
        if bins is not None and bins < 0:
            raise ValueError(
                f"`num_bins` must be greater than or equal to 0. Received: `num_bins={bins}`"
            )
        if (bins is None) == (boundaries is None):
            given = f"Received: `num_bins={bins}` and `bin_boundaries={boundaries}`"
            if bins is None:
                raise ValueError(f"You need to set either `num_bins` or `bin_boundaries`. {given}")
            raise ValueError(f"Both `num_bins` and `bin_boundaries` should not be set. {given}")
        self.reset_state()

    @property
    def input_dtype(self) -> str:
        """Values are compared as floats."""
        return standardize_dtype(None)

    @property
    def output_dtype(self) -> str:
        """int32 for bins, else the compute dtype."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the boundaries from an array or batches (of which at most `steps`)."""
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with "
                "`bin_boundaries`, use `num_bins` instead."
            )
        self.reset_state()
        for batch in adapt_batches(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take one more batch into account."""
        summary = _summary(np.asarray(data, "float32"), self.epsilon)
        merged = np.concatenate([summary, self.summary], 1)
        self.summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Make boundaries of what was seen."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forget what was seen."""
        self.summary = np.zeros((2, 0), "float32")

    @property
    def _depth(self) -> int | None:
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def call(self, inputs: Any) -> Any:
        """The bins, encoded."""
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction time or "
                "call `adapt(dataset)` before you can start using the `Discretization` layer."
            )
        bins = jnp.digitize(jnp.asarray(inputs), jnp.asarray(self.bin_boundaries, "float32"))
        assert self._depth is not None
        return encode(bins, self.output_mode, self._depth, self.output_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the encoded bins."""
        shape = tuple(input_shape)
        if self.output_mode in ("multi_hot", "count") and len(shape) > 2:
            return (shape[0], *shape[2:], self._depth)  # the second axis is summed over
        return encoded_shape(shape, self.output_mode, self._depth)

    def compute_output_spec(self, inputs: Any) -> Any:
        """The encoded bins as a symbolic tensor."""
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype)

    def load_own_variables(self, store: Any) -> None:
        """The boundaries stand in the configuration; older files hold a summary."""
        if len(store.keys()) == 1:
            self.summary = np.asarray(store["0"])

    def get_config(self) -> dict[str, Any]:
        """The boundaries, also where they were learned."""
        config = super().get_config()
        del config["trainable"]
        return {**config, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Discretization:
        """Make the layer; learned boundaries come beside `num_bins`."""
        del custom_objects
        config = dict(config)
        boundaries = config.get("bin_boundaries")
        if config.get("num_bins") is not None:
            config["bin_boundaries"] = None
        layer = cls(**config)
        layer.bin_boundaries = boundaries
        return layer


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Every so many sorted values, and how many each stands for."""
    values = np.sort(values.ravel())
    step = max(values.size * epsilon, 1)
    kept = values[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary with at most 1 / epsilon values."""
    if summary.shape[1] * epsilon < 1:
        return summary
    places = epsilon + np.arange(0.0, 1.0, epsilon)
    sums = summary[1].cumsum()
    values = np.interp(places, sums / sums[-1], summary[0])
    sums = np.interp(places, sums / sums[-1], sums)
    return np.stack([values, np.diff(sums, prepend=0)]).astype("float32")
