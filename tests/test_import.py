"""`import kohort` stays light: JAX, NumPy and the standard library, nothing else."""

import json
import os
import subprocess
import sys

import pytest

ALLOWED = {"kohort", "jax", "jaxlib", "numpy", "ml_dtypes", "opt_einsum"}
SCRIPT = """
import json, sys
import jax, numpy
before = set(sys.modules)
import kohort
print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))
"""


@pytest.fixture(scope="module")
def imported() -> tuple[set[str], set[str]]:
    """Return the packages that JAX and NumPy load, and those of which Kohort adds modules."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=120
    )
    assert run.returncode == 0, run.stderr
    before, new = ({name.split(".")[0] for name in names} for names in json.loads(run.stdout))
    return before, new


def test_kohort_itself_is_imported(imported):
    _, new = imported
    assert "kohort" in new


@pytest.mark.parametrize(
    "heavy",
    ["h5py", "jinja2", "keras", "matplotlib", "optuna", "pandas", "polars", "rich", "safetensors"]
    + ["scipy", "sklearn", "tensorboardX", "typer"],
)
def test_heavy_package_waits_until_it_is_used(imported, heavy):
    """A package that JAX itself loads costs nothing more."""
    before, new = imported
    assert heavy not in new - before


def test_only_jax_numpy_and_the_standard_library_are_imported(imported):
    """What no list of heavy packages foresees; Cython's entries come with compiled modules."""
    before, new = imported
    cython = {name for name in new if name.startswith(("_cython_", "cython_runtime"))}
    assert new - before - ALLOWED - cython - sys.stdlib_module_names == set()
