"""Fixtures for the tests. The session's environment is set in `conftest.py` of the root."""

import os
import signal
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Give the folder of the large data sets: `$KOHORT_DATA`, by default `../shared/data`."""
    folders = [Path(name) for name in os.environ.get("KOHORT_DATA", "").split(os.pathsep) if name]
    for folder in folders:
        if folder.is_dir():
            return folder
    looked = ", ".join(map(str, folders)) or "KOHORT_DATA is not set and there is no ../shared/data"
    return pytest.skip(f"the large data sets are not at hand ({looked})")


@pytest.fixture(scope="session", autouse=True)
def _hears_control_c():
    """A shell's background job ignores Ctrl-C from its birth, and its children with it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
