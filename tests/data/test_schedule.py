"""Epochs of `steps_per_epoch` steps, executions, and what happens at the end of the data."""

import warnings

import keras
import numpy as np
import pytest

import kohort

X = np.arange(80, dtype="float32").reshape(20, 4) / 80
Y = X[:, :1]


def rows(i):
    return X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]


def dataset(k):
    class Batches(k.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return rows(i)

    return Batches()


def endless():
    i = 0
    while True:
        yield rows(i % 5)
        i += 1


def run(k, execution, call):
    """The hooks that were called, the result, and how often the data ran out."""

    class Hooks(k.callbacks.Callback):
        seen = []

        def on_epoch_begin(self, epoch, logs=None):
            self.seen.append(epoch)

        def on_train_batch_begin(self, batch, logs=None):
            self.seen.append(f"<{batch}")

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(f"{batch}>")

        on_test_batch_begin = on_predict_batch_begin = on_train_batch_begin
        on_test_batch_end = on_predict_batch_end = on_train_batch_end

    k.utils.set_random_seed(0)
    model = k.Sequential([k.Input((4,)), k.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=execution)
    Hooks.seen = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call(model, [Hooks()], k)
    result = result.history["loss"] if hasattr(result, "history") else np.shape(result) or result
    return Hooks.seen, result, sum("ran out" in str(w.message) for w in caught)


def fit(x=X, y=Y, **kwargs):
    def call(model, callbacks, k):
        data = x(k) if callable(x) else x
        return model.fit(data, y, shuffle=False, callbacks=callbacks, verbose=0, **kwargs)

    return call


CALLS = {
    "a whole epoch": fit(batch_size=4, epochs=2),
    "too few": fit(batch_size=4, epochs=4, steps_per_epoch=2),
    "too many": fit(batch_size=4, epochs=2, steps_per_epoch=9),
    "no batch size": fit(epochs=2, steps_per_epoch=3),
    "later epoch": fit(batch_size=4, initial_epoch=1, epochs=3, steps_per_epoch=3),
    "dataset": fit(dataset, None, epochs=3, steps_per_epoch=3),
    "generator": fit(lambda k: endless(), None, epochs=3, steps_per_epoch=3),
    "validation": fit(batch_size=10, epochs=2, validation_data=(X, Y), validation_batch_size=4,
                      validation_steps=2),
    "evaluate": lambda m, c, k: m.evaluate(X, Y, batch_size=4, steps=7, callbacks=c, verbose=0),
    "predict": lambda m, c, k: m.predict(X, batch_size=4, steps=2, callbacks=c, verbose=0),
}  # fmt: skip


@pytest.mark.parametrize("execution", [1, 3])
@pytest.mark.parametrize("name", CALLS)
def test_steps_are_those_of_keras(name, execution):
    ours, theirs = (run(k, execution, CALLS[name]) for k in (kohort, keras))
    assert ours[0] == theirs[0] and ours[2] == theirs[2]
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)


def test_without_batch_hooks_training_is_the_same():
    def losses(execution):
        kohort.utils.set_random_seed(1)
        model = kohort.Sequential([kohort.layers.Dense(1)])
        model.compile("sgd", "mse", steps_per_execution=execution)
        return model.fit(X, Y, batch_size=4, epochs=3, verbose=0).history["loss"]

    np.testing.assert_array_equal(losses(1), losses(2))


def test_a_generator_that_ended_trains_no_further():
    model = kohort.Sequential([kohort.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit((rows(i) for i in range(5)), epochs=3, verbose=0)
    assert history.epoch == [0]


def test_a_data_set_is_shuffled_by_batches():
    asked = []

    class Asked(kohort.utils.PyDataset):
        def __len__(self):
            return 50

        def __getitem__(self, i):
            asked.append(i)
            return rows(i % 5)

    model = kohort.Sequential([kohort.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(Asked(), verbose=0)
    assert sorted(asked) == list(range(50)) != asked


def test_an_epoch_resumed_at_its_end_has_logs():
    class Resumes(kohort.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model._initial_step = 5

    model = kohort.Sequential([kohort.Input((4,)), kohort.layers.Dense(1)])
    model.compile("sgd", "mse")
    loss = model.evaluate(X, Y, verbose=0)
    history = model.fit(dataset(kohort), verbose=0, callbacks=[Resumes()]).history
    assert history["loss"] == [loss]  # what the metrics held
