import os

import numpy as np
import pytest

from kohort import callbacks as cb
from kohort.callbacks.backup_file import read_backup, write_backup
from kohort.errors import KohortWarning
from tests.callbacks.fakes import Model

EPOCHS, STEPS = 8, 4
LOSSES = [0.9, 0.8, 0.85, 0.7, 0.75, 0.76, 0.77, 0.6]


class Crash(BaseException):
    """The process is gone: no clean-up runs, as far as a test can do that."""


def siblings(stops=False):
    found = [cb.ReduceLROnPlateau("loss", patience=1, factor=0.5, mode="min")]
    if stops:
        found += [cb.EarlyStopping("loss", patience=3, mode="min", restore_best_weights=True)]
    return found


def train(folder, crash_at=None, stops=False, before=(), epochs=EPOCHS, **options):
    """Train with a backup, first in the list; `crash_at` = (epoch, batch or None)."""
    model = Model()
    backup = cb.BackupAndRestore(folder, **options)
    calls = cb.CallbackList(
        [*before, backup, *siblings(stops), cb.History()],
        model=model,
        epochs=epochs,
        steps=STEPS,
        verbose=0,
    )

    def after(epoch, batch):
        if crash_at is not None and (epoch, batch) == crash_at:
            raise Crash

    model.fit(calls, epochs, STEPS, loss=lambda epoch: LOSSES[epoch], after=after)
    return model


def moments():
    for epoch in (0, 1, 3, 6):
        for batch in (0, 2, STEPS - 1, None):
            yield epoch, batch


@pytest.mark.parametrize("stops", [False, True])
@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
def test_a_cut_training_ends_with_the_same_bits(save_freq, stops, tmp_path):
    whole = train(tmp_path / "whole", stops=stops, save_freq=save_freq)
    assert not (tmp_path / "whole").exists()
    for epoch, batch in moments():
        folder = tmp_path / f"{epoch}-{batch}"
        with pytest.raises(Crash):
            train(folder, (epoch, batch), stops, save_freq=save_freq)
        resumed = train(folder, stops=stops, save_freq=save_freq)
        np.testing.assert_array_equal(resumed.weights, whole.weights)
        assert resumed.optimizer.learning_rate == whole.optimizer.learning_rate
        assert not folder.exists()


def test_it_goes_on_where_it_was(tmp_path):
    with pytest.raises(Crash):
        train(tmp_path / "epoch", (3, 1))
    assert train(tmp_path / "epoch").history.epoch == [3, 4, 5, 6, 7]
    for save_freq, begins in ((2, (3, 2)), (3, (3, 0)), (5, (2, 2))):
        folder = tmp_path / f"every {save_freq}"
        with pytest.raises(Crash):
            train(folder, (3, 1), save_freq=save_freq)
        resumed = train(folder, save_freq=save_freq)
        assert (resumed._initial_epoch, resumed._initial_step) == begins
        assert resumed.history.epoch == list(range(begins[0], EPOCHS))


def test_the_last_batch_is_backed_up_with_its_epoch_if_known(tmp_path):
    for steps, expected in ((STEPS, (1, 0)), (None, (0, STEPS))):
        model, backup = Model(), cb.BackupAndRestore(tmp_path, save_freq=STEPS)
        calls = cb.CallbackList([backup], model=model, epochs=1, steps=steps)
        with pytest.raises(Crash):
            model.fit(calls, 1, STEPS, after=lambda epoch, batch: crash_after_epoch(batch))
        content, _ = read_backup(backup._weights_path)
        assert (content["epoch"], content["batch"]) == expected
        backup._delete()


def crash_after_epoch(batch):
    if batch is None:
        raise Crash


def test_a_stop_that_was_decided_stands(tmp_path):
    # Early stopping ends epoch 6; the process dies before `on_train_end`.
    whole = train(tmp_path / "whole", stops=True)
    assert whole.history.epoch[-1] == 6
    with pytest.raises(Crash):
        train(tmp_path / "cut", (6, None), stops=True)
    resumed = train(tmp_path / "cut", stops=True)
    assert resumed.history.epoch == []
    np.testing.assert_array_equal(resumed.weights, whole.weights)


def test_a_backup_sees_what_later_callbacks_did(tmp_path):
    with pytest.raises(Crash):
        train(tmp_path, (2, None))
    content, tensors = read_backup(str(tmp_path / "latest.safetensors"))
    state = {entry["name"]: entry["state"] for entry in content["callbacks"]}
    assert state == {"ReduceLROnPlateau_1": {"best": 0.8, "wait": 0, "cooldown_counter": 0}}
    assert tensors["model/optimizer/learning_rate"] == np.float32(0.05)
    assert (content["epoch"], content["batch"]) == (3, 0)


def test_states_find_their_callback_in_a_changed_list(tmp_path):
    with pytest.raises(Crash):
        train(tmp_path, (3, None))
    plateau = cb.ReduceLROnPlateau("loss", mode="min")
    backup, model = cb.BackupAndRestore(tmp_path), Model()
    calls = cb.CallbackList([cb.EarlyStopping("loss"), plateau, backup], model=model, epochs=9)
    calls.on_train_begin()
    assert plateau.best == 0.7 and calls.callbacks[0].best is None


def test_own_callbacks_can_take_part(tmp_path):
    class Counts(cb.Callback):
        seen = 0

        def on_train_begin(self, logs=None):
            self.seen = 0

        def on_epoch_end(self, epoch, logs=None):
            self.seen += 1

        def get_state(self):
            return {"seen": self.seen, "vector": np.full(2, self.seen)}

        def set_state(self, state):
            self.seen = state["seen"]
            np.testing.assert_array_equal(state["vector"], np.full(2, self.seen))

    with pytest.raises(Crash):
        train(tmp_path, (4, 0), before=[Counts()])
    counts = Counts()
    train(tmp_path, before=[counts])
    assert counts.seen == EPOCHS


def damage(path):
    path.write_bytes(path.read_bytes()[:-4])


def test_a_damaged_backup_is_told_and_training_starts_anew(tmp_path):
    whole = train(tmp_path / "whole")
    with pytest.raises(Crash):
        train(tmp_path / "cut", (3, 0))
    damage(tmp_path / "cut" / "latest.safetensors")
    with pytest.warns(KohortWarning, match="damaged backup.*Training starts anew") as warned:
        resumed = train(tmp_path / "cut")
    assert len(warned) == 1 and resumed.history.epoch[0] == 0
    np.testing.assert_array_equal(resumed.weights, whole.weights)


def test_a_second_backup_stands_in(tmp_path):
    whole = train(tmp_path / "whole")
    with pytest.raises(Crash):
        train(tmp_path / "cut", (3, 0), double_checkpoint=True)
    damage(tmp_path / "cut" / "latest.safetensors")
    with pytest.warns(KohortWarning, match="The backup before the last one is used"):
        resumed = train(tmp_path / "cut", double_checkpoint=True)
    assert resumed.history.epoch[0] == 2
    np.testing.assert_array_equal(resumed.weights, whole.weights)
    assert not (tmp_path / "cut").exists()


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path):
    with pytest.raises(Crash):
        train(tmp_path, (3, 0), double_checkpoint=True)
    os.remove(tmp_path / "latest.safetensors")
    assert train(tmp_path, double_checkpoint=True).history.epoch[0] == 2


def test_a_half_written_file_of_a_killed_process_is_ignored_and_removed(tmp_path):
    folder = tmp_path / "cut"
    with pytest.raises(Crash):
        train(folder, (3, 0))
    (folder / "latest.safetensors.tmp").write_bytes(b"half")
    assert train(folder).history.epoch[0] == 3
    assert not folder.exists()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda state: state | {"dense/kernel": np.zeros(4, "float32")}, "dense/kernel.*4"),
        (lambda state: state | {"dense/kernel": np.zeros(3, "int32")}, "dense/kernel.*int32"),
        (lambda state: state | {"other": np.zeros(3)}, "other.*nothing in the model"),
        (lambda state: {}, "dense/kernel' is nothing in the backup"),
    ],
)
def test_a_backup_of_another_model_is_an_error(change, text, tmp_path):
    path = str(tmp_path / "latest.safetensors")
    with pytest.raises(Crash):
        train(tmp_path, (1, 0))
    content, tensors = read_backup(path)
    state = change({name.removeprefix("model/"): value for name, value in tensors.items()})
    write_backup(path, content, {f"model/{name}": value for name, value in state.items()}, None)
    with pytest.raises(ValueError, match=f"(?s){text}.*1. Build and compile.*2. Pass another"):
        train(tmp_path)
    assert read_backup(path)[0] == content


def test_a_foreign_file_is_an_error_and_stays(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, tmp_path / "latest.safetensors")
    with pytest.raises(ValueError, match="was not written by BackupAndRestore.*\n.*1. Build"):
        train(tmp_path)
    assert (tmp_path / "latest.safetensors").exists()


def test_only_its_own_files_are_deleted(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    train(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_kept_backup_goes_on_with_fresh_callbacks(tmp_path):
    train(tmp_path, stops=True, delete_checkpoint=False)
    content, tensors = read_backup(str(tmp_path / "latest.safetensors"))
    assert content["finished"] and content["callbacks"] == [] and content["epoch"] == 7
    assert set(tensors) == {"model/dense/kernel", "model/optimizer/learning_rate"}
    resumed = train(tmp_path, stops=True, delete_checkpoint=False)
    assert resumed.history.epoch == [7]


def test_save_freq_false_writes_nothing(tmp_path):
    with pytest.raises(Crash):
        train(tmp_path / "none", (3, 0), save_freq=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("save_freq", ["batch", 0.15, 0, -1, None])
def test_wrong_frequencies(save_freq):
    with pytest.raises(ValueError, match="Invalid value for argument `save_freq`. Received: save"):
        cb.BackupAndRestore("folder", save_freq=save_freq)


@pytest.mark.parametrize("folder", ["", None])
def test_a_folder_is_needed(folder):
    with pytest.raises(ValueError, match="Empty `backup_dir` argument passed"):
        cb.BackupAndRestore(folder)


def test_a_model_that_is_not_built_is_an_error(tmp_path):
    backup, model = cb.BackupAndRestore(tmp_path), Model()
    model.built = False
    backup.set_model(model)
    with pytest.raises(ValueError, match="must be built before you call"):
        backup.on_train_begin()


def test_an_error_in_another_callback_comes_after_the_backup(tmp_path):
    def fail(epoch, logs):
        if epoch == 2:
            raise RuntimeError("bad luck")

    model, backup = Model(), cb.BackupAndRestore(tmp_path)
    bad = cb.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(RuntimeError, match="bad luck"):
        model.fit(cb.CallbackList([backup, bad], model=model), 5)
    assert read_backup(backup._weights_path)[0]["epoch"] == 3
