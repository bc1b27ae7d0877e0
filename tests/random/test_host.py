"""The host's generator gives JAX's numbers."""

import jax
import numpy as np
import pytest

from kohort.random import host


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (64, 33)])
@pytest.mark.parametrize("seed", [0, 1, 123456789])
def test_uniform_is_bit_equal(shape, seed):
    key = np.array([seed, 5], np.uint32)
    expected = jax.random.uniform(key, shape, "float32", -0.3, 0.7)
    np.testing.assert_array_equal(host.uniform(key, shape, -0.3, 0.7), expected)


@pytest.mark.parametrize("shape", [(1,), (1000,), (20, 50)])
def test_normals_agree(shape):
    key = np.array([42, 0], np.uint32)
    np.testing.assert_allclose(
        host.normal(key, shape), jax.random.normal(key, shape), rtol=2e-6, atol=1e-7
    )
    expected = jax.random.truncated_normal(key, -2.0, 2.0, shape)
    np.testing.assert_allclose(
        host.truncated_normal(key, shape, 2.0), expected, rtol=2e-6, atol=1e-7
    )


def test_traced_keys_go_to_the_device():
    seen = []
    jax.jit(lambda key: seen.append(host.usable(key, (2,), "float32")) or key)(
        np.array([1, 2], np.uint32)
    )
    assert seen == [False]
