"""A verdict on TensorBoard's text page."""

from __future__ import annotations

import os
from typing import Any

from kohort.monitor.events import EventFile
from kohort.monitor.quiet import Quiet


def write_verdict(verdict: Any, log_dir: str | os.PathLike[str] = "logs") -> None:
    """Write what is to be said of a fit beside its curves.

    Args:
        verdict: what `kohort.diagnose` returns, or any text.
        log_dir: the folder that `TensorBoard` was given.

    >>> import kohort
    >>> write_verdict(kohort.diagnose({"loss": [4.0, 2.0, 1.0, 0.9]}), "logs")
    >>> os.listdir("logs")
    ['train']
    """
    run = EventFile(os.path.join(os.fspath(log_dir), "train"), Quiet("TensorBoard"))
    run.text("verdict", str(verdict))
    run.close()
