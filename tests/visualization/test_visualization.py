"""Boxes, masks and galleries: masks and the pages of galleries against Keras."""

import keras as reference
import matplotlib
import numpy as np
import pytest
from PIL import Image

from kohort import visualization

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (2, 6, 8, 3)).astype("float32")
MASKS = RNG.integers(0, 3, (2, 6, 8, 1))


def _size(path):
    with Image.open(path) as image:
        return image.size


@pytest.fixture(autouse=True)
def _no_window():
    matplotlib.use("agg")


@pytest.mark.parametrize("options", [
    {}, {"alpha": 0.3, "ignore_index": 2}, {"blend": False},
    {"color_mapping": {0: (1, 2, 3), 1: (200, 0, 0), 2: (0, 255, 9)}},
])  # fmt: skip
def test_masks_are_painted_as_by_keras(options):
    found = visualization.draw_segmentation_masks(IMAGES, MASKS, 3, **options)
    expected = reference.visualization.draw_segmentation_masks(IMAGES, MASKS, 3, **options)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, atol=1)  # Keras blends in float32


def test_every_class_is_drawn_unless_told_and_channels_may_come_first():
    masks = np.full((1, 2, 2, 1), 2)
    black = np.zeros((1, 3, 2, 2))
    options = {"blend": False, "color_mapping": {0: (1,) * 3, 1: (2,) * 3, 2: (9, 8, 7)}}
    found = visualization.draw_segmentation_masks(
        black, masks.transpose(0, 3, 1, 2), data_format="channels_first", **options
    )
    assert found.shape == (1, 2, 2, 3) and found[0, 1, 1].tolist() == [9, 8, 7]


def test_boxes_and_names():
    boxes = {
        "boxes": np.array([[[4, 20, 10, 6], [0, 0, 3, 3]]]),
        "labels": np.array([[1, -1]]),
        "confidences": np.array([[0.5, 0.1]]),
    }
    images = np.zeros((1, 40, 60, 3))
    plain = visualization.draw_bounding_boxes(images, boxes, "xywh", line_thickness=1)
    assert plain.dtype == np.uint8 and plain.shape == images.shape
    y, x = np.nonzero(plain[0, :, :, 0])
    assert (x.min(), x.max(), y.min(), y.max()) == (4, 14, 20, 26)
    assert len(y) == 2 * 11 + 2 * 5 and set(plain[plain > 0]) == {128}
    named = visualization.draw_bounding_boxes(images, boxes, "xywh", {1: "cat"}, line_thickness=1)
    assert named[0, :20].any() and not plain[0, :20].any()


def test_a_gallery_is_as_large_as_keras_s(tmp_path):
    options = {"y_true": [0, 1], "label_map": {0: "a", 1: "b"}, "rows": 1, "cols": 2}
    for package, name in ((visualization, "ours"), (reference.visualization, "theirs")):
        package.plot_image_gallery(IMAGES, path=tmp_path / f"{name}.png", **options)
    sizes = [_size(tmp_path / f"{name}.png") for name in ("ours", "theirs")]
    np.testing.assert_allclose(*sizes, atol=2)


def test_galleries_of_boxes_and_masks(tmp_path):
    boxes = {"boxes": np.array([[[1, 1, 4, 4]]] * 2), "labels": np.array([[0]] * 2)}
    visualization.plot_bounding_box_gallery(
        IMAGES, "xyxy", boxes, boxes, legend=True, class_mapping={0: "x"}, path=tmp_path / "a.png"
    )
    visualization.plot_segmentation_mask_gallery(
        IMAGES / 255, 3, (0, 1), y_true=MASKS, y_pred=MASKS, path=tmp_path / "b.png"
    )
    assert _size(tmp_path / "a.png")[0] > 50
    assert _size(tmp_path / "b.png")[0] > 100


@pytest.mark.parametrize("call, error, message", [
    (lambda: visualization.plot_image_gallery(IMAGES[0]), ValueError, "batched 4D"),
    (lambda: visualization.plot_image_gallery(IMAGES, [0, 1]), ValueError, "label_map"),
    (lambda: visualization.plot_image_gallery(IMAGES, path="x", show=True), ValueError, "either"),
    (lambda: visualization.draw_bounding_boxes(IMAGES, {"boxes": 1}, "xyxy"), ValueError, "labels"),
    (lambda: visualization.draw_segmentation_masks(IMAGES, MASKS / 2), TypeError, "integer dtype"),
    (lambda: visualization.plot_bounding_box_gallery(
        IMAGES, "xyxy", legend=True, legend_handles=[1]), ValueError, "OR"),
])  # fmt: skip
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
