"""The convolution and its two transposes: three maps, linear in both arguments.

    outputs = of_outputs(inputs, kernel)
    inputs  = of_inputs(outputs, kernel)
    kernel  = of_kernel(inputs, outputs)

The transposes of each are the other two, so that all derivatives, forwards and backwards and of
any order, are made of these three. Each is a primitive of JAX with a form of its own for a CPU:
what is quick for one of them need not be quick for the others.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from kohort.ops.conv_forms import Form, Wanted, Window, native, on_cpu

Map = Callable[..., jax.Array]


@functools.partial(jax.jit, static_argnames=("window", "portable"), inline=True)
def convolve(
    inputs: jax.Array, kernel: jax.Array, window: Window, portable: bool = False
) -> jax.Array:
    """The convolution of inputs with a kernel `(*window, channels / groups, filters)`.

    Args:
        portable: whether XLA's own convolution is wanted, which all engines know.
    """
    if portable:
        return native(inputs, kernel, window)
    return of_outputs.bind(inputs, kernel, window=window)


@functools.partial(jax.jit, static_argnames=("window", "lengths", "portable"), inline=True)
def transpose(
    inputs: jax.Array,
    kernel: jax.Array,
    window: Window,
    lengths: tuple[int, ...],
    portable: bool = False,
) -> jax.Array:
    """The transpose of `convolve`: outputs of these lengths.

    The kernel has the shape `(*window, filters, channels)`.
    """
    if portable:
        return _inputs(native, inputs, kernel, window, lengths)
    return of_inputs.bind(inputs, kernel, window=window, lengths=lengths)


# ---- the maps by a form of the convolution


def _outputs(form: Form, inputs: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    return form(inputs, kernel, window)


def _inputs(
    form: Form, outputs: jax.Array, kernel: jax.Array, window: Window, lengths: tuple[int, ...]
) -> jax.Array:
    channels = kernel.shape[-2] * window.groups
    shape = (*lengths, channels) if window.channels_last else (channels, *lengths)
    inputs = jax.ShapeDtypeStruct((outputs.shape[0], *shape), outputs.dtype)
    return jax.linear_transpose(lambda x: form(x, kernel, window), inputs)(outputs)[0]


def _kernel(
    form: Form, inputs: jax.Array, outputs: jax.Array, window: Window, size: tuple[int, ...]
) -> jax.Array:
    axis = -1 if window.channels_last else 1
    shape = (*size, inputs.shape[axis] // window.groups, outputs.shape[axis])
    kernel = jax.ShapeDtypeStruct(shape, inputs.dtype)
    return jax.linear_transpose(lambda k: form(inputs, k, window), kernel)(outputs)[0]


# ---- the primitives


def _primitive(wanted: Wanted, by: Map, is_by_row: bool) -> Primitive:
    """A map as a primitive.

    Args:
        by: the map by a form.
        is_by_row: whether the result has the rows of the first argument.
    """
    primitive = Primitive(f"conv_{wanted}")
    static = ("window", "lengths", "size")
    primitive.def_impl(
        jax.jit(lambda a, b, **how: primitive.bind(a, b, **how), static_argnames=static)
    )
    anywhere = functools.partial(by, native)
    primitive.def_abstract_eval(functools.partial(_shape, anywhere))
    alone, together = (
        functools.partial(by, functools.partial(on_cpu, wanted=wanted, together=together))
        for together in (False, True)
    )
    for form, platform in ((anywhere, None), (alone, "cpu")):
        lowering = mlir.lower_fun(form, multiple_results=False)
        mlir.register_lowering(primitive, lowering, platform=platform)
    batching.primitive_batchers[primitive] = functools.partial(
        _of_members, primitive, anywhere, together, is_by_row
    )
    return primitive


def _shape(form: Map, *arguments: Any, **how: Any) -> Any:
    shapes = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arguments]
    out = jax.eval_shape(functools.partial(form, **how), *shapes)
    return jax.core.ShapedArray(out.shape, out.dtype)


def _of_members(
    primitive: Primitive, anywhere: Map, together: Map, is_by_row: bool, arguments: Any, axes: Any,
    **how: Any,
) -> tuple[jax.Array, int]:  # fmt: skip
    """Under `vmap`: members that share a kernel are more rows, others have forms of their own."""
    a, b = (
        x if axis is None else jnp.moveaxis(x, axis, 0)
        for x, axis in zip(arguments, axes, strict=True)
    )
    if is_by_row and axes[1] is None:
        out = primitive.bind(a.reshape(-1, *a.shape[2:]), b, **how)
        return out.reshape(*a.shape[:2], *out.shape[1:]), 0
    in_axes = tuple(None if axis is None else 0 for axis in axes)
    cpu, default = (
        jax.vmap(functools.partial(form, **how), in_axes) for form in (together, anywhere)
    )
    return lax.platform_dependent(a, b, cpu=cpu, default=default), 0


of_outputs = _primitive("outputs", _outputs, is_by_row=True)
of_inputs = _primitive("inputs", _inputs, is_by_row=True)
of_kernel = _primitive("kernel", _kernel, is_by_row=False)


def _lengths(inputs: Any, window: Window) -> tuple[int, ...]:
    shape = inputs.aval.shape
    return shape[1:-1] if window.channels_last else shape[2:]


def _size(kernel: Any) -> tuple[int, ...]:
    return kernel.aval.shape[:-2]


ad.defbilinear(
    of_outputs,
    lambda ct, x, k, window: of_inputs.bind(ct, k, window=window, lengths=_lengths(x, window)),
    lambda ct, x, k, window: of_kernel.bind(x, ct, window=window, size=_size(k)),
)
ad.defbilinear(
    of_inputs,
    lambda ct, y, k, window, lengths: of_outputs.bind(ct, k, window=window),
    lambda ct, y, k, window, lengths: of_kernel.bind(ct, y, window=window, size=_size(k)),
)
ad.defbilinear(
    of_kernel,
    lambda ct, x, y, window, size: of_inputs.bind(
        y, ct, window=window, lengths=_lengths(x, window)
    ),
    lambda ct, x, y, window, size: of_outputs.bind(x, ct, window=window),
)
