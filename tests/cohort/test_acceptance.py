"""What a cohort must keep: the acceptance tests of the design, by their letters."""

from __future__ import annotations

import functools
import itertools

import numpy as np
import pytest

import kohort as keras
from kohort import CohortCallback
from kohort.data.source import Pace
from kohort.train import programs
from tests.cohort.helpers import alone, dense, folds, members, problem, same, train

BUILDS = [
    functools.partial(dense, 0.01),
    functools.partial(dense, 0.03, l2=0.01, rate=0.3),
    functools.partial(dense, 0.1, rate=0.1),
]


@pytest.mark.parametrize("norm", [False, True], ids=["filled batches", "batches of exact size"])
def test_a_member_alone_equals_member_in_any_cohort(norm):
    x, y = problem()
    builds = [functools.partial(b, norm=norm) for b in BUILDS]
    cohort = train(x, y, builds)
    assert len(cohort.groups) == 1
    assert cohort.groups[0].filled is not norm
    for member in cohort.members[::8]:
        history, model = alone(member, x, y)
        same(member.history.history, history)
        for path in member.candidate.binding.params:
            np.testing.assert_allclose(
                member.state.params[path], model._binding().gather().params[path], 1e-4, 1e-6
            )


@pytest.mark.parametrize("width, form", [(1, "each"), (2, "vmap"), (3, "vmap"), (9, "map")])
def test_a_size_order_chunking_and_form_change_nothing(width, form):
    x, y = problem()
    whole = train(x, y, BUILDS)
    for other in (
        train(x, y, BUILDS, width=width, form=form),
        train(x, y, BUILDS[::-1], width=width, form=form),
    ):
        by_rate = {(_rate(m), m.label["fold"]): m for m in other.members}
        for member in whole.members:
            twin = by_rate[_rate(member), member.label["fold"]]
            same(member.history.history, twin.history.history)


@pytest.mark.parametrize("pace", [[64], [3, 50, 1, 7]], ids=["growing", "changing"])
def test_a_blocks_of_any_length_train_each_step_once(pace, monkeypatch):
    """However the pace changes between the blocks of an epoch, no step is lost or repeated."""
    paces = itertools.cycle(pace)
    monkeypatch.setattr(Pace, "measured", lambda self, *_: setattr(self, "steps", next(paces)))
    x, y = problem(rows=150)
    cohort = train(x, y, BUILDS[:2], batch_size=2)
    for member in cohort.members[::3]:
        same(member.history.history, alone(member, x, y)[0])


def _rate(member):
    return member.candidate.make.args[0]


def test_a_sample_weights_and_adapted_scalers():
    x, y = problem()
    weight = np.linspace(0.5, 2, len(x)).astype("float32")
    cohort = train(x, y, BUILDS[:2], weight=weight)
    for member in cohort.members[::3]:
        same(member.history.history, alone(member, x, y, weight=weight)[0])


def test_b_nan_in_one_member_leaves_the_others_bit_identical():
    x, y = problem()
    calm = train(x, y, [BUILDS[0], BUILDS[1]], width=6)
    wild = train(x, y, [BUILDS[0], functools.partial(dense, 1e30, l2=0.01, rate=0.3)], width=6)
    for member, twin in zip(calm.members[:3], wild.members[:3], strict=True):
        assert member.history.history == twin.history.history
        for mine, other in zip(
            member.state.params.values(), twin.state.params.values(), strict=True
        ):
            np.testing.assert_array_equal(mine, other)
    assert {m.status for m in wild.members[3:]} == {"diverged"}
    assert {m.status for m in wild.members[:3]} == {"finished"}


class DropFirst(CohortCallback):
    """Drops members after the first epoch."""

    def on_epoch_end(self, cohort, epoch, logs):
        if epoch == 0:
            cohort.drop([0, 1, 2, 4])


def test_c_a_width_in_a_cohort_of_widths_equals_the_plain_model():
    """Widths are not masked: each is a structure, with the first weights and L2 of its size."""
    x, y = problem()
    cohort = train(x, y, [functools.partial(dense, l2=0.1, units=n) for n in (2, 5)], count=2)
    assert [len(group.members) for group in cohort.groups] == [2, 2]
    for member in cohort.members[::2]:
        same(member.history.history, alone(member, x, y)[0])


def test_f_dropping_a_member_never_changes_a_survivor():
    x, y = problem()
    whole = train(x, y, BUILDS, width=3)
    fewer = train(x, y, BUILDS, width=3, watchers=[DropFirst()])
    for i, (member, twin) in enumerate(zip(whole.members, fewer.members, strict=True)):
        if i in (0, 1, 2, 4):
            assert twin.status == "dropped"
            assert len(twin.history.epoch) == 1
        else:
            assert twin.status == "finished"
            same(member.history.history, twin.history.history, rtol=1e-6)


def test_f_early_stopping_restores_each_members_own_best():
    x, y = problem()

    def callbacks():
        stop = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True, min_delta=0.05)
        return [stop, keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=0.1)]

    cohort = train(x, y, BUILDS, epochs=12, callbacks=callbacks)
    lengths = set()
    for member in cohort.members:
        history, model = alone(member, x, y, callbacks)
        same(member.history.history, history)
        lengths.add(len(member.history.epoch))
        mine, other = cohort.extract(member), model
        for a, b in zip(mine.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert len(lengths) > 1


def test_one_program_serves_all_and_the_next_cohort():
    x, y = problem()
    train(x, y, BUILDS)
    before = programs.traces
    again = train(x, y, [functools.partial(dense, r, rate=0.5, l2=1e-4) for r in (0.2, 0.3, 0.4)])
    assert programs.traces == before
    assert len(again.members) == 9


def test_extracted_model_goes_on_as_an_ordinary_one():
    x, y = problem()
    cohort = train(x, y, BUILDS[:2])
    member = cohort.members[4]
    _, model = alone(member, x, y)
    mine = cohort.extract(4)
    np.testing.assert_allclose(
        mine.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )
    assert float(mine.optimizer.learning_rate) == pytest.approx(0.03)
    for twin in (mine, model):
        keras.utils.set_random_seed(1)
        twin.fit(x, y, epochs=1, verbose=0)
    for a, b in zip(mine.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_out_of_fold_predictions():
    x, y = problem()
    cohort = train(x, y, BUILDS[:2])
    for member, outputs in zip(
        cohort.members, cohort.predict([m.validation for m in cohort.members]), strict=True
    ):
        expected = cohort.extract(member).predict(x[member.validation], verbose=0)
        np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)


def test_batch_hooks_are_refused():
    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise AssertionError

    x, y = problem()
    with pytest.raises(ValueError, match="whole epochs"):
        train(x, y, BUILDS[:1], callbacks=lambda: [Watch()])


def test_interrupt_keeps_what_was_trained():
    class Interrupt(CohortCallback):
        def on_epoch_end(self, cohort, epoch, logs):
            if epoch == 1:
                raise KeyboardInterrupt

    x, y = problem()
    made = members(x, y, BUILDS[:1], epochs=9)
    from kohort.cohort import Cohort

    cohort = Cohort(made, (x, y, None), callbacks=[Interrupt()])
    with pytest.raises(KeyboardInterrupt):
        cohort.fit()
    short = train(x, y, BUILDS[:1], epochs=2)
    for member, twin in zip(made, short.members, strict=True):
        assert len(member.history.epoch) == 2
        for path, value in twin.state.params.items():
            np.testing.assert_array_equal(member.state.params[path], value)
    assert folds(4, 2)[0][0].tolist() == [2, 3]
