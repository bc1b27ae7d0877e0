"""What watches a training: event files for TensorBoard, without TensorFlow; a cohort's table."""

from kohort.monitor.cohort_progress import CohortProgress
from kohort.monitor.cohort_tensorboard import CohortTensorBoard
from kohort.monitor.hparams import write_hparams
from kohort.monitor.verdict import write_verdict

__all__ = ["CohortProgress", "CohortTensorBoard", "write_hparams", "write_verdict"]
