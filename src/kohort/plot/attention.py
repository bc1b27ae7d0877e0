"""What a network looks at: the gradient of an output for the input, and Grad-CAM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.network import cut, layer_of
from kohort.plot.style import MAP, PlotError, axes, owner

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def saliency_data(model: Any, x: Any, output: int | None = None) -> np.ndarray:
    """The size of the gradient of an output for the input, max over channels: |∂y/∂x|.

    Args:
        model: a model of one input and one output `(rows, classes)`.
        x: one input without the batch axis, e.g. `(height, width, channels)`.
        output: which output; the largest unless given.

    Returns: an array like `x`, less the channel axis of an image.

    Source: K. Simonyan, A. Vedaldi, A. Zisserman, Deep Inside Convolutional Networks, 2014.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[3.0], [-4.0]])])
    >>> saliency_data(model, np.ones(2))
    array([3., 4.], dtype=float32)
    """
    import jax

    batch = _one(model, x)
    chosen = _chosen(model, batch, output)
    gradient = jax.grad(lambda batch: _output(model(batch, training=False))[0, chosen])(batch)
    size = np.abs(np.asarray(gradient)[0])
    return size.max(axis=-1) if size.ndim == 3 else size


def saliency(model: Any, x: Any, output: int | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw which parts of an input move an output: a map over an image, else bars.

    Args:
        model, x, output: as for `saliency_data`.
        ax: where to draw; a new Axes unless given.
    """
    values = saliency_data(model, x, output)
    ax = axes(ax, (4.6, 4.0))
    if values.ndim == 1:
        ax.bar(np.arange(len(values)), values)
        ax.set(xlabel="feature", ylabel="|gradient|")
        return ax
    ax.grid(False)
    image = ax.imshow(values.T if np.ndim(x) == 2 else values, cmap=MAP)
    owner(ax).colorbar(image, ax=ax, label="|gradient|", shrink=0.8)
    ax.set_axis_off()
    return ax


def grad_cam_data(
    model: Any, x: Any, layer: str | None = None, output: int | None = None
) -> np.ndarray:
    """Grad-CAM: where in an image a convolution layer found what speaks for an output.

    L = relu(Σₖ αₖ Aᵏ), where A are the layer's activations and αₖ the mean over places of
    ∂y/∂Aᵏ; scaled to at most 1.

    Args:
        model: a functional or Sequential model with images as input.
        x: one image `(height, width, channels)`.
        layer: a layer with outputs `(rows, height, width, channels)`; the last one unless given.
        output: which output; the largest unless given.

    Returns: `(height, width)` of the layer.

    Source: R. R. Selvaraju et al., Grad-CAM, 2017.
    """
    import jax

    batch = _one(model, x)
    found = _image_layer(model, layer)
    chosen = _chosen(model, batch, output)
    inner = found.output
    inside = cut(model, inner)(batch, training=False)
    rest = _after(model, inner)
    gradient = jax.grad(lambda a: _output(rest(a, training=False))[0, chosen])(inside)
    importance = np.asarray(gradient)[0].mean(axis=(0, 1))
    seen = np.maximum(np.asarray(inside)[0] @ importance, 0)
    return seen / (seen.max() or 1.0)


def grad_cam(
    model: Any,
    x: Any,
    layer: str | None = None,
    output: int | None = None,
    *,
    alpha: float = 0.5,
    ax: Axes | None = None,
) -> Axes:
    """Draw the image with its Grad-CAM over it.

    Args:
        model, x, layer, output: as for `grad_cam_data`.
        alpha: how opaque the map is.
        ax: where to draw; a new Axes unless given.
    """
    seen = grad_cam_data(model, x, layer, output)
    ax = axes(ax, (4.6, 4.0))
    ax.grid(False)
    image = np.asarray(x, np.float64).mean(axis=-1)  # in grey, so that the map keeps its colours
    extent = (-0.5, image.shape[1] - 0.5, image.shape[0] - 0.5, -0.5)
    ax.imshow(image, cmap="gray", extent=extent)
    heat = ax.imshow(seen, cmap=MAP, alpha=alpha, extent=extent, interpolation="bilinear")
    owner(ax).colorbar(heat, ax=ax, label="speaks for the output", shrink=0.8)
    ax.set_axis_off()
    return ax


def _one(model: Any, x: Any) -> Any:
    """The input as a batch of one."""
    import jax.numpy as jnp

    inputs = getattr(model, "inputs", None)
    x = jnp.asarray(x, "float32")
    if inputs is None or len(inputs) != 1:
        raise PlotError(
            "The model must have one input and be built.",
            "a model without symbolic inputs" if not inputs else f"{len(inputs)} inputs",
            "cut out the part that takes the image, with keras.Model(inputs, outputs)",
        )
    shape = inputs[0].shape[1:]
    fits = len(shape) == x.ndim and all(a in (None, b) for a, b in zip(shape, x.shape, strict=True))
    if not fits:
        raise PlotError(
            f"x must be one input of shape {shape}, without the batch axis.",
            f"shape {x.shape}",
            "pass a single row, such as x[0]",
        )
    return x[None]


def _output(y: Any) -> Any:
    """The outputs of the model as `(rows, outputs)`."""
    if isinstance(y, (list, tuple, dict)):
        raise PlotError(
            "The model must have one output.", f"{len(y)} outputs",
            "cut out one, with keras.Model(model.inputs, model.outputs[0])",
        )  # fmt: skip
    return y.reshape(len(y), -1)


def _chosen(model: Any, batch: Any, output: int | None) -> int:
    values = _output(model(batch, training=False))[0]
    if output is None:
        return int(values.argmax())
    if not 0 <= output < len(values):
        raise PlotError(
            f"The output must be a number from 0 to {len(values) - 1}.",
            f"output={output}",
            "leave it out for the largest",
        )
    return output


def _image_layer(model: Any, name: str | None) -> Any:
    def images(layer: Any) -> bool:
        shape = getattr(layer.output, "shape", None)
        return shape is not None and len(shape) == 4

    found = [layer for layer in model.layers if images(layer)]
    inner = [layer for layer in found if type(layer).__name__ != "InputLayer"]
    if name is not None:
        chosen = layer_of(model, name)
    else:
        chosen = inner[-1] if inner else None
    if chosen not in found:
        raise PlotError(
            "Grad-CAM needs a layer whose output is (rows, height, width, channels); those there "
            f"are: {', '.join(layer.name for layer in inner) or 'none'}.",
            "a model without any" if name is None else f"layer {name!r}",
            "choose one of them with layer=",
        )
    return chosen


def _after(model: Any, inner: Any) -> Any:
    """The model from the symbolic tensor `inner` to the output."""
    from kohort.models import Model

    return Model(inner, model.outputs[0] if len(model.outputs) == 1 else model.outputs)
