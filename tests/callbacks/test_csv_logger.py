import csv

import keras
import numpy as np
import pytest

from kohort import callbacks as cb

EPOCHS = {
    "with a validation": [{"loss": 0.5, "val_loss": 0.25}, {"loss": 0.1, "val_loss": 0.2}],
    "validated later": [{"loss": 0.5, "acc": 1.0}, {"loss": 0.1, "acc": 1.0, "val_loss": 0.2}],
    "arrays and words": [{"loss": np.arange(3), "word": "a,b", "zero": np.array(2.0)}],
    "nothing": [{}, {}],
    "not a number": [{"loss": float("nan")}],
}


def write(library, path, epochs, fits=1, **options):
    logger = library.CSVLogger(path, **options)
    for _ in range(fits):
        logger.on_train_begin()
        for epoch, logs in enumerate(epochs):
            logger.on_epoch_end(epoch, logs)
        logger.on_train_end()
    return path.read_bytes()


@pytest.mark.parametrize("options", [{}, {"separator": "\t"}, {"append": True}])
@pytest.mark.parametrize("epochs", EPOCHS.values(), ids=EPOCHS)
def test_the_file_is_the_one_that_keras_writes(epochs, options, tmp_path):
    ours = write(cb, tmp_path / "a.csv", epochs, 2, **options)
    assert ours == write(keras.callbacks, tmp_path / "b.csv", epochs, 2, **options)


def test_appending_goes_on_without_a_second_header(tmp_path):
    path = tmp_path / "log.csv"
    write(cb, path, [{"loss": 0.5}])
    write(cb, path, [{"loss": 0.25}], append=True)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [row["loss"] for row in rows] == ["0.5", "0.25"]


def test_without_append_the_file_begins_anew(tmp_path):
    path = tmp_path / "log.csv"
    write(cb, path, [{"loss": 0.5}])
    write(cb, path, [{"loss": 0.25}])
    assert path.read_text().split() == ["epoch,loss,val_loss", "0,0.25,NA"]


def test_rows_are_on_the_disk_at_once(tmp_path):
    path = tmp_path / "log.csv"
    logger = cb.CSVLogger(str(path))
    logger.on_train_begin()
    logger.on_epoch_end(0, {"loss": 0.5})
    assert len(path.read_text().split()) == 2
    logger.on_train_end()


def test_an_epoch_before_the_beginning_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="before on_train_begin"):
        cb.CSVLogger(tmp_path / "log.csv").on_epoch_end(0, {})
