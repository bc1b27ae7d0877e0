"""Training over pipelines and loaders: the numbers of arrays, and backups that go on exactly."""

import numpy as np
import pytest

from kohort import callbacks, layers, utils
from kohort.data import Dataset
from kohort.models import Sequential

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype("float32")
Y = X[:, :1] * 2


def model():
    utils.set_random_seed(3)
    made = Sequential([layers.Input((3,)), layers.Dense(1)])
    made.compile("adam", "mse")
    return made


class Tensor:
    """As much of a PyTorch tensor as a loader gives."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def numpy(self):
        return self.array


class TorchLoader:
    """Batches as PyTorch's `DataLoader` gives them: lists of tensors, perhaps no length."""

    batch_size = 5

    def __init__(self, length=None):
        self.length = length

    def __len__(self):
        if self.length is None:
            raise TypeError("object of type 'Rows' has no len()")
        return self.length

    def __iter__(self):
        return iter([[Tensor(X[i : i + 5]), Tensor(Y[i : i + 5])] for i in range(0, 20, 5)])


class TfDataset:
    """A `tf.data.Dataset`, as far as `fit` looks."""

    def cardinality(self):
        return np.int64(-2)

    def __len__(self):
        raise TypeError("The dataset length is unknown.")

    def __iter__(self):
        return iter([tuple(batch) for batch in TorchLoader()])


def grain_batches():
    grain = pytest.importorskip("grain", reason="the extra grain is not installed")
    return grain.MapDataset.source(list(zip(X, Y, strict=True))).batch(5).to_iter_dataset()


@pytest.mark.parametrize(
    "source",
    [
        lambda: Dataset.from_tensor_slices((X, Y)).batch(5).prefetch(2),
        lambda: Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).batch(5),
        lambda: Dataset.from_generator(lambda: zip(X, Y, strict=True)).batch(5).cache(),
        lambda: TorchLoader(4),
        TorchLoader,
        TfDataset,
        grain_batches,
    ],
    ids=["slices", "filter", "generator", "torch", "torch of unknown length", "tf", "grain"],
)
def test_loaders_train_like_arrays(source):
    arrays, loaded, batches = model(), model(), source()
    expected = arrays.fit(X, Y, batch_size=5, epochs=3, shuffle=False, verbose=0).history["loss"]
    found = loaded.fit(batches, epochs=3, validation_data=batches, verbose=0).history
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-5)
    np.testing.assert_allclose(loaded.get_weights()[0], arrays.get_weights()[0], rtol=1e-5)
    assert loaded.evaluate(batches, verbose=0) == pytest.approx(found["val_loss"][-1])
    outputs = arrays.predict(X, batch_size=5, verbose=0)
    np.testing.assert_allclose(loaded.predict(batches, verbose=0), outputs, rtol=1e-5)


class Crash(Exception):
    """The power cut."""


PIPELINES = {
    "seeded": lambda: Dataset.from_tensor_slices((X, Y)).shuffle(20, seed=1).batch(5),
    "unseeded": lambda: Dataset.from_tensor_slices((X, Y)).shuffle(8).batch(5),
    "noise": lambda: (
        Dataset.from_tensor_slices((X, Y))
        .random_map(lambda x, y, rng: (x + rng.normal(size=3).astype("float32"), y), seed=1)
        .batch(5)
        .prefetch(2)
    ),
    "unknown": lambda: (
        Dataset.from_tensor_slices((X, Y)).filter(lambda x, y: True).shuffle(20, seed=1).batch(5)
    ),
    "endless": lambda: Dataset.from_tensor_slices((X, Y)).shuffle(20, seed=1).repeat().batch(5),
}


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("moment", [(2, None), (1, 2)], ids=["epoch", "batch"])
def test_a_backup_goes_on_bit_by_bit(name, moment, tmp_path):
    def train(crash=False, resumed=False):
        made = model()
        if resumed:
            np.random.seed(99)  # as in a process that set no seed
        backup = callbacks.BackupAndRestore(tmp_path / "backup", save_freq=1)

        def die(epoch, batch=None):
            if crash and (epoch, batch) == moment:
                raise Crash

        class Dies(callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                self.epoch = epoch
                die(epoch)

            def on_train_batch_end(self, batch, logs=None):
                die(self.epoch, batch)

        options = {"steps_per_epoch": 3} if name == "endless" else {}
        made.fit(PIPELINES[name](), epochs=4, verbose=0, callbacks=[backup, Dies()], **options)
        return made.get_weights()

    whole = train()
    with pytest.raises(Crash):
        train(crash=True)
    for a, b in zip(train(resumed=True), whole, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_pipeline_is_mixed_anew_each_epoch_and_each_fit():
    seen = []
    rows = Dataset.from_tensor_slices((X, Y)).shuffle(20, seed=1)
    watched = rows.map(lambda x, y: (seen.append(float(x[0])) or x, y)).batch(5)
    made = model()
    for _ in range(2):
        made.fit(watched, epochs=2, verbose=0)
    passes = [tuple(seen[i : i + 20]) for i in range(0, len(seen), 20)]
    assert len(set(passes)) == len(passes) == 4


def test_single_rows_are_refused():
    with pytest.raises(ValueError, match=r"(?s)Received: <Dataset of 20 elements>.*batch\(32\)"):
        model().fit(Dataset.from_tensor_slices((X, Y[:, 0])), verbose=0)
