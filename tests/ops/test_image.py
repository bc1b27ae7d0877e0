"""Images against Keras."""

import numpy as np
import pytest

from kohort import ops
from tests.ops.oracle import check, normal

IMAGES = np.abs(normal(2, 12, 10, 3)) / 5
FIRST = np.moveaxis(IMAGES, -1, 1).copy()
CF = {"data_format": "channels_first"}
SHIFT = np.array([[1.1, 0.1, 1.0, -0.2, 0.9, 2.0, 0.0, 0.0]] * 2, "float32")
START = np.array([[0, 0], [9, 0], [0, 11], [9, 11]], "float32")

CASES = [
    ("resize", (IMAGES, (6, 7)), {}),
    ("resize", (IMAGES[0], (20, 7)), {"interpolation": "bicubic"}),
    ("resize", (IMAGES, (6, 7)), {"interpolation": "nearest", "antialias": True}),
    ("resize", (IMAGES, (6, 9)), {"crop_to_aspect_ratio": True}),
    ("resize", (IMAGES, (6, 9)), {"pad_to_aspect_ratio": True, "fill_value": 2.0}),
    ("resize", (FIRST, (9, 5)), {"pad_to_aspect_ratio": True, **CF}),
    ("resize", (FIRST[0], (9, 5)), {"crop_to_aspect_ratio": True, **CF}),
    ("rgb_to_grayscale", (IMAGES,), {}), ("rgb_to_grayscale", (FIRST,), CF),
    ("rgb_to_hsv", (IMAGES,), {}), ("hsv_to_rgb", (IMAGES,), {}), ("rgb_to_hsv", (FIRST[0],), CF),
    ("affine_transform", (IMAGES, SHIFT), {}),
    ("affine_transform", (IMAGES, SHIFT), {"interpolation": "nearest", "fill_mode": "reflect"}),
    ("affine_transform", (FIRST[0], SHIFT[0]), {"fill_mode": "wrap", **CF}),
    ("perspective_transform", (IMAGES[0], START, START + 1.5), {}),
    ("extract_patches", (IMAGES, 3), {}), ("extract_patches", (IMAGES[0], (2, 3)), {"strides": 1}),
    ("extract_patches", (IMAGES, 3), {"padding": "same", "strides": 2}),
    ("extract_patches_3d", (normal(1, 4, 4, 4, 2), 2), {}),
    ("map_coordinates", (IMAGES[0, ..., 0], np.abs(normal(2, 5)) * 3, 1), {}),
    ("pad_images", (IMAGES, 1, 2, 3, 4), {}),
    ("pad_images", (IMAGES, 1, None, None, 4), {"target_height": 20, "target_width": 30}),
    ("crop_images", (IMAGES, 1, 2, 3, 4), {}),
    ("crop_images", (FIRST[0], 1, None, None, 2), {"target_height": 5, "target_width": 6, **CF}),
    ("gaussian_blur", (IMAGES, (3, 5), (1.0, 2.0)), {"data_format": "channels_last"}),
    ("elastic_transform", (IMAGES,), {"seed": 3, "sigma": 2.0}),
    ("scale_and_translate", (IMAGES[0], (6, 5, 3), np.array([0.5, 0.5], "float32"),
                             np.array([0.0, 1.0], "float32"), (0, 1), "linear"), {}),
    ("sobel_edges", (IMAGES,), {}), ("ssim", (np.tile(IMAGES, (1, 1, 2, 1)),
                                              np.tile(IMAGES + 0.1, (1, 1, 2, 1))), {}),
]  # fmt: skip


@pytest.mark.parametrize("name, args, kwargs", CASES)
def test_case(name, args, kwargs):
    check(f"image.{name}", *args, rtol=1e-4, atol=1e-5, **kwargs)


@pytest.mark.parametrize("call, message", [
    (lambda: ops.image.resize(IMAGES, (2,)), "2 integers"),
    (lambda: ops.image.resize(IMAGES, (0, 2)), "positive"),
    (lambda: ops.image.resize(IMAGES[0, 0], (2, 2)), "Invalid images rank"),
    (lambda: ops.image.resize(IMAGES, (2, 2), "cubic"), "interpolation"),
    (lambda: ops.image.resize(IMAGES, (2, 2), fill_mode="wrap"), "fill_mode"),
    (lambda: ops.image.resize(IMAGES, (2, 2), crop_to_aspect_ratio=True,
                              pad_to_aspect_ratio=True), "Only one"),
    (lambda: ops.image.rgb_to_grayscale(IMAGES[..., :2]), "channel size"),
    (lambda: ops.image.rgb_to_hsv(IMAGES.astype("int32")), "float dtype"),
    (lambda: ops.image.pad_images(IMAGES, 1), "exactly two"),
    (lambda: ops.image.crop_images(IMAGES, 1, 1, 99, 1), "must be >= 0"),
    (lambda: ops.image.affine_transform(IMAGES, SHIFT, fill_mode="mean"), "fill_mode"),
    (lambda: ops.image.affine_transform(IMAGES, SHIFT[None]), "Invalid transform rank"),
    (lambda: ops.image.perspective_transform(IMAGES, START[:3], START), "start_points"),
    (lambda: ops.image.map_coordinates(IMAGES, IMAGES[0], 1), "First dim"),
    (lambda: ops.image.map_coordinates(IMAGES[0, 0], np.ones((2, 3)), 2), "order"),
    (lambda: ops.image.scale_and_translate(IMAGES[0], (2, 2, 3), [1.0], [0.0], (0,), "near"),
     "method"),
    (lambda: ops.image.extract_patches(IMAGES, (1, 2, 3, 4)), "length 2 or 3"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_resized_bytes_are_rounded_and_stay_bytes():
    x = np.array([0, 1, 254, 255], "uint8").reshape(1, 2, 2, 1)
    found = ops.image.resize(x, (4, 4), "bilinear")
    assert found.dtype == "uint8"
    assert found[0, :, 0, 0].tolist() == [0, 64, 190, 254]
    cubic = ops.image.resize(x, (4, 4), "bicubic")
    assert int(cubic.max()) == 255 and int(cubic[0, 0, 0, 0]) == 0
