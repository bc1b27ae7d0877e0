"""A search on TensorBoard's HParams page."""

from __future__ import annotations

import os
from typing import Any

from kohort.monitor.events import EventFile
from kohort.monitor.library import message
from kohort.monitor.quiet import Quiet

_STATUS = {"complete": "STATUS_SUCCESS", "running": "STATUS_RUNNING", "failed": "STATUS_FAILURE"}


def write_hparams(search: Any, log_dir: str | os.PathLike[str] = "logs") -> list[str]:
    """Write the trials of a search for TensorBoard's HParams page; return their folders.

    Each trial is a session in a run `trial_0000`, `trial_0001`, … of `log_dir`, with its
    hyperparameters and its objectives. Trials that have not run are left out. A folder that
    cannot be written is one warning.

    Args:
        search: the result of `kohort.search`, or its `Study` (which does not know the names of its
            objectives: `objective_0`, …).

    >>> class Found:  # as a search has it
    ...     def table(self):
    ...         return [{"number": 0, "state": "complete", "values": [0.25], "hp": {"units": 8}}]
    >>> write_hparams(Found(), "logs")
    ['logs/trial_0000']
    """
    rows = [row for row in search.table() if row["state"] != "waiting"]
    names = _objectives(search, rows)
    settings = {k: v for row in rows for k, v in row["hp"].items() if v is not None}
    quiet, folders = Quiet("HParams"), []
    for row in rows:
        run = EventFile(os.path.join(os.fspath(log_dir), f"trial_{row['number']:04d}"), quiet)
        values = dict(zip(names, row["values"] or (), strict=False))
        for summary in _session(row, settings, names):
            run.summary(summary)
        for name, value in values.items():
            run.scalar(name, value, step=0)
        run.close()
        if run.broken:  # so will the others be
            break
        folders.append(run.folder)
    return folders


def _objectives(search: Any, rows: list[dict[str, Any]]) -> list[str]:
    protocol = getattr(search, "protocol", None)
    if protocol is not None:
        return [goal.name for goal in protocol.objectives]
    count = max((len(row["values"] or ()) for row in rows), default=0)
    return [f"objective_{i}" for i in range(count)]


def _session(row: dict[str, Any], settings: dict[str, Any], names: list[str]) -> list[Any]:
    """The summaries of a session: the experiment, its start and its end."""
    known = [message("HParamInfo", name=k, type=_kind(value)) for k, value in settings.items()]
    metrics = [message("MetricInfo", name=message("MetricName", tag=name)) for name in names]
    start = message("SessionStartInfo")
    for name, value in row["hp"].items():
        value = _plain(value)
        if value is None:
            continue
        field = {bool: "bool_value", str: "string_value"}.get(type(value), "number_value")
        setattr(start.hparams[name], field, value)
    status = _STATUS.get(row["state"], "STATUS_UNKNOWN")
    parts = {
        "experiment": message("Experiment", hparam_infos=known, metric_infos=metrics),
        "session_start_info": start,
        "session_end_info": message("SessionEndInfo", status=status),
    }
    return [_summary(name, part) for name, part in parts.items()]


def _summary(name: str, part: Any) -> Any:
    content = message("HParamsPluginData", **{name: part}).SerializeToString()
    plugin = message("SummaryMetadata.PluginData", plugin_name="hparams", content=content)
    metadata = message("SummaryMetadata", plugin_data=plugin)
    value = message("Summary.Value", tag=f"_hparams_/{name}", metadata=metadata)
    return message("Summary", value=[value])


def _kind(value: Any) -> str:
    kinds = {bool: "DATA_TYPE_BOOL", str: "DATA_TYPE_STRING"}
    return kinds.get(type(_plain(value)), "DATA_TYPE_FLOAT64")


def _plain(value: Any) -> Any:
    """A hyperparameter as a bool, number or text; None where it has no value."""
    value = value.item() if hasattr(value, "item") else value
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
