"""The loaders against Keras's, on small made-up files and on the real ones."""

import gzip
import importlib
import io
import json
import pickle
import shutil
import tarfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from kohort import datasets
from kohort.core import settings

NAMES = {
    "mnist": "mnist.npz",
    "imdb": "imdb.npz",
    "reuters": "reuters.npz",
    "boston_housing": "boston_housing.npz",
    "california_housing": "california_housing.npz",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A data folder; homes of the test's own; Keras reads from the same folder."""
    data = tmp_path / "data"
    data.mkdir()
    monkeypatch.setenv("KOHORT_DATA", str(data))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))

    def local(fname, *_, cache_subdir="", **__):
        return str(data / cache_subdir.removeprefix("datasets").strip("/") / fname)

    for name in [*NAMES, "fashion_mnist", "cifar10", "cifar100"]:
        module = importlib.import_module(f"keras.src.datasets.{name}")
        monkeypatch.setattr(module, "get_file", local)
    return data


def keras_set(name):
    return importlib.import_module(f"keras.src.datasets.{name}")


def assert_same(ours, theirs):
    for part, expected_part in zip(ours, theirs, strict=True):
        for array, expected in zip(part, expected_part, strict=True):
            assert array.dtype == expected.dtype
            assert array.shape == expected.shape
            if array.dtype == object:
                assert array.tolist() == expected.tolist()
            else:
                assert_array_equal(array, expected)
            assert array.flags.writeable


def texts(count, rng):
    x = np.empty(count, dtype=object)
    x[:] = [rng.integers(1, 60, rng.integers(1, 12)).tolist() for _ in range(count)]
    return x


CODINGS = [
    {},
    {"num_words": 20},
    {"num_words": 20, "skip_top": 5},
    {"num_words": 20, "oov_char": None},
    {"maxlen": 7},
    {"maxlen": 7, "num_words": 10, "oov_char": None, "seed": 5},
    {"start_char": None},
    {"start_char": None, "index_from": 0},
    {"start_char": 7, "index_from": 9, "oov_char": 8},
]


@pytest.mark.parametrize("coding", CODINGS)
def test_imdb_coding_like_keras(folder, coding):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 40)
    np.savez(
        folder / "imdb.npz", x_train=texts(40, rng), y_train=y, x_test=texts(40, rng), y_test=1 - y
    )
    result = datasets.imdb.load_data(**coding)
    assert_same(result, keras_set("imdb").load_data(**coding))
    assert {type(index) for text in result[0][0] for index in text} == {int}


@pytest.mark.parametrize("coding", [*CODINGS, {"test_split": 0.5}])
def test_reuters_coding_like_keras(folder, coding):
    rng = np.random.default_rng(0)
    np.savez(folder / "reuters.npz", x=texts(60, rng), y=rng.integers(0, 46, 60))
    expected = keras_set("reuters").load_data(**coding)
    assert_same(datasets.reuters.load_data(**coding), expected)


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_a_limit_that_leaves_nothing(folder, name):
    x = texts(4, np.random.default_rng(0))
    y = np.arange(4)
    np.savez(folder / f"{name}.npz", x=x, y=y, x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.raises(ValueError, match="shorter than maxlen=1, no sequence was kept"):
        getattr(datasets, name).load_data(maxlen=1)


def test_imdb_keywords(folder):
    x, y = texts(4, np.random.default_rng(0)), np.arange(4)
    np.savez(folder / "imdb.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    with pytest.warns(UserWarning, match="renamed `num_words`"):
        old = datasets.imdb.load_data(nb_words=20)
    assert_same(old, datasets.imdb.load_data(num_words=20))
    with pytest.raises(TypeError, match="Unrecognized keyword arguments: {'words': 3}"):
        datasets.imdb.load_data(words=3)


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_index(folder, name):
    index = {"the": 1, "é": 2}
    text = json.dumps(index, ensure_ascii=False)
    (folder / f"{name}_word_index.json").write_text(text, encoding="utf-8")
    assert getattr(datasets, name).get_word_index() == index


def test_reuters_topics_like_keras():
    assert datasets.reuters.get_label_names() == keras_set("reuters").get_label_names()


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
@pytest.mark.parametrize("options", [{}, {"test_split": 0, "seed": 3}, {"test_split": 0.33}])
def test_housing_like_keras(folder, name, options):
    rng = np.random.default_rng(0)
    np.savez(folder / f"{name}.npz", x=rng.random((700, 3)), y=rng.random(700))
    expected = keras_set(name).load_data(**options)
    assert_same(getattr(datasets, name).load_data(**options), expected)
    if name == "california_housing":
        expected = keras_set(name).load_data(version="small", **options)
        assert_same(datasets.california_housing.load_data("small", **options), expected)


def test_argument_errors(folder):
    np.savez(folder / "boston_housing.npz", x=np.zeros((4, 2)), y=np.zeros(4))
    with pytest.raises(ValueError, match="Invalid `test_split` argument: 1"):
        datasets.boston_housing.load_data(test_split=1)
    with pytest.raises(ValueError, match="'small', 'large'. Received: version=huge"):
        datasets.california_housing.load_data(version="huge")
    with pytest.raises(ValueError, match="`label_mode` must be .* Received: label_mode=medium"):
        datasets.cifar100.load_data("medium")


def test_mnist_under_another_name(folder):
    rng = np.random.default_rng(0)
    arrays = {
        f"{kind}_{part}": rng.integers(0, 9, 5).astype("uint8")
        for kind in "xy"
        for part in ("train", "test")
    }
    np.savez(folder / "mine.npz", **arrays)
    expected = keras_set("mnist").load_data("mine.npz")
    assert_same(datasets.mnist.load_data("mine.npz"), expected)
    assert_same(datasets.mnist.load_data(str(folder / "mine.npz")), expected)


def write_fashion(folder):
    rng = np.random.default_rng(0)
    (folder / "fashion-mnist").mkdir()
    for part, count in (("train", 6), ("t10k", 3)):
        for name, header, size in (
            ("images-idx3", 16, 784 * count),
            ("labels-idx1", 8, count),
        ):
            values = rng.integers(0, 10, size).astype("uint8").tobytes()
            with gzip.open(folder / "fashion-mnist" / f"{part}-{name}-ubyte.gz", "wb") as file:
                file.write(bytes(header) + values)


def test_fashion_mnist_like_keras(folder):
    write_fashion(folder)
    ours, theirs = datasets.fashion_mnist.load_data(), keras_set("fashion_mnist").load_data()
    for part, expected_part in zip(ours, theirs, strict=True):
        for array, expected in zip(part, expected_part, strict=True):
            assert_array_equal(array, expected)
            assert array.dtype == "uint8" and array.flags.writeable


def test_a_damaged_fashion_file_is_named(folder):
    write_fashion(folder)
    path = folder / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match="train-images-idx3-ubyte.gz is damaged"):
        datasets.fashion_mnist.load_data()


def python_2(batch):
    """A pickle as Python 2 wrote the CIFAR files: protocol 2, with texts that are bytes."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def array(value):
        state = b"(K\x01(%b" % b"".join(b"J" + n.to_bytes(4, "little") for n in value.shape)
        raw = value.tobytes()
        return (
            b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text(b"b") + b"tR"
            + state + b"tcnumpy\ndtype\n(" + text(b"u1") + b"K\x00K\x01tR(K\x03" + text(b"|")
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T" + len(raw).to_bytes(4, "little")
            + raw + b"tb"
        )  # fmt: skip

    items = text(b"data") + array(batch["data"])
    for key, values in batch.items():
        if key != "data":
            items += text(key.encode()) + b"](" + b"".join(b"K" + bytes([v]) for v in values) + b"e"
    return b"\x80\x02}(" + items + b"u."


def write_cifar(folder, inner, names, count=3):
    rng = np.random.default_rng(0)
    target = folder / f"{inner}-target" / inner
    target.mkdir(parents=True)
    for name in names:
        keys = ["labels"] if "10-" in inner else ["fine_labels", "coarse_labels"]
        batch = {"data": rng.integers(0, 256, (count, 3072)).astype("uint8")}
        batch |= {key: rng.integers(0, 10, count).tolist() for key in keys}
        (target / name).write_bytes(python_2(batch))
    return target


@pytest.mark.parametrize("layout", ["keras", "folder", "archive"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("label_mode", ["fine", "coarse"])
def test_cifar100_like_keras(folder, layout, data_format, label_mode, monkeypatch):
    target = write_cifar(folder, "cifar-100-python", ["train", "test"])
    module = keras_set("cifar100")
    monkeypatch.setattr(module.backend, "image_data_format", lambda: data_format)
    monkeypatch.setitem(settings._values, "image_data_format", data_format)
    expected = module.load_data(label_mode)
    move(folder, target, layout)
    assert_same(datasets.cifar100.load_data(label_mode), expected)


def move(folder, target, layout):
    if layout == "folder":
        target.rename(folder / target.name)
    elif layout == "archive":
        with tarfile.open(folder / f"{target.name}.tar.gz", "w:gz") as tar:
            tar.add(target, arcname=target.name)
    if layout != "keras":
        shutil.rmtree(target.parent)


def test_cifar10(folder, monkeypatch):
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    target = write_cifar(folder, "cifar-10-batches-py", names)
    batches = [pickle.loads((target / name).read_bytes(), encoding="bytes") for name in names]
    move(folder, target, "archive")
    (folder / "cifar-10-batches-py.tar.gz").rename(folder / "cifar-10-python.tar.gz")
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    pixels = np.concatenate([batch[b"data"] for batch in batches]).reshape(-1, 3, 32, 32)
    assert_array_equal(np.concatenate([x_train, x_test]), pixels.transpose(0, 2, 3, 1))
    labels = [label for batch in batches for label in batch[b"labels"]]
    assert np.concatenate([y_train, y_test])[:, 0].tolist() == labels
    assert len(x_test) == 3
    assert x_train.dtype == y_train.dtype == y_test.dtype == "uint8"


def test_a_cifar_archive_without_the_files(folder):
    with tarfile.open(folder / "cifar-10-python.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("empty"), io.BytesIO())
    with pytest.raises(ValueError, match="cifar-10-python.tar.gz is damaged.*data_batch_1"):
        datasets.cifar10.load_data()


SHAPES = {
    "digits": ((8, 8), 1797, 10),
    "breast_cancer": ((30,), 569, 2),
    "wine": ((13,), 178, 3),
    "iris": ((4,), 150, 3),
    "diabetes": ((10,), 442, None),
}


@pytest.mark.parametrize("name", SHAPES)
def test_embedded_sets(name):
    import sklearn.datasets

    module = getattr(datasets, name)
    shape, count, classes = SHAPES[name]
    (x_train, y_train), (x_test, y_test) = module.load_data(test_split=0.25)
    assert x_train.shape[1:] == x_test.shape[1:] == shape
    assert len(x_train) == int(0.75 * count) and len(x_train) + len(x_test) == count
    source = getattr(sklearn.datasets, f"load_{name}")()
    order = np.arange(count)
    np.random.RandomState(113).shuffle(order)
    assert_array_equal(np.concatenate([y_train, y_test]), source.target[order])
    rows = np.concatenate([x_train, x_test]).reshape(count, -1)
    assert_array_equal(rows, source.data[order])
    assert not np.array_equal(module.load_data(seed=1)[1][1], module.load_data()[1][1])
    if classes:
        assert module.get_label_names() == tuple(map(str, source.target_names))
        assert len(module.get_label_names()) == classes
    if name != "digits":
        assert module.get_feature_names() == tuple(source.feature_names)


def test_scikit_learn_is_imported_only_when_it_is_used(monkeypatch):
    import sys

    datasets._embedded.bundle.cache_clear()
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="'iris' comes with scikit-learn.*pip install"):
        datasets.iris.load_data()


# The real files


def link(folder, data_dir, *names):
    for name in names:
        (folder / name).symlink_to(data_dir / name)


@pytest.mark.parametrize("name", ["boston_housing", "california_housing", "mnist"])
def test_real_arrays_like_keras(folder, data_dir, name):
    link(folder, data_dir, NAMES[name])
    assert_same(getattr(datasets, name).load_data(), keras_set(name).load_data())


def test_real_fashion_mnist(folder, data_dir):
    link(folder, data_dir, "fashion-mnist")
    (x_train, y_train), (x_test, y_test) = datasets.fashion_mnist.load_data()
    assert (x_train.shape, x_test.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert np.bincount(y_train).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10


def test_real_reuters_like_keras(folder, data_dir):
    link(folder, data_dir, "reuters.npz", "reuters_word_index.json")
    result = datasets.reuters.load_data(num_words=10000)
    assert_same(result, keras_set("reuters").load_data(num_words=10000))
    assert datasets.reuters.get_word_index()["the"] == 1


def test_real_imdb(folder, data_dir):
    link(folder, data_dir, "imdb.npz", "imdb_word_index.json")
    (x_train, y_train), (x_test, y_test) = datasets.imdb.load_data(num_words=10000)
    # The figures that are published for Keras's loader.
    assert x_train[0][:5] == [1, 14, 22, 16, 43] and y_train[0] == 1
    assert np.mean([len(x) for x in x_train]) == pytest.approx(238.71364)
    assert max(map(max, x_train)) == 9999
    assert y_train.sum() == y_test.sum() == 12500
    assert datasets.imdb.get_word_index()["the"] == 1
