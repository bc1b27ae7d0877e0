"""Control flow, scatter, conversion: values, gradients, symbolic shapes."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import kohort
from kohort import ops
from kohort.core.scopes import StatelessScope
from kohort.core.symbolic import KerasTensor
from kohort.core.variable import Variable
from tests.ops.oracle import assert_same, check, normal

X = normal(3, 4)


def on_both(call):
    """Run the same lines on Kohort's and on Keras's operations."""
    assert_same(call(ops), call(keras.ops))


@pytest.mark.parametrize("call", [
    lambda o: o.cond(X[0, 0] > 9, lambda: X + 1, lambda: X - 1),
    lambda o: o.switch(1, [o.sin, o.cos], X),
    lambda o: o.scan(lambda c, x: (c + x, c * x), X[0], X),
    lambda o: o.scan(lambda c, x: (c + 1, c), 0, length=3, reverse=True),
    lambda o: o.associative_scan(lambda a, b: a + b, X, axis=1),
    lambda o: o.while_loop(lambda i, x: i < 5, lambda i, x: (i + 1, x * 2), (0, X)),
    lambda o: o.while_loop(lambda x: x < 99, lambda x: x * 2, jnp.float32(1), 3),
    lambda o: o.fori_loop(0, 4, lambda i, x: x + i, X),
    lambda o: o.map(lambda x: x.sum(), jnp.asarray(X)),
    lambda o: o.vectorized_map(lambda x: x.sum(), jnp.asarray(X)),
    lambda o: o.vectorize(lambda a, b: a + b)(jnp.asarray(X), jnp.asarray(X)),
    lambda o: o.stop_gradient(jnp.asarray(X)),
    lambda o: o.unstack(jnp.asarray(X), axis=1),
    lambda o: o.jvp(o.sin, (jnp.asarray(X),), (jnp.ones((3, 4)),)),
])  # fmt: skip
def test_control_flow(call):
    on_both(call)


@pytest.mark.parametrize("name, args, kwargs", [
    ("scatter", (np.array([[0], [2], [2]]), X, (4, 4)), {}),
    ("scatter_update", (X, np.array([[0, 1], [2, 3]]), np.array([5, 6], "float32")), {}),
    ("scatter_update", (X, np.array([[0], [0]]), X[:2]), {"reduction": "add"}),
    ("scatter_update", (X, np.array([[0]]), X[1:2]), {"reduction": "max"}),
    ("scatter_update", (X, np.array([[0]]), X[1:2]), {"reduction": "mul"}),
    ("slice_update", (X, (1, 1), X[:2, :2]), {}), ("cast", (X, "int32"), {}),
    ("saturate_cast", (1000 * X, "int8"), {}), ("saturate_cast", (1e12 * X, "int32"), {}),
])  # fmt: skip
def test_scatter_slice_cast(name, args, kwargs):
    check(name, *[jnp.asarray(a) if isinstance(a, np.ndarray) else a for a in args],
          symbolic=False, **kwargs)  # fmt: skip


def test_slice():
    on_both(lambda o: o.slice(jnp.asarray(X), (1, 0), (2, 2)))
    on_both(lambda o: o.slice(jnp.asarray(X), (1, 2), (-1, -1)))
    assert ops.slice(KerasTensor((3, 4)), (1, 0), (2, -1)).shape == (2, 4)


def test_custom_gradient_is_used():
    @ops.custom_gradient
    def doubled(x):
        return x, lambda upstream: upstream * 2.0

    assert jax.grad(lambda x: doubled(x) * 3.0)(1.0) == 6.0
    assert doubled(Variable(2.0)) == 2.0


def test_branches_may_return_variables():
    v = Variable([1.0])
    np.testing.assert_array_equal(ops.cond(True, lambda: v, lambda: v + 1), [1.0])


def test_conversion():
    assert ops.is_tensor(jnp.ones(2)) and not ops.is_tensor(np.ones(2))
    assert ops.convert_to_tensor(np.ones(2)).dtype == "float32"
    x = KerasTensor((None, 2))
    assert ops.convert_to_tensor(x) is x
    assert ops.convert_to_tensor(x, "int32").dtype == "int32"
    assert ops.cast(x, "bool").dtype == "bool"
    with pytest.raises(ValueError, match="symbolic"):
        ops.convert_to_numpy(x)
    assert ops.dtype(np.ones(2, "float16")) == "float16"


def test_symbolic_loops():
    x = KerasTensor((None, 4))
    carry, ys = ops.scan(lambda c, row: (c + row, row.sum()), KerasTensor((4,)), x)
    assert carry.shape == (4,) and ys.shape == (None,)
    assert ops.map(lambda row: row * 2, x).shape == (None, 4)
    assert ops.vectorized_map(lambda row: row.sum(), x).shape == (None,)
    assert ops.stop_gradient(x).shape == (None, 4)


@pytest.mark.parametrize("call, message", [
    (lambda: ops.scan(lambda c, x: (c, x), 0, X, unroll=0), "positive integer"),
    (lambda: ops.scatter_update(X, [[0]], X[:1], reduction="mean"), "Invalid reduction"),
    (lambda: ops.slice(X, (0,), (1,)), "number of dimensions"),
    (lambda: ops.vectorize(3), "callable"),
    (lambda: ops.associative_scan(lambda a, b: a, [X, X[:2]]), "same first dimension"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("call, total", [
    (lambda v: ops.scan(lambda c, x: (c, v.assign_add(x)), 0, jnp.arange(4.0)), 6),
    (lambda v: ops.map(lambda x: v.assign_add(x), jnp.arange(4.0)), 6),
    (lambda v: ops.fori_loop(0, 4, lambda i, c: (v.assign_add(i), c)[1], 0), 6),
    (lambda v: ops.while_loop(lambda i: i < 3, lambda i: (v.assign_add(2), i + 1)[1], 0), 6),
    (lambda v: ops.cond(jnp.array(True), lambda: v.assign(6), lambda: v + 1), 6),
    (lambda v: ops.switch(0, [lambda: v + 1, lambda: v.assign(6)]), 0),
])  # fmt: skip
@pytest.mark.parametrize("compiled", [False, True])
def test_writes_to_variables_come_out(call, total, compiled):
    v = Variable(0.0)

    def run(value):
        with StatelessScope([(v, value)]) as scope:
            call(v)
        return scope.get_current_value(v)

    if compiled:
        assert float(jax.jit(run)(0.0)) == total and v.numpy() == 0
    else:
        call(v)
        assert v.numpy() == total


def test_seeds_move_on_inside_a_loop():
    seed = kohort.random.SeedGenerator(3)
    drawn = ops.scan(lambda c, _: (c, kohort.random.uniform((), seed=seed)), 0, length=3)[1]
    assert len(set(drawn.tolist())) == 3 and seed.state.numpy()[1] == 3


@pytest.mark.parametrize("call", [
    lambda k: ops.matmul(k((2, 3)), k((4, 5))),
    lambda k: ops.concatenate([k((2, 3)), k((3, 4))], axis=1),
    lambda k: ops.dot(k((2, 3)), k((4,))),
])  # fmt: skip
def test_symbolic_shapes_that_do_not_fit_are_value_errors(call):
    with pytest.raises(ValueError, match="shapes that do not fit. Received: "):
        call(KerasTensor)


def test_64_bits_become_32_without_a_warning():
    assert ops.convert_to_tensor(np.ones(2), "float64").dtype == "float32"
    assert ops.cast(np.ones(2, "int32"), "int64").dtype == "int32"
