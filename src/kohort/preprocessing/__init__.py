"""Keras's `preprocessing` names: sequences, text and images on the host, before training."""

from kohort.preprocessing import image, sequence, text
from kohort.utils.image_directory import image_dataset_from_directory
from kohort.utils.text_directory import text_dataset_from_directory
from kohort.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
