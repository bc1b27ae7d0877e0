"""The project's own files: versions agree, the examples in the guides run, the checks check."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from sklearn import datasets

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHECK_SIZES = ROOT / "tools" / "check_sizes.py"


def code_blocks(name: str) -> list[str]:
    """Return the Python blocks of a Markdown file."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / name).read_text(), re.M | re.S)


def check_sizes(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, CHECK_SIZES, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_version_is_the_same_everywhere():
    import kohort

    assert kohort.__version__ == PROJECT["version"]
    assert f"## [{PROJECT['version']}]" in (ROOT / "CHANGELOG.md").read_text()


def test_script_entry_exists():
    import importlib

    module, function = PROJECT["scripts"]["kohort"].split(":")
    assert callable(getattr(importlib.import_module(module), function))


def test_package_tells_type_checkers_that_it_is_typed():
    assert (ROOT / "src" / "kohort" / "py.typed").is_file()


GUIDES = [f"docs/guides/{name}.md" for name in ("callbacks", "plots", "tensorboard")]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", *GUIDES])
def test_examples_in_the_guides_run(name, tmp_path, monkeypatch):
    """The blocks of a guide run from top to bottom in one namespace, as a reader would."""
    monkeypatch.chdir(tmp_path)
    x, y = datasets.load_digits(return_X_y=True)
    # A quarter of the rows: the reader waits once, the tests again and again.
    monkeypatch.setattr(datasets, "load_digits", lambda return_X_y: (x[::4], y[::4]))
    blocks = code_blocks(name)
    assert blocks
    namespace: dict = {"__name__": "guide"}
    for block in blocks:
        exec(compile(block, name, "exec"), namespace)


@pytest.mark.parametrize("target", ["setup", "demo", "test", "check", "bench", "clean"])
def test_makefile_has_the_promised_targets(target):
    """A dry run only says what it would do."""
    command = ["make", "--dry-run", target]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *GUIDES])
def test_links_between_files_lead_somewhere(name):
    path = ROOT / name
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


class TestCheckSizes:
    def write(self, path: Path, body: int, docstring: int = 0) -> Path:
        """Write a function with a body of `body` lines and a docstring of `docstring` lines."""
        text = ["def long():"]
        if docstring:
            text += ['    """' + "words", *["    words"] * (docstring - 2), '    """']
        path.write_text("\n".join(text + ["    x = 1"] * body) + "\n")
        return path

    def test_short_file_passes(self, tmp_path):
        run = check_sizes(self.write(tmp_path / "a.py", body=59))
        assert run.returncode == 0
        assert run.stdout == "sizes: 1 files, 0 too long\n"

    def test_long_function_is_named_with_its_line(self, tmp_path):
        path = self.write(tmp_path / "a.py", body=60)
        run = check_sizes(path)
        assert run.returncode == 1
        assert f"{path}:1: long has 61 lines (at most 60)" in run.stdout

    def test_docstring_does_not_count_in_a_function(self, tmp_path):
        path = self.write(tmp_path / "a.py", body=59, docstring=100)
        assert check_sizes(path).returncode == 0

    def test_method_and_nested_function_are_seen(self, tmp_path):
        path = tmp_path / "a.py"
        nested = ["class A:", "    async def outer(self):", "        def inner():"]
        path.write_text("\n".join(nested + ["            x = 1"] * 60) + "\n")
        run = check_sizes(tmp_path)
        assert run.returncode == 1
        assert "outer has 62 lines" in run.stdout
        assert "inner has 61 lines" in run.stdout

    def test_long_file_is_named_with_its_length(self, tmp_path):
        path = tmp_path / "a.py"
        path.write_text("x = 1\n" * 401)
        run = check_sizes(tmp_path)
        assert run.returncode == 1
        assert f"{path}: 401 lines (at most 400)" in run.stdout

    def test_limits_can_be_set(self, tmp_path):
        path = self.write(tmp_path / "a.py", body=10)
        assert check_sizes("--function-lines", 10, path).returncode == 1
        assert check_sizes("--file-lines", 10, path).returncode == 1

    def test_missing_path_is_wrong_usage(self, tmp_path):
        run = check_sizes(tmp_path / "none")
        assert run.returncode == 2
        assert "No such file or folder" in run.stderr
