"""The `kohort` command: thin over `kohort.workflow`."""

from kohort.cli.main import main

__all__ = ["main"]
