"""The convolution and its transposes: every form beside XLA's own, and which form is taken."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kohort.core.compiling import compiled
from kohort.ops import conv_forms
from kohort.ops.conv_forms import Window, native
from kohort.ops.conv_maps import convolve, transpose

WINDOWS = [
    (Window((2, 1), ((1, 2), (0, 1)), (1, 1)), (3, 2, 4, 6)),
    (Window((1, 1), ((0, 0), (2, 2)), (2, 1)), (2, 3, 4, 3)),
    (Window((1, 1), ((1, 1), (0, 1)), (1, 1)), (3, 2, 4, 5)),  # as `same` pads
    (Window((2, 2), ((0, 0), (0, 0)), (1, 1)), (1, 1, 4, 5)),
    (Window((1, 2), ((1, 1), (0, 0)), (1, 2), groups=2), (2, 2, 2, 6)),
    (Window((2, 2), ((1, 0), (1, 0)), (1, 1), groups=4), (3, 3, 1, 8)),
    (Window((2,), ((1, 2),), (2,)), (3, 4, 5)),
    (Window((1, 2, 1), ((1, 0), (0, 0), (1, 1)), (1, 1, 1)), (2, 2, 3, 4, 3)),
]
SIZES = {
    "small": {},
    "large": {"_CACHED_BYTES": 0, "_FEW_NUMBERS": 0, "_ROWS_LAST": 2, "_LARGE_IMAGE_BYTES": 0},
    "of many slices": {"_CACHED_BYTES": 0, "_MOST_SLICES": 1},
    "in parts": {"_CACHED_BYTES": 0, "_LAID_BYTES": 2**10, "_ROWS_LAST": 1},
}


def _numbers(*shapes):
    """Whole numbers, so that sums in any order are equal."""
    rng = np.random.default_rng(0)
    return [jnp.asarray(rng.integers(-3, 4, shape), "float32") for shape in shapes]


def _problem(window, kernel_shape):
    images = (3, *(6, 7, 5)[: len(window.strides)])
    x, k = _numbers((*images, 4) if window.channels_last else (3, 4, *images[1:]), kernel_shape)
    return x, k, *_numbers(native(x, k, window).shape)


def _everything(convolution, window):
    """Outputs, gradients, tangents and second derivatives."""

    def square(x, k):
        return jnp.sum(convolution(x, k, window) ** 2)

    def of_gradients(x, k):
        return sum(jnp.sum(g * g) for g in jax.grad(square, (0, 1))(x, k))

    def results(x, k, weights):
        y, gradient = jax.vjp(lambda x, k: convolution(x, k, window), x, k)
        tangent = jax.jvp(lambda x, k: convolution(x, k, window), (x, k), (2 * x, k + 1))[1]
        return y, gradient(weights), tangent, jax.grad(of_gradients, (0, 1))(x, k)

    return results


def _assert_equal(own, theirs):
    for a, b in zip(jax.tree.leaves(own), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("window", "kernel_shape"), WINDOWS)
def test_forms_are_the_native_convolution(window, kernel_shape, size, monkeypatch):
    for name, value in SIZES[size].items():
        monkeypatch.setattr(conv_forms, name, value)
    jax.clear_caches()  # what was traced before took other forms
    problem = _problem(window, kernel_shape)
    own, theirs = (compiled(_everything(f, window))(*problem) for f in (convolve, native))
    _assert_equal(own, theirs)


@pytest.mark.parametrize(("window", "kernel_shape"), WINDOWS[::2])
def test_channels_first(window, kernel_shape):
    window = window._replace(channels_last=False)
    problem = _problem(window, kernel_shape)
    own, theirs = (jax.jit(_everything(f, window))(*problem) for f in (convolve, native))
    _assert_equal(own, theirs)


@pytest.mark.parametrize(("window", "kernel_shape"), WINDOWS[::2])
@pytest.mark.parametrize("axes", [(0, 0, 0), (0, None, 0), (None, 0, 0)])
def test_members_get_what_each_gets_alone(window, kernel_shape, axes):
    problem = _problem(window, kernel_shape)
    stacked = [
        a if axis is None else jnp.stack([a, 1 - a]) for a, axis in zip(problem, axes, strict=True)
    ]
    results = _everything(convolve, window)
    together = jax.jit(jax.vmap(results, axes))(*stacked)
    for member in range(2):
        own = [a if axis is None else a[member] for a, axis in zip(stacked, axes, strict=True)]
        alone = jax.jit(_everything(native, window))(*own)
        _assert_equal(jax.tree.map(lambda a, i=member: a[i], together), alone)


def test_gradients_of_members():
    """`vmap` inside a gradient, as stacked ensembles have it."""
    window = WINDOWS[0][0]
    x, k, _ = _problem(*WINDOWS[0])
    xs, ks = jnp.stack([x, 1 - x]), jnp.stack([k, 1 - k])

    def loss(convolution, ks):
        return jnp.sum(jax.vmap(lambda x, k: convolution(x, k, window))(xs, ks) ** 2)

    own, theirs = (jax.grad(functools.partial(loss, f))(ks) for f in (convolve, native))
    _assert_equal(own, theirs)


@pytest.mark.parametrize(("window", "kernel_shape"), WINDOWS[:4])
def test_transpose_is_the_gradient(window, kernel_shape):
    x, k, weights = _problem(window, kernel_shape)
    expected = jax.vjp(lambda x: native(x, k, window), x)[1](weights)[0]
    for portable in (False, True):
        found = transpose(weights, k, window, x.shape[1:-1], portable)
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_gradients_keep_inputs_and_kernel_alone():
    """Not nine slices of the inputs."""
    x, k = jnp.ones((4, 16, 16, 8)), jnp.ones((3, 3, 8, 8))
    window = Window((1, 1), ((1, 1), (1, 1)), (1, 1))
    kept = jax.tree.leaves(jax.vjp(lambda x, k: convolve(x, k, window), x, k)[1])
    assert sum(a.size for a in kept) <= x.size + k.size


def test_form_by_platform():
    """Products on a CPU for members, whose kernels differ; XLA's convolution elsewhere."""
    window = Window((1, 1), ((0, 0), (0, 0)), (1, 1))
    xs, ks = jnp.ones((3, 2, 5, 5, 2)), jnp.ones((3, 2, 2, 2, 4))
    program = jax.jit(jax.vmap(lambda x, k: convolve(x, k, window))).trace(xs, ks)
    for platform, is_native in (("cpu", False), ("cuda", True)):
        text = program.lower(lowering_platforms=(platform,)).as_text()
        assert ("stablehlo.convolution" in text) is is_native


def test_gradients_on_a_cpu_are_convolutions_in_the_usual_order():
    """Others take a hundred times as long: XLA must not fold the moves of axes into them."""
    x, k = jnp.ones((64, 13, 13, 32)), jnp.ones((3, 3, 32, 64))
    window = Window((1, 1), ((0, 0), (0, 0)), (1, 1))

    def step(k):
        return jax.grad(lambda k: jnp.sum(convolve(jnp.tanh(x * k[0, 0, 0, 0]), k, window) ** 2))(k)

    def steps(k):
        return jax.lax.fori_loop(0, 3, lambda _, k: k - 1e-3 * step(k), k)

    text = compiled(steps).lower(k).compile().as_text()
    orders = [line.split("dim_labels=")[1].split(",")[0] for line in text.splitlines()
              if " convolution(" in line]  # fmt: skip
    assert len(orders) >= 3
    assert set(orders) == {"b01f_01io->b01f"}


@pytest.mark.parametrize(("lengths", "sizes"), [((12, 12), "1x3"), ((32, 32), "3x3")])
def test_gradient_of_far_fewer_rows_multiplies_no_rows_of_zeros(lengths, sizes):
    window = Window((1, 1), ((0, 0), (0, 0)), (1, 1))
    outputs, k = jnp.ones((64, *(n - 2 for n in lengths), 64)), jnp.ones((3, 3, 32, 64))
    program = compiled(lambda y, k: transpose(y, k, window, lengths))
    text = program.lower(outputs, k).compile().as_text()
    (convolution,) = [line for line in text.splitlines() if " convolution(" in line]
    assert f"window={{size={sizes} " in convolution


@pytest.mark.parametrize("rows", [2, 10, 16, 20, 31])
def test_gradients_of_kernels_walk_over_small_batches_too(rows):
    """A loop of one step is none to XLA, which then computes inputs again and again."""
    window = Window((1, 1), ((1, 1), (1, 1)), (1, 1))
    x, y, k = jnp.ones((rows, 64, 64, 32)), jnp.ones((rows, 64, 64, 32)), jnp.ones((3, 3, 32, 32))
    gradient = compiled(lambda x, y: jax.vjp(lambda k: convolve(x, k, window), k)[1](y))
    assert " while(" in gradient.lower(x, y).compile().as_text()
