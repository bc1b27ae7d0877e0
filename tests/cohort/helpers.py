"""Small cohorts for tests."""

from __future__ import annotations

import numpy as np

import kohort as keras
from kohort.cohort import Candidate, Cohort, Member


def problem(rows=43, features=5, seed=0):
    """A small regression problem."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype("float32")
    y = (x @ rng.normal(size=features) + 0.1 * rng.normal(size=rows)).astype("float32")
    return x, y


def dense(learning_rate=0.01, l2=0.0, rate=0.0, norm=False, units=6, optimizer="Adam"):
    """A dense network with what a search varies."""
    layers = keras.layers
    stack = [
        keras.Input((5,)),
        layers.Dense(units, "relu", kernel_regularizer=keras.regularizers.L2(l2)),
    ]
    if norm:
        stack.append(layers.BatchNormalization())
    stack += [layers.Dropout(rate), layers.Dense(1)]
    model = keras.Sequential(stack)
    model.compile(getattr(keras.optimizers, optimizer)(learning_rate), "mse", metrics=["mae"])
    return model


def folds(rows, count):
    """(training rows, validation rows) of K-fold."""
    parts = np.array_split(np.arange(rows), count)
    everything = np.arange(rows)
    return [(np.setdiff1d(everything, part), part) for part in parts]


def members(x, y, builds, count=3, epochs=3, batch_size=8, seeds=(7,), callbacks=None, weight=None):
    """A member for each build, seed and fold."""
    sample = tuple(None if a is None else a[:batch_size] for a in (x, y, weight))
    made = []
    for i, build in enumerate(builds):
        for seed in seeds:
            candidate = Candidate(build, seed, sample, {"trial": i})
            for k, (rows, validation) in enumerate(folds(len(x), count)):
                made.append(
                    Member(
                        candidate, rows, validation, batch_size, epochs,
                        callbacks() if callbacks else [], {"fold": k},
                    )
                )  # fmt: skip
    return made


def train(x, y, builds, weight=None, width=None, form=None, watchers=(), **kwargs):
    """The cohort of `members`, trained."""
    made = members(x, y, builds, weight=weight, **kwargs)
    return Cohort(made, (x, y, weight), width=width, form=form, callbacks=watchers).fit()


def alone(member, x, y, callbacks=None, weight=None):
    """The history and model of one member, trained by `fit`."""
    keras.utils.set_random_seed(member.candidate.seed)
    model = member.candidate.make()
    pick = lambda rows: tuple(a[rows] for a in (x, y, weight) if a is not None)  # noqa: E731
    rows = pick(member.rows)
    history = model.fit(
        *rows[:2], sample_weight=rows[2] if weight is not None else None,
        batch_size=member.batch_size, epochs=member.epochs, verbose=0,
        validation_data=pick(member.validation), callbacks=callbacks() if callbacks else None,
    )  # fmt: skip
    return history.history, model


def same(history, other, rtol=1e-5):
    """Assert that two histories are equal."""
    assert list(history) == list(other), (list(history), list(other))
    for name in history:
        np.testing.assert_allclose(history[name], other[name], rtol=rtol, atol=1e-7, err_msg=name)
