"""Which process runs a trial, and whether that process still lives."""

from __future__ import annotations

import os
import socket
import uuid

_HERE = socket.gethostname()
_live: set[str] = set()  # the names of this process's open studies


def new_worker() -> str:
    """A name for one open study: the machine, the process, and a word of its own."""
    name = f"{_HERE}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    _live.add(name)
    return name


def retire(worker: str) -> None:
    """The study is closed; what it left running is nobody's."""
    _live.discard(worker)


def is_dead(worker: str) -> bool:
    """Whether the worker surely runs no more; never sure of other machines.

    >>> mine = new_worker()
    >>> is_dead(mine), is_dead("elsewhere:1:abc")
    (False, False)
    >>> retire(mine)
    >>> is_dead(mine)
    True
    """
    host, process = worker.rsplit(":", 2)[:2]
    if host != _HERE:
        return False
    if int(process) == os.getpid():
        return worker not in _live
    return not _runs(int(process))


def _runs(process: int) -> bool:
    if os.name == "nt":  # os.kill would end the process there
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
