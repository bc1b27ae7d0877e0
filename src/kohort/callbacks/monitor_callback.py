"""MonitorCallback: the base of callbacks that wait for a metric to improve."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kohort.callbacks.callback import Callback
from kohort.ops.elementwise import greater, less

# Logs are Python floats: no need to send them to the device.
_ON_HOST: dict[Any, Callable[[Any, Any], Any]] = {
    less: operator.lt,
    greater: operator.gt,
}


class MonitorCallback(Callback):
    """Base of the callbacks that watch the value `monitor` of the logs.

    `mode` says whether smaller (`"min"`) or larger (`"max"`) is better; `"auto"` asks the metric
    of that name. A value improves on the best if it is better by more than `min_delta`;
    `baseline` is the best to begin with (`None`: the first value). Raises `ValueError` where
    `"auto"` finds no direction.

    >>> watch = MonitorCallback("accuracy", mode="max", min_delta=0.1)
    >>> watch._is_improvement(0.9, 0.75), watch._is_improvement(0.8, 0.75)
    (True, False)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.",
                stacklevel=2,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self.monitor_op: Callable[[Any, Any], Any] | None = None

    def _set_monitor_op(self) -> None:
        """Find the direction; metrics are built only when training has begun."""
        mode = self.mode
        if mode == "auto":
            metrics = getattr(self.model, "metrics", ())
            found = metric_mode(self.monitor, metrics)
            if found is None:
                known = ", ".join(metric.name for metric in _flat(metrics)) or "none"
                raise ValueError(
                    f"{type(self).__name__} callback received monitor={self.monitor}, but Keras "
                    "isn't able to automatically determine whether that metric should be "
                    "maximized or minimized. Pass `mode='max'` in order to monitor based on the "
                    "highest metric value, or pass `mode='min'` in order to use the lowest value. "
                    f"The model's metrics are: {known}."
                )
            mode = found
        self.monitor_op = less if mode == "min" else greater
        if mode == "min":
            self.min_delta *= -1

    def _is_improvement(self, monitor_value: Any, reference_value: Any) -> bool:
        """Whether a value is better than the reference (None: anything is)."""
        if reference_value is None:
            return True
        if self.monitor_op is None:
            self._set_monitor_op()
        better: Any = _ON_HOST.get(self.monitor_op, self.monitor_op)
        return bool(better(monitor_value - self.min_delta, reference_value))


def metric_mode(monitor: str, metrics: Iterable[Any]) -> str | None:
    """Return "min" or "max" for a name in the logs, or None if no metric tells.

    With several outputs the names in the logs begin with the output's; those count, too.

    >>> metric_mode("val_loss", [])
    'min'
    """
    name = monitor.removeprefix("val_")
    modes = {
        metric.name: "max" if metric._direction == "up" else "min"
        for metric in _flat(metrics)
        if getattr(metric, "_direction", None) is not None
    }
    if name in modes:
        return modes[name]
    if name == "loss" or name.endswith("_loss"):
        return "min"
    ends = [known for known in modes if name.endswith(f"_{known}")]
    return modes[max(ends, key=len)] if ends else None


def _flat(metrics: Iterable[Any]) -> Iterator[Any]:
    """The metrics, and those that containers of metrics hold."""
    for metric in metrics:
        inner = getattr(metric, "metrics", None)
        if inner is None:
            yield metric
        else:
            yield from _flat(inner)
