"""The hooks of `fit`, `evaluate` and `predict` in a real training, beside Keras's."""

import keras
import numpy as np
import pytest

import kohort

X = np.arange(10, dtype="float32").reshape(10, 1) / 10
Y = 2 * X
KINDS = "train test predict epoch train_batch test_batch predict_batch".split()
HOOKS = [f"on_{kind}_{end}" for kind in KINDS for end in ("begin", "end")]


def network(library):
    model = library.Sequential(
        [library.layers.Input((1,)), library.layers.Dropout(0.0, seed=1),
         library.layers.Dense(1, kernel_regularizer=library.regularizers.L2(0.1))]
    )  # fmt: skip
    model.compile(library.optimizers.SGD(0.1, momentum=0.5), "mse", metrics=["mae"])
    model.set_weights([np.array([[0.5]], "float32"), np.zeros(1, "float32")])
    return model


def recorded(library):
    """What each hook is called with: name, position, logs as types and shapes, params."""
    calls = []

    def hook(name):
        def called(self, *arguments, **keywords):
            *position, logs = [*arguments, *keywords.values()]
            kinds = {key: (type(value).__name__, np.shape(value)) for key, value in logs.items()}
            calls.append((name, position, kinds, dict(self.params), self.model is model))

        return called

    kind = type("Recorder", (library.callbacks.Callback,), {name: hook(name) for name in HOOKS})
    model = network(library)
    model.fit(
        X, Y, batch_size=4, epochs=2, validation_data=(X[:6], Y[:6]), validation_batch_size=3,
        verbose=0, callbacks=[kind()],
    )  # fmt: skip
    model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[kind()])
    model.predict(X, batch_size=4, verbose="auto", callbacks=[kind()])
    return calls


def test_hooks_are_called_in_keras_order_with_keras_arguments():
    found = recorded(kohort)
    assert found == recorded(keras)
    assert {name for name, *_ in found} == set(HOOKS)


def steered(library):
    """Weights, learning rate and leaves change in hooks."""

    class Steer(library.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.1 / (1 + epoch)
            self.model.layers[-1].kernel.assign(self.model.layers[-1].kernel + 0.25)

        def on_epoch_end(self, epoch, logs=None):
            logs["extra"] = epoch
            self.model.stop_training = epoch == 2

    model = network(library)
    history = model.fit(X, Y, batch_size=4, epochs=9, shuffle=False, verbose=0, callbacks=[Steer()])
    return history, model.get_weights()


def test_weights_and_the_learning_rate_change_as_in_keras():
    (ours, weights), (theirs, reference) = steered(kohort), steered(keras)
    assert ours.epoch == theirs.epoch == [0, 1, 2]
    assert ours.history["extra"] == theirs.history["extra"] == [0, 1, 2]
    np.testing.assert_allclose(ours.history["loss"], theirs.history["loss"], rtol=1e-5)
    for a, b in zip(weights, reference, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("leaf", ["l2", "momentum", "rate"])
def test_a_leaf_that_a_hook_changes_counts_from_the_next_epoch_on(leaf):
    """As if the epoch had been trained by a model that began with the value."""

    def change(model):
        if leaf == "l2":
            model.layers[-1].kernel_regularizer.l2 = 0.5
        elif leaf == "momentum":
            model.optimizer.momentum = 0.25
        else:
            model.layers[0].rate = 0.75

    def trained(begins, **options):
        kohort.utils.set_random_seed(3)
        model = network(kohort)
        if begins:
            change(model)
        return model.fit(X, Y, batch_size=4, verbose=0, **options).history["loss"]

    class Change(kohort.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            change(self.model)

    plain = trained(False)
    changed = trained(False, callbacks=[Change()])
    assert changed == trained(True) != plain


def test_a_fit_that_fails_tells_its_callbacks():
    class Fails(kohort.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise error

    told, error = [], KeyboardInterrupt()
    listens = kohort.callbacks.LambdaCallback(on_train_failed=told.append, on_train_end=pytest.fail)
    with pytest.raises(KeyboardInterrupt):
        network(kohort).fit(X, Y, batch_size=4, verbose=0, callbacks=[listens, Fails()])
    assert told == [error]
