"""Run Keras's own tests against Kohort, and write what passes to docs/conformance.md.

    python tools/conformance.py [--shared DIR] [--limit SECONDS] [--report-only] [FILE ...]

The runner (`keras_tests.py`) lies in the shared folder: `--shared`, else `$KOHORT_CONFORMANCE`,
else `../shared/conformance`. The tests themselves ship in Keras's wheel. FILE is a test file
such as `losses/losses_test.py`, one class of a long one (`FILE::CLASS`), or a folder of them;
without any, all are run: the list `first_files.tsv` and the other files of the same families.
Files that are not run keep their former counts, which stand in docs/conformance.json. Each file
runs in a process of its own (`conformance_run.py`). Reasons for failures stand in
tools/conformance_reasons.toml.
"""

from __future__ import annotations

import argparse
import fnmatch
import importlib.metadata
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "conformance.json"
REPORT = ROOT / "docs" / "conformance.md"
REASONS = ROOT / "tools" / "conformance_reasons.toml"
RUN = Path(__file__).with_name("conformance_run.py")

FAMILIES = (
    "activations callbacks constraints dtype_policies initializers layers losses metrics models "
    "ops optimizers random regularizers saving trainers tree utils"
).split()
# What needs another framework.
OTHERS = ("utils/torch_utils_test.py", "utils/tf_", "callbacks/orbax_checkpoint_test.py")
# What Kohort leaves out by design, and frameworks that it does not work with: not run at all.
LEFT_OUT = "quantiz lora awq gptq int4 float8 Quantized ragged torch tf_dataset tensorflow".split()
COUNTS = ("passed", "failed", "missing_public", "needs_internal", "skipped", "left_out")
HEAD = """\
# Keras's own tests

Keras's wheel ships its tests. They run here against Kohort by its public names, with Keras itself
never loaded. `python tools/conformance.py` runs them again and writes this page.

*missing* counts tests of public names that Kohort does not have; *internal* counts tests that
reach into Keras's private parts, which no other package can pass, or into TensorFlow, which is not
installed: they do not count. Keras's classes of operations (`ops.numpy.Add`) are private too, but
functional files name them, and Kohort knows them by these names. The share is
passed / (passed + failed + missing). *Left out* counts tests of what Kohort does not offer:
quantisation, LoRA, ragged tensors, TensorFlow and PyTorch.
"""
PROBE = """\
import sys; sys.path.insert(0, sys.argv[1])
import keras_tests; keras_tests.install("alias")
from keras.src.layers import Dense; print(Dense.__module__)
"""


def keras_source() -> Path:
    """Return the folder `keras/src` of the installed wheel, without importing Keras."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        raise SystemExit("Keras is not installed: pip install 'kohort[test]'")
    return Path(spec.origin).parent / "src"


def environment() -> dict[str, str]:
    """Return the variables that point the runner to Kohort."""
    own = {
        "CONFORM_TARGET": "kohort",
        "CONFORM_TESTING": "kohort.testing",
        "CONFORM_EXTRA": "kohort.testing.extra",
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu"),
        "PYTHONPATH": str(ROOT / "src"),
        # Its plugin looks into every module that a test imports, and takes `testing` for a test.
        "PYTEST_ADDOPTS": "-p no:anyio",
    }
    return os.environ | own


def check_target(shared: Path) -> None:
    """Stop unless the runner's `keras` is Kohort."""
    command = [sys.executable, "-c", PROBE, str(shared)]
    run = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=300)
    if not run.stdout.startswith("kohort."):
        raise SystemExit(f"The tests would not run Kohort: {run.stdout}{run.stderr}")


def first_files(shared: Path) -> list[str]:
    """Return the files of `first_files.tsv`."""
    lines = (shared / "first_files.tsv").read_text().splitlines()[1:]
    return [line.split("\t")[0] for line in lines]


def test_files(shared: Path, chosen: list[str]) -> list[str]:
    """Return the test files to run, in order."""
    source = keras_source()
    every = [
        str(path.relative_to(source))
        for family in FAMILIES
        for path in sorted((source / family).rglob("*_test.py"))
    ]
    unknown = [name for name in chosen if not (source / name.split("::")[0]).exists()]
    if unknown:
        raise SystemExit(f"FILE must be a path below {source}; got {', '.join(unknown)}.")
    if chosen:
        extra = [name for name in chosen if ".py" in name and name not in every]
        return [f for f in every if any(f == c or f.startswith(c) for c in chosen)] + extra
    files = [f for f in every if not f.startswith(OTHERS)]
    return files + [f for f in first_files(shared) if f not in files]


def run_file(shared: Path, name: str, limit: int) -> dict[str, Any]:
    """Run one file; return its counts, its failures and the names that are missing."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        runner = [str(RUN), str(shared), "--mode", "alias", "--json", str(out)]
        try:
            run = subprocess.run(
                [sys.executable, *runner, name, "--", "-k", f"not ({' or '.join(LEFT_OUT)})"],
                env=environment(), cwd=folder, capture_output=True, text=True, timeout=limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"counts": {}, "failed": [], "missing": {}, "error": f"over {limit} s"}
        if not out.exists():
            last = (run.stderr or run.stdout).strip().splitlines()[-1:]
            error = f"signal {-run.returncode}" if run.returncode < 0 else "".join(last)
            return {"counts": {}, "failed": [], "missing": {}, "error": error}
        found = json.loads(out.read_text())
    counts: Counter[str] = Counter()
    for part in found["files"].values():
        counts.update(part)
    deselected = re.search(r"(\d+) deselected", run.stdout)
    counts["left_out"] = int(deselected[1]) if deselected else 0
    failed = sorted({node.split("::", 1)[1] for node in found["failed"]})
    return {"counts": dict(counts), "failed": failed, "missing": found["missing"]}


def reasons() -> list[tuple[str, list[str]]]:
    """Return (reason, patterns of tests) from the data file."""
    if not REASONS.exists():
        return []
    table = tomllib.loads(REASONS.read_text())
    return [(entry["why"], entry["tests"]) for entry in table.get("reason", [])]


def failures(results: dict[str, Any]) -> Iterator[str]:
    """Yield `file::Class::test` for each failure."""
    for name, result in results.items():
        file = name.split("::")[0]
        yield from (f"{file}::{test}" for test in result["failed"])
        if result.get("error") or result["counts"].get("collect_error"):
            yield f"{name}::(all)"


def explain(results: dict[str, Any]) -> dict[str, list[str]]:
    """Return reason -> failures; those without one come last, under an empty reason."""
    table = reasons()
    found: dict[str, list[str]] = {why: [] for why, _ in table}
    found[""] = []
    for test in failures(results):
        fits = (w for w, patterns in table if any(fnmatch.fnmatch(test, p) for p in patterns))
        found[next(fits, "")].append(test)
    return {why: tests for why, tests in found.items() if tests}


def share(counts: Counter[str]) -> str:
    """Return the part that passed of what counts, in percent."""
    whole = counts["passed"] + counts["failed"] + counts["missing_public"] + counts["collect_error"]
    return f"{100 * counts['passed'] / whole:.1f} %" if whole else "–"


def table(results: dict[str, Any], names: list[str]) -> str:
    """Return a Markdown table, a file a row, with the sum below."""
    rows = ["| file | passed | failed | missing | internal | skipped | left out | share |",
            "|---|--:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    total: Counter[str] = Counter()
    for name in names:
        counts = Counter(results[name]["counts"])
        total.update(counts)
        cells = " | ".join(str(counts[kind]) for kind in COUNTS)
        rows.append(f"| {name} | {cells} | {results[name].get('error') or share(counts)} |")
    cells = " | ".join(f"**{total[kind]}**" for kind in COUNTS)
    return "\n".join([*rows, f"| **all** | {cells} | **{share(total)}** |"])


def report(results: dict[str, Any], first: list[str]) -> str:
    """Return the page: tables, then every failure with its reason."""
    listed = [name for name in first if name in results]
    other = [name for name in sorted(results) if name not in listed]
    parts = [HEAD, f"Keras {importlib.metadata.version('keras')}, JAX backend.\n"]
    for title, names in (
        ("The first files", listed),
        ("Other files of the same families", other),
    ):
        if names:
            parts.append(f"## {title}\n\n{table(results, names)}\n")
    parts.append("## What fails, and why\n")
    for why, tests in explain(results).items():
        lines = "\n".join(f"- `{test}`" for test in tests)
        parts.append(f"**{why or 'Not explained yet.'}** ({len(tests)})\n\n{lines}\n")
    absent: Counter[str] = Counter()
    for result in results.values():
        absent.update(result["missing"])
    listed_names = [f"`{n.removeprefix('keras.src.')}` ({c})" for n, c in absent.most_common()]
    parts.append("## Names that tests asked for in vain\n\n" + ", ".join(listed_names) + "\n")
    return "\n".join(parts)


def main(argv: list[str] | None = None) -> int:
    """Run the files, keep the results, write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    default = os.environ.get("KOHORT_CONFORMANCE") or ROOT.parent / "shared" / "conformance"
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--shared", type=Path, default=Path(default))
    parser.add_argument("--limit", type=int, default=600, help="seconds a file")
    parser.add_argument("--report-only", action="store_true", help="only write the page")
    options = parser.parse_args(argv)
    if not (options.shared / "keras_tests.py").exists():
        parser.error(f"There is no keras_tests.py in {options.shared}: tell --shared")
    shared = options.shared.resolve()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if not options.report_only:
        check_target(shared)
        for name in test_files(shared, options.files):
            results[name] = run_file(shared, name, options.limit)
            print(name, results[name].get("error") or results[name]["counts"], flush=True)
            RESULTS.write_text(json.dumps(dict(sorted(results.items())), indent=1) + "\n")
    REPORT.write_text(report(results, first_files(shared)))
    unexplained = explain(results).get("", [])
    print(f"{REPORT.name}: {len(results)} files, {len(unexplained)} failures without a reason")
    return 0


if __name__ == "__main__":
    sys.exit(main())
