"""The Keras 1 and 2 name `keras.utils.np_utils`, for old scripts."""

from kohort.utils.numerical import normalize, to_categorical

__all__ = ["normalize", "to_categorical"]
