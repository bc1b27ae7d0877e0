"""Files that cannot be written, disks that fill up, names that do not exist."""

import os
import warnings

import numpy as np
import pytest

from kohort import callbacks as cb
from kohort.errors import KohortWarning
from kohort.saving.h5 import open_h5, write_h5
from kohort.saving.state import Entry
from tests.callbacks.fakes import Metric, Model

FULL = OSError(28, "No space left on device")


def run(callback, model=None, epochs=3, loss=lambda epoch: 1 / (epoch + 1)):
    """Train; return the model and the messages of the warnings."""
    model = model or Model([Metric("loss", "down")])
    calls = cb.CallbackList([callback], model=model, epochs=epochs, steps=1, verbose=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(calls, epochs, 1, loss=loss)
    return model, [str(each.message) for each in caught]


def test_csv_in_what_is_no_folder_is_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    logger = cb.CSVLogger(tmp_path / "file" / "log.csv")
    _, (message,) = run(logger)
    assert message.startswith("CSVLogger: cannot write") and "Training goes on" in message
    logger.filename = str(tmp_path / "new" / "log.csv")  # a later fit tries again
    assert run(logger)[1] == []
    assert len((tmp_path / "new" / "log.csv").read_text().splitlines()) == 4


def test_csv_on_a_full_disk_is_one_warning(monkeypatch):
    if not os.path.exists("/dev/full"):
        pytest.skip("the system has no /dev/full")
    _, (message,) = run(cb.CSVLogger("/dev/full"))
    assert "No space left on device. Training goes on" in message


class Filling(Model):
    """The disk is full while the second epoch is saved."""

    def save(self, filepath, overwrite=True):
        self.tried = getattr(self, "tried", 0) + 1
        if self.tried == 2:
            raise FULL
        super().save(filepath)


def test_a_checkpoint_on_a_full_disk_is_one_warning_and_is_tried_again():
    model, messages = run(cb.ModelCheckpoint("{epoch}.keras"), Filling())
    assert [message.split(".")[0] for message in messages] == [
        "ModelCheckpoint: cannot save the model: [Errno 28] No space left on device"
    ]
    assert model.saved == ["1.keras", "3.keras"]


def test_the_best_value_is_that_of_the_file():
    losses = [3.0, 1.0, 2.0]  # 2.0 is better than what the file holds
    checkpoint = cb.ModelCheckpoint("{epoch}.keras", "loss", save_best_only=True)
    model, _ = run(checkpoint, Filling([Metric("loss", "down")]), loss=losses.__getitem__)
    assert model.saved == ["1.keras", "3.keras"] and checkpoint.best == 2.0


def test_weights_on_a_full_disk_are_an_error_and_no_crash(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("the system has no /dev/full")
    with pytest.raises(OSError, match="No space left on device"):
        write_h5("/dev/full", {"layer": Entry(None, {"0": np.ones((100, 100))})})
    write_h5(tmp_path / "h5", {"layer": Entry(None, {"0": np.ones((100, 100))})})
    with open_h5(tmp_path / "h5") as file:
        assert file["layer/vars/0"][:].sum() == 10_000


def test_a_backup_on_a_full_disk_is_one_warning(tmp_path, monkeypatch):
    def full(*_):
        raise FULL

    monkeypatch.setattr("kohort.callbacks.backup_and_restore.write_backup", full)
    _, (message,) = run(cb.BackupAndRestore(tmp_path))
    assert message.startswith("BackupAndRestore: cannot back up: [Errno 28]")


def test_a_backup_that_cannot_be_is_an_error_before_the_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="BackupAndRestore must be able to write(.|\n)*no folder"):
        run(cb.BackupAndRestore(tmp_path / "file" / "folder"), model := Model())
    assert not model.weights.any()


@pytest.mark.parametrize("name", ["m.keras", "{epoch}.keras", "new/{epoch}.keras"])
def test_a_checkpoint_that_cannot_be_is_an_error_before_the_training(name, tmp_path):
    (tmp_path / "file").write_text("")
    checkpoint = cb.ModelCheckpoint(tmp_path / "file" / name)
    model = Model()
    with pytest.raises(OSError, match=r"Received: .*no folder that can be written(.|\n)*1\. Pass"):
        run(checkpoint, model)
    assert not model.weights.any() and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("kind", [cb.EarlyStopping, cb.ReduceLROnPlateau])
def test_a_name_that_does_not_exist_lists_the_names(kind):
    model = Model([Metric("loss", "down"), Metric("accuracy", "up")])
    with pytest.raises(ValueError, match=r"monitor=acuracy(.|\n)*metrics are: loss, accuracy\."):
        run(kind("acuracy"), model)
    _, messages = run(kind("acuracy", mode="max"), model)
    assert messages and all("Available metrics are: loss" in message for message in messages)


def test_a_value_that_is_not_finite_is_logged_as_such(tmp_path):
    run(cb.CSVLogger(tmp_path / "log.csv"), loss=lambda epoch: float("nan"))
    assert "nan" in (tmp_path / "log.csv").read_text()
    run(cb.JSONLinesLogger(tmp_path / "log.jsonl"), loss=lambda epoch: np.inf)
    assert (tmp_path / "log.jsonl").read_text().count('"loss": null') == 3


def test_a_full_disk_is_a_warning_of_kohort():
    with pytest.warns(KohortWarning, match="No space left"):
        checkpoint = cb.ModelCheckpoint("{epoch}.keras")
        checkpoint.set_model(Filling())
        for epoch in range(2):
            checkpoint.on_epoch_end(epoch, {"loss": 1.0})
