"""Keras's `preprocessing` names: sequences, text and images on the host, before training."""

from kohort.preprocessing import image, sequence, text
from kohort.utils.timeseries import timeseries_dataset_from_array

__all__ = ["image", "sequence", "text", "timeseries_dataset_from_array"]
