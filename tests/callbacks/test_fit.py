"""Callbacks in the real `fit`, beside Keras's."""

import csv

import keras
import numpy as np
import pytest

import kohort

X = np.random.RandomState(0).normal(size=(40, 3)).astype("float32")
Y = (X[:, :1] - 2 * X[:, 1:2] + 0.5).astype("float32")
KERNEL = np.array([[1.0], [-1.0], [0.5]], "float32")


def make_model(library, **options):
    model = library.Sequential([library.layers.Input((3,)), library.layers.Dense(1)])
    optimizer = library.optimizers.SGD(0.1, momentum=0.9, **options)
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"])
    model.set_weights([KERNEL, np.zeros(1, "float32")])
    return model


def train(library, folder):
    callbacks = library.callbacks
    folder.mkdir()
    reduce = callbacks.ReduceLROnPlateau("val_loss", patience=1, factor=0.5)
    stop = callbacks.EarlyStopping("val_mae", patience=3, restore_best_weights=True)
    model = make_model(library)
    history = model.fit(
        X,
        Y,
        batch_size=8,
        epochs=30,
        shuffle=False,
        validation_split=0.2,
        verbose=0,
        callbacks=[
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            reduce,
            stop,
            callbacks.CSVLogger(folder / "log.csv"),
            callbacks.ModelCheckpoint(
                folder / "{epoch:02d}.weights.h5", save_best_only=True, save_weights_only=True
            ),
        ],
    )
    return model, history, (stop.best_epoch, stop.stopped_epoch, stop.wait, reduce.wait)


def test_a_training_with_callbacks_goes_as_in_keras(tmp_path):
    ours, history, decisions = train(kohort, tmp_path / "ours")
    theirs, reference, expected = train(keras, tmp_path / "theirs")
    assert decisions == expected and history.epoch == reference.epoch
    assert 5 < len(history.epoch) < 30 and decisions[0] < history.epoch[-1]
    assert list(history.history) == list(reference.history)
    for name, values in reference.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-4, atol=1e-6)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    files = sorted(path.name for path in (tmp_path / "theirs").iterdir())
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == files
    rows = csv.DictReader((tmp_path / "ours" / "log.csv").read_text().splitlines())
    assert [float(row["loss"]) for row in rows] == history.history["loss"]


class Batches(kohort.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append((batch, sorted(logs)))


def test_a_batch_hook_sees_every_batch_and_a_content_one_the_ends_of_blocks():
    class Content(Batches):
        block_hooks = True

        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)

    every, content = Batches(), Content()
    make_model(kohort).fit(X, Y, batch_size=4, verbose=0, callbacks=[every])
    make_model(kohort).fit(X, Y, batch_size=4, verbose=0, callbacks=[content])
    assert every.seen == [(batch, ["loss", "mae"]) for batch in range(10)]
    assert content.seen[-1] == every.seen[-1] and len(content.seen) < 10


def test_the_weights_of_a_batch_are_in_the_model_at_its_end():
    class Compares(kohort.callbacks.Callback):
        kernels = []

        def on_train_batch_end(self, batch, logs=None):
            self.kernels.append(self.model.get_weights()[0].copy())

    callback, model = Compares(), make_model(kohort)
    model.fit(X, Y, batch_size=20, shuffle=False, verbose=0, callbacks=[callback])
    alone = make_model(kohort)
    alone.train_on_batch(X[:20], Y[:20])
    np.testing.assert_allclose(callback.kernels[0], alone.get_weights()[0], rtol=1e-6)
    np.testing.assert_array_equal(callback.kernels[1], model.get_weights()[0])


def test_stopping_at_a_batch_stops_there():
    class Stops(Batches):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            self.model.stop_training = batch == 3

    callback = Stops()
    history = make_model(kohort).fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[callback])
    assert len(callback.seen) == 4 and history.epoch == [0]


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_evaluation_uses_the_averaged_weights(swap_on_epoch):
    average = []

    class Remembers(kohort.callbacks.Callback):
        def on_test_begin(self, logs=None):
            average.append(self.model.get_weights())

    model = make_model(kohort, use_ema=True, ema_momentum=0.9)
    swap = kohort.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
    history = model.fit(
        X, Y, batch_size=8, epochs=2, shuffle=False, validation_data=(X, Y), verbose=0,
        callbacks=[swap, Remembers()],
    )  # fmt: skip
    plain = make_model(kohort, use_ema=True, ema_momentum=0.9)
    reference = plain.fit(
        X, Y, batch_size=8, epochs=2, shuffle=False, validation_data=(X, Y), verbose=0
    )  # fmt: skip
    # The training itself is not disturbed; the validation is of other weights.
    assert history.history["loss"] == reference.history["loss"]
    assert history.history["val_loss"][0] != reference.history["val_loss"][0]
    plain.set_weights(average[-1])
    assert plain.evaluate(X, Y, batch_size=8, verbose=0)[0] == history.history["val_loss"][-1]


def test_predict_gives_the_weights_back():
    model = make_model(kohort, use_ema=True)
    model.fit(X, Y, verbose=0)
    model.set_weights([KERNEL, np.zeros(1, "float32")])
    model.predict(X, verbose=0, callbacks=[kohort.callbacks.SwapEMAWeights()])
    np.testing.assert_array_equal(model.get_weights()[0], KERNEL)


def test_averaged_weights_need_an_optimizer_that_keeps_them():
    with pytest.raises(ValueError, match="must be used when `use_ema=True` is set.*Received"):
        make_model(kohort).evaluate(X, Y, verbose=0, callbacks=[kohort.callbacks.SwapEMAWeights()])
