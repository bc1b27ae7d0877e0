"""Keras's namespace for what Keras 2 did otherwise."""

from kohort.legacy import saving

__all__ = ["saving"]
