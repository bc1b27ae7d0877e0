"""Every source of data gives the same training."""

import jax.numpy as jnp
import numpy as np
import pytest

from kohort import layers, utils
from kohort.data import adapt, host_rows
from kohort.data.batches import BatchSource, stack
from kohort.data.host_rows import HostRows
from kohort.data.source import ArraySource, Pace
from kohort.models import Sequential

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 6)).astype("float32")
Y = X[:, 0] * 2


def trained(fit):
    utils.set_random_seed(3)
    model = Sequential([layers.Input((6,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = fit(model)
    return history.history["loss"], model.get_weights()


def assert_equal(a, b):
    np.testing.assert_allclose(a[0], b[0], rtol=1e-5)
    for u, v in zip(a[1], b[1], strict=True):
        np.testing.assert_allclose(u, v, rtol=1e-5, atol=1e-6)


@pytest.fixture(scope="module")
def arrays():
    return trained(lambda m: m.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0))


def batches():
    return [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 50, 8)]


class Rows(utils.PyDataset):
    def __len__(self):
        return 7

    def __getitem__(self, i):
        return batches()[i]


@pytest.mark.parametrize(
    "source",
    [batches, Rows, lambda: iter(batches() * 3)],
    ids=["list-like", "PyDataset", "endless generator"],
)
def test_batches_train_like_arrays(arrays, source):
    class Again:
        def __iter__(self):
            return iter(batches())

    made = source()
    made = Again() if isinstance(made, list) else made
    steps = {"steps_per_epoch": 7} if hasattr(made, "__next__") else {}
    assert_equal(
        trained(lambda m: m.fit(made, epochs=3, shuffle=False, verbose=0, **steps)), arrays
    )


def test_frames_train_like_arrays(arrays):
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for frame, series in ((pd.DataFrame, pd.Series), (pl.DataFrame, pl.Series)):
        x, y = frame(X), series(Y)
        fitted = trained(
            lambda m, x=x, y=y: m.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
        )
        assert_equal(fitted, arrays)


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("block_bytes", [1, 500, 2**23])
def test_arrays_on_the_host_train_like_resident_ones(monkeypatch, shuffle, block_bytes):
    weight = np.linspace(0.5, 1.5, 50).astype("float32")
    wide = np.asfortranarray(np.repeat(X, 2, axis=1))[:, ::2]  # not contiguous

    def fit(model):
        return model.fit(
            wide, Y, batch_size=8, epochs=3, shuffle=shuffle, verbose=0, sample_weight=weight,
            validation_data=(X, Y), validation_batch_size=20,
        )  # fmt: skip

    resident = trained(fit)
    monkeypatch.setattr(adapt, "_SMALL", {"cpu": 0})
    monkeypatch.setattr(host_rows, "_BLOCK_BYTES", block_bytes)
    assert isinstance(adapt.make_source(X, Y), HostRows)
    hosted = trained(fit)
    assert hosted[0] == resident[0]
    for a, b in zip(hosted[1], resident[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("execution", [1, 3])
@pytest.mark.parametrize("start", [0, 2, 6, 7])
def test_host_blocks_hold_the_rows_of_resident_ones(monkeypatch, start, execution):
    monkeypatch.setattr(host_rows, "_BLOCK_BYTES", 4 * 8 * 28)  # four steps of eight rows
    pace = Pace(single=True, execution=execution)

    def rows(kind):
        source = kind((X, Y, None), 8, True, 5, 7)
        return [
            np.asarray(block.data[0][i] if block.order is None else X[block.order[i]])
            for block in source.blocks(1, pace, start)
            for i in range(block.start, block.stop)
        ]

    resident, hosted = rows(ArraySource), rows(HostRows)
    assert len(resident) == len(hosted) == 7 - start
    for a, b in zip(resident, hosted, strict=True):
        np.testing.assert_array_equal(a, b)


def test_large_arrays_stay_on_the_host_where_the_device_is_the_host_or_is_full(monkeypatch):
    data = (np.zeros((2**21, 3), "float32"), None, None)
    assert adapt._stays_on_host(data)  # on a CPU
    assert not adapt._stays_on_host((jnp.zeros((2**21, 3)), None, None))  # there already
    monkeypatch.setattr(adapt.jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(adapt, "device_memory", lambda: 2**20)
    assert not adapt._stays_on_host(data)
    monkeypatch.setattr(adapt, "_SMALL", {"gpu": 2**20})
    assert adapt._stays_on_host(data)
    monkeypatch.setattr(adapt, "device_memory", lambda: 2**30)
    assert not adapt._stays_on_host(data)


def test_a_source_that_runs_out_warns_and_stops():
    with pytest.warns(UserWarning, match="ran out of data"):
        losses, _ = trained(
            lambda m: m.fit(iter(batches()), steps_per_epoch=5, epochs=3, verbose=0)
        )
    assert len(losses) == 2


def test_order_depends_on_seed_and_epoch_only():
    source = ArraySource((X, Y, None), 8, True, seed=5)
    again = ArraySource((X, Y, None), 8, True, seed=5)
    np.testing.assert_array_equal(source.order(2), again.order(2))
    assert not np.array_equal(source.order(2), source.order(3))
    assert sorted(source.order(1)) == list(range(50))


def test_batch_shuffling_keeps_batches_together():
    order = ArraySource((X, Y, None), 8, "batch", seed=5).order(0)
    starts = order[:48].reshape(6, 8)
    np.testing.assert_array_equal(starts - starts[:, :1], np.tile(np.arange(8), (6, 1)))
    assert list(order[48:]) == [48, 49]


def test_blocks_cover_each_row_once():
    source = ArraySource((X, Y, None), 8, True, seed=5)
    pace = Pace()
    pace.steps = 4
    rows = np.concatenate(
        [np.asarray(b.order[b.start : b.stop]).ravel() for b in source.blocks(0, pace)]
    )
    assert sorted(rows) == list(range(50))


def test_stacks_are_filled_to_a_power_of_two():
    block = stack([(X[:8], Y[:8], None)] * 3)
    assert block.order.shape == (4, 8) and block.stop == 3


def test_class_weight_multiplies_sample_weight():
    labels = np.array([0, 1, 1])
    _, _, weights = adapt.with_class_weight((X[:3], labels, np.array([1.0, 2.0, 3.0])), {1: 10.0})
    np.testing.assert_array_equal(weights, [1, 20, 30])
    _, _, weights = adapt.with_class_weight((X[:3], np.eye(3)[labels], None), {0: 5.0})
    np.testing.assert_array_equal(weights, [5, 1, 1])


def test_the_validation_split_is_the_tail():
    (x, _, _), (xv, yv, _) = adapt.split_validation((X, Y, None), 0.2)
    np.testing.assert_array_equal(xv, X[40:])
    np.testing.assert_array_equal(yv, Y[40:])
    assert len(x) == 40


def test_a_pace_that_changes_runs_each_step_once(monkeypatch):
    source, pace = HostRows((X, Y, None), 8, False, 5), Pace()
    pace.steps = 1
    steps = []
    for block in source.blocks(0, pace):
        steps += range(block.start, block.stop)
        pace.steps = 4 if pace.steps == 1 else 1
    assert steps == [*range(len(X) // 8), 0]


def test_looking_ahead_loses_nothing():
    source = BatchSource(lambda *turn: ((X[i : i + 8],) for i in range(0, 24, 8)), once=True)
    source.first()
    assert not any(source.exhausted for _ in range(50))
    found = np.concatenate([np.asarray(b.data[0])[: b.stop * 8] for b in source.blocks(0, Pace())])
    np.testing.assert_array_equal(found, X[:24])
    assert source.exhausted
