"""`kohort watch`: what it starts, what its server gives out, and to whom."""

import http.client
import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request

import pytest
from typer.testing import CliRunner

from kohort.cli.main import app
from kohort.cli.report_server import ReportServer, find_runs, locate
from kohort.cli.watch import watch


def make_run(folder, state="running", report=None):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"data": "iris", "state": state}))
    (folder / "log.txt").write_text("1. The problem\n")
    if report is not None:
        (folder / "report.html").write_text(report)
    return folder


def make_events(folder):
    from kohort.monitor.events import EventFile
    from kohort.monitor.quiet import Quiet

    run = EventFile(str(folder), Quiet("test"))
    run.scalar("loss", 0.5, step=0)
    run.close()


@pytest.fixture
def runs(tmp_path):
    """Two runs, and a secret beside them."""
    (tmp_path / "secret.txt").write_text("secret")
    make_run(tmp_path / "runs" / "b", "done", "<p>ünïcode</p>")
    make_run(tmp_path / "runs" / "deep" / "a b")
    return tmp_path / "runs"


@pytest.fixture
def server(runs):
    with ReportServer(runs, ("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(server):
    """Ask for a path exactly as written; the answer is (status, headers, text)."""

    def ask(path, method="GET", host=None):
        port = server.server_address[1]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.putrequest(method, path, skip_host=True)
        if host != "":
            connection.putheader("Host", host or f"127.0.0.1:{port}")
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    return ask


class TestServer:
    def test_listens_on_this_machine_only(self, server):
        assert server.server_address[0] == "127.0.0.1"

    @pytest.mark.parametrize("path", ["/", "/watch.js", "/watch.css", "/?x=1"])
    def test_gives_its_page(self, ask, path):
        status, headers, text = ask(path)
        assert status == 200 and text
        assert "default-src 'self'" in headers["Content-Security-Policy"]

    def test_lists_the_runs(self, ask):
        found = json.loads(ask("/runs.json")[2])
        assert [(run["name"], run["state"], run["page"]) for run in found] == [
            ("b", "done", "report.html"), ("deep/a b", "running", "log.txt"),
        ]  # fmt: skip
        assert found[0]["age"] < 60

    def test_gives_a_report_as_it_is_on_disk(self, ask, runs):
        status, headers, text = ask("/files/b/report.html?123")
        assert (status, text) == (200, "<p>ünïcode</p>")
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] == "no-store"
        assert ask("/files/deep/a%20b/log.txt")[2] == "1. The problem\n"
        status, headers, text = ask("/files/b/report.html", "HEAD")
        assert (status, headers["Content-Length"], text) == (200, "16", "")

    @pytest.mark.parametrize(
        "path",
        [
            "/files/../secret.txt",
            "/files/b/../../secret.txt",
            "/files/%2e%2e/secret.txt",
            "/files/%2E%2E%2Fsecret.txt",
            "/files/b/%2e%2e/%2e%2e/secret.txt",
            "/files/%252e%252e/secret.txt",
            "/files/..%5csecret.txt",
            "/files//etc/passwd",
            "/files/%2fetc%2fpasswd",
            "/../secret.txt",
            "/files/link.txt",
            "/files/out/secret.txt",
            "/files/circle",
            "/files/pipe",
            "/files/b/.hidden",
            "/files/b/log.txt%00.html",
            "/files/b",
            "/files/b/",
            "/files/",
            "/files",
            "/files/b/none.txt",
            "/b/log.txt",
        ],
    )
    def test_gives_out_nothing_else(self, ask, runs, path):
        (runs / "link.txt").symlink_to(runs.parent / "secret.txt")
        (runs / "out").symlink_to(runs.parent)
        (runs / "circle").symlink_to(runs / "circle")
        (runs / "b" / ".hidden").write_text("secret")
        os.mkfifo(runs / "pipe")
        status, _, text = ask(path)
        assert status == 404
        assert "secret" not in text and "root:" not in text

    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1:1", ""])
    def test_refuses_foreign_hosts(self, ask, host):
        for path in ("/", "/runs.json", "/files/b/report.html"):
            assert ask(path, host=host)[0] == 403

    def test_answers_to_localhost(self, ask, server):
        assert ask("/", host=f"LocalHost:{server.server_address[1]}")[0] == 200

    def test_can_only_be_read(self, ask):
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert ask("/files/b/report.html", method)[0] == 501

    def test_a_link_inside_the_folder_is_followed(self, runs):
        (runs / "latest").symlink_to(runs / "b")
        assert locate(runs, "latest/log.txt") == runs / "b" / "log.txt"


class TestFindRuns:
    def test_the_folder_itself_may_be_a_run(self, runs):
        (run,) = find_runs(runs / "b")
        assert (run["name"], run["data"]) == (".", "iris")

    @pytest.mark.parametrize("content", ["", "{", "[1]", '{"state": 3}'])
    def test_a_damaged_configuration_is_no_failure(self, runs, content):
        (runs / "b" / "config.json").write_text(content)
        assert [run["name"] for run in find_runs(runs)] == ["b", "deep/a b"]

    def test_the_stamp_changes_with_the_page(self, runs):
        before = find_runs(runs)[0]["stamp"]
        os.utime(runs / "b" / "report.html", (1, 1))
        assert find_runs(runs)[0]["stamp"] != before


class TestWatch:
    def test_serves_until_control_c(self, runs):
        said = []

        def say(line):
            said.append(line)
            threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()

        before = signal.getsignal(signal.SIGTERM)
        watch(runs, say=say)
        assert "http://127.0.0.1:" in said[0] and "Ctrl-C" in said[0]
        assert signal.getsignal(signal.SIGTERM) is before

    def test_starts_tensorboard_and_ends_it(self, tmp_path):
        pytest.importorskip("tensorboard")
        make_events(tmp_path / "logs")
        found = []

        def say(line):
            address = line.split()[3]
            with urllib.request.urlopen(address + "data/runs", timeout=10) as answer:
                found.append(json.load(answer))
            found.append(address)
            raise KeyboardInterrupt

        watch(tmp_path, say=say)
        assert isinstance(found[0], list)
        with pytest.raises(urllib.error.URLError, match="refused"):
            urllib.request.urlopen(found[1], timeout=10)

    def test_reports_on_demand_or_without_tensorboard(self, runs, monkeypatch):
        make_events(runs / "logs")
        said = []

        def say(line):
            said.append(line)
            raise KeyboardInterrupt

        watch(runs, report=True, say=say)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        watch(runs, say=say)
        assert all(line.startswith("The reports in") for line in said) and len(said) == 2


class TestErrors:
    @pytest.fixture
    def command(self):
        """Give the exit code and what was said on stderr."""

        def command(*arguments):
            found = CliRunner().invoke(app, ["watch", *map(str, arguments)])
            return found.exit_code, found.stderr

        return command

    def test_no_folder_is_wrong_usage(self, command, tmp_path):
        assert command("--port", "65536", tmp_path)[0] == 2
        code, text = command(tmp_path / "none")
        assert code == 2 and "which does not exist" in text
        (tmp_path / "file").write_text("")
        code, text = command(tmp_path / "file")
        assert code == 2 and "a file" in text

    def test_an_empty_folder(self, command, tmp_path):
        code, text = command(tmp_path)
        assert code == 1 and "there are neither" in text and "kohort improve DATA" in text

    def test_reports_where_there_are_only_event_files(self, command, tmp_path):
        make_events(tmp_path)
        code, text = command(tmp_path, "--report")
        assert code == 1 and "leave --report away" in text

    def test_event_files_without_tensorboard(self, command, tmp_path, monkeypatch):
        make_events(tmp_path)
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        code, text = command(tmp_path)
        assert code == 1 and "pip install kohort[tensorboard]" in text

    @pytest.mark.parametrize("options", [(), ("--report",)])
    def test_a_port_that_is_taken(self, command, runs, options):
        make_events(runs / "logs")
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            code, text = command(runs, "--port", port, *options)
        assert code == 1 and f"--port {port}" in text and "leave --port away" in text

    def test_tensorboard_that_fails(self, command, tmp_path, monkeypatch):
        make_events(tmp_path)
        broken = tmp_path / "broken"
        broken.write_text("#!/bin/sh\necho out of luck >&2\nexit 3\n")
        broken.chmod(0o755)
        monkeypatch.setattr("sys.executable", str(broken))
        code, text = command(tmp_path)
        assert code == 1 and "TensorBoard ended with code 3: out of luck" in text
