"""Kohort: networks with Keras's API, improved as cohorts, judged honestly."""

__version__ = "0.1.0"
