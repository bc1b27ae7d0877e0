"""Models built in a loop are freed, and share one program."""

import gc
import weakref

import numpy as np
import psutil

from kohort import layers
from kohort.models import Sequential
from kohort.train import programs
from kohort.utils import clear_session

X = np.ones((64, 32), "float32")


def fitted():
    model = Sequential([layers.Input((32,)), layers.Dense(256, "relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, X[:, :1], verbose=0)
    return model


def test_two_hundred_models_do_not_grow_memory():
    process = psutil.Process()
    for _ in range(10):
        fitted()
    gc.collect()
    before, traced = process.memory_info().rss, programs.traces
    for _ in range(200):
        fitted()
    gc.collect()
    grown = (process.memory_info().rss - before) / 2**20
    assert programs.traces == traced
    # 200 models with Adam's state are 200 * 3 * 33 KiB = 20 MiB were they kept.
    assert grown < 12, f"memory grew by {grown:.1f} MiB"


def test_a_compiled_program_keeps_no_model_alive():
    model = fitted()
    alive = weakref.ref(model)
    del model
    gc.collect()
    assert alive() is None


def test_clear_session_drops_programs_and_names():
    fitted()
    assert programs._programs
    clear_session()
    assert not programs._programs
    assert layers.Dense(1).name == "dense"
