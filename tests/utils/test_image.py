"""Images, against Keras."""

import io
import sys

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from kohort.preprocessing import image as old_names
from kohort.utils import array_to_img, img_to_array, load_img, save_img
from kohort.utils.image import smart_resize

Image = pytest.importorskip("PIL.Image")


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape).astype("uint8")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first", None])
def test_arrays_to_images_and_back(channels, scale, data_format):
    shape = (channels, 5, 4) if data_format == "channels_first" else (5, 4, channels)
    x = pixels(*shape) // 2
    img = array_to_img(x, data_format, scale)
    expected = keras.utils.array_to_img(x, data_format, scale)
    assert (img.mode, img.size) == (expected.mode, expected.size)
    assert_array_equal(np.asarray(img), np.asarray(expected))
    back = img_to_array(img, data_format)
    assert_array_equal(back, keras.utils.img_to_array(img, data_format))
    assert back.dtype == "float32"
    assert scale or np.array_equal(back, x)


def test_grey_of_many_bits_and_other_dtypes():
    x = np.full((2, 2, 1), 1000)
    assert array_to_img(x, scale=False).mode == "I"
    assert img_to_array(array_to_img(x, scale=False), dtype="int32").tolist() == x.tolist()


def test_wrong_shapes():
    with pytest.raises(
        ValueError, match=r"rank 3 \(single image\). Got array with shape: \(2, 2\)"
    ):
        array_to_img(np.zeros((2, 2)))
    with pytest.raises(ValueError, match="Unsupported channel number: 2"):
        array_to_img(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match=r"Unsupported image shape: \(1,\)"):
        img_to_array(np.zeros(1))
    with pytest.raises(ValueError, match="`data_format` argument must be one of"):
        array_to_img(np.zeros((2, 2, 3)), data_format="rows")


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPG", "a.bmp"])
def test_save_and_load_by_extension(name, tmp_path):
    x = pixels(6, 4, 3)
    save_img(tmp_path / name, x)
    keras.utils.save_img(tmp_path / f"keras_{name}", x)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"keras_{name}").read_bytes()
    assert load_img(str(tmp_path / name)).size == (4, 6)


def test_jpeg_has_no_transparency():
    file = io.BytesIO()
    with pytest.warns(UserWarning, match="JPEG format does not support RGBA"):
        save_img(file, pixels(4, 4, 4), file_format="jpg")
    assert load_img(file).mode == "RGB"


@pytest.mark.parametrize("color_mode", ["grayscale", "rgb", "rgba"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_color_modes(color_mode, mode, tmp_path):
    depth = {"L": (), "P": (), "I;16": (), "RGB": (3,), "RGBA": (4,)}[mode]
    x = pixels(5, 4, *depth).astype("uint16" if mode == "I;16" else "uint8")
    img = Image.fromarray(x)
    (img.convert("P") if mode == "P" else img).save(tmp_path / "a.png")
    result = load_img(tmp_path / "a.png", color_mode=color_mode)
    expected = keras.utils.load_img(tmp_path / "a.png", color_mode=color_mode)
    assert result.mode == expected.mode
    assert_array_equal(np.asarray(result), np.asarray(expected))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "hamming", "box"])
@pytest.mark.parametrize("keep_aspect_ratio", [True, False])
@pytest.mark.parametrize("target_size", [(4, 9), (9, 4), (7, 5), (3, 3)])
def test_resizing(interpolation, keep_aspect_ratio, target_size, tmp_path):
    save_img(tmp_path / "a.png", pixels(7, 5, 3))
    options = {
        "target_size": target_size,
        "interpolation": interpolation,
        "keep_aspect_ratio": keep_aspect_ratio,
    }
    result = load_img(tmp_path / "a.png", **options)
    assert_array_equal(
        np.asarray(result), np.asarray(keras.utils.load_img(tmp_path / "a.png", **options))
    )


def test_load_errors(tmp_path):
    save_img(tmp_path / "a.png", pixels(2, 2, 3))
    with pytest.raises(ValueError, match='"grayscale", "rgb", or "rgba". Received: .*cmyk'):
        load_img(tmp_path / "a.png", color_mode="cmyk")
    with pytest.raises(ValueError, match="Invalid interpolation method magic"):
        load_img(tmp_path / "a.png", target_size=(5, 5), interpolation="magic")
    with pytest.raises(TypeError, match="path should be path-like or io.BytesIO"):
        load_img(5)


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="`array_to_img` requires PIL. Install it"):
        array_to_img(np.zeros((2, 2, 3)))


@pytest.mark.parametrize("shape", [(9, 6, 3), (2, 5, 8, 3)])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3"])
def test_smart_resize_like_keras(shape, interpolation):
    x = pixels(*shape).astype("float32")
    expected = keras.preprocessing.image.smart_resize(x, (4, 3), interpolation)
    result = smart_resize(x, (4, 3), interpolation)
    assert isinstance(result, np.ndarray)
    assert_allclose(result, expected, rtol=1e-5, atol=1e-3)
    first = np.moveaxis(x, -1, -3)
    moved = smart_resize(first, (4, 3), interpolation, data_format="channels_first")
    assert_allclose(np.moveaxis(moved, -3, -1), expected, rtol=1e-5, atol=1e-3)
    assert isinstance(smart_resize(jnp.asarray(x), (4, 3)), jnp.ndarray)


def test_smart_resize_errors():
    with pytest.raises(ValueError, match="tuple of 2 integers"):
        smart_resize(np.zeros((2, 2, 3)), (2, 2, 2))
    with pytest.raises(ValueError, match="incorrect rank"):
        smart_resize(np.zeros((2, 2)), (2, 2))


def test_old_names():
    assert old_names.load_img is load_img
    assert old_names.smart_resize is smart_resize
