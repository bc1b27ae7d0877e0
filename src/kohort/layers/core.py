"""The layers that most models are made of: input, dense, embedding, masking, identity."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from kohort import ops
from kohort.core.component import field
from kohort.core.dtypes import standardize_dtype
from kohort.core.masks import set_mask
from kohort.core.symbolic import KerasTensor, Node
from kohort.core.variable import standardize_shape
from kohort.layers.fields import activation, constraint, initializer, positive_int, regularizer
from kohort.layers.input_spec import InputSpec
from kohort.layers.layer import Layer
from kohort.ops.narrow_product import product


class InputLayer(Layer):
    """The start of a graph: a symbolic tensor of a given shape."""

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(name=name)
        if "input_shape" in kwargs:
            warnings.warn(
                "Argument `input_shape` is deprecated. Use `shape` instead.", stacklevel=2
            )
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        if input_tensor is not None:
            _check_input_tensor(input_tensor, shape, batch_size, batch_shape, dtype, sparse)
            shape, batch_shape, dtype = None, input_tensor.shape, input_tensor.dtype
        elif batch_shape is not None:
            for kind, value in (("shape", shape), ("batch_size", batch_size)):
                if value is not None:
                    raise ValueError(
                        f"You cannot pass both `{kind}` and `batch_shape` at the same time."
                    )
        elif shape is None:
            raise ValueError("You must pass a `shape` argument.")
        if shape is not None:
            batch_shape = (batch_size, *standardize_shape(shape))
        self._batch_shape = standardize_shape(batch_shape)
        self._dtype = standardize_dtype(dtype)
        for kind, wanted in (("sparse", sparse), ("ragged", ragged)):
            if wanted and input_tensor is None:
                raise ValueError(f"`{kind}=True` is not supported with the jax backend")
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), bool(optional)
        tensor = input_tensor
        if tensor is None:
            tensor = KerasTensor(self._batch_shape, dtype=self._dtype, name=self.name)
        self._input_tensor = tensor
        Node(self, (), {}, tensor)
        self.built = True

    def call(self, *args: Any) -> Any:
        """Nothing: the graph starts behind it."""

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape, batch axis included."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return self._dtype

    def get_config(self) -> dict[str, Any]:
        """The shape, dtype and name."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
            "optional": self.optional,
        }

    def __repr__(self) -> str:
        return f"<InputLayer name={self.name}, shape={self.batch_shape}, dtype={self.dtype}>"


def _check_input_tensor(
    tensor: Any, shape: Any, batch_size: Any, batch_shape: Any, dtype: Any, sparse: Any
) -> None:
    """Refuse arguments that contradict the tensor that was given."""
    if not isinstance(tensor, KerasTensor):
        raise ValueError(
            "Argument `input_tensor` must be a KerasTensor. "
            f"Received invalid type: input_tensor={tensor} (of type {type(tensor)})"
        )
    own = tensor.shape
    wrong = {
        "batch_size": batch_size is not None and own[:1] != (batch_size,),
        "shape": shape is not None and tuple(shape) != own[1:],
        "batch_shape": batch_shape is not None and tuple(batch_shape) != own,
        "dtype": dtype is not None and standardize_dtype(dtype) != tensor.dtype,
        "sparse": sparse is not None and sparse != tensor.sparse,
    }
    for argument, contradicts in wrong.items():
        if contradicts:
            raise ValueError(
                "When providing the `input_tensor` argument, you cannot provide an incompatible "
                f"`{argument}` argument. Received: input_tensor={tensor}"
            )


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a symbolic tensor: the input of a functional model.

    Args:
        shape: the shape without the batch axis.
        batch_size: the batch size, where it is fixed.
        dtype: the dtype (`floatx()` unless told).
        batch_shape: the shape with the batch axis, instead of `shape`.
        name: the name of the input.
        tensor: an existing symbolic tensor to use.
        optional: whether the input may be None.

    >>> Input((3,)).shape
    (None, 3)
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        name=name,
        input_tensor=tensor,
        optional=optional,
    )
    return layer._inbound_nodes[0].outputs


class Dense(Layer):
    """A fully connected layer.

        output = activation(input @ kernel + bias)

    Args:
        units: the size of the output.
        activation: a function or its name; None is linear.
        use_bias: whether there is a bias.

    Input shape: `(batch, …, input_dim)`. Output shape: `(batch, …, units)`.

    >>> Dense(3)(np.ones((2, 4))).shape
    (2, 3)

    Source: `keras.layers.Dense`.
    """

    units: int = positive_int()
    activation: Any = activation()
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer(config=False)  # the base writes it, where there is one
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def __post_init__(self) -> None:
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        """Create kernel and bias."""
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units))
        self.bias = self.add_weight(name="bias", shape=(self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute `activation(inputs @ kernel + bias)`."""
        x = product(inputs, self.kernel.value)
        if self.bias is not None:
            x = x + self.bias.value
        return self.activation(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape with `units` in the last place."""
        return (*input_shape[:-1], self.units)


def _positive(name: str, value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(
            f"`{name}` must be a positive integer. Received: {name}={value} "
            f"(of type {type(value).__name__})."
        )


class Embedding(Layer):
    """A learned vector for each of `input_dim` whole numbers: `output = embeddings[input]`.

    Args:
        input_dim: the number of different inputs (the largest plus 1).
        output_dim: the size of the vectors.
        mask_zero: whether 0 is padding, which later layers skip.
        weights: the first vectors.
        input_length: the number of steps, where Sequential should know it (Keras 2).

    Input shape: `(batch, …)` of whole numbers. Output shape: `(batch, …, output_dim)`.

    >>> Embedding(1000, 8)(np.array([[4, 20, 0]])).shape
    (1, 3, 8)

    Source: `keras.layers.Embedding`.
    """

    input_dim: int = field(check=_positive)
    output_dim: int = field(check=_positive)
    embeddings_initializer: Any = initializer("uniform")
    embeddings_regularizer: Any = regularizer()
    embeddings_constraint: Any = constraint()
    mask_zero: bool = False
    activity_regularizer: Any = regularizer()

    def __post_init__(self) -> None:
        self.supports_masking = self.mask_zero
        self.autocast = False
        weights = self.__dict__.pop("_initial_weights", None)
        if weights is not None:
            self.build()
            self.set_weights(weights)

    def build(self, input_shape: Any = None) -> None:
        """Create the vectors."""
        if not self.built:
            shape = (self.input_dim, self.output_dim)
            self._embeddings = self.add_weight(name="embeddings", shape=shape)

    @property
    def embeddings(self) -> Any:
        """The variable that holds the vectors."""
        if not self.built:
            raise AttributeError("You must build the layer before accessing `embeddings`.")
        return self._embeddings

    def call(self, inputs: Any) -> Any:
        """Look the vectors up; a number out of range gives NaN."""
        if inputs.dtype not in (jnp.int32, jnp.int64):
            inputs = inputs.astype("int32")
        return jnp.take(self.embeddings.value, inputs, axis=0).astype(self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """True where the input is not 0, with `mask_zero`."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Any) -> Any:
        """`(batch, …, output_dim)`."""
        return (*input_shape, self.output_dim)


class Masking(Layer):
    """Skip the steps of a sequence whose values all equal `mask_value`.

    Args:
        mask_value: the value that marks a missing step; such steps become 0 and are masked.

    Input shape and output shape: `(batch, steps, …, features)`.

    >>> from kohort.core.masks import get_mask
    >>> y = Masking(-1.0)(np.array([[[-1.0, -1.0], [3.0, -1.0]]]))
    >>> print(get_mask(y))
    [[False  True]]

    Source: `keras.layers.Masking`.
    """

    mask_value: Any = 0.0
    _needs_no_build = True

    def __post_init__(self) -> None:
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Set masked steps to 0."""
        kept = jnp.any(inputs != self.mask_value, axis=-1)
        outputs = jnp.where(kept[..., None], inputs, jnp.zeros((), inputs.dtype))
        set_mask(outputs, kept)
        return outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """False where all values of a step equal `mask_value`."""
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the input."""
        return input_shape


class Identity(Layer):
    """Return the inputs as they are.

    >>> print(Identity()(np.array([1.0])))
    [1.]

    Source: `keras.layers.Identity`.
    """

    _needs_no_build = True

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """Return the inputs."""
        return inputs
