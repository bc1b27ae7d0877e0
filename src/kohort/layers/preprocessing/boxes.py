"""Bounding boxes beside images: brought into arrays, and cut or filled up to one number."""

from __future__ import annotations

from typing import Any

import numpy as np

from kohort.core.variable import convert_to_tensor


def dense(bounding_boxes: Any) -> dict[str, Any]:
    """Return a dict of boxes and labels as arrays; shorter lists are filled up with 0 and -1."""
    given = bounding_boxes
    if not isinstance(given, dict) or "labels" not in given or "boxes" not in given:
        raise ValueError(
            "Expected `bounding_boxes` argument to be a dict with keys 'boxes' and 'labels'. "
            f"Received: bounding_boxes={bounding_boxes}"
        )
    boxes, labels = given["boxes"], given["labels"]
    if isinstance(boxes, list):
        if not isinstance(labels, list) or len(boxes) != len(labels):
            raise ValueError(
                "If `bounding_boxes['boxes']` is a list, then `bounding_boxes['labels']` must be a "
                f"list of the same length. Received: boxes={boxes} and labels={labels}"
            )
        boxes, labels = _filled(boxes, (4,), 0.0, "float32"), _filled(labels, (), -1, "int32")
    boxes, labels = convert_to_tensor(boxes, "float32"), convert_to_tensor(labels)
    if boxes.ndim not in (2, 3) or labels.ndim not in (boxes.ndim - 1, boxes.ndim):
        raise ValueError(
            "Expected `bounding_boxes['boxes']` of shape (num_boxes, 4) or (batch_size, num_boxes, "
            "4), and labels of one axis less, or as many. "
            f"Received: boxes.shape={boxes.shape}, labels.shape={labels.shape}"
        )
    return {**given, "boxes": boxes, "labels": labels}


def _filled(rows: list[Any], row: tuple[int, ...], filler: float, dtype: str) -> np.ndarray:
    """Lists of one image, or of images of which each has its own number of boxes."""
    if np.ndim(rows[0]) == len(row):
        return np.asarray(rows, dtype)
    made = np.full((len(rows), max(map(len, rows)), *row), filler, dtype)
    for place, items in zip(made, rows, strict=True):
        place[: len(items)] = items if len(items) else filler
    return made
