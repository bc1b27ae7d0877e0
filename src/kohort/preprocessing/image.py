"""Keras's `preprocessing.image`: images to arrays and back."""

from kohort.utils.image import array_to_img, img_to_array, load_img, save_img, smart_resize

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]
