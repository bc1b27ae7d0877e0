"""Galleries: many images on one page, with labels, boxes or masks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kohort.visualization.drawing import (
    Colour,
    channels_last,
    draw_bounding_boxes,
    draw_segmentation_masks,
)


def plot_image_gallery(
    images: Any,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Sequence[float] = (0, 255),
    scale: float = 2,
    path: Any = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Any = None,
    data_format: str | None = None,
) -> None:
    """Draw images in rows and columns, shown or written to a file.

    Args:
        images: a batch `(batch, height, width, channels)`.
        y_true, y_pred: class numbers for the titles, with `label_map`: number -> name.
        rows, cols: how many; a square that holds the batch unless told.
        value_range: the lowest and highest value of a pixel.
        scale: inches an image.
        path: the file to write; `show`: whether to show it instead.
        transparent, dpi: of the file.
        legend_handles: Matplotlib's, for a legend below.
        data_format: `"channels_last"` or `"channels_first"`.

    >>> import io; file = io.BytesIO()
    >>> plot_image_gallery(np.zeros((3, 4, 4, 3)), path=file); file.tell() > 0
    True
    """
    import matplotlib.pyplot as plt

    if path is not None and show:
        raise ValueError("plot_gallery() expects either `path` to be set, or `show` to be true.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ValueError(
            "If `y_true` or `y_pred` are provided, a `label_map` must also be provided."
        )
    pictures = channels_last(images, data_format)
    rows = rows or math.ceil(math.sqrt(len(pictures)))
    cols = cols or math.ceil(len(pictures) / rows)
    pictures = _spread(pictures, value_range)
    figure, axes = plt.subplots(
        rows, cols, figsize=(cols * scale, rows * scale), frameon=False, layout="tight",
        squeeze=False,
    )  # fmt: skip
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    titles = _titles(len(pictures), label_map or {}, {"Label": y_true, "Pred": y_pred})
    for ax in axes.flat:
        ax.axis("off")
    for ax, picture, title in zip(axes.flat, pictures, titles, strict=False):
        ax.imshow(picture[..., 0] if picture.shape[-1] == 1 else picture, cmap="gray")
        ax.set_title(title, fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show or show is None:
        plt.show()
    plt.close(figure)


def plot_bounding_box_gallery(
    images: Any,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: Sequence[float] = (0, 255),
    true_color: Colour = (0, 188, 212),
    pred_color: Colour = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Any = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Draw images with their true and predicted boxes.

    Args:
        images: a batch of images.
        bounding_box_format: as in `utils.bounding_boxes`, such as `"xyxy"`.
        y_true, y_pred: dicts of `boxes` and `labels`, as for `draw_bounding_boxes`.
        value_range: the lowest and highest value of a pixel.
        true_color, pred_color: of the frames; `legend` explains them.
        line_thickness, font_scale, text_thickness: of frames and texts.
        class_mapping: number -> name; `ground_truth_mapping` and `prediction_mapping` for one.
        legend_handles: Matplotlib's, in place of `legend`.
        rows, cols, data_format, kwargs: as for `plot_image_gallery`.

    >>> import io; file = io.BytesIO()
    >>> boxes = {"boxes": np.array([[[1, 1, 6, 6]]]), "labels": np.array([[0]])}
    >>> plot_bounding_box_gallery(np.zeros((1, 8, 8, 3)), "xyxy", boxes, path=file)
    """
    from matplotlib.patches import Patch

    if legend and legend_handles:
        raise ValueError("Only pass `legend` OR `legend_handles` to `plot_bounding_box_gallery()`.")
    drawn = _spread(channels_last(images, data_format), value_range)
    for boxes, colour, names in (
        (y_true, true_color, ground_truth_mapping),
        (y_pred, pred_color, prediction_mapping),
    ):
        if boxes is not None:
            drawn = draw_bounding_boxes(
                drawn, boxes, bounding_box_format, names or class_mapping, colour,
                line_thickness, text_thickness, font_scale, "channels_last",
            )  # fmt: skip
    if legend:
        pairs = ((true_color, "Ground Truth"), (pred_color, "Prediction"))
        legend_handles = [
            Patch(color=(c[0] / 255, c[1] / 255, c[2] / 255), label=name) for c, name in pairs
        ]
    plot_image_gallery(
        drawn, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last",
        **kwargs,
    )  # fmt: skip


def plot_segmentation_mask_gallery(
    images: Any,
    num_classes: int | None,
    value_range: Sequence[float] = (0, 255),
    y_true: Any = None,
    y_pred: Any = None,
    color_mapping: Mapping[int, Colour] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> None:
    """Draw a row for each image: itself, with its true mask, with its predicted mask.

    Args:
        images: a batch of images.
        num_classes, color_mapping, blend, alpha, ignore_index: as for `draw_segmentation_masks`.
        value_range: the lowest and highest value of a pixel.
        y_true, y_pred: masks `(batch, height, width, 1)`.
        data_format, kwargs: as for `plot_image_gallery`.

    >>> import io; file = io.BytesIO()
    >>> plot_segmentation_mask_gallery(
    ...     np.zeros((1, 4, 4, 3)), 2, y_true=np.ones((1, 4, 4, 1)), path=file)
    """
    pictures = _spread(channels_last(images, data_format), value_range)
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            whole = channels_last(masks, data_format).astype("int32")
            columns.append(
                draw_segmentation_masks(
                    pictures, whole, num_classes, color_mapping, alpha, blend, ignore_index,
                    "channels_last",
                )
            )  # fmt: skip
    listed = np.stack(columns, axis=1).reshape(-1, *pictures.shape[1:])
    options = {"rows": len(pictures), "cols": len(columns), **kwargs}
    plot_image_gallery(listed, data_format="channels_last", **options)


def _spread(images: np.ndarray, value_range: Sequence[float]) -> np.ndarray:
    """Images of a range of values as uint8."""
    low, high = value_range
    return np.clip(np.rint((images - low) / (high - low) * 255), 0, 255).astype("uint8")


def _titles(count: int, names: Mapping[int, str], given: Mapping[str, Any]) -> list[str]:
    """The title of each image: its true and predicted class, as far as they are known."""
    known = {word: np.asarray(y).tolist() for word, y in given.items() if y is not None}
    return [
        "  ".join(
            f"{word}: {names.get(y[i], 'Unknown')}" for word, y in known.items() if i < len(y)
        )
        for i in range(count)
    ]
