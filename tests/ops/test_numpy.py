"""NumPy's functions against Keras."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from kohort import ops
from kohort.core.symbolic import KerasTensor
from kohort.core.variable import Variable
from tests.ops.oracle import assert_same, check, normal

X = normal(3, 4)
Y = normal(3, 4)
P = np.abs(X) / (np.abs(X).max() + 0.1)
INTS = np.array([[3, 0, 2, 5], [1, 1, 4, 7], [6, 2, 2, 9]], "int32")
B = INTS > 2
C = np.array([[1 + 2j, 3 - 1j]], "complex64")
NAN = np.where(INTS == 2, np.nan, INTS).astype("float32")

ANY_FLOAT = """arcsin arccos arctan arcsinh arctanh cbrt ceil cos cosh deg2rad exp exp2 expm1 fabs
 floor i0 log log10 log1p log2 rad2deg reciprocal sin sinc sinh sqrt tan tanh absolute negative
 sign signbit square isfinite isinf isnan isneginf isposinf isreal copy trunc round nan_to_num
 ravel fliplr flipud logical_not real imag conjugate angle""".split()
ON_INTS = """arctan arcsinh ceil cos cosh exp exp2 expm1 floor log1p sin sinh sqrt tan tanh
 absolute negative sign square isfinite isnan copy trunc ravel logical_not fabs""".split()


@pytest.mark.parametrize("name", ANY_FLOAT)
def test_unary_on_floats(name):
    check(name, P)


@pytest.mark.parametrize("name", ON_INTS)
@pytest.mark.parametrize("dtype", ["int32", "uint8"])
def test_unary_on_whole_numbers(name, dtype):
    check(name, INTS.astype(dtype))


@pytest.mark.parametrize("name", ["exp", "sin", "mean", "var", "sum", "max", "sqrt", "square"])
def test_half_precision_stays(name):
    check(name, jnp.asarray(P, "bfloat16"), symbolic=False, rtol=1e-2, atol=1e-2)


def test_arccosh():
    check("arccosh", P + 1)


BINARY = """add subtract multiply divide true_divide maximum minimum fmax fmin power hypot arctan2
 logaddexp logaddexp2 equal not_equal less less_equal greater greater_equal logical_and logical_or
 logical_xor mod fmod floor_divide heaviside nextafter isclose allclose divide_no_nan""".split()


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    check(name, P, P[:1] + 0.5)
    check(name, P, np.float32(2.0), symbolic=False)


@pytest.mark.parametrize("name", ["add", "multiply", "divide", "power", "maximum", "floor_divide",
                                  "mod", "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor",
                                  "left_shift", "right_shift", "arctan2", "less"])  # fmt: skip
def test_binary_on_whole_numbers(name):
    check(name, INTS, np.maximum(INTS[:1], 1))


@pytest.mark.parametrize("number", [2, 2.5, True])
@pytest.mark.parametrize("dtype", ["bfloat16", "int8", "float32"])
def test_python_numbers_take_the_dtype_of_the_array(number, dtype):
    x = jnp.asarray(INTS, dtype)
    for name in ("add", "multiply", "maximum", "divide"):
        assert_same(getattr(ops, name)(x, number), getattr(keras.ops, name)(x, number), 1e-2)


REDUCE = """sum mean var std max min amax amin prod all any median ptp nanmax nanmin nanmean
 nansum nanstd nanvar nanprod nanmedian logsumexp""".split()


@pytest.mark.parametrize("name", REDUCE)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
def test_reduction(name, axis):
    check(name, NAN if name.startswith("nan") else X, axis=axis, keepdims=axis == 0)


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "max", "prod", "any", "median"])
@pytest.mark.parametrize("dtype", ["int32", "int8", "uint8", "bool"])
def test_reduction_dtypes(name, dtype):
    if (name, dtype) == ("median", "bool"):
        pytest.skip("Keras has no median of booleans")
    check(name, (INTS % 3).astype(dtype), axis=1)


CASES = [
    ("argmax", (X,), {"axis": 1}), ("argmin", (X,), {"axis": 0, "keepdims": True}),
    ("argmax", (np.array([-0.0, 0.0], "float32"),), {}), ("nanargmax", (NAN,), {"axis": 1}),
    ("nanargmin", (NAN,), {"axis": 0}), ("argsort", (X,), {"axis": 0}), ("sort", (X,), {}),
    ("argpartition", (X, 2), {}), ("average", (X,), {"axis": 0}),
    ("average", (INTS,), {"axis": 1, "weights": P}),
    ("average", (X.astype("float16"),), {"axis": 1, "weights": INTS}),
    ("count_nonzero", (INTS,), {"axis": 1}), ("cumsum", (INTS,), {"axis": 1}),
    ("cumprod", (X,), {}), ("nancumsum", (NAN,), {"axis": 0}),
    ("nancumprod", (NAN,), {"axis": 0}), ("quantile", (X, 0.3), {"axis": 1}),
    ("percentile", (X, 30.0), {"axis": 1, "method": "nearest"}),
    ("nanquantile", (NAN, 0.5), {"axis": 1}), ("nanpercentile", (NAN, 50.0), {}),
    ("max", (X,), {"initial": 9.0}), ("min", (X,), {"axis": 0, "initial": -9.0}),
    ("prod", (INTS,), {"axis": 0, "dtype": "float32"}), ("trapezoid", (X,), {"dx": 2.0}),
    ("clip", (X, -0.5, 0.5), {}), ("clip", (INTS, 1, 3), {}), ("round", (X, 1), {}),
    ("round", (INTS * 7, -1), {}), ("nan_to_num", (NAN,), {"nan": 9.0}),
    ("ldexp", (X, INTS), {}), ("where", (B, X, Y), {}), ("where", (B, X, 0.0), {}),
    ("isclose", (X, X + 1e-4), {"atol": 1e-3}), ("isin", (INTS, np.array([1, 2])), {}),
    ("digitize", (X, np.array([-1.0, 0.0, 1.0], "float32")), {}),
    ("searchsorted", (np.array([1, 3, 5]), INTS), {"side": "right"}),
    ("tril", (X,), {"k": 1}), ("triu", (X,), {}), ("trace", (X,), {}), ("diag", (X,), {}),
    ("diag", (X[0],), {"k": 1}), ("diagflat", (X,), {}), ("diagonal", (X,), {"offset": 1}),
    ("diff", (X,), {"n": 2}), ("dot", (X, Y.T), {}), ("vdot", (X, Y), {}), ("inner", (X, Y), {}),
    ("outer", (X, Y), {}), ("kron", (X, Y), {}), ("cross", (X[:, :3], Y[:, :3]), {}),
    ("tensordot", (X, Y), {"axes": [[0, 1], [0, 1]]}), ("matmul", (X, Y.T), {}),
    ("matmul", (INTS.astype("int8"), INTS.T.astype("int8")), {}),
    ("correlate", (X[0], Y[0]), {"mode": "full"}),
    ("correlate", (X[0].astype("float16"), INTS[0]), {}), ("corrcoef", (X,), {}),
    ("transpose", (normal(2, 3, 4),), {"axes": (2, 0, 1)}), ("reshape", (X, (2, -1)), {}),
    ("expand_dims", (X, (0, -1)), {}), ("squeeze", (X[None],), {}), ("flip", (X,), {"axis": 1}),
    ("moveaxis", (normal(2, 3, 4), 0, -1), {}), ("swapaxes", (X, 0, 1), {}),
    ("rot90", (X,), {"k": 3}), ("roll", (X, 2), {"axis": 1}), ("repeat", (X, 2), {"axis": 0}),
    ("tile", (X, (2, 1)), {}),
    ("pad", (X, 1), {}), ("pad", (X, ((1, 0), (2, 1))), {"mode": "reflect"}),
    ("pad", (X, ((1, 0), (2, 1))), {"constant_values": 7}), ("append", (X, Y), {"axis": 0}),
    ("concatenate", ([X, Y],), {"axis": 1}), ("stack", ([X, Y],), {"axis": 1}),
    ("hstack", ([X, Y],), {}), ("vstack", ([X, Y],), {}), ("dstack", ([X, Y],), {}),
    ("split", (X, 2), {"axis": 1}), ("split", (X, [1, 3]), {"axis": 1}),
    ("array_split", (X, 2), {}), ("hsplit", (X, 2), {}), ("vsplit", (X, 3), {}),
    ("dsplit", (normal(2, 3, 4), 2), {}), ("take", (X, np.array([2, -1])), {"axis": 0}),
    ("take_along_axis", (X, np.argsort(X, 1)), {"axis": 1}), ("broadcast_to", (X, (2, 3, 4)), {}),
    ("unravel_index", (np.array([1, 7]), (3, 4)), {}), ("view", (X,), {"dtype": "int32"}),
    ("zeros_like", (X,), {}), ("ones_like", (INTS,), {"dtype": "float32"}),
    ("full_like", (X, 3), {}), ("vander", (X[0],), {"N": 3}), ("imag", (C,), {}),
    ("real", (C,), {}), ("angle", (C,), {}), ("conj", (C,), {}), ("select", ([B], [X], 9.0), {}),
]  # fmt: skip


@pytest.mark.parametrize("name, args, kwargs", CASES)
def test_case(name, args, kwargs):
    check(name, *args, symbolic=name != "select", **kwargs)


EAGER = [
    ("zeros", ((2, 3),), {}), ("ones", ((2,), "int32"), {}), ("full", ((2,), 3.5), {}),
    ("arange", (5,), {}), ("arange", (1, 2, 0.25), {}), ("arange", (1, 9, 2), {"dtype": "int16"}),
    ("linspace", (0, 5), {"num": 7}), ("linspace", (0.0, 1.0), {"retstep": True}),
    ("logspace", (0, 2), {"num": 4}), ("geomspace", (1, 100), {"num": 4}), ("eye", (3,), {}),
    ("eye", (3, 4), {"k": 1, "dtype": "int32"}), ("identity", (3,), {}), ("tri", (3, 4, 1), {}),
    ("meshgrid", (X[0], Y[0]), {"indexing": "ij"}), ("bartlett", (5,), {}),
    ("blackman", (5,), {}), ("hamming", (5,), {}), ("hanning", (5,), {}), ("kaiser", (5, 2.0), {}),
    ("repeat", (X[0], np.array([1, 2, 0, 1])), {"axis": 0}),
    ("nonzero", (INTS,), {}), ("where", (B,), {}), ("unique", (INTS,), {}),
    ("unique", (INTS,), {"return_counts": True, "return_inverse": True}),
    ("bincount", (INTS[0],), {}), ("bincount", (INTS,), {"minlength": 12}),
    ("bincount", (INTS[0],), {"weights": X[0]}), ("histogram", (X[0],), {"bins": 4}),
    ("einsum", ("ij,kj->ik", X, Y), {}), ("array", ([1.0, 2.0],), {}), ("shape", (X,), {}),
    ("ndim", (X,), {}), ("size", (X,), {}), ("get_item", (X, slice(1, None)), {}),
]  # fmt: skip


@pytest.mark.parametrize("name, args, kwargs", EAGER)
def test_eager(name, args, kwargs):
    check(name, *args, symbolic=False, **kwargs)


def test_unknown_axes_stay_unknown_and_broadcast():
    x, y = KerasTensor((None, 3)), KerasTensor((2, None), dtype="int32")
    assert ops.add(x, y).shape == (2, 3) and ops.add(x, y).dtype == "float32"
    assert ops.where(y, x, 0.0).shape == (2, 3)
    assert (x * 2.0).shape == (None, 3)
    assert ops.reshape(x, (-1, 1)).shape == (None, 1)
    assert ops.reshape(KerasTensor((4, 3)), (-1, 2)).shape == (6, 2)
    assert ops.mean(x, axis=1).shape == (None,)
    assert ops.concatenate([x, x], axis=1).shape == (None, 6)
    assert ops.einsum("ij,jk->ik", x, KerasTensor((3, 5))).shape == (None, 5)
    assert ops.power(KerasTensor((2,), "int8"), np.ones(2, "int32")).dtype == "int32"
    assert ops.shape(x) == (None, 3) and ops.ndim(x) == 2 and ops.size(x).shape == ()
    with pytest.raises(ValueError, match="Cannot broadcast"):
        ops.add(KerasTensor((2, 3)), KerasTensor((2, 4)))


def test_variables_and_lists_are_taken():
    v = Variable([1.0, 2.0])
    np.testing.assert_allclose(ops.add(v, [1, 1]), [2, 3])
    np.testing.assert_allclose(ops.stack([v, v]).sum(), 6)
    np.testing.assert_allclose(ops.einsum("i,i->", v, v), 5)
    np.testing.assert_allclose(ops.convert_to_numpy(v), [1, 2])


@pytest.mark.parametrize("call, message", [
    (lambda: ops.where(B, X), "both"),
    (lambda: ops.rot90(X[0]), "at least 2 dimensions"),
    (lambda: ops.rot90(X, axes=(0, 0)), "Invalid axes"),
    (lambda: ops.pad(X, 1, "reflect", 3), "constant_values"),
    (lambda: ops.searchsorted(X, 1), "1-D"),
    (lambda: ops.select([], []), "must not be empty"),
    (lambda: ops.select(B, X), "must be lists"),
    (lambda: ops.histogram(X[0], -1), "non-negative"),
    (lambda: ops.histogram(X), "1-dimensional"),
    (lambda: ops.bincount(INTS[0], sparse=True), "Sparse"),
    (lambda: ops.reshape(KerasTensor((2, 3)), (4, 2)), "total size"),
    (lambda: ops.reshape(X, (-2, 6)), "non-negative integer"),
    (lambda: ops.reshape(X, (-1, -1, 6)), "at most one unknown dimension"),
    (lambda: ops.transpose(X, (0, 0)), "valid permutation"),
    (lambda: ops.transpose(X, (0, 3)), r"integer in \[-2, 2\)"),
    (lambda: ops.diagonal(X, 0, -1, 1), "cannot be the same"),
    (lambda: ops.trace(X, 0, 1, 1), "cannot be the same"),
    (lambda: ops.swapaxes(X, 0, 2), "out of bounds"), (lambda: ops.unstack(X, axis=2), "bounds"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_argmax_ties_and_type_errors():
    assert ops.argmax([1, 1]) == 0
    with pytest.raises(TypeError, match="integer type"):
        ops.ldexp(X, X)
    with pytest.raises(TypeError, match="float"):
        ops.eye(3.0)
