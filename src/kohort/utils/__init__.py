"""Helpers for data, files and progress, under Keras's names."""

from kohort.core.settings import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from kohort.utils import np_utils
from kohort.utils.batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from kohort.utils.files import get_file
from kohort.utils.image import array_to_img, img_to_array, load_img, save_img
from kohort.utils.numerical import normalize, to_categorical
from kohort.utils.progbar import Progbar
from kohort.utils.pydataset import PyDataset, Sequence
from kohort.utils.sequence import pad_sequences
from kohort.utils.split import split_dataset
from kohort.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_file",
    "img_to_array",
    "is_interactive_logging_enabled",
    "load_img",
    "normalize",
    "np_utils",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "save_img",
    "split_dataset",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
