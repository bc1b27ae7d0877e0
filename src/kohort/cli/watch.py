"""`kohort watch`: TensorBoard on a run folder, or Kohort's own live reports."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kohort.cli.report_server import ReportServer, find_runs
from kohort.errors import MissingExtra
from kohort.workflow.failure import UsageError, WorkflowError

HOST = "127.0.0.1"
SECONDS_TO_END = 5.0


def watch(runs: Path, port: int = 0, report: bool = False, say: Callable = print) -> None:
    """Shows what lies in a folder of runs until Ctrl-C.

    Where there are event files and TensorBoard is installed, TensorBoard shows the folder, in a
    process of its own; else, or with `report`, the reports of `kohort improve` are served, and
    the page follows the runs as they go on. Either listens on this machine only.

    Args:
        runs: a run folder, or one with run folders below it.
        port: where to listen; 0: a free port.
        report: whether to show the reports even where there are event files.
        say: takes the lines that tell where to look.
    """
    if not runs.is_dir():
        raise UsageError(
            "RUNS must be a folder.",
            f"{runs}, {'a file' if runs.exists() else 'which does not exist'}",
            "name the folder that was given as --out, or `runs`, which holds those without --out",
        )
    with _ended_by_signals():
        if report or not _choose_tensorboard(runs):
            _serve_reports(runs, port, say)
        else:
            _run_tensorboard(runs, port, say)


def _choose_tensorboard(runs: Path) -> bool:
    has_events = next(runs.rglob("*tfevents*"), None) is not None
    has_reports = bool(find_runs(runs))
    if not has_events and not has_reports:
        raise WorkflowError(
            "RUNS must hold runs of `kohort improve`, or TensorBoard's event files.",
            f"{runs}, in which there are neither",
            f"begin a run first: kohort improve DATA --out {runs / 'NAME'}",
            "give `kohort.callbacks.TensorBoard` a folder inside this one",
        )
    installed = importlib.util.find_spec("tensorboard") is not None
    if not installed and not has_reports:
        raise MissingExtra("tensorboard", "tensorboard", "Showing event files")
    return has_events and installed


def _serve_reports(runs: Path, port: int, say: Callable) -> None:
    if not find_runs(runs):
        raise WorkflowError(
            "--report needs runs of `kohort improve`.",
            f"{runs}, in which there is none",
            "leave --report away: TensorBoard shows event files",
        )
    try:
        server = ReportServer(runs, (HOST, port))
    except OSError as error:
        raise _cannot_listen(port, error) from error
    with server:
        say(f"The reports in {runs}: {server.url} (Ctrl-C ends it)")
        server.serve_forever(poll_interval=0.1)


def _run_tensorboard(runs: Path, port: int, say: Callable) -> None:
    port = _free_port(port)
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", os.fspath(runs)]
    command += ["--host", HOST, "--port", str(port), "--reload_interval", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        said: deque[str] = deque(maxlen=20)
        for line in process.stderr or ():
            said.append(line.strip())
            if "Press CTRL+C" in line:
                say(f"TensorBoard on {runs}: http://{HOST}:{port}/ (Ctrl-C ends it)")
        code = process.wait()
    finally:
        _end(process)
    last = next((line for line in reversed(said) if line), "no message")
    raise RuntimeError(f"TensorBoard ended with code {code}: {last}")


def _end(process: subprocess.Popen) -> None:
    """Ends a process, which may have had the same Ctrl-C, and waits for it."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _free_port(port: int) -> int:
    """A port that can be had: the given one, or for 0 any."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((HOST, port))
        except OSError as error:
            raise _cannot_listen(port, error) from error
        return trial.getsockname()[1]


def _cannot_listen(port: int, error: OSError) -> WorkflowError:
    return WorkflowError(
        "It must be possible to listen on the port.",
        f"--port {port} ({error.strerror})",
        "leave --port away: a free one is found",
        "end the program that listens there",
    )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Ctrl-C, and the SIGTERM of a process manager, are the ordinary end, not a failure."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
