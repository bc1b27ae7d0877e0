"""Inside a network: histograms of weights, activations of an input, convolution kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.style import COLORS, DIVERGING, MAP, QUIET, PlotError, axes, tiles, unknown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def weights_data(model: Any, layers: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """The weights of a model by path ("layer/kernel"), those of some layers unless of all.

    >>> import kohort as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="out")])
    >>> {name: value.shape for name, value in weights_data(model).items()}
    {'out/kernel': (3, 2), 'out/bias': (2,)}
    """
    chosen = model.layers if layers is None else [layer_of(model, name) for name in layers]
    found = {
        f"{layer.name}/{weight.path.partition(f'{layer.name}/')[2] or weight.name}": np.asarray(
            weight.numpy(), np.float32
        )
        for layer in chosen
        for weight in layer.weights
        if "float" in weight.dtype
    }
    if not found:
        raise PlotError(
            "There must be weights to show.", "layers without any", "build the model first"
        )
    return found


def weights(
    model: Any, layers: Sequence[str] | None = None, *, bins: int = 40, ax: Axes | None = None
) -> Figure:
    """Draw a histogram of each weight, with its mean and standard deviation.

    Args:
        model: a built model.
        layers: names of layers; all unless given.
        bins: bars of each histogram.
        ax: an Axes to divide among the histograms; a new Figure unless given.
    """
    found = weights_data(model, layers)
    figure, panels = tiles(len(found), 2.6, 1.9, columns=4, ax=ax)
    for panel, (name, values) in zip(panels, found.items(), strict=True):
        axes(panel)
        flat = values[np.isfinite(values)]
        panel.hist(flat, bins=bins, color=COLORS[0])
        panel.axvline(0, color=QUIET, linewidth=0.8)
        size = f"{flat.mean():.2g} ± {flat.std():.2g}" if flat.size else "nothing finite"
        panel.set_title(f"{name}\n{size}", size=8)
        panel.tick_params(labelsize=7)
        panel.locator_params(axis="x", nbins=4)
    return figure


def activations_data(model: Any, x: Any, layers: Sequence[str] | None = None) -> dict[str, Any]:
    """The outputs of layers for the inputs `x`, by layer name, `(rows, …)` each.

    Args:
        model: a functional or Sequential model that is built.
        x: inputs, as for `predict`.
        layers: names of layers; all but input layers unless given.

    >>> import numpy as np, kohort as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="out")])
    >>> activations_data(model, np.ones((5, 3)))["out"].shape
    (5, 2)
    """
    from kohort.core import tree
    from kohort.layers import InputLayer

    chosen = (
        [layer for layer in model.layers if not isinstance(layer, InputLayer)]
        if layers is None
        else [layer_of(model, name) for name in layers]
    )
    outputs = {layer.name: tree.flatten(layer.output)[0] for layer in chosen}
    inside = cut(model, outputs)
    return {name: np.asarray(value) for name, value in inside(tree.map_structure(_f, x)).items()}


def activations(
    model: Any, x: Any, layers: Sequence[str] | None = None, *, row: int = 0, most: int = 16,
    ax: Axes | None = None,
) -> Figure:  # fmt: skip
    """Draw what each layer makes of one input: a row of images a layer, or bars for vectors.

    Args:
        model, x, layers: as for `activations_data`.
        row: which row of `x`.
        most: channels to show of each layer.
        ax: an Axes to divide among the layers; a new Figure unless given.
    """
    found = activations_data(model, x, layers)
    rows = len(next(iter(found.values())))
    if not 0 <= row < rows:
        raise PlotError("The row must be one of x.", f"row {row} of {rows}", "choose a lower one")
    figure, panels = tiles(len(found), 9.0, 1.5, columns=1, ax=ax)
    for panel, (name, values) in zip(panels, found.items(), strict=True):
        _draw_activation(axes(panel), values[row], most)
        panel.set_title(f"{name} {values.shape[1:]}", size=9, loc="left")
    return figure


def _draw_activation(ax: Any, value: np.ndarray, most: int) -> None:
    if value.ndim < 2:
        ax.bar(np.arange(value.size), value.ravel(), color=COLORS[0], width=0.9)
        ax.tick_params(labelsize=7)
        return
    if value.ndim == 3:
        value = mosaic(np.moveaxis(value, -1, 0)[:most])
    elif value.ndim > 3:
        raise PlotError(
            "Layers with vectors, series or images can be shown.",
            f"an output of shape {value.shape} a row",
            "choose other layers, with layers=",
        )
    else:
        value = value.T
    ax.grid(False)
    ax.imshow(value, cmap=MAP, aspect="auto" if value.shape[0] * 4 < value.shape[1] else "equal")
    ax.set_axis_off()


def mosaic(images: np.ndarray) -> np.ndarray:
    """Images `(n, height, width)` side by side, each scaled to 0 … 1, with gaps of NaN.

    >>> mosaic(np.array([[[1.0, 3.0]], [[5.0, 5.0]]]))
    array([[ 0.,  1., nan,  0.,  0.]])
    """
    parts = []
    for image in np.asarray(images, np.float64):
        span = np.ptp(image)
        scaled = (image - image.min()) / span if span else np.zeros_like(image)
        parts += [scaled, np.full((len(image), max(1, image.shape[1] // 12)), np.nan)]
    return np.hstack(parts[:-1])


def filters_data(model: Any, layer: str | None = None) -> np.ndarray:
    """The kernels of a convolution layer, `(filters, height, width, channels)`.

    Args:
        model: a built model, or the layer itself.
        layer: a name; the first 2D convolution unless given.

    >>> import kohort as keras
    >>> model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, (5, 3))])
    >>> filters_data(model).shape
    (4, 5, 3, 3)
    """
    candidates = getattr(model, "layers", [model])
    convolutions = [part for part in candidates if _is_convolution(part)]
    chosen = layer_of(model, layer) if layer is not None else next(iter(convolutions), None)
    if chosen is None or not _is_convolution(chosen):
        raise PlotError(
            "Filters are the kernels of a built 2D convolution; those there are: "
            f"{', '.join(part.name for part in convolutions) or 'none'}.",
            "a model without any" if chosen is None else f"layer {layer!r}",
            "name a convolution with layer=",
        )
    return np.moveaxis(np.asarray(chosen.kernel.numpy()), -1, 0)


def filters(
    model: Any, layer: str | None = None, *, most: int = 64, ax: Axes | None = None
) -> Figure:
    """Draw convolution kernels: in colour for three channels, else the mean over channels.

    Args:
        model, layer: as for `filters_data`.
        most: how many filters.
        ax: an Axes to divide among the filters; a new Figure unless given.
    """
    kernels = filters_data(model, layer)[:most]
    figure, panels = tiles(len(kernels), 0.9, 0.9, columns=8, ax=ax)
    colored = kernels.shape[-1] == 3
    reach = float(np.abs(kernels).max()) or 1.0
    for number, (panel, kernel) in enumerate(zip(panels, kernels, strict=True)):
        if colored:
            panel.imshow(kernel / (2 * reach) + 0.5)
        else:
            image = panel.imshow(kernel.mean(axis=-1), cmap=DIVERGING, vmin=-reach, vmax=reach)
        panel.set_title(str(number), size=7, pad=2)
        panel.set_axis_off()
    if not colored:
        figure.colorbar(image, ax=ax or panels, label="weight", shrink=0.8)
    return figure


def layer_of(model: Any, name: Any) -> Any:
    """A layer of the model by name; the error lists those there are."""
    named = {layer.name: layer for layer in model.layers}
    if name not in named:
        raise unknown("layer", name, named)
    return named[name]


def cut(model: Any, outputs: Any) -> Any:
    """A model from the inputs of `model` to symbolic tensors inside it."""
    from kohort.models import Model

    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise PlotError(
            "The model must be functional or Sequential and built, so that it can be cut.",
            type(model).__name__,
            "build it with symbolic inputs",
        )
    return Model(inputs if len(inputs) > 1 else inputs[0], outputs)


def _is_convolution(layer: Any) -> bool:
    kernel = getattr(layer, "kernel", None)
    return type(layer).__name__ == "Conv2D" and kernel is not None


def _f(x: Any) -> np.ndarray:
    return np.asarray(x)
