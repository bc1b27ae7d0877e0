import json
import os

import numpy as np
import pytest

from kohort import callbacks as cb
from kohort.errors import KohortWarning
from tests.callbacks.fakes import Model


def write(path, epochs, **options):
    logger = cb.JSONLinesLogger(path, **options)
    logger.on_train_begin()
    for epoch, logs in enumerate(epochs):
        logger.on_epoch_end(epoch, logs)
    logger.on_train_end()


def read(path):
    """Every line; a constant such as NaN, which is not JSON, fails."""
    lines = path.read_text().splitlines(keepends=True)
    assert all(line.endswith("\n") for line in lines)
    return [json.loads(line, parse_constant=pytest.fail) for line in lines]


def test_a_line_has_the_epoch_the_time_and_the_logs(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 12.3456)
    path = tmp_path / "made" / "log.jsonl"
    odd = {"a": float("nan"), "b": np.float32("inf"), "c": np.arange(2), "d": "word", "e": [np.nan]}
    write(path, [{"loss": 0.5}, odd])
    assert read(path) == [
        {"epoch": 0, "time": 12.346, "loss": 0.5},
        {"epoch": 1, "time": 12.346, "a": None, "b": None, "c": [0, 1], "d": "word", "e": [None]},
    ]


@pytest.mark.parametrize("append", [False, True])
def test_a_second_fit_begins_anew_or_goes_on(append, tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, [{"loss": 0.5}])
    with open(path, "a") as file:
        file.write('{"epoch": 1, "lo')  # the process was killed
    write(path, [{"loss": 0.25}], append=append)
    assert [entry["loss"] for entry in read(path)] == [0.5, 0.25][1 - append :]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("save_freq", ["epoch", 3])
@pytest.mark.parametrize("append", [False, True])
def test_a_fit_that_is_resumed_goes_on_with_each_epoch_once(save_freq, append, tmp_path):
    path = tmp_path / "log.jsonl"
    write(path, [{"before": 1}])

    def train(killed_at):
        logger = cb.JSONLinesLogger(path, append=append)
        backup = cb.BackupAndRestore(tmp_path / "backup", save_freq=save_freq)
        calls = cb.CallbackList([backup, logger], model=Model(), epochs=5, steps=2, verbose=0)

        def after(epoch, batch):
            if (epoch, batch) == killed_at:
                raise Killed

        calls._model.fit(calls, 5, 2, after=after)

    for killed_at in ((1, 0), (1, 1), (2, None), (4, 0)):
        with pytest.raises(Killed):
            train(killed_at)
    train(None)
    found = read(path)
    assert [entry["epoch"] for entry in found[append:]] == list(range(5))
    assert ("before" in found[0]) == append


def test_what_is_no_folder_is_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(KohortWarning, match="JSONLinesLogger: .*Training goes on") as caught:
        write(tmp_path / "file" / "log.jsonl", [{"loss": 0.5}] * 3)
    assert len(caught) == 1


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    path, whole = tmp_path / "log.jsonl", os.write
    logger = cb.JSONLinesLogger(path)
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 0.5})
    monkeypatch.setattr(os, "write", lambda file, line: whole(file, line[:5]))
    with pytest.warns(KohortWarning, match="No space left on device") as caught:
        for epoch in (1, 2):
            logger.on_epoch_end(epoch, {"loss": 0.5})
    assert len(caught) == 1 and [entry["epoch"] for entry in read(path)] == [0]
