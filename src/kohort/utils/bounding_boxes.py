"""Boxes around things in images: formats, cuts, overlaps, and offsets from anchors.

Boxes have the shape `(boxes, 4)` or `(batch, boxes, 4)`. The formats, upper or lower case:

- `xyxy`: left, top, right, bottom; `yxyx`: top, left, bottom, right;
- `xywh`: left, top, width, height;
- `center_xywh`: middle x, middle y, width, height; `center_yxhw`: the same with y first;
- `rel_xyxy`, `rel_yxyx`, `rel_xywh`, `rel_center_xywh`: in shares of the image's size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from kohort.core.settings import epsilon

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw",
    "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip


def _swapped(boxes: Any) -> Any:
    return boxes[..., jnp.array([1, 0, 3, 2])]


def _corners(boxes: Any, place: float) -> Any:
    """xyxy of a point and a size; `place` says where the point is: 0 left, 0.5 in the middle."""
    start = boxes[..., :2] - place * boxes[..., 2:]
    return jnp.concatenate([start, start + boxes[..., 2:]], -1)


def _point(boxes: Any, place: float) -> Any:
    size = boxes[..., 2:] - boxes[..., :2]
    return jnp.concatenate([boxes[..., :2] + place * size, size], -1)


_FROM: dict[str, Callable[[Any], Any]] = {
    "xyxy": lambda b: b,
    "yxyx": _swapped,
    "xywh": lambda b: _corners(b, 0.0),
    "center_xywh": lambda b: _corners(b, 0.5),
    "center_yxhw": lambda b: _corners(_swapped(b), 0.5),
}
_TO: dict[str, Callable[[Any], Any]] = {
    "xyxy": lambda b: b,
    "yxyx": _swapped,
    "xywh": lambda b: _point(b, 0.0),
    "center_xywh": lambda b: _point(b, 0.5),
    "center_yxhw": lambda b: _swapped(_point(b, 0.5)),
}


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None,
    dtype: str = "float32",
) -> Any:  # fmt: skip
    """Return boxes in another format; of a dict, its entry `boxes`.

    `height` and `width` of the image are needed between relative and absolute formats.

    >>> convert_format(np.array([[10, 20, 30, 40]]), "xyxy", "center_xywh").tolist()
    [[20.0, 30.0, 20.0, 20.0]]
    """
    if isinstance(boxes, dict):
        changed = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return {**boxes, "boxes": changed}
    boxes = jnp.asarray(boxes)
    if boxes.shape[-1] != 4:
        raise ValueError(
            "`boxes` must be a tensor with the last dimension of 4. "
            f"Received: boxes.shape={boxes.shape}"
        )
    source, target = source.lower(), target.lower()
    if source not in FORMATS or target not in FORMATS:
        raise ValueError(
            f"Invalid source or target format. Supported formats: {FORMATS}. "
            f"Received: source={source}, target={target}"
        )
    relative = source.startswith("rel_"), target.startswith("rel_")
    if any(relative) and (width is None or height is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` transforming between relative and "
            f"absolute formats. convert_format() received source=`{source}`, target=`{target}`, "
            f"but height={height} and width={width}."
        )
    boxes = boxes.astype(dtype)
    if source == target:
        return boxes
    boxes = _FROM[source.removeprefix("rel_")](boxes)
    if relative[0] != relative[1]:
        size = jnp.stack([jnp.asarray(n, dtype) for n in (width, height, width, height)], -1)
        boxes = boxes * size if relative[0] else boxes / size
    return _TO[target.removeprefix("rel_")](boxes)


def _only_xyxy(bounding_box_format: str, *more: str) -> None:
    if bounding_box_format not in ("xyxy", *more):
        raise NotImplementedError(
            f"The boxes must have the format {' or '.join(('xyxy', *more))}. "
            f"Received: bounding_box_format={bounding_box_format}. Use `convert_format` first."
        )


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: Any = None,
    width: Any = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Cut boxes off at the image's edges; the labels of boxes without area become -1.

    >>> boxes = {"boxes": np.array([[-10.0, 0, 5, 5], [20, 0, 30, 5]]), "labels": np.array([1, 2])}
    >>> clipped = clip_to_image_size(boxes, height=10, width=10)
    >>> clipped["boxes"].tolist(), clipped["labels"].tolist()
    ([[0.0, 0.0, 5.0, 5.0], [10.0, 0.0, 10.0, 5.0]], [1, -1])
    """
    _only_xyxy(bounding_box_format, "rel_xyxy")
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    elif height is None or width is None:
        raise ValueError(
            "`height` and `width` must be set if `format='xyxy'`. "
            f"Received: height={height}, width={width}"
        )
    boxes = _clipped(jnp.asarray(bounding_boxes["boxes"]), height, width)
    result = {**bounding_boxes, "boxes": boxes}
    if bounding_boxes.get("labels") is not None:
        result["labels"] = jnp.where(_area(boxes) > 0, jnp.asarray(bounding_boxes["labels"]), -1)
    return result


def _clipped(boxes: Any, height: Any, width: Any) -> Any:
    most = jnp.stack([jnp.asarray(n, boxes.dtype) for n in (width, height, width, height)], -1)
    return jnp.clip(boxes, 0, most)


def _area(boxes: Any) -> Any:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def crop(
    boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy"
) -> Any:
    """Return boxes as they lie in a part of the image, cut off at its edges.

    >>> crop(np.array([[10, 20, 50, 60]]), top=10, left=20, height=40, width=20).tolist()
    [[0, 10, 20, 40]]
    """
    _only_xyxy(bounding_box_format)
    return _clipped(pad(boxes, -top, -left), height, width)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:  # fmt: skip
    """Return boxes as they lie after rows and columns were added above and to the left.

    >>> pad(np.array([[10, 20, 50, 60]]), top=1, left=2).tolist()
    [[12, 21, 52, 61]]
    """
    del height, width
    _only_xyxy(bounding_box_format)
    boxes = jnp.asarray(boxes)
    return boxes + jnp.stack([jnp.asarray(n, boxes.dtype) for n in (left, top, left, top)], -1)


def moved(boxes: Any, matrix: Any) -> Any:
    """Return the boxes (batch, boxes, 4) around what 3 × 3 matrices make of the old corners."""
    x, y = boxes[..., jnp.array([0, 2, 2, 0])], boxes[..., jnp.array([1, 1, 3, 3])]
    points = jnp.stack([x, y, jnp.ones_like(x)], -1)
    points = jnp.einsum("bncx,byx->bncy", points, matrix)
    points = points[..., :2] / points[..., 2:]
    return jnp.concatenate([points.min(2), points.max(2)], -1)


def affine_transform(
    boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any,
    shear_y: Any, height: Any, width: Any, center_x: Any = None, center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:  # fmt: skip
    """Return the boxes around turned, shifted, scaled and sheared boxes.

    Args:
        boxes: shape (batch, boxes, 4).
        angle, shear_x, shear_y: degrees, one of each for an image.
        translate_x, translate_y: shares of the image's size.
        scale: the factor.
        height, width: the image's size.
        center_x, center_y: the fixed point in shares of the size; by default the middle.

    >>> half, none = np.array([180.0]), np.zeros(1)
    >>> boxes = affine_transform(
    ...     np.array([[[0.0, 0, 2, 2]]]), half, none, none, none + 1, none, none, 9, 9)
    >>> boxes.round(3).tolist()
    [[[6.0, 6.0, 8.0, 8.0]]]
    """
    _only_xyxy(bounding_box_format)
    degree = math.pi / 180.0
    turn, slant, lean = (-jnp.asarray(a, "float32") * degree for a in (angle, shear_x, shear_y))
    x = (0.5 if center_x is None else center_x) * (width - 1)
    y = (0.5 if center_y is None else center_y) * (height - 1)
    from_x, from_y = x - translate_x * (width - 1), y - translate_y * (height - 1)
    a = jnp.cos(turn - lean) / jnp.cos(lean)
    b = a * jnp.tan(slant) + jnp.sin(turn)
    c = -jnp.sin(turn - lean) / jnp.cos(lean)
    d = jnp.cos(turn) - c * jnp.tan(slant)
    rows = [d * scale, -b * scale], [-c * scale, a * scale]
    lines = [[p, q, at - p * from_x - q * from_y] for (p, q), at in zip(rows, (x, y), strict=True)]
    numbers = [*lines[0], *lines[1], 0.0, 0.0, 1.0]
    matrix = jnp.stack([jnp.broadcast_to(n, turn.shape) for n in numbers], -1)
    return moved(jnp.asarray(boxes, "float32"), matrix.reshape(-1, 3, 3))


def encode_box_to_deltas(
    anchors: Any, boxes: Any, anchor_format: str, box_format: str,
    encoding_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """Return `(middle - anchor's middle) / anchor's size` and `log(size / anchor's size)`.

    `variance`, four numbers, divides them. `image_shape` (height, width, channels) is needed for
    relative formats.

    >>> anchors, boxes = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 3, 2]])
    >>> encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy").tolist()
    [[0.0, 0.5, 0.0, 0.0]]
    """
    variance = _checked(variance, "encoding_format", encoding_format)
    height, width = _size(image_shape)
    anchors = convert_format(anchors, anchor_format, encoding_format, height, width)
    boxes = convert_format(boxes, box_format, encoding_format, height, width)
    sizes = jnp.maximum(anchors[..., 2:], epsilon())
    shift = (boxes[..., :2] - anchors[..., :2]) / sizes
    growth = jnp.log(jnp.maximum(boxes[..., 2:], epsilon()) / sizes)
    shift, growth = jnp.broadcast_arrays(shift, growth)
    return jnp.concatenate([shift, growth], -1) / variance


def decode_deltas_to_boxes(
    anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str,
    encoded_format: str = "center_yxhw", variance: Any = None, image_shape: Any = None,
) -> Any:  # fmt: skip
    """Return the boxes that `encode_box_to_deltas` was given; dicts by level, level by level.

    >>> deltas = np.array([[0.0, 0.5, 0.0, 0.0]])
    >>> decode_deltas_to_boxes(np.array([[0.0, 0, 2, 2]]), deltas, "xyxy", "xyxy").tolist()
    [[1.0, 0.0, 3.0, 2.0]]
    """
    variance = _checked(variance, "encoded_format", encoded_format)
    height, width = _size(image_shape)

    def decode(anchor: Any, delta: Any) -> Any:
        anchor = convert_format(anchor, anchor_format, encoded_format, height, width)
        delta = delta * variance
        middle = delta[..., :2] * anchor[..., 2:] + anchor[..., :2]
        boxes = jnp.concatenate([middle, jnp.exp(delta[..., 2:]) * anchor[..., 2:]], -1)
        return convert_format(boxes, encoded_format, box_format, height, width)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decode(anchor, boxes_delta[level]) for level, anchor in anchors.items()}
    return decode(anchors, boxes_delta)


def _checked(variance: Any, name: str, encoding: str) -> Any:
    """The variance as an array, ones where there is none."""
    variance = jnp.ones(4) if variance is None else jnp.asarray(variance, "float32")
    if variance.shape[-1] != 4:
        raise ValueError(f"`variance` must be length 4, got {variance}")
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ValueError(
            f"`{name}` should be one of 'center_xywh' or 'center_yxhw', got {encoding}"
        )
    return variance


def _size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else tuple(image_shape[:2])


def compute_iou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False,
    mask_val: float = -1, image_shape: Any = None,
) -> Any:  # fmt: skip
    """Return the overlap of each box with each: area of the intersection / of the union.

    Shapes: `([batch,] n, 4)` and `([batch,] m, 4)` give `([batch,] n, m)`. With `use_masking`,
    pairs with a box whose numbers are all negative get `mask_val`.

    >>> compute_iou(np.array([[0, 0, 2, 2]]), np.array([[1, 0, 3, 2]]), "xyxy").round(3).tolist()
    [[0.333]]
    """
    ranks = len(jnp.shape(boxes1)), len(jnp.shape(boxes2))
    for name, rank in zip(("boxes1", "boxes2"), ranks, strict=True):
        if rank not in (2, 3):
            raise ValueError(
                f"compute_iou() expects {name} to be batched, or to be unbatched: rank 2 or 3. "
                f"Received len(boxes1.shape)={ranks[0]}, len(boxes2.shape)={ranks[1]}."
            )
    height, width = _needed(bounding_box_format, image_shape)
    a = convert_format(boxes1, bounding_box_format, "xyxy", height, width)[..., :, None, :]
    b = convert_format(boxes2, bounding_box_format, "xyxy", height, width)[..., None, :, :]
    shared = _overlap(a, b)
    share = shared / (_area(a) + _area(b) - shared + epsilon())
    if not use_masking:
        return share
    return jnp.where((a.max(-1) < 0) | (b.max(-1) < 0), mask_val, share)


def _needed(bounding_box_format: str, image_shape: Any) -> tuple[Any, Any]:
    if "rel" in bounding_box_format.lower() and image_shape is None:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the `image_shape` argument "
            f"must be provided. Received `image_shape`: {image_shape}"
        )
    return _size(image_shape)


def _overlap(a: Any, b: Any) -> Any:
    sides = jnp.minimum(a[..., 2:], b[..., 2:]) - jnp.maximum(a[..., :2], b[..., :2])
    return jnp.prod(jnp.maximum(sides, 0), -1)


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None
) -> Any:
    """Return the complete IoU of pairs of boxes, shapes `(..., 4)` to `(...)`.

    `IoU - d² / c² - α v`: d is the distance of the middles, c the diagonal of the box around both,
    v measures how the proportions differ and `α = v / (1 - IoU + v)`.

    >>> box = np.array([[0.0, 0, 2, 2]])
    >>> compute_ciou(box, box, "xyxy").round(3).tolist()
    [1.0]

    Source: Zheng et al., "Enhancing geometric factors in model learning and inference for object
    detection and instance segmentation", 2020.
    """
    height, width = _needed(bounding_box_format, image_shape)
    a = convert_format(boxes1, bounding_box_format, "xyxy", height, width)
    b = convert_format(boxes2, bounding_box_format, "xyxy", height, width)
    tiny = jnp.array([0.0, epsilon()])
    size_a, size_b = (box[..., 2:] - box[..., :2] + tiny for box in (a, b))
    shared = _overlap(a, b)
    union = jnp.prod(size_a, -1) + jnp.prod(size_b, -1) - shared + epsilon()
    iou = shared / (union + epsilon())
    around = jnp.maximum(a[..., 2:], b[..., 2:]) - jnp.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    tilt_a, tilt_b = (jnp.arctan(size[..., 0] / size[..., 1]) for size in (size_a, size_b))
    v = 4 / math.pi**2 * (tilt_b - tilt_a) ** 2
    alpha = v / (v - iou + 1 + epsilon())
    return iou - (jnp.sum(apart**2, -1) / (jnp.sum(around**2, -1) + epsilon()) + v * alpha)
