"""Initialisers against real Keras: equal seeds, equal numbers."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort import initializers
from kohort.core.variable import Variable
from kohort.random import SeedGenerator, set_random_seed

PRESETS = ["GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"]
SEEDED = [
    *[(name, {}) for name in PRESETS],
    ("RandomNormal", {"mean": 1.0, "stddev": 0.5}),
    ("RandomUniform", {"minval": -2.0, "maxval": 3.0}),
    ("TruncatedNormal", {"mean": 1.0, "stddev": 0.5}),
    ("Orthogonal", {"gain": 2.0}),
]


def same(ours, theirs, shape, **call):
    a, b = np.asarray(ours(shape, **call)), np.asarray(theirs(shape, **call))
    assert a.dtype == b.dtype
    # The same draws; the last bit depends on how XLA fuses `draw * stddev + mean`.
    digits = np.finfo(a.dtype).eps
    np.testing.assert_allclose(a, b, rtol=4 * digits, atol=4 * digits)


@pytest.mark.parametrize(("name", "options"), SEEDED, ids=[name for name, _ in SEEDED])
@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3, 2, 5)])
def test_equal_seeds_give_keras_numbers(name, options, shape):
    ours = getattr(initializers, name)(**options, seed=7)
    same(ours, getattr(keras.initializers, name)(**options, seed=7), shape)
    same(
        ours,
        getattr(keras.initializers, name)(**options, seed=7),
        shape,
        dtype="float16" if name != "Orthogonal" else "float32",
    )


@given(
    scale=st.floats(0.1, 5.0),
    mode=st.sampled_from(["fan_in", "fan_out", "fan_avg"]),
    distribution=st.sampled_from(["normal", "truncated_normal", "untruncated_normal", "uniform"]),
    shape=st.lists(st.integers(1, 5), min_size=0, max_size=4),
)
def test_variance_scaling(scale, mode, distribution, shape):
    args = (scale, mode, distribution, 3)
    same(
        initializers.VarianceScaling(*args), keras.initializers.VarianceScaling(*args), tuple(shape)
    )


def test_axes_choose_the_fans():
    options = {"seed": 1, "input_axes": [0], "output_axes": [1, 2]}
    ours, theirs = (k.GlorotUniform(**options) for k in (initializers, keras.initializers))
    same(ours, theirs, (6, 2, 3))
    assert initializers.compute_fans((6, 2, 3), [0, 1], [2]) == (12, 3)
    assert initializers.compute_fans(()) == (1, 1)
    assert initializers.compute_fans((5,)) == (5, 5)


@pytest.mark.parametrize(
    ("name", "options", "shape"),
    [
        ("Zeros", {}, (2, 3)),
        ("Ones", {}, (2, 3)),
        ("Constant", {"value": 2.5}, (2, 3)),
        ("Constant", {"value": np.arange(3.0)}, (2, 3)),
        ("Identity", {"gain": 3.0}, (3, 3)),
        ("STFT", {"side": "imag", "window": "hamming", "scaling": "spectrum"}, (16, 1, 9)),
        ("STFT", {"window": list(range(1, 17)), "periodic": True}, (16, 1, 9)),
        ("STFT", {"window": None}, (16, 1, 9)),
    ],
)
def test_constants(name, options, shape):
    ours, theirs = (getattr(k, name)(**options) for k in (initializers, keras.initializers))
    np.testing.assert_allclose(ours(shape), theirs(shape), rtol=1e-5, atol=1e-6)


def test_unseeded_initializers_follow_the_global_seed():
    set_random_seed(5)
    ours = initializers.GlorotUniform()
    keras.utils.set_random_seed(5)
    same(ours, keras.initializers.GlorotUniform(), (3, 4))
    assert ours.get_config()["seed"] is None
    assert (ours.clone()((3, 4)) != ours((3, 4))).any()


def test_a_seed_generator_gives_another_array_each_time():
    generator = SeedGenerator(3)
    initializer = initializers.RandomNormal(seed=generator)
    assert (initializer((3,)) != initializer((3,))).all()
    assert isinstance(initializer.clone().seed, SeedGenerator)


@pytest.mark.parametrize("name", sorted(keras.initializers.__dict__))
def test_every_name_of_keras_exists(name):
    if not name.startswith("_"):
        assert hasattr(initializers, name)


@pytest.mark.parametrize(("name", "options"), SEEDED, ids=[name for name, _ in SEEDED])
def test_configurations_are_keras_configurations(name, options):
    ours, theirs = (getattr(k, name)(**options, seed=3) for k in (initializers, keras.initializers))
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)
    back = initializers.deserialize(keras.initializers.serialize(theirs))
    same(back, theirs, (3, 4))


def test_get():
    assert initializers.get(None) is None
    assert isinstance(initializers.get("he_normal"), initializers.HeNormal)
    assert isinstance(initializers.get("normal"), initializers.RandomNormal)
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    legacy = {"class_name": "Constant", "config": {"value": 2.0}}
    assert initializers.get(legacy).value == 2.0
    for array in (np.ones((2, 2)), Variable(np.ones((2, 2)))):
        assert initializers.get(array)((2, 2)).shape == (2, 2)
    with pytest.raises(ValueError, match="Expected `shape` to be"):
        initializers.get(np.ones((2, 2)))((3,))
    with pytest.raises(ValueError, match="Could not interpret initializer identifier: typo"):
        initializers.get("typo")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.VarianceScaling(scale=-1.0), "must be positive float"),
        (lambda: initializers.VarianceScaling(mode="in"), "Invalid `mode` argument: in"),
        (lambda: initializers.VarianceScaling(distribution="x"), "Invalid `distribution`"),
        (lambda: initializers.RandomNormal(seed="a"), "`seed` argument should be"),
        (lambda: initializers.Identity()((2, 2, 2)), "only be used for 2D matrices"),
        (lambda: initializers.Orthogonal()((2,)), "at least two-dimensional"),
        (lambda: initializers.STFT("imaginary"), "side should be"),
        (lambda: initializers.STFT(scaling="l2"), "Scaling is invalid"),
        (lambda: initializers.STFT(window="unknown"), "Invalid window|Unknown window"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_user_writes_one():
    class Halves(initializers.Initializer):
        def __init__(self, value):
            self.value = value

        def __call__(self, shape, dtype=None):
            return np.full(shape, self.value, dtype)

        def get_config(self):
            return {"value": self.value}

    assert Halves(0.5).clone()((2,)).tolist() == [0.5, 0.5]
