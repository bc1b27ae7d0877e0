"""Helpers for data, files and progress, under Keras's names."""

import importlib
from typing import Any

from kohort.core.dtypes import standardize_dtype
from kohort.core.graph import get_source_inputs
from kohort.core.registry import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from kohort.core.serialization import deserialize_keras_object, serialize_keras_object
from kohort.core.session import clear_session
from kohort.core.settings import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from kohort.core.symbolic import is_keras_tensor
from kohort.random.seed import set_random_seed
from kohort.utils import bounding_boxes, np_utils
from kohort.utils.audio_directory import audio_dataset_from_directory
from kohort.utils.batches import pack_x_y_sample_weight, unpack_x_y_sample_weight
from kohort.utils.config import Config
from kohort.utils.files import get_file
from kohort.utils.image import array_to_img, img_to_array, load_img, save_img
from kohort.utils.image_directory import image_dataset_from_directory
from kohort.utils.numerical import normalize, to_categorical
from kohort.utils.progbar import Progbar
from kohort.utils.pydataset import PyDataset, Sequence
from kohort.utils.sequence import pad_sequences
from kohort.utils.split import split_dataset
from kohort.utils.text_directory import text_dataset_from_directory
from kohort.utils.timeseries import timeseries_dataset_from_array

__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "model_to_dot",
    "normalize",
    "np_utils",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]


def __dir__() -> list[str]:
    """The names, with those of `__getattr__`."""
    return __all__


def __getattr__(name: str) -> Any:
    """What needs layers or models: these are loaded when it is asked for."""
    if name == "FeatureSpace":
        from kohort.utils.feature_space import FeatureSpace

        return FeatureSpace
    if name == "legacy":
        return importlib.import_module("kohort.utils.legacy")
    if name in ("model_to_dot", "plot_model"):
        from kohort.utils import model_drawing

        return getattr(model_drawing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
