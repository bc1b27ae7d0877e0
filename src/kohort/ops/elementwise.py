"""Arithmetic, comparison and logic, entry by entry, with NumPy's broadcasting.

>>> add([1, 2], 3)
Array([4, 5], dtype=int32)
>>> sqrt([1, 4])
Array([1., 2.], dtype=float32)
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from kohort.core.dtypes import standardize_dtype
from kohort.core.symbolic import op
from kohort.ops._base import array, binary, elementwise, floating, unary

# Whole numbers become floats.
arccos = unary("arccos", jnp.arccos, "The angle in [0, π] with cosine x.", floating)
arccosh = unary("arccosh", jnp.arccosh, "The inverse hyperbolic cosine.", floating)
arcsin = unary("arcsin", jnp.arcsin, "The angle in [-π/2, π/2] with sine x.", floating)
arcsinh = unary("arcsinh", jnp.arcsinh, "The inverse hyperbolic sine.", floating)
arctan = unary("arctan", jnp.arctan, "The angle in (-π/2, π/2) with tangent x.", floating)
arctanh = unary("arctanh", jnp.arctanh, "The inverse hyperbolic tangent.", floating)
angle = unary("angle", jnp.angle, "The argument of complex numbers, in radians.", floating)
cbrt = unary("cbrt", jnp.cbrt, "The cube root.", floating)
ceil = unary("ceil", jnp.ceil, "The least whole number not below x, as a float.", floating)
cos = unary("cos", jnp.cos, "The cosine.", floating)
cosh = unary("cosh", jnp.cosh, "The hyperbolic cosine.", floating)
deg2rad = unary("deg2rad", jnp.deg2rad, "Degrees to radians.", floating)
exp = unary("exp", jnp.exp, "e to the power x.", floating)
exp2 = unary("exp2", jnp.exp2, "2 to the power x.", floating)
expm1 = unary("expm1", jnp.expm1, "exp(x) - 1, exact near 0.", floating)
fabs = unary("fabs", jnp.fabs, "|x| as a float.", floating)
floor = unary("floor", jnp.floor, "The greatest whole number not above x, as a float.", floating)
i0 = unary("i0", jnp.i0, "The modified Bessel function of the first kind, order 0.", floating)
log = unary("log", jnp.log, "The natural logarithm.", floating)
log10 = unary("log10", jnp.log10, "The logarithm to base 10.", floating)
log1p = unary("log1p", jnp.log1p, "log(1 + x), exact near 0.", floating)
log2 = unary("log2", jnp.log2, "The logarithm to base 2.", floating)
rad2deg = unary("rad2deg", jnp.rad2deg, "Radians to degrees.", floating)
reciprocal = unary("reciprocal", jnp.reciprocal, "1 / x.")
sin = unary("sin", jnp.sin, "The sine.", floating)
sinc = unary("sinc", jnp.sinc, "sin(πx) / (πx), 1 at 0.", floating)
sinh = unary("sinh", jnp.sinh, "The hyperbolic sine.", floating)
sqrt = unary("sqrt", jnp.sqrt, "The square root.", floating)
tan = unary("tan", jnp.tan, "The tangent.", floating)
tanh = unary("tanh", jnp.tanh, "(exp(x) - exp(-x)) / (exp(x) + exp(-x)).", floating)
rsqrt = unary("rsqrt", jax.lax.rsqrt, "1 / sqrt(x).", floating)
erf = unary("erf", jax.lax.erf, "The error function.", floating)
erfc = unary("erfc", jax.lax.erfc, "1 - erf(x).", floating)
erfinv = unary("erfinv", jax.lax.erf_inv, "The inverse of the error function.", floating)

# The dtype stays.
absolute = abs = unary("absolute", jnp.absolute, "|x|.")
bitwise_invert = unary("bitwise_invert", jnp.invert, "Flip every bit.")
bitwise_not = bitwise_invert
conjugate = conj = unary("conjugate", jnp.conjugate, "The complex conjugate.")
copy = unary("copy", jnp.copy, "A copy.")
imag = unary("imag", jnp.imag, "The imaginary part.")
isfinite = unary("isfinite", jnp.isfinite, "Whether x is neither infinite nor NaN.")
isinf = unary("isinf", jnp.isinf, "Whether x is infinite.")
isnan = unary("isnan", jnp.isnan, "Whether x is NaN.")
isneginf = unary("isneginf", jnp.isneginf, "Whether x is -∞.")
isposinf = unary("isposinf", jnp.isposinf, "Whether x is +∞.")
isreal = unary("isreal", jnp.isreal, "Whether the imaginary part is 0.")
logical_not = unary("logical_not", jnp.logical_not, "Whether x is 0 or False.")
negative = unary("negative", jnp.negative, "-x.")
real = unary("real", jnp.real, "The real part.")
sign = unary("sign", jnp.sign, "-1, 0 or 1.")
signbit = unary("signbit", jnp.signbit, "Whether the sign bit is set.")
square = unary("square", jnp.square, "x².")

# Two arguments.
add = binary("add", jnp.add, "x1 + x2.")
arctan2 = binary("arctan2", jnp.arctan2, "The angle of the point (x2, x1).", floating)
divide = binary("divide", jnp.divide, "x1 / x2.")
true_divide = binary("true_divide", jnp.divide, "x1 / x2.")
equal = binary("equal", jnp.equal, "x1 = x2.")
floor_divide = binary("floor_divide", jnp.floor_divide, "floor(x1 / x2).")
fmax = binary("fmax", jnp.fmax, "The greater; of a NaN and a number, the number.")
fmin = binary("fmin", jnp.fmin, "The smaller; of a NaN and a number, the number.")
fmod = binary("fmod", jnp.fmod, "The remainder of x1 / x2 with the sign of x1.")
gcd = binary("gcd", jnp.gcd, "The greatest common divisor.")
greater = binary("greater", jnp.greater, "x1 > x2.")
greater_equal = binary("greater_equal", jnp.greater_equal, "x1 ≥ x2.")
heaviside = binary("heaviside", jnp.heaviside, "0 below 0, x2 at 0, 1 above.")
hypot = binary("hypot", jnp.hypot, "sqrt(x1² + x2²).", floating)
lcm = binary("lcm", jnp.lcm, "The least common multiple.")
less = binary("less", jnp.less, "x1 < x2.")
less_equal = binary("less_equal", jnp.less_equal, "x1 ≤ x2.")
logaddexp = binary("logaddexp", jnp.logaddexp, "log(exp(x1) + exp(x2)).", floating)
logaddexp2 = binary("logaddexp2", jnp.logaddexp2, "log2(2^x1 + 2^x2).", floating)
logical_and = binary("logical_and", jnp.logical_and, "Whether both are true.")
logical_or = binary("logical_or", jnp.logical_or, "Whether one is true.")
logical_xor = binary("logical_xor", jnp.logical_xor, "Whether exactly one is true.")
maximum = binary("maximum", jnp.maximum, "The greater; NaN where one is NaN.")
minimum = binary("minimum", jnp.minimum, "The smaller; NaN where one is NaN.")
mod = binary("mod", jnp.mod, "The remainder of x1 / x2 with the sign of x2.")
multiply = binary("multiply", jnp.multiply, "x1 · x2.")
nextafter = binary("nextafter", jnp.nextafter, "The next float after x1 towards x2.", floating)
not_equal = binary("not_equal", jnp.not_equal, "x1 ≠ x2.")
power = binary("power", jnp.power, "x1 to the power x2.")
subtract = binary("subtract", jnp.subtract, "x1 - x2.")


@elementwise
def bitwise_and(x: Any, y: Any) -> jax.Array:
    """The bits set in both."""
    return jnp.bitwise_and(array(x), array(y))


@elementwise
def bitwise_or(x: Any, y: Any) -> jax.Array:
    """The bits set in one."""
    return jnp.bitwise_or(array(x), array(y))


@elementwise
def bitwise_xor(x: Any, y: Any) -> jax.Array:
    """The bits set in exactly one."""
    return jnp.bitwise_xor(array(x), array(y))


@elementwise
def bitwise_left_shift(x: Any, y: Any) -> jax.Array:
    """The bits of x moved to the left by y places."""
    return jnp.left_shift(array(x), array(y))


@elementwise
def bitwise_right_shift(x: Any, y: Any) -> jax.Array:
    """The bits of x moved to the right by y places."""
    return jnp.right_shift(array(x), array(y))


left_shift, right_shift = bitwise_left_shift, bitwise_right_shift


@elementwise
def divide_no_nan(x1: Any, x2: Any) -> jax.Array:
    """x1 / x2, and 0 where x2 is 0 (its gradient is finite, too).

    >>> divide_no_nan([1.0, 1.0], [2.0, 0.0])
    Array([0.5, 0. ], dtype=float32)
    """
    x1, x2 = array(x1), array(x2)
    return jnp.where(x2 == 0, 0, jnp.divide(x1, jnp.where(x2 == 0, 1, x2)))


@elementwise
def ldexp(x1: Any, x2: Any) -> jax.Array:
    """x1 · 2^x2 for whole x2.

    >>> ldexp([0.5], [3])
    Array([4.], dtype=float32)
    """
    x1, x2 = array(x1), array(x2)
    if not jnp.issubdtype(x2.dtype, jnp.integer):
        raise TypeError(f"ldexp exponent must be an integer type. Received: x2 dtype={x2.dtype}")
    return jnp.ldexp(x1, x2)


@elementwise
def clip(x: Any, x_min: Any, x_max: Any) -> jax.Array:
    """x cut to [x_min, x_max]; None leaves that side open.

    >>> clip([-1.0, 0.5, 2.0], 0.0, 1.0)
    Array([0. , 0.5, 1. ], dtype=float32)
    """
    x = array(x)
    return jnp.clip(x.astype("int32") if x.dtype == bool else x, x_min, x_max)


@op
def isclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> jax.Array:
    """Whether |x1 - x2| ≤ atol + rtol · |x2|."""
    return jnp.isclose(array(x1), array(x2), rtol, atol, equal_nan)


@op
def allclose(
    x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> jax.Array:
    """Whether all entries are close (see `isclose`)."""
    return jnp.allclose(array(x1), array(x2), rtol, atol, equal_nan)


@op
def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> jax.Array:
    """Replace NaN by `nan` and infinities by the largest floats (or what is given).

    >>> nan_to_num([jnp.nan, 1.0])
    Array([0., 1.], dtype=float32)
    """
    return jnp.nan_to_num(array(x), nan=nan, posinf=posinf, neginf=neginf)


@op
def round(x: Any, decimals: int = 0) -> jax.Array:
    """Round to `decimals` places (halves to the even neighbour).

    >>> round([0.5, 1.5, 2.345], 1)
    Array([0.5, 1.5, 2.3], dtype=float32)
    """
    x = array(x)
    if jnp.issubdtype(x.dtype, jnp.integer) and decimals < 0:
        factor = 10.0**decimals
        return (jnp.round(floating(x) * factor) / factor).astype(x.dtype)
    return jnp.round(x, decimals)


@op
def trunc(x: Any) -> jax.Array:
    """x without its fractional part."""
    x = array(x)
    return jnp.trunc(x) if jnp.issubdtype(x.dtype, jnp.inexact) else x


@op
def cast(x: Any, dtype: Any) -> jax.Array:
    """x as an array of another dtype.

    >>> cast([1.7], "int32")
    Array([1], dtype=int32)
    """
    return array(x).astype(jax.dtypes.canonicalize_dtype(standardize_dtype(dtype)))


@op
def saturate_cast(x: Any, dtype: Any) -> jax.Array:
    """Like `cast`, but values out of the range of `dtype` become its limits.

    >>> saturate_cast([-5.0, 300.0], "uint8")
    Array([  0, 255], dtype=uint8)
    """
    x, dtype = array(x), jnp.dtype(standardize_dtype(dtype))
    if dtype.name == "bool":
        return x.astype(bool)
    low, high = _limits(dtype)
    if x.dtype != bool:
        own_low, own_high = _limits(x.dtype)
        low, high = max(low, own_low), min(high, own_high)
        x = jnp.clip(x, jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype))
    return x.astype(dtype)


def _limits(dtype: Any) -> tuple[Any, Any]:
    info = jnp.finfo(dtype) if jnp.issubdtype(dtype, jnp.floating) else jnp.iinfo(dtype)
    return info.min, info.max
