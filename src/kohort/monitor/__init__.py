"""What watches a training: event files for TensorBoard, without TensorFlow."""

from kohort.monitor.hparams import write_hparams

__all__ = ["write_hparams"]
