"""The conformance command: what it counts, and that its page is true to its data."""

import importlib.util
import json
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "conformance"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("conformance", ROOT / "tools" / "conformance.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results(tool):
    return json.loads(tool.RESULTS.read_text())


def test_share_leaves_internals_out(tool):
    counts = Counter(passed=8, failed=1, missing_public=1, needs_internal=5, skipped=3)
    assert tool.share(counts) == "80.0 %"
    assert tool.share(Counter(needs_internal=2)) == "–"


def test_failures_get_the_first_reason_that_fits(tool, tmp_path, monkeypatch):
    path = tmp_path / "reasons.toml"
    path.write_text('[[reason]]\nwhy = "by design"\ntests = ["a.py::*x"]\n')
    monkeypatch.setattr(tool, "REASONS", path)
    results = {
        "a.py": {"counts": {}, "failed": ["T::x", "T::y"], "missing": {}},
        "b.py": {"counts": {}, "failed": [], "missing": {}, "error": "over 1 s"},
    }
    found = tool.explain(results)
    assert found == {"by design": ["a.py::T::x"], "": ["a.py::T::y", "b.py::(all)"]}


def test_table_sums_up(tool):
    results = {
        "a.py": {"counts": {"passed": 3, "failed": 1}},
        "b.py": {"counts": {"passed": 4, "left_out": 2}},
    }
    last = tool.table(results, ["a.py", "b.py"]).splitlines()[-1]
    assert last == "| **all** | **7** | **1** | **0** | **0** | **0** | **2** | **87.5 %** |"


def test_page_says_what_the_results_say(tool, results):
    if not SHARED.is_dir():
        pytest.skip("the list of first files is not at hand (../shared/conformance)")
    assert tool.REPORT.read_text() == tool.report(results, tool.first_files(SHARED))


def test_every_failure_is_explained(tool, results):
    assert tool.explain(results).get("", []) == []


def test_a_missing_runner_is_wrong_usage(tool, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        tool.main(["--shared", str(tmp_path)])
    assert stop.value.code == 2 and "no keras_tests.py" in capsys.readouterr().err


def test_a_file_that_keras_does_not_have_is_named(tool):
    with pytest.raises(SystemExit, match=r"below .*; got src/losses/losses_test.py\.$"):
        tool.test_files(SHARED, ["losses/losses_test.py", "src/losses/losses_test.py"])
