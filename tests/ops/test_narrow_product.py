"""Narrow products have the values and derivatives of plain ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kohort.ops.narrow_product import product


def drawn(*shape):
    return jnp.asarray(np.random.default_rng(len(shape)).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("rows", [(6,), (2, 3)])
@pytest.mark.parametrize("columns", [1, 5, 40])
def test_values_and_derivatives_are_those_of_a_plain_product(rows, columns):
    x, kernel = drawn(*rows, 7), drawn(7, columns)

    def everything(f, x, kernel):
        def loss(x, kernel):
            return jnp.sum(jnp.sin(f(x, kernel)))

        value, pull = jax.vjp(f, x, kernel)
        return (
            value,
            pull(jnp.cos(value)),
            jax.jvp(f, (x, kernel), (2 * x, kernel + 1)),
            jax.hessian(loss, argnums=(0, 1))(x, kernel),
        )

    ours, plain = (
        jax.jit(everything, static_argnums=0)(f, x, kernel) for f in (product, jnp.matmul)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5), ours, plain)


def test_members_of_a_cohort_each_have_their_gradient():
    x, kernels = drawn(6, 7), drawn(3, 7, 5)
    gradient = jax.grad(lambda k, x: jnp.sum(product(x, k) ** 2))
    together = jax.jit(jax.vmap(gradient, (0, None)))(kernels, x)
    alone = jnp.stack([gradient(kernel, x) for kernel in kernels])
    np.testing.assert_allclose(together, alone, rtol=1e-4)


def test_the_gradient_on_a_cpu_is_transposed_after_the_product():
    gradient = jax.jit(jax.grad(lambda k, x: jnp.sum(product(x, k) ** 2)))
    text = gradient.lower(drawn(7, 5), drawn(6, 7)).as_text()
    assert "optimization_barrier" in text
