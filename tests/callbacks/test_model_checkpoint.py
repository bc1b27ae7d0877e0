import os

import keras
import numpy as np
import pytest

from kohort import callbacks as cb
from tests.callbacks.fakes import Model


def run(callback, epochs, steps):
    """Go through epochs and batches; return the paths that were saved."""
    model = Model()
    calls = cb.CallbackList([callback], model=model, epochs=epochs, steps=steps, verbose=0)
    model.fit(calls, epochs, steps)
    return model.saved


@pytest.mark.parametrize("save_freq", ["epoch", 1, 3, 4, 7])
def test_saves_at_the_same_batches_as_keras(save_freq, tmp_path):
    path = str(tmp_path / "{epoch}-{batch}.keras" if save_freq != "epoch" else "{epoch}.keras")
    ours = run(cb.ModelCheckpoint(path, save_freq=save_freq), 5, 4)
    theirs = keras.callbacks.ModelCheckpoint(path, save_freq=save_freq, monitor="loss")
    assert ours == run(theirs, 5, 4) and ours


def test_best_only_by_batches_works_from_the_first_batch_on(tmp_path):
    callback = cb.ModelCheckpoint(
        tmp_path / "{epoch}-{batch}.keras", "loss", save_best_only=True, save_freq=2
    )
    saved = run(callback, 2, 4)
    assert [os.path.basename(path) for path in saved] == ["1-2.keras", "2-2.keras"]


def test_folders_are_made_and_paths_may_be_path_objects(tmp_path):
    path = tmp_path / "a" / "b" / "model.keras"
    assert run(cb.ModelCheckpoint(path), 1, 1) == [str(path)]
    assert path.parent.is_dir()


def test_a_folder_in_the_way_is_an_error(tmp_path):
    with pytest.raises(OSError, match="Please specify a non-directory filepath"):
        (tmp_path / "model.keras").mkdir()
        run(cb.ModelCheckpoint(tmp_path / "model.keras"), 1, 1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"filepath": "m.txt"}, "must end in `.keras`.*Received: filepath=m.txt"),
        ({"filepath": "m.keras", "save_weights_only": True}, "must end in `.weights.h5`"),
        ({"filepath": "m.keras", "save_freq": "batch"}, "Unrecognized save_freq: batch"),
        ({"filepath": "m.keras", "save_freq": 0.5}, "Unrecognized save_freq: 0.5"),
    ],
)
def test_wrong_arguments(options, text):
    with pytest.raises(ValueError, match=text):
        cb.ModelCheckpoint(**options)


def test_an_unknown_name_in_the_path_lists_the_names_that_exist():
    with pytest.raises(KeyError, match="Failed to format.*acc.*names are: epoch,loss"):
        run(cb.ModelCheckpoint("{acc}.keras"), 1, 1)


def test_an_array_is_saved_with_a_warning():
    callback = cb.ModelCheckpoint("m.keras", "loss", save_best_only=True)
    callback.set_model(Model())
    with pytest.warns(UserWarning, match="only when `monitor` is a scalar value"):
        callback.on_epoch_end(0, {"loss": np.ones(3)})
    assert callback.model.saved == ["m.keras"]


def test_a_direction_is_asked_for_only_where_it_matters():
    assert run(cb.ModelCheckpoint("m.keras", monitor="unknown"), 1, 1) == ["m.keras"]
    with pytest.raises(ValueError, match="Pass `mode='max'`"):
        run(cb.ModelCheckpoint("m.keras", monitor="unknown", save_best_only=True), 1, 1)


def test_state_goes_over_to_another_object():
    first = cb.ModelCheckpoint("m.keras", "loss", save_best_only=True, save_freq=3)
    run(first, 1, 4)
    second = cb.ModelCheckpoint("m.keras", "loss", save_best_only=True, save_freq=3)
    second.set_state(first.get_state())
    assert second.best == first.best == 1.0
    assert second.get_state() == first.get_state() == {"best": 1.0, "batches": [1, 3]}
