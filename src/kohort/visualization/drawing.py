"""Boxes and segmentation masks drawn into batches of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kohort.core.settings import image_data_format
from kohort.utils.bounding_boxes import convert_format

Colour = Sequence[int]


def draw_bounding_boxes(
    images: Any,
    bounding_boxes: Mapping[str, Any],
    bounding_box_format: str,
    class_mapping: Mapping[int, str] | None = None,
    color: Colour = (128, 128, 128),
    line_thickness: int = 2,
    text_thickness: int | None = 1,
    font_scale: float = 1.0,
    data_format: str | None = None,
) -> np.ndarray:
    """Draw boxes, and the names of their classes, into images.

    Args:
        images: `(batch, height, width, 3)`; floats up to 1 are taken as shares of 255.
        bounding_boxes: `boxes` (batch, boxes, 4), `labels` (batch, boxes; -1: no box), and
            `confidences` if known.
        bounding_box_format: as in `utils.bounding_boxes`, such as `"xyxy"`.
        class_mapping: class number -> name; without a name no text is drawn.
        color, line_thickness: of the frames.
        text_thickness, font_scale: of the texts.
        data_format: `"channels_last"` or `"channels_first"`, of what comes.

    Returns:
        The images as uint8, `(batch, height, width, 3)`.

    >>> boxes = {"boxes": np.array([[[1, 1, 4, 4]]]), "labels": np.array([[0]])}
    >>> drawn = draw_bounding_boxes(np.zeros((1, 6, 6, 3)), boxes, "xyxy", line_thickness=1)
    >>> drawn[0, :, 1, 0].tolist()
    [0, 128, 128, 128, 128, 0]
    """
    from PIL import Image, ImageDraw, ImageFont

    if not isinstance(bounding_boxes, Mapping) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ValueError(
            "`bounding_boxes` should be a dict containing 'boxes' and 'labels' keys. "
            f"Received: bounding_boxes={bounding_boxes}"
        )
    pictures = _bytes(channels_last(images, data_format))
    height, width = pictures.shape[1:3]
    boxes = np.asarray(
        convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", height, width)
    ).astype(int)
    labels = np.asarray(bounding_boxes["labels"]).astype(int)
    font = ImageFont.load_default(size=max(round(12 * font_scale), 6))
    result = []
    for i, picture in enumerate(pictures):
        image = Image.fromarray(picture)
        draw = ImageDraw.Draw(image)
        for j, label in enumerate(labels[i]):
            if label == -1:
                continue
            corners = boxes[i, j].tolist()
            draw.rectangle(corners, outline=tuple(color), width=line_thickness)
            text = (class_mapping or {}).get(int(label))
            if text and "confidences" in bounding_boxes:
                text = f"{text} | {float(np.asarray(bounding_boxes['confidences'])[i][j]):.2f}"
            if text:
                bold = ((text_thickness or line_thickness) - 1) / 2
                place = _beside(corners[:2], font.getbbox(text)[3], line_thickness)
                draw.text(place, text, fill=tuple(color), font=font, stroke_width=bold)
        result.append(np.asarray(image))
    return np.stack(result)


def draw_segmentation_masks(
    images: Any,
    segmentation_masks: Any,
    num_classes: int | None = None,
    color_mapping: Mapping[int, Colour] | None = None,
    alpha: float = 0.8,
    blend: bool = True,
    ignore_index: int = -1,
    data_format: str | None = None,
) -> np.ndarray:
    """Colour each pixel by its class: `(1 − alpha) · image + alpha · colour`.

    Args:
        images: `(batch, height, width, 3)`, from 0 to 255.
        segmentation_masks: whole numbers, `(batch, height, width, 1)`.
        num_classes: classes from this number on stay without colour; all are drawn unless told.
        color_mapping: class number -> (red, green, blue).
        alpha: how strong the colours are.
        blend: False paints over the image, and gives floats.
        ignore_index: pixels of this class stay as they are.
        data_format: `"channels_last"` or `"channels_first"`, of what comes.

    >>> masks = np.array([[[[0], [1]]]])
    >>> draw_segmentation_masks(np.full((1, 1, 2, 3), 100), masks, 2, alpha=0.5)[0, 0].tolist()
    [[50, 50, 50], [50, 113, 65]]
    """
    pictures = channels_last(images, data_format).astype("float32")
    masks = channels_last(segmentation_masks, data_format)[..., 0]
    if masks.dtype.kind not in "iu":
        raise TypeError(
            "`segmentation_masks` must be in integer dtype. "
            f"Received: segmentation_masks.dtype={masks.dtype}"
        )
    count = int(masks.max(initial=-1)) + 1 if num_classes is None else num_classes
    colours = np.array([(color_mapping or _Palette())[i] for i in range(count)], "float32")
    shown = (masks >= 0) & (masks < count) & (masks != ignore_index)
    painted = pictures.copy()
    painted[shown] = colours[masks[shown]]
    if not blend:
        return painted
    mixed = pictures * (1 - alpha) + painted * alpha
    return np.where((masks != ignore_index)[..., None], mixed, pictures).astype("uint8")


class _Palette:
    """A colour for each class number, far apart for neighbours."""

    def __getitem__(self, number: int) -> list[int]:
        return [number * step % 255 for step in (2**25 - 1, 2**15 - 1, 2**21 - 1)]


def channels_last(images: Any, data_format: str | None) -> np.ndarray:
    """A batch of images as a NumPy array `(batch, height, width, channels)`."""
    array = np.asarray(images)
    if array.ndim != 4:
        raise ValueError(
            f"`images` must be batched 4D tensor. Received: images.shape={array.shape}"
        )
    first = (data_format or image_data_format()) == "channels_first"
    return array.transpose(0, 2, 3, 1) if first else array


def _bytes(images: np.ndarray) -> np.ndarray:
    """Images from 0 to 255 as uint8; floats up to 1 are shares of 255."""
    if images.dtype.kind == "f" and images.size:
        images = np.clip(images, 0, 1) * 255 if images.max() <= 1 else np.clip(images, 0, 255)
    return images.astype("uint8")


def _beside(corner: list[int], height: float, thickness: int) -> tuple[float, float]:
    """Where a text goes: above the box, or inside where there is no room above."""
    x, y = corner
    above = y - height - 2
    return (x, above) if above >= 0 else (x + thickness + 1, y + thickness)
