"""Bounding boxes against Keras's functions."""

from typing import Any

import numpy as np
import pytest

from kohort.utils import bounding_boxes as ours

SIZE = {"height": 20, "width": 30}
RNG = np.random.default_rng(0)


def some(*shape: int) -> np.ndarray:
    """Boxes of the format xyxy within an image of `SIZE`."""
    corners = np.sort(RNG.uniform(1, 19, (*shape, 2, 2)), -2)
    return corners.reshape(*shape, 4).astype("float32")


@pytest.fixture
def theirs() -> Any:
    """Keras's module."""
    from keras.utils import bounding_boxes  # type: ignore[import-not-found]

    return bounding_boxes


@pytest.mark.parametrize("name", ours.FORMATS[1:])
def test_formats_as_in_keras_and_back(theirs: Any, name: str) -> None:
    boxes = some(2, 3)
    made = ours.convert_format(boxes, "xyxy", name.upper(), **SIZE)
    np.testing.assert_allclose(
        made, theirs.convert_format(boxes, "xyxy", name, **SIZE), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        ours.convert_format(made, name, "xyxy", **SIZE), boxes, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("ranks", [(2, 2), (2, 1)])
def test_overlaps_as_in_keras(theirs: Any, ranks: tuple[int, int]) -> None:
    a, b = (some(*(2, n)[2 - rank :]) for n, rank in zip((3, 3), ranks, strict=True))
    shares = ours.compute_iou(a, b, "xyxy")
    np.testing.assert_allclose(shares, theirs.compute_iou(a, b, "xyxy"), rtol=1e-5, atol=1e-6)
    assert np.max(shares) > 0


def test_masked_overlaps_and_complete_ones_as_in_keras(theirs: Any) -> None:
    a, b = some(2, 3), some(2, 3)
    a[1, 1] = -1
    np.testing.assert_allclose(
        ours.compute_iou(a, b, "xyxy", use_masking=True, mask_val=-9),
        theirs.compute_iou(a, b, "xyxy", use_masking=True, mask_val=-9),
        rtol=1e-5, atol=1e-6,
    )  # fmt: skip
    a = some(2, 3)
    np.testing.assert_allclose(
        ours.compute_ciou(a, b, "xyxy"), theirs.compute_ciou(a, b, "xyxy"), rtol=1e-4, atol=1e-5
    )


def test_offsets_from_anchors_as_in_keras_and_back(theirs: Any) -> None:
    encoding = "center_xywh"
    anchors, boxes, variance = some(3), some(2, 3), [0.1, 0.1, 0.2, 0.2]
    given = (anchors, boxes, "xyxy", "xyxy", encoding, variance)
    deltas = ours.encode_box_to_deltas(*given)
    np.testing.assert_allclose(deltas, theirs.encode_box_to_deltas(*given), rtol=1e-4, atol=1e-5)
    back = ours.decode_deltas_to_boxes(
        {"low": anchors}, {"low": deltas}, "xyxy", "rel_xyxy", encoding, variance, (20, 30, 3)
    )
    np.testing.assert_allclose(back["low"] * np.array([30, 20, 30, 20]), boxes, rtol=1e-4)


def test_moves_and_cuts_as_in_keras(theirs: Any) -> None:
    boxes, three = some(2, 3), RNG.uniform(0.05, 0.3, (6, 2)).astype("float32")
    given = (boxes, three[0] * 90, three[1], three[2], 1 + three[3], three[4] * 60, three[5] * 60)
    np.testing.assert_allclose(
        ours.affine_transform(*given, **SIZE), theirs.affine_transform(*given, **SIZE), rtol=1e-4
    )
    for name, more in (("crop", (3, 4, 10, 9)), ("pad", (3, 4))):
        mine, keras = getattr(ours, name)(boxes, *more), getattr(theirs, name)(boxes, *more)
        np.testing.assert_allclose(mine, keras, rtol=1e-6)
    outside = {"boxes": boxes * 1.5 - 5, "labels": np.arange(6).reshape(2, 3)}
    mine = ours.clip_to_image_size(outside, height=8, width=9)
    keras = theirs.clip_to_image_size(outside, height=8, width=9)
    np.testing.assert_allclose(mine["boxes"], keras["boxes"], rtol=1e-6)
    np.testing.assert_array_equal(mine["labels"], keras["labels"])
    assert np.min(mine["labels"]) == -1


def test_wrong_boxes_say_what_is_wrong() -> None:
    box = np.ones((1, 4))
    with pytest.raises(ValueError, match="last dimension of 4"):
        ours.convert_format(np.ones((1, 3)), "xyxy", "xywh")
    with pytest.raises(ValueError, match="Supported formats"):
        ours.convert_format(box, "xyxy", "corners")
    with pytest.raises(ValueError, match="height=None"):
        ours.convert_format(box, "xyxy", "rel_xyxy")
    with pytest.raises(ValueError, match="image_shape"):
        ours.compute_iou(box, box, "rel_xyxy")
    with pytest.raises(ValueError, match="rank 2 or 3"):
        ours.compute_iou(box[0], box, "xyxy")
    with pytest.raises(ValueError, match="length 4"):
        ours.encode_box_to_deltas(box, box, "xyxy", "xyxy", variance=[1.0])
    with pytest.raises(ValueError, match="encoded_format"):
        ours.decode_deltas_to_boxes(box, box, "xyxy", "xyxy", encoded_format="xyxy")
    with pytest.raises(NotImplementedError, match="convert_format"):
        ours.crop(box, 0, 0, 1, 1, bounding_box_format="xywh")
