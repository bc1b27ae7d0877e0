"""The capacity sweep and the learning-rate range test."""

from __future__ import annotations

import numpy as np
import pytest

import kohort as keras
from kohort.train import programs
from kohort.workflow.capacity_sweep import Size, capacity_sweep, read_sweep
from kohort.workflow.failure import WorkflowError
from kohort.workflow.lr_range import lr_range, read_range


def waves(rows=80):
    """A wave, which one unit cannot follow."""
    x = np.linspace(-3, 3, rows).reshape(-1, 1).astype("float32")
    return x, np.sin(2 * x[:, 0])


def net(width=8, depth=1, optimizer=None):
    """A dense network of a size."""
    hidden = [keras.layers.Dense(width, "tanh") for _ in range(depth)]
    model = keras.Sequential([keras.Input((1,)), *hidden, keras.layers.Dense(1)])
    model.compile(optimizer or keras.optimizers.Adam(0.03), "mse")
    return model


def test_larger_networks_follow_the_wave():
    sweep = capacity_sweep(lambda width: net(width), *waves(), (1, 16), seeds=2, epochs=60)
    assert sweep.scores[0] > 2 * sweep.scores[1]
    assert sweep.sizes[sweep.chosen].width == 16
    assert "16 units" in sweep.verdict
    assert sweep.plot().get_xlabel() == "parameters"


def test_sizes_come_by_name_or_by_hp():
    by_hp = capacity_sweep(
        lambda hp: net(hp.Int("units", 1, 64), hp.Int("layers", 1, 3)), *waves(),
        widths=(2, 3), depths=(1, 2), seeds=1, epochs=1,
    )  # fmt: skip
    assert [(s.width, s.depth) for s in by_hp.sizes] == [(2, 1), (2, 2), (3, 1), (3, 2)]
    assert [s.parameters for s in by_hp.sizes] == [7, 13, 10, 22]
    with pytest.raises(WorkflowError, match="take the size"):
        capacity_sweep(lambda a, b: net(), *waves(), (2,))


def test_a_sweep_without_a_finite_loss_names_the_gaps():
    x, y = waves(8)
    with pytest.raises(WorkflowError, match="y holds NaN in 8 of 8 rows"):
        capacity_sweep(lambda width: net(width), x, y * np.nan, widths=(2,), seeds=1, epochs=1)


def test_verdict_on_known_curves():
    sizes = [Size(n, None, n) for n in (10, 100, 1000)]
    epochs = np.linspace(0, 1, 20)
    rng = np.random.default_rng(0)
    noise = 0.02 * rng.normal(size=(3, 6, 1))
    small, good = 1 - 0.3 * epochs, 1 - 0.7 * epochs
    large = np.where(epochs < 0.5, 1 - 1.42 * epochs, 0.29 + epochs - 0.5)
    validation = np.stack([small, good, large])[:, None] + noise
    sweep = read_sweep(sizes, validation - 0.1, validation)
    assert sweep.best == 2
    assert sweep.chosen in (1, 2)
    assert sweep.overfitting[2] > 0.5
    assert "overfits" in sweep.verdict


def test_range_finds_the_useful_rates():
    found = lr_range(lambda: net(optimizer=keras.optimizers.SGD(0.1)), *waves(), seeds=4, high=100)
    assert 1e-3 < found.suggestion < 3
    assert found.diverges is not None
    assert found.suggestion < found.diverges
    assert found.losses.shape == (4, 150)
    assert found.plot().get_xscale() == "log"
    again = lr_range(lambda: net(optimizer=keras.optimizers.SGD(0.1)), *waves(), seeds=2, high=100)
    before = programs.traces
    lr_range(lambda: net(optimizer=keras.optimizers.SGD(0.2)), *waves(), seeds=2, high=50)
    assert programs.traces == before  # the same program serves
    np.testing.assert_allclose(again.losses[1, :50], found.losses[1, :50], rtol=1e-4)


def test_range_is_read_from_known_curves():
    rates = np.geomspace(1e-5, 10, 120)
    curve = 1 / (1 + np.exp(4 * (np.log10(rates) + 2.5))) + np.where(rates > 1, (rates - 1) ** 2, 0)
    found = read_range(rates, np.stack([curve, curve]))
    assert 1e-3 < found.suggestion < 1e-1
    assert found.diverges == pytest.approx(1.8, rel=0.6)


def test_range_needs_a_constant_rate():
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    with pytest.raises(ValueError, match="constant rate"):
        lr_range(lambda: net(optimizer=keras.optimizers.SGD(schedule)), *waves())
    with pytest.raises(WorkflowError, match="rise"):
        lr_range(net, *waves(), low=1, high=0.1)
