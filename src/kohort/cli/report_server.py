"""A server of live reports: on this machine only, and nothing but what lies below the runs."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from kohort.workflow.run_folder import CANDIDATES

DEPTH = 3  # folders below RUNS in which runs are looked for
SHOWN = ("report.html", "log.txt")  # the page of a run: the first of these that is there
PAGES = {"/": "watch.html", "/watch.js": "watch.js", "/watch.css": "watch.css"}
KINDS = {
    ".html": "text/html", ".js": "text/javascript", ".css": "text/css",
    ".json": "application/json", ".txt": "text/plain", ".csv": "text/plain",
    ".jsonl": "text/plain",
}  # fmt: skip
# A report is text, styles and pictures in one file. Whatever its data may have smuggled into it,
# no script runs and nothing is loaded.
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
PAGE_POLICY = "default-src 'self'; img-src data:; frame-ancestors 'none'"


def find_runs(root: Path) -> list[dict[str, Any]]:
    """The runs of `kohort improve` in and below a folder, by name.

    Each is a dict: `name` (its folder, relative to `root`), `data`, `state`, `page`
    (`report.html`, else `log.txt`; None before either is there), `stamp` (changes whenever the
    page does) and `age`, the seconds since something was written.
    """
    runs = [_describe(root, folder) for folder in _folders(root) if _is_run(folder)]
    return sorted(runs, key=lambda run: run["name"])


def _is_run(folder: Path) -> bool:
    return (folder / "log.txt").is_file() and (folder / "config.json").is_file()


def _folders(root: Path) -> Iterator[Path]:
    for path, inner, _ in os.walk(root):
        folder = Path(path)
        yield folder
        deep = len(folder.relative_to(root).parts) >= DEPTH
        inner[:] = [n for n in inner if not (deep or n.startswith(".") or n == CANDIDATES)]


def _describe(root: Path, folder: Path) -> dict[str, Any]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        config = {}
    config = config if isinstance(config, dict) else {}
    page = next((name for name in SHOWN if (folder / name).is_file()), None)
    written = [_written(folder / name) for name in (*SHOWN, "config.json")]
    return {
        "name": folder.relative_to(root).as_posix(),
        "data": str(config.get("data", folder.name)),
        "state": str(config.get("state", "unknown")),
        "page": page,
        "stamp": str(_written(folder / page)) if page else "",
        "age": max(0.0, round(time.time() - max(written) / 1e9, 1)),
    }


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # not there yet, or just being replaced
        return 0


def locate(root: Path, wanted: str) -> Path | None:
    """The file below `root` that a path of a URL names; None where none may be given out.

    Hidden files, `..` in any spelling, absolute paths, links that lead out of the folder, and all
    that is not an ordinary file are not given out.

    >>> locate(Path("."), "../secret.txt") is None
    True
    """
    parts = unquote(wanted).split("/")
    if any(not part or part.startswith(".") or "\\" in part or "\0" in part for part in parts):
        return None
    try:
        path = root.joinpath(*parts).resolve(strict=True)
        inside = path.is_relative_to(root.resolve()) and path.is_file()
    except (OSError, RuntimeError):  # RuntimeError: a circle of links
        return None
    return path if inside else None


class ReportServer(ThreadingHTTPServer):
    """Serves the index, the list of runs and the files of a folder of runs.

    `/` is the page, `/runs.json` what `find_runs` gives, `/files/PATH` a file below the folder.
    """

    daemon_threads = True

    def __init__(self, root: Path, address: tuple[str, int]) -> None:
        self.root = root.resolve()
        super().__init__(address, _Handler)
        port = self.server_address[1]
        names = ("127.0.0.1", "localhost")
        self.hosts = {*names, *(f"{name}:{port}" for name in names)}
        self.url = f"http://127.0.0.1:{port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no error worth a traceback on the terminal."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: ReportServer
    server_version, sys_version = "kohort", ""

    def do_GET(self) -> None:
        # A site elsewhere may let its own name point to this machine; its pages then could read
        # the answers. They come with that name as the host.
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self.send_error(403, "Only for this machine")
            return
        path = urlsplit(self.path).path
        if path in PAGES:
            page = resources.files("kohort.cli").joinpath("pages", PAGES[path])
            with page.open("rb") as file:
                self._send(file, Path(PAGES[path]).suffix, PAGE_POLICY)
        elif path == "/runs.json":
            runs = json.dumps(find_runs(self.server.root)).encode()
            self._send(io.BytesIO(runs), ".json", PAGE_POLICY)
        elif path.startswith("/files/"):
            self._send_file(path.removeprefix("/files/"))
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def _send_file(self, wanted: str) -> None:
        path = locate(self.server.root, wanted)
        try:
            file = path.open("rb") if path else None
        except OSError:
            file = None
        if path is None or file is None:
            self.send_error(404)
            return
        with file:
            self._send(file, path.suffix, REPORT_POLICY)

    def _send(self, content: IO, suffix: str, policy: str) -> None:
        kind = KINDS.get(suffix, "application/octet-stream")
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8" if suffix in KINDS else kind)
        self.send_header("Content-Length", str(content.seek(0, io.SEEK_END)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        content.seek(0)
        if self.command != "HEAD":
            shutil.copyfileobj(content, self.wfile)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not worth a line on the terminal."""
