import jax.numpy as jnp
import numpy as np
import pytest

from kohort import callbacks as cb
from tests.callbacks.fakes import Model


def rates(schedule, epochs=3, start=0.5):
    """The learning rates in the history of a training with this schedule."""
    model = Model()
    model.optimizer.learning_rate = np.float32(start)
    history = cb.History()
    calls = cb.CallbackList([cb.LearningRateScheduler(schedule), history], model=model)
    model.fit(calls, epochs)
    assert all(type(rate) is float for rate in history.history["learning_rate"])
    return history.history["learning_rate"]


def test_functions_of_the_epoch_and_of_both():
    assert rates(lambda epoch: 1.0 / 2**epoch) == [1.0, 0.5, 0.25]
    assert rates(lambda epoch, rate: rate / 2) == [0.25, 0.125, 0.0625]
    assert rates(lambda epoch, rate=None: 0.1 if rate is None else rate) == [0.5, 0.5, 0.5]
    assert rates(lambda *args: float(len(args))) == [2.0, 2.0, 2.0]


def test_scalars_of_numpy_and_jax_are_floats_too():
    assert rates(lambda epoch: np.float64(0.25)) == [0.25] * 3
    assert rates(lambda epoch, rate: rate * jnp.exp2(-1.0)) == [0.25, 0.125, 0.0625]


@pytest.mark.parametrize("wrong", [None, 1, "0.1", np.ones(2), [0.1]])
def test_other_results_are_errors(wrong):
    with pytest.raises(ValueError, match="should be a float. Got: "):
        rates(lambda epoch: wrong)


def test_an_error_inside_the_schedule_is_not_swallowed():
    def broken(epoch, rate):
        raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        rates(broken)


def test_an_optimizer_without_a_rate_is_an_error():
    model = Model()
    model.optimizer = object()
    callback = cb.LearningRateScheduler(lambda epoch: 0.1)
    callback.set_model(model)
    with pytest.raises(ValueError, match='must have a "learning_rate" attribute'):
        callback.on_epoch_begin(0)
