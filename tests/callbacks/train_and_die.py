"""A training that kills its own process with SIGKILL at a given moment.

    python train_and_die.py FOLDER SAVE_FREQ SEED MOMENT

MOMENT is `never`, `epoch_begin:E`, `epoch_end:E`, `batch_end:E:B`, `before_replace:N` (the Nth
backup is written, but not in its place yet) or `after_replace:N`. SAVE_FREQ is `none` for a
training without backups. A training that ends prints a digest of all its state, and its epochs.
"""

import hashlib
import os
import signal
import sys

import numpy as np

import kohort as keras
from kohort.callbacks import backup_file
from kohort.random.seed import set_random_seed


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


class Dies(keras.callbacks.Callback):
    """Kills the process at the end or the beginning of an epoch."""

    def __init__(self, moment, epoch):
        super().__init__()
        self.moment, self.at = moment, epoch

    def on_epoch_begin(self, epoch, logs=None):
        print("epoch", epoch, flush=True)
        if (self.moment, self.at) == ("epoch_begin", epoch):
            die()

    def on_epoch_end(self, epoch, logs=None):
        if (self.moment, self.at) == ("epoch_end", epoch):
            die()


class DiesInEpoch(Dies):
    """Kills the process at the end of a batch."""

    def __init__(self, epoch, batch):
        super().__init__("batch_end", epoch)
        self.batch = batch

    def on_epoch_begin(self, epoch, logs=None):
        super().on_epoch_begin(epoch, logs)
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (self.at, self.batch):
            die()


def die_at_replace(when, count):
    """Kill the process around the `count`th time that a backup takes its place."""
    replace, seen = os.replace, 0

    def deadly(source, target):
        nonlocal seen
        seen += 1
        if seen == count and when == "before_replace":
            die()
        replace(source, target)
        if seen == count:
            die()

    backup_file.os.replace = deadly


def make_model():
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
    )
    optimizer = keras.optimizers.Adam(0.05, use_ema=True)
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
    return model


def main(folder, save_freq, seed, moment):
    set_random_seed(int(seed))
    model = make_model()
    plateau = keras.callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.2, factor=0.5)
    best = keras.callbacks.EarlyStopping(
        "val_mae", patience=4, mode="min", restore_best_weights=True
    )
    callbacks = [plateau, best]
    if save_freq != "none":
        freq = save_freq if save_freq == "epoch" else int(save_freq)
        callbacks.insert(0, keras.callbacks.BackupAndRestore(folder, save_freq=freq))
    name, *numbers = moment.split(":")
    numbers = [int(n) for n in numbers]
    if name.endswith("_replace"):
        die_at_replace(name, numbers[0])
    callbacks.append(
        DiesInEpoch(*numbers) if name == "batch_end" else Dies(name, *numbers[:1] or [None])
    )
    data = np.random.RandomState(0)
    x, y = data.normal(size=(70, 6)).astype("float32"), data.normal(size=(70, 1)).astype("float32")
    history = model.fit(
        x, y, batch_size=16, epochs=6, validation_data=(x, y), verbose=0, callbacks=callbacks
    )
    digest = hashlib.sha256()
    for path, value in sorted(model.get_training_state().items()):
        digest.update(path.encode() + np.ascontiguousarray(value).tobytes())
    print("done", digest.hexdigest(), history.epoch, best.best_epoch, plateau.best)


if __name__ == "__main__":
    main(*sys.argv[1:])
