"""Compare an operation with real Keras's: eagerly, and by its symbolic shape."""

import jax
import keras
import numpy as np

from kohort import ops
from kohort.core.symbolic import KerasTensor

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype("float32")


def both(name):
    """The function here and in Keras, by its path under `ops`."""
    ours, theirs = ops, keras.ops
    for part in name.split("."):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    return ours, theirs


def assert_same(ours, theirs, rtol=1e-5, atol=1e-6):
    """Equal structure, shape, dtype and values."""
    ours, theirs = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.shape(a) == np.shape(b)
        assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b))
        a, b = np.asarray(a), np.asarray(b)
        if a.dtype.name == "bfloat16":
            a, b = a.astype("float32"), b.astype("float32")
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def check(name, *args, symbolic=True, rtol=1e-5, atol=1e-6, **kwargs):
    """Compare values with Keras, then the shapes that symbolic arguments give."""
    ours, theirs = both(name)
    found = ours(*args, **kwargs)
    assert_same(found, theirs(*args, **kwargs), rtol, atol)
    if not symbolic:
        return
    changed = [as_symbolic(a) for a in args]
    inferred = ours(*changed, **kwargs)
    real = jax.tree.leaves(found)
    spec = jax.tree.leaves(inferred, is_leaf=lambda x: isinstance(x, KerasTensor))
    assert [(s.shape, s.dtype) for s in spec] == [(r.shape, str(r.dtype)) for r in real]


def as_symbolic(x):
    """NumPy arrays become symbolic tensors of their shape."""
    if isinstance(x, (list, tuple)) and x and all(isinstance(v, np.ndarray) for v in x):
        return type(x)(as_symbolic(v) for v in x)
    if isinstance(x, np.ndarray):
        dtype = {"float64": "float32", "int64": "int32"}.get(x.dtype.name, x.dtype.name)
        return KerasTensor(x.shape, dtype=dtype)
    return x
