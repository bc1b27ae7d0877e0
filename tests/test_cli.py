"""The `kohort` command: help, exit codes, one clear line for what went wrong, scripts."""

import os
import re
import subprocess
import sys
import textwrap

import pytest
from typer.testing import CliRunner

import kohort
from kohort.cli.main import app
from kohort.cli.script import install_aliases, remove_aliases


@pytest.fixture
def command(monkeypatch):
    """Call the command; the answer has `exit_code`, `stdout` and `stderr`."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(argument) for argument in arguments])


class TestHelp:
    def test_lists_the_commands(self, command):
        found = command("--help")
        assert found.exit_code == 0
        for name in ("improve", "predict", "run", "version", "watch"):
            assert re.search(rf"\b{name}\b", found.stdout)

    @pytest.mark.parametrize("name", ["improve", "predict", "run", "version", "watch"])
    def test_each_command_explains_itself(self, command, name):
        found = command(name, "--help")
        assert found.exit_code == 0
        assert "Usage" in found.stdout

    def test_every_option_has_a_help_text(self):
        import typer.main

        group = typer.main.get_command(app)
        bare = [
            f"{name} {option.name}"
            for name, sub in group.commands.items()
            for option in sub.params
            if not getattr(option, "help", None)
        ]
        assert bare == []

    @pytest.mark.parametrize("arguments", [["--version"], ["version"]])
    def test_version(self, command, arguments):
        found = command(*arguments)
        assert found.exit_code == 0
        assert found.stdout.startswith(f"kohort {kohort.__version__}, jax ")


class TestExitCodes:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["improve"],
            ["improve", "iris", "--trials", "0"],
            ["improve", "iris", "--folds", "1"],
            ["improve", "iris", "--budget", "soon"],
            ["improve", "iris", "--colour", "red"],
            ["improvise"],
            ["run", "no-such-script.py"],
            ["watch", "no-such-folder"],
        ],
    )
    def test_wrong_usage_is_two(self, command, arguments):
        assert command(*arguments).exit_code == 2

    def test_missing_target_is_wrong_usage(self, command, tmp_path):
        (tmp_path / "a.csv").write_text("a,b\n1,2\n")
        found = command("improve", tmp_path / "a.csv")
        assert found.exit_code == 2
        assert "add --target NAME" in found.stderr

    @pytest.mark.parametrize(
        ("content", "target", "message"),
        [
            (None, "y", "must be a file or the name"),
            (b"", "y", "an empty file"),
            (b"a,y\n1,2\n3,4\n5,6\n", "y", "at least 20 rows"),
            (b"a,y\n" + b"1,no\n" * 30, "y", "at least two classes"),
            (b"a,y\n" + b"1,2\n" * 30, "z", "must be a column"),
            (b"a,y\n" + b"1,\n" * 30, "y", "0 rows with a target"),
            (b"caf\xe9,y\n1,2\n", "y", "must be utf-8"),
        ],
    )
    def test_failed_job_is_one(self, command, tmp_path, content, target, message):
        path = tmp_path / "data.csv"
        if content is not None:
            path.write_bytes(content)
        found = command("improve", path, "--target", target, "--out", tmp_path / "run")
        assert found.exit_code == 1
        assert found.stderr.startswith("Error: ")
        assert message in found.stderr
        assert "Traceback" not in found.stderr

    def test_verbose_shows_the_traceback(self, command):
        found = command("improve", "no-such-file.csv", "--verbose")
        assert found.exit_code == 1
        assert "Traceback" in found.stderr

    def test_unforeseen_error_names_its_kind(self, command, monkeypatch):
        def broken(*args, **kwargs):
            raise RuntimeError("out of luck")

        monkeypatch.setattr("kohort.workflow.improve.improve", broken)
        found = command("improve", "iris")
        assert found.exit_code == 1
        assert found.stderr == "Error: RuntimeError: out of luck (--verbose shows where)\n"

    def test_interruption_is_one_clear_line(self, command, monkeypatch, tmp_path):
        def stopped(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr("kohort.workflow.improve.improve", stopped)
        found = command("improve", "iris", "--out", str(tmp_path))
        assert found.exit_code == 1
        assert found.stderr.strip() == "Interrupted. Nothing was begun yet."
        (tmp_path / "config.json").write_text("{}")
        found = command("improve", "iris", "--out", str(tmp_path))
        what = "What is known so far lies in the run folder; --resume goes on from there."
        assert found.stderr.strip() == f"Interrupted. {what}"

    def test_options_reach_the_job(self, command, monkeypatch):
        seen = {}
        job = "kohort.workflow.improve.improve"
        monkeypatch.setattr(job, lambda *a, **k: seen.update(k, args=a))
        found = command(
            "improve", "a.csv", "--target", "y", "--budget", "1.5m", "--no-header", "--seed", "3"
        )
        assert found.exit_code == 0
        assert seen["args"] == ("a.csv", "y")
        assert (seen["budget"], seen["header"], seen["seed"]) == (90, False, 3)


def test_predictions_can_be_printed_or_written(command, monkeypatch, tmp_path):
    monkeypatch.setattr("kohort.workflow.predict.predict", lambda *a: (["y", "p"], [["a", 0.25]]))
    assert command("predict", "run", "data.csv").stdout == "y,p\na,0.25\n"
    found = command("predict", "run", "data.csv", "--out", tmp_path / "p.csv")
    assert found.stdout.startswith("1 predictions in")
    assert (tmp_path / "p.csv").read_text() == "y,p\na,0.25\n"


@pytest.fixture
def script(tmp_path, command):
    """Write a script and run it with `kohort run`."""

    def make(text, *arguments):
        path = tmp_path / "train.py"
        path.write_text(textwrap.dedent(text))
        return command("run", path, *arguments)

    return make


class TestScript:
    @pytest.mark.parametrize("name", ["keras", "tensorflow.keras", "tensorflow.python.keras"])
    def test_names_of_keras_are_kohorts(self, script, name):
        found = script(f"""
            import {name}
            from {name} import layers
            from {name}.layers import Dense
            from {name}.models import Sequential
            import kohort
            assert Dense is kohort.layers.Dense is layers.Dense
            assert Sequential is kohort.Sequential
            print("as hoped", __name__)
        """)
        assert found.exit_code == 0, found.stderr
        assert found.stdout == "as hoped __main__\n"

    def test_tf_dot_keras(self, script):
        found = script("""
            import tensorflow as tf
            import kohort
            assert tf.keras.layers.Dense is kohort.layers.Dense
        """)
        assert found.exit_code == 0, found.stderr

    def test_rest_of_tensorflow_is_refused_with_advice(self, script):
        found = script("import tensorflow as tf\ntf.constant(1)\n")
        assert found.exit_code == 1
        assert "stands in for `tensorflow.keras` only" in found.stderr
        assert "keras.ops" in found.stderr

    def test_unknown_module(self, script):
        found = script("import keras.nonsense\n")
        assert found.exit_code == 1
        assert "Kohort has no 'keras.nonsense'" in found.stderr

    def test_arguments_are_the_scripts_own(self, script):
        found = script("import sys\nprint(sys.argv[1:])\n", "--epochs", "5", "x")
        assert found.stdout == "['--epochs', '5', 'x']\n"

    def test_exit_code_of_the_script(self, script):
        assert script("raise SystemExit(3)\n").exit_code == 3

    def test_failing_script_is_one(self, script):
        found = script("1 / 0\n")
        assert found.exit_code == 1
        assert "ZeroDivisionError" in found.stderr

    def test_aliases_can_be_removed(self):
        import keras

        before = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "keras"}
        finder = install_aliases()
        try:
            import keras

            assert keras.layers.Dense is kohort.layers.Dense
        finally:
            remove_aliases(finder)
        assert finder not in sys.meta_path
        assert not any(name.startswith("tensorflow") for name in sys.modules)
        assert {n: m for n, m in sys.modules.items() if n.split(".")[0] == "keras"} == before

    def test_whole_script_trains(self, tmp_path):
        """A process of its own, as a user starts it."""
        (tmp_path / "train.py").write_text(
            textwrap.dedent("""
                import numpy as np
                from keras.models import Sequential
                from keras.layers import Dense
                model = Sequential([Dense(4, activation="relu"), Dense(1)])
                model.compile(optimizer="rmsprop", loss="mse")
                history = model.fit(np.ones((8, 2)), np.ones(8), epochs=2, verbose=0)
                print(len(history.history["loss"]))
            """)
        )
        found = subprocess.run(
            [sys.executable, "-m", "kohort.cli", "run", tmp_path / "train.py"],
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert found.returncode == 0, found.stderr
        assert found.stdout == "2\n"
