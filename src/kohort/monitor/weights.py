"""Weights as pictures."""

from __future__ import annotations

import numpy as np

from kohort.core import settings


def as_images(weight: np.ndarray) -> np.ndarray | None:
    """Return a weight as images `(n, height, width, channels)`, laid out as Keras does.

    A vector is a column, a matrix is laid on its longer side, and a kernel of three axes is an
    image for each channel; None where there is no picture of it.

    >>> as_images(np.zeros((5, 2))).shape, as_images(np.zeros((3, 3, 1, 8))).shape
    ((1, 2, 5, 1), (8, 3, 3, 1))
    """
    array = np.squeeze(weight)
    if array.size == 0 or array.dtype.kind in "OSU":
        return None
    if array.ndim == 1:
        array = array.reshape(1, -1, 1, 1)
    elif array.ndim == 2:
        array = (array.T if array.shape[0] > array.shape[1] else array)[None, ..., None]
    elif array.ndim == 3:
        if settings.image_data_format() == "channels_last":
            array = array.transpose(2, 0, 1)
        array = array[..., None]
    return array if array.ndim == 4 and array.shape[-1] in (1, 3, 4) else None
