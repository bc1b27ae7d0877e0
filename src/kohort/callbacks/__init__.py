"""Callbacks: what watches and steers a training."""

from kohort.callbacks.backup_and_restore import BackupAndRestore
from kohort.callbacks.callback import Callback
from kohort.callbacks.callback_list import CallbackList
from kohort.callbacks.csv_logger import CSVLogger
from kohort.callbacks.early_stopping import EarlyStopping
from kohort.callbacks.history import History
from kohort.callbacks.json_lines_logger import JSONLinesLogger
from kohort.callbacks.lambda_callback import LambdaCallback
from kohort.callbacks.learning_rate_scheduler import LearningRateScheduler
from kohort.callbacks.model_checkpoint import ModelCheckpoint
from kohort.callbacks.monitor_callback import MonitorCallback
from kohort.callbacks.progbar_logger import ProgbarLogger
from kohort.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from kohort.callbacks.remote_monitor import RemoteMonitor
from kohort.callbacks.swap_ema_weights import SwapEMAWeights
from kohort.callbacks.tensorboard import TensorBoard
from kohort.callbacks.terminate_on_nan import TerminateOnNaN
from kohort.callbacks.tracker import Tracker

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "JSONLinesLogger",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "MonitorCallback",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
    "Tracker",
]
