"""The test session's environment, for the tests and for the examples in docstrings.

This file is loaded before any test module, so before Keras, JAX or matplotlib are imported.
"""

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
DATA = ROOT.parent / "shared" / "data"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
if DATA.is_dir():
    os.environ.setdefault("KOHORT_DATA", str(DATA))
# Processes that tests start, and xdist's workers, find the modules compiled, whatever the
# environment says: beside the modules, where pip has already put what it installed.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Tests compile much and compute little: code that is not optimised is compiled in half the time,
# XLA's older emitters halve it again, and code this small is not worth splitting.
FLAGS = [
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
]
if WORKER:
    # One process a core: threads of their own would only get in each other's way.
    FLAGS.append("--xla_cpu_multi_thread_eigen=false")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *FLAGS]).strip()


def pytest_configure(config: pytest.Config) -> None:
    """Set up JAX's compile cache and hypothesis: the same examples each time, no deadline."""
    import jax
    from hypothesis import HealthCheck, settings

    # A folder for each worker, since JAX does not write cache entries atomically. By
    # configuration, not environment, so that processes that tests kill never write to it.
    cache = config.rootpath / ".pytest_cache" / "jax" / (WORKER or "main")
    jax.config.update("jax_compilation_cache_dir", str(cache))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    settings.register_profile(
        "kohort",
        derandomize=True,
        deadline=None,
        max_examples=20,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile("kohort")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let the collector of garbage leave alone what is imported, and look less often for more."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 10, 10)
        gc.enable()


@pytest.fixture(autouse=True)
def clear_session() -> Iterator[None]:
    """Let every test start with fresh layer names, here and in Keras (where a test uses it)."""
    yield
    for name in ("kohort", "keras"):
        utils = getattr(sys.modules.get(name), "utils", None)
        if hasattr(utils, "clear_session"):
            utils.clear_session(free_memory=False)
    if "matplotlib.pyplot" in sys.modules:  # it keeps the figures of `kohort.plot`, too
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True)
def _examples_write_elsewhere(request: pytest.FixtureRequest, tmp_path_factory, monkeypatch):
    """Run each docstring example in a folder of its own: what it saves is gone afterwards."""
    if isinstance(request.node, pytest.DoctestItem):
        monkeypatch.chdir(tmp_path_factory.mktemp("example"))


@pytest.fixture(autouse=True, scope="session")
def _numpy_in_examples(doctest_namespace: dict) -> None:
    """Let docstring examples say `np`, as everybody does."""
    import numpy as np

    doctest_namespace["np"] = np
