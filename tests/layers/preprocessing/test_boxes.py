"""Bounding boxes in image layers, against Keras's layers with the same transformation."""

from typing import Any

import numpy as np
import pytest

from kohort import layers

BOXES = {
    "boxes": np.array([[[2, 1, 5, 4], [1, 2, 7, 8]], [[0, 0, 3, 3], [4, 4, 8, 10]]], "float32"),
    "labels": np.array([[1, 2], [3, 4]]),
}
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 10, 8, 3)).astype("float32")
FACTORS = np.array([[0.2, 0.1], [-0.3, 0.25]], "float32")
CORNERS = np.array([[[0.0, 0.0], [7.0, 0.0], [0.0, 9.0], [7.0, 9.0]]] * 2)
# name, arguments, what is drawn
MOVES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("RandomFlip", {"mode": "horizontal"}, {"flips": np.array([1, 0]).reshape(2, 1, 1, 1) > 0}),
    ("RandomFlip", {}, {"flips": np.array([1, 1]).reshape(2, 1, 1, 1) > 0}),
    ("RandomRotation", {"factor": 0.1}, {"angle": np.array([30.0, -20.0], "float32")}),
    ("RandomZoom", {"height_factor": 0.2},
     {"height_zoom": FACTORS[:, :1] + 1, "width_zoom": FACTORS[:, 1:] + 1}),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0.2},
     {"translations": FACTORS * 8}),
    ("RandomShear", {"x_factor": 0.3, "y_factor": 0.3}, {"shear_factor": FACTORS}),
    ("RandomPerspective", {}, {
        "apply_perspective": np.array([True, False]), "start_points": CORNERS,
        "end_points": CORNERS + np.array([[[0.5, 0.2], [-1, 0.3], [0.1, -1], [-0.6, -0.4]]] * 2),
    }),
    ("Resizing", {"height": 6, "width": 7}, {}),
    ("Resizing", {"height": 6, "width": 7, "crop_to_aspect_ratio": True}, {}),
    ("Resizing", {"height": 6, "width": 7, "pad_to_aspect_ratio": True}, {}),
    ("CenterCrop", {"height": 6, "width": 4}, {}),
    ("CenterCrop", {"height": 12, "width": 9}, {}),
]  # fmt: skip


def transformed(layer: Any, drawn: dict[str, Any], single: bool = False) -> Any:
    """The boxes after `drawn`."""
    given = {**drawn, "input_shape": IMAGES.shape}
    if type(layer).__module__.startswith("keras"):
        given |= {"image_height": 10, "image_width": 8, "batch_size": 2}
        if type(layer).__name__ == "Resizing":
            return layer.transform_bounding_boxes(dict(BOXES), (10, 8))
    return layer.transform_bounding_boxes(dict(BOXES), given)


@pytest.mark.parametrize(("name", "arguments", "drawn"), MOVES)
def test_boxes_move_as_in_keras(name: str, arguments: dict, drawn: dict) -> None:
    import keras  # type: ignore[import-not-found]

    made = [
        transformed(getattr(module.layers, name)(**arguments, bounding_box_format="xyxy"), drawn)
        for module in (__import__("kohort"), keras)
    ]
    np.testing.assert_allclose(made[0]["boxes"], made[1]["boxes"], rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(made[0]["labels"], made[1]["labels"])
    assert not np.array_equal(made[0]["boxes"], BOXES["boxes"])


def bright(height: int, width: int) -> tuple[np.ndarray, dict[str, Any]]:
    """A dark image with a bright rectangle, and the box around it."""
    image = np.zeros((1, height, width, 1), "float32")
    image[0, 2:7, 3:6] = 1.0
    return image, {"boxes": np.array([[[3.0, 2.0, 6.0, 7.0]]]), "labels": np.array([[5]])}


@pytest.mark.parametrize(
    "layer",
    [
        layers.RandomCrop(8, 8, seed=3, bounding_box_format="xywh"),
        layers.RandomTranslation(
            0.2, 0.2, "constant", "nearest", seed=1, bounding_box_format="xywh"
        ),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_boxes_stay_around_what_they_were_around(layer: Any) -> None:
    image, boxes = bright(12, 11)
    boxes["boxes"] = boxes["boxes"] - np.array([0, 0, 3.0, 2.0])  # as xywh
    changed = layer({"images": image, "bounding_boxes": boxes}, training=True)
    seen = np.argwhere(np.asarray(changed["images"])[0, :, :, 0] > 0.5)
    top, left = seen.min(0)
    bottom, right = seen.max(0) + 1
    got = np.asarray(changed["bounding_boxes"]["boxes"])[0, 0]
    np.testing.assert_allclose(got, [left, top, right - left, bottom - top], atol=1.01)
    assert changed["bounding_boxes"]["labels"].tolist() == [[5]]


def test_single_images_relative_boxes_and_what_lies_outside() -> None:
    layer = layers.CenterCrop(4, 4, bounding_box_format="rel_xyxy")
    boxes = {"boxes": [[0.0, 0, 0.2, 0.2], [0.4, 0.4, 0.6, 0.8]], "labels": [1, 2]}
    changed = layer({"images": np.ones((10, 10, 3)), "bounding_boxes": boxes})["bounding_boxes"]
    np.testing.assert_allclose(changed["boxes"], [[0, 0, 0, 0], [0.25, 0.25, 0.75, 1]], atol=1e-6)
    assert changed["labels"].tolist() == [-1, 2]


def test_colours_leave_boxes_and_mixing_joins_them() -> None:
    data = {"images": IMAGES, "bounding_boxes": BOXES}
    still = layers.RandomBrightness(0.2, bounding_box_format="xyxy")(data)["bounding_boxes"]
    np.testing.assert_array_equal(still["boxes"], BOXES["boxes"])
    drawn = {"mix_weight": np.array([0.5, 0.5]), "permutation_order": np.array([1, 0])}
    both = layers.MixUp(bounding_box_format="xyxy").transform_bounding_boxes(BOXES, drawn)
    assert both["boxes"].shape == (2, 4, 4)
    assert both["labels"].tolist() == [[1, 2, 3, 4], [3, 4, 1, 2]]


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_boxes_for_each_image_as_in_keras(count: int) -> None:
    import keras

    data = {"images": IMAGES, "bounding_boxes": dict(BOXES)}
    made = [
        module.layers.MaxNumBoundingBoxes(count, bounding_box_format="xyxy")(dict(data))
        for module in (__import__("kohort"), keras)
    ]
    for key in ("boxes", "labels"):
        ours, theirs = (m["bounding_boxes"][key] for m in made)
        np.testing.assert_array_equal(ours, theirs)
    layer = layers.MaxNumBoundingBoxes(count, bounding_box_format="xyxy")
    shapes = {"bounding_boxes": {"boxes": (None, None, 4), "labels": (None, None)}}
    assert layer.compute_output_shape(shapes)["bounding_boxes"]["boxes"] == (None, count, 4)


def test_lists_of_unequal_length_are_filled_up() -> None:
    boxes = {"boxes": [[[0, 0, 1, 1]], [[0, 0, 2, 2], [1, 1, 2, 2]]], "labels": [[1], [2, 3]]}
    layer = layers.RandomContrast(0.1, bounding_box_format="xyxy")
    made = layer({"images": IMAGES, "bounding_boxes": boxes})["bounding_boxes"]
    assert made["labels"].tolist() == [[1, -1], [2, 3]]
    assert made["boxes"][0, 1].tolist() == [0, 0, 0, 0]


def test_wrong_boxes_say_what_is_wrong() -> None:
    data = {"images": IMAGES, "bounding_boxes": BOXES}
    with pytest.raises(ValueError, match="bounding_box_format='xyxy'"):
        layers.RandomFlip()(data)
    layer = layers.RandomFlip(bounding_box_format="xyxy")
    for boxes, message in (
        ({"boxes": BOXES["boxes"]}, "keys 'boxes' and 'labels'"),
        ({"boxes": BOXES["boxes"][0, 0], "labels": BOXES["labels"]}, "num_boxes, 4"),
        ({"boxes": [[0, 0, 1, 1]], "labels": [1, 2]}, "same length"),
    ):
        with pytest.raises(ValueError, match=message):
            layer({"images": IMAGES, "bounding_boxes": boxes})
    for cls in (layers.CutMix, layers.RandomElasticTransform):
        with pytest.raises(NotImplementedError, match="Leave them out"):
            cls(bounding_box_format="xyxy").transform_bounding_boxes(BOXES, {})


def test_a_policy_moves_boxes_as_its_layers_do() -> None:
    layer = layers.RandAugment(bounding_box_format="xyxy", seed=1)
    drawn = layer.get_random_transformation(IMAGES)
    number = layer._chosen().index(layer.random_translation)
    drawn["layer_idxes"] = np.array([number])
    alone = layers.RandomTranslation(0.5, 0.5, bounding_box_format="xyxy")
    numbers = {**drawn["transforms"][number], "input_shape": IMAGES.shape}
    np.testing.assert_allclose(
        layer.transform_bounding_boxes(BOXES, drawn)["boxes"],
        alone.transform_bounding_boxes(BOXES, numbers)["boxes"],
    )
