"""Keras's `preprocessing.image`: images to arrays and back, and batches of changed images."""

from kohort.preprocessing.affine import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)
from kohort.preprocessing.file_iterators import DataFrameIterator, DirectoryIterator
from kohort.preprocessing.image_data_generator import ImageDataGenerator
from kohort.preprocessing.iterators import Iterator, NumpyArrayIterator
from kohort.utils.image import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = [
    "DataFrameIterator", "DirectoryIterator", "ImageDataGenerator", "Iterator",
    "NumpyArrayIterator", "apply_affine_transform", "apply_brightness_shift",
    "apply_channel_shift", "array_to_img", "img_to_array", "load_img", "random_brightness",
    "random_channel_shift", "random_rotation", "random_shear", "random_shift", "random_zoom",
    "save_img", "smart_resize",
]  # fmt: skip
