"""`plot_model` and `model_to_dot`: pictures of a model's layers and how they are connected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kohort.utils.model_drawing_dot import Dot, dot_source
from kohort.utils.model_drawing_figure import MOST_PIXELS, draw, lay_out
from kohort.utils.model_drawing_graph import Drawing, Show, drawing_of

DIRECTIONS = ("TB", "LR", "BT", "RL")
SPLINES = ("ortho", "curved", "polyline", "spline", "line", "true", "false")
PICTURES = ("png", "svg", "pdf", "jpg", "jpeg")


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """The model's graph in Graphviz's DOT language.

    Args:
        model: a built model.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what
            the boxes tell.
        rankdir: the way data flows: "TB" (down), "LR" (to the right), "BT" or "RL".
        expand_nested: whether models inside are drawn layer by layer, in a dashed frame.
        dpi: for the picture that Graphviz would draw.
        subgraph: give a cluster, to be part of another graph.
        splines: how edges run: "ortho", "curved", "polyline", "spline" or "line".

    Returns:
        With pydot installed a `pydot.Dot` (or `pydot.Cluster`) as in Keras; else an object with
        `to_string()` and `write(path)`.

    >>> import kohort as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="out")])
    >>> print(model_to_dot(model).to_string())
    digraph G {
    ...<b>out</b> (Dense)...
    }
    """
    show = Show(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    drawing = _read(model, show, expand_nested, rankdir, splines, kwargs)
    source = dot_source(drawing, rankdir, dpi, splines, subgraph)
    try:
        import pydot
    except ImportError:
        return Dot(source)
    graph = pydot.graph_from_dot_data(f"digraph G {{\n{source}\n}}" if subgraph else source)[0]
    return graph.get_subgraphs()[0] if subgraph else graph


def plot_model(
    model: Any,
    to_file: str | Path = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Draw the model into a file. Neither pydot nor Graphviz is needed.

    Args:
        model: a built model.
        to_file: the file; its ending says the format: .png, .svg, .pdf, .jpg, or .dot for the
            source of `model_to_dot`. Without an ending it is a PNG.
        dpi: pixels an inch. Pictures with a side of more than 65535 pixels get fewer.

    The other arguments are those of `model_to_dot`.

    Returns:
        In IPython an image, so that notebooks show it; else None.

    >>> import kohort as keras, tempfile, pathlib
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "model.svg"
    >>> plot_model(model, file, show_shapes=True)
    >>> "<svg" in file.read_text()
    True
    """
    show = Show(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    drawing = _read(model, show, expand_nested, rankdir, splines, kwargs)
    file = Path(to_file)
    format = file.suffix[1:].lower() or "png"
    if format == "dot":
        file.write_text(dot_source(drawing, rankdir, dpi, splines), encoding="utf-8")
        return None
    if format not in PICTURES:
        raise ValueError(
            "`to_file` must end in .dot or a format for pictures "
            f"({', '.join('.' + name for name in PICTURES)}). Received: to_file={to_file}"
        )
    _save(draw(lay_out(drawing, rankdir), splines), file, format, dpi)
    return _shown(file, format)


def _read(
    model: Any, show: Show, expand_nested: bool, rankdir: str, splines: str, rest: dict[str, Any]
) -> Drawing:
    if rest.pop("layer_range", None) is not None:
        raise ValueError("Argument `layer_range` is no longer supported.")
    if rest:
        raise ValueError(f"Unrecognized keyword arguments: {rest}")
    for name, value, known in (("rankdir", rankdir, DIRECTIONS), ("splines", splines, SPLINES)):
        if value not in known:
            raise ValueError(f"`{name}` must be one of {', '.join(known)}. Received: {value!r}")
    if not getattr(model, "built", False):
        raise ValueError(
            "This model has not yet been built. Build the model first by calling `build()` or by "
            "calling the model on a batch of data."
        )
    return drawing_of(model, show, expand_nested)


def _save(figure: Any, file: Path, format: str, dpi: int) -> None:
    from matplotlib import rc_context

    most = MOST_PIXELS / max(figure.get_size_inches())
    # The same model gives the same SVG: no date, no random identifiers.
    metadata = {"Date": None} if format == "svg" else None
    with rc_context({"svg.hashsalt": "kohort"}):
        figure.savefig(file, format=format, dpi=min(dpi, most), metadata=metadata)


def _shown(file: Path, format: str) -> Any:
    """The picture for a notebook, as Keras returns it; None without IPython, and for a PDF."""
    if format == "pdf":
        return None
    try:
        from IPython import display
    except ImportError:
        return None
    return display.SVG(filename=str(file)) if format == "svg" else display.Image(filename=str(file))
