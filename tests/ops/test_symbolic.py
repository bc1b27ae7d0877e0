"""Symbolic shapes where axes are unknown, or depend on values; nodes of operations in files."""

import keras
import numpy as np
import pytest

import kohort
from kohort import ops
from kohort.backend import result_type
from kohort.core.symbolic import KerasTensor
from kohort.models import clone_model
from kohort.saving import register_keras_serializable
from kohort.utils import get_source_inputs

# An unknown axis takes the size that the other tensor asks of it.
FITTING = [
    ("dot", (None,), (3,)),
    ("inner", (None, None), (4, 3)),
    ("matmul", (None, None), (4, 3)),
    ("cross", (2, 3, 3), (None, 1, 2)),
    ("isclose", (None, 3), (2, None)),
    ("linspace", (None, 3), (2, 3)),
    ("cdist", (None, None), (5, 2)),
]


@pytest.mark.parametrize(("name", "a", "b"), FITTING)
def test_unknown_axes_fit_known_sizes(name, a, b):
    ours = getattr(ops, name)(KerasTensor(a), KerasTensor(b))
    theirs = getattr(keras.ops, name)(keras.KerasTensor(a), keras.KerasTensor(b))
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)


def test_what_fits_no_size_is_an_error():
    with pytest.raises(ValueError, match="matmul.*do not fit"):
        ops.matmul(KerasTensor((None, 5)), KerasTensor((4, 3)))


def shapes(found):
    found = found if isinstance(found, (list, tuple)) else [found]
    return [(x.shape, x.dtype) for x in found]


IDS = np.array([0, 0, 1], "int32")
BY_VALUE = [
    (lambda o, x: o.bincount(x), "int32"),
    (lambda o, x: o.bincount(x, weights=np.ones((2, 3), "float32")), "int32"),
    (lambda o, x: o.nonzero(x), "float32"),
    (lambda o, x: o.unique(x, return_counts=True, return_inverse=True), "int8"),
    (lambda o, x: o.unique(x, axis=1, size=2, return_index=True), "int8"),
    (lambda o, x: o.segment_sum(o.transpose(x), IDS), "float32"),
    (lambda o, x: o.segment_max(o.transpose(x), IDS, num_segments=5), "float32"),
    (lambda o, x: o.slice(x, (1, 0), (-1, 2)), "float32"),
    (lambda o, x: o.unstack(x, axis=1), "float32"),
]


@pytest.mark.parametrize(("call", "dtype"), BY_VALUE)
def test_sizes_that_depend_on_values(call, dtype):
    ours = call(ops, KerasTensor((2, 3), dtype))
    theirs = call(keras.ops, keras.KerasTensor((2, 3), dtype))
    assert shapes(ours) == shapes(theirs)


def test_errors_on_unknown_and_wrong_sizes():
    with pytest.raises(ValueError, match="Cannot infer argument `num`"):
        ops.unstack(KerasTensor((2, None)), axis=1)
    with pytest.raises(ValueError, match="axis 5 is out of bounds"):
        ops.unstack(KerasTensor((2, None)), axis=5)
    with pytest.raises(ValueError, match="Index 3 is out of bounds for axis 1"):
        KerasTensor((None, 3, 4))[..., 3, :]
    with pytest.raises(ValueError, match="`scale` must be a vector of length"):
        two = KerasTensor((2,))
        ops.batch_normalization(KerasTensor((None, 2)), two, two, -1, scale=KerasTensor((3,)))
    with pytest.raises(ValueError, match="dimensions in `start_indices` must match"):
        ops.slice(np.ones((2, 2)), (1, 1, 1), (1, 1))
    with pytest.raises(ValueError, match="same leading dimension"):
        ops.segment_sum(KerasTensor((4, 2)), IDS)
    with pytest.raises(ValueError, match="rank >= 1"):
        ops.fft((np.ones(()), np.ones(())))


@pytest.mark.parametrize("name", ["arctan2", "hypot"])
def test_half_precision_with_whole_numbers(name):
    args = np.array([1, 2], "int8"), np.array([1, 2], "float16")
    ours, theirs = getattr(ops, name)(*args), getattr(keras.ops, name)(*args)
    assert ours.dtype == theirs.dtype == "float16"
    np.testing.assert_array_equal(ours, theirs)


def test_dtypes_of_numpy_are_no_python_types():
    assert result_type(np.dtype("bool"), np.dtype("int64")) == "int32"
    assert ops.geomspace(np.array([True]), np.array([2], "int8"), num=2).dtype == "float32"
    assert ops.dot(np.array([1], "int8"), 2).tolist() == [2]


@register_keras_serializable(package="tests")
def _twice(x):
    return x + x


def test_operations_in_files_keep_their_arguments():
    a, b = kohort.Input((None, None)), kohort.Input((3,))
    both = ops.add(ops.expand_dims(b, 1), a)
    model = kohort.Model([a, b], ops.vectorized_map(_twice, both))
    assert get_source_inputs(model.output) == [b, a]
    data = np.ones((2, 4, 3), "float32"), np.ones((2, 3), "float32")
    for copy in (kohort.Model.from_config(model.get_config()), clone_model(model)):
        assert copy.output.shape == model.output.shape == (None, None, 3)
        np.testing.assert_array_equal(copy(data), model(data))


CUTS = [
    (lambda o, x: x[:, :3], (2, None)),
    (lambda o, x: x[:, -1], (2, None)),
    (lambda o, x: o.diagonal(x), (None, 3)),
    (lambda o, x: o.repeat(x, [1, 2], axis=0), (2, None)),
]


@pytest.mark.parametrize(("call", "shape"), CUTS)
def test_pieces_of_unknown_axes_are_unknown(call, shape):
    ours, theirs = call(ops, KerasTensor(shape)), call(keras.ops, keras.KerasTensor(shape))
    assert ours.shape == theirs.shape


def test_symbolic_tensors_are_immutable_and_not_iterable():
    x = KerasTensor((2,))
    with pytest.raises(AttributeError, match="`shape` attribute of KerasTensor is immutable"):
        x.shape = (3,)
    with pytest.raises(NotImplementedError, match="Iterating"):
        list(x)
