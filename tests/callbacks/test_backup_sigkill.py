"""A training that is killed with SIGKILL, again and again, ends with the same bits."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("train_and_die.py")
SOURCE = Path(__file__).parents[2] / "src"


def start(cache, folder, save_freq, seed, moment):
    environment = os.environ | {
        "PYTHONPATH": str(SOURCE),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), save_freq, str(seed), moment],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Wait; return the exit code, the epochs that began, and what the training ended with."""
    out, _ = process.communicate(timeout=300)
    lines = out.splitlines()
    begun = [int(line.split()[1]) for line in lines if line.startswith("epoch")]
    return process.returncode, begun, [line for line in lines if line.startswith("done")]


def digest(done):
    return done[0].split()[1]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder for compiled programs: only the first process compiles."""
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module")
def whole(cache, tmp_path_factory):
    """The digest of a training without interruption, and without backups."""
    code, begun, done = finish(start(cache, "unused", "none", 0, "never"))
    assert code == 0 and begun == list(range(6))
    return digest(done)


@pytest.mark.parametrize(
    ("save_freq", "kills", "begins"),
    [
        # The first epoch that each process trains: it follows from the last whole backup.
        ("epoch", ["before_replace:2", "epoch_end:3", "after_replace:1"], [0, 1, 3, 4]),
        # Five batches an epoch: they go on in the middle of epochs 1, 2 and 4.
        ("3", ["batch_end:1:2", "before_replace:3", "epoch_begin:5"], [0, 1, 2, 4]),
    ],
)
def test_killed_at_given_moments(save_freq, kills, begins, whole, cache, tmp_path):
    folder = tmp_path / "backup"
    for seed, (moment, begin) in enumerate(zip([*kills, "never"], begins, strict=True)):
        # Another seed for each process: everything has to come from the backup.
        code, begun, done = finish(start(cache, folder, save_freq, seed, moment))
        assert begun[0] == begin
        assert code == (0 if moment == "never" else -signal.SIGKILL)
    assert digest(done) == whole
    assert not folder.exists()


def test_killed_at_any_moment(whole, cache, tmp_path):
    delays = random.Random(0)
    for attempt in itertools.count():
        process = start(cache, tmp_path / "backup", "1", 0, "never")
        if attempt < 2:
            process.stdout.readline()
            process.stdout.readline()  # its second epoch has begun
            time.sleep(delays.uniform(0, 0.1))
            process.kill()
        code, _, done = finish(process)
        if code == 0:
            break
        assert code == -signal.SIGKILL
    assert digest(done) == whole
