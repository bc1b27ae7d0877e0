"""Test data and inputs: what they hold, beside Keras's own helpers where they are exact."""

from __future__ import annotations

import numpy as np
import pytest

from kohort.testing import create_eager_tensors, create_keras_tensors, devices, extra
from kohort.testing.test_utils import get_test_data, named_product


class TestGetTestData:
    def test_classes_are_balanced_and_nothing_is_shared(self):
        (x, y), (x_test, y_test) = get_test_data(100, 50, (4, 2), num_classes=5, random_seed=1)
        assert x.shape == (100, 4, 2) and x_test.shape == (50, 4, 2)
        assert np.bincount(y).tolist() == [20] * 5 and np.bincount(y_test).tolist() == [10] * 5
        rows = {row.tobytes() for row in np.concatenate([x, x_test])}
        assert len(rows) == 150

    def test_seed_decides(self):
        one, same, other = (get_test_data(20, 10, (3,), 2, seed)[0][0] for seed in (1, 1, 2))
        assert (one == same).all() and not (one == other).all()

    def test_classes_can_be_told_apart(self):
        (x, y), (x_test, y_test) = get_test_data(60, 30, (8,), num_classes=3, random_seed=0)
        centres = np.stack([x[y == c].mean(0) for c in range(3)])
        nearest = ((x_test[:, None] - centres) ** 2).sum(-1).argmin(1)
        assert (nearest == y_test).mean() > 0.8


def test_named_product_is_that_of_keras():
    keras = pytest.importorskip("keras.src.testing.test_utils")
    axis = [{"testcase_name": "small", "n": 1}, {"testcase_name": "large", "n": 9}]
    arguments = {"kind": [float, int], "flag": [True, None]}
    assert named_product(axis, **arguments) == keras.named_product(axis, **arguments)


def test_inputs_follow_the_structure():
    arrays = create_eager_tensors({"x_shape": (2, 3), "y_shape": [(2,)]},
                                  {"x_shape": "float16", "y_shape": ["int32"]})  # fmt: skip
    assert set(arrays) == {"x", "y"}
    assert arrays["x"].shape == (2, 3) and arrays["x"].dtype == "float16"
    assert arrays["y"][0].dtype == "int32" and 0 <= int(arrays["y"][0].min())
    symbolic = create_keras_tensors(((None, 3), (2,)), ("float32", "int32"))
    assert [x.shape for x in symbolic] == [(None, 3), (2,)]


def test_devices_are_those_of_jax():
    import jax

    assert devices.uses_gpu() == (jax.default_backend() == "gpu")
    assert not devices.torch_uses_gpu() and not devices.tensorflow_uses_tpu()


def test_extra_names_work():
    from kohort import ops

    x = ops.ones((2, 2))
    extra.set_keras_mask(x, ops.ones((2,)))
    assert extra.get_keras_mask(x).shape == (2,)
    spec = extra.compute_output_spec(
        lambda x: x[..., None], create_keras_tensors((None, 2), "float16")
    )
    assert spec.shape == (None, 2, 1) and spec.dtype == "float16"
