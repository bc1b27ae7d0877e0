"""Vectors in the plane: principal components and t-SNE."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kohort.plot.style import (
    COLORS,
    MAP,
    MARKERS,
    PlotError,
    axes,
    finite,
    legend,
    owner,
    unknown,
)  # fmt: skip

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHODS = ("pca", "tsne")


def embedding_data(vectors: Any, method: str = "pca", seed: int = 0) -> tuple[np.ndarray, Any]:
    """Places `(rows, 2)` for vectors `(rows, size)`, and the share of the variance of each axis.

    Args:
        vectors: an array, or an `Embedding` layer, whose rows are then the vectors.
        method: "pca" (shares are given), or "tsne" (neighbours stay neighbours; shares are None).
        seed: of t-SNE.

    Source: L. van der Maaten, G. Hinton, Visualizing Data using t-SNE, 2008.

    >>> places, shares = embedding_data([[0.0, 0, 1], [2, 0, 1], [4, 0, 1]])
    >>> abs(places[:, 0]).round(6), shares.round(6)
    (array([2., 0., 2.]), array([1., 0.]))
    """
    if method not in METHODS:
        raise unknown("method", method, METHODS)
    table = np.asarray(
        vectors.embeddings.numpy() if hasattr(vectors, "embeddings") else vectors, np.float64
    )
    if table.ndim != 2 or min(table.shape) < 2 or len(table) < 3:
        raise PlotError(
            "Vectors must be of shape (rows, size), three rows of two numbers or more.",
            f"shape {table.shape}",
            "flatten or average the other axes",
        )
    finite("Vectors", table)
    if method == "pca":
        from sklearn.decomposition import PCA

        pca = PCA(2, svd_solver="full")
        return pca.fit_transform(table), pca.explained_variance_ratio_
    from sklearn.manifold import TSNE

    near = min(30.0, (len(table) - 1) / 3)
    method = "exact" if len(table) <= 500 else "barnes_hut"  # exact, and quicker for a few
    tsne = TSNE(2, perplexity=near, init="pca", method=method, random_state=seed)
    return tsne.fit_transform(table), None


def embedding(
    vectors: Any,
    labels: Sequence[Any] | None = None,
    *,
    method: str = "pca",
    names: Sequence[str] | None = None,
    seed: int = 0,
    ax: Axes | None = None,
) -> Axes:
    """Draw vectors as points in the plane.

    Args:
        vectors, method, seed: as for `embedding_data`.
        labels: a class for each row (colour and marker), or numbers (a scale) if there are many.
        names: words to write beside the points.
        ax: where to draw; a new Axes unless given.

    >>> ax = embedding([[0.0, 1], [2, 1], [4, 3]], ["a", "b", "a"])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['a', 'b']
    """
    places, shares = embedding_data(vectors, method, seed)
    for what, given in (("labels", labels), ("names", names)):
        if given is not None and len(given) != len(places):
            raise PlotError(
                f"There must be {what} for all vectors.",
                f"{len(given)} {what} for {len(places)} vectors",
                "pass one for each row",
            )
    ax = axes(ax, (5.5, 5.0))
    _scatter(ax, places, labels)
    for name, place in zip(names if names is not None else (), places, strict=False):
        ax.annotate(str(name), place, xytext=(3, 3), textcoords="offset points", size=8)
    titles = [f"component {i + 1}" for i in range(2)]
    if shares is not None:
        titles = [f"{t} ({share:.0%})" for t, share in zip(titles, shares, strict=True)]
    ax.set(xlabel=titles[0], ylabel=titles[1])
    return ax


def _scatter(ax: Any, places: np.ndarray, labels: Sequence[Any] | None) -> None:
    if labels is None:
        ax.scatter(*places.T, s=14, color=COLORS[0], alpha=0.7)
        return
    classes, which = np.unique(np.asarray(labels), return_inverse=True)
    if len(classes) > 2 * len(COLORS) and np.issubdtype(classes.dtype, np.number):
        points = ax.scatter(*places.T, s=14, c=np.asarray(labels, float), cmap=MAP)
        owner(ax).colorbar(points, ax=ax, label="label")
        return
    for i, name in enumerate(classes):
        # The marker moves on once more after each round of colours: 49 pairs differ.
        marker = MARKERS[(i + i // len(COLORS)) % len(MARKERS)]
        color = COLORS[i % len(COLORS)]
        ax.scatter(*places[which == i].T, s=18, marker=marker, color=color, alpha=0.7, label=name)
    legend(ax, fontsize=8)
