"""An interruption that Python drops comes again."""

import sys
import time

import pytest

from kohort.workflow.interrupts import heard


class Dropping:
    def __init__(self, error):
        self.error = error

    def __del__(self):
        raise self.error


def wait():
    until = time.monotonic() + 10
    while time.monotonic() < until:
        time.sleep(0.001)


def test_a_dropped_interruption_is_raised_again():
    before = sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), heard():
        Dropping(KeyboardInterrupt())
        wait()
    assert sys.unraisablehook is before


def test_other_dropped_errors_are_told_as_ever(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda dropped: told.append(dropped.exc_type))
    with heard():
        Dropping(OSError())
    assert told == [OSError]
