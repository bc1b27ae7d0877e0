"""Data sets from folders: order, labels and parts as Keras finds them, and what is refused."""

from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.utils.dataset_utils import get_training_or_validation_split, index_directory

from kohort import layers, models
from kohort.utils import image_dataset_from_directory, save_img, text_dataset_from_directory
from kohort.utils.resample import KERNELS, resample


@pytest.fixture
def texts(tmp_path):
    """Seven texts in two classes, one of them in a folder below."""
    for i in range(7):
        folder = tmp_path / ("b" if i % 3 else "a") / ("deep" if i == 4 else "")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i}.txt").write_text(f"text {i}")
    (tmp_path / "a" / "notes.md").write_text("of another kind")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


@pytest.fixture
def pictures(tmp_path):
    """Six pictures of two sizes in two classes: the first red, the second blue."""
    for i in range(6):
        folder = tmp_path / ("blue", "red")[i % 2]
        folder.mkdir(exist_ok=True)
        x = np.zeros((8 + i, 6, 3))
        x[..., 0 if i % 2 else 2] = 200
        save_img(folder / f"{i}.png", x, scale=False)
    return tmp_path


def _quiet(load, folder, **kwargs):
    return load(folder, **{"verbose": False, **kwargs})


@pytest.mark.parametrize("subset", ["training", "validation"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_files_labels_and_order_are_those_of_keras(texts, subset, shuffle):
    paths, labels, names = index_directory(
        str(texts), "inferred", (".txt",), shuffle=shuffle, seed=3, verbose=False
    )
    paths, labels = get_training_or_validation_split(paths, labels, 0.3, subset)
    ours = _quiet(
        text_dataset_from_directory, texts, shuffle=shuffle, seed=3, validation_split=0.3,
        subset=subset, format="grain", batch_size=2,
    )  # fmt: skip
    assert (ours.file_paths, ours.class_names) == (paths, names)
    batches = list(ours)
    assert np.concatenate([y for _, y in batches]).tolist() == list(labels)
    read = [text for x, _ in batches for text in x]
    assert read == [Path(path).read_text() for path in paths]


def test_both_parts_share_no_file_and_leave_none_out(texts):
    parts = _quiet(text_dataset_from_directory, texts, seed=0, validation_split=0.4, subset="both")
    train, held = ({text for x, _ in part for text in x} for part in parts)
    assert len(held) == 2 and not train & held
    assert train | held == {f"text {i}" for i in range(7)}


def test_shuffling_draws_an_order_at_each_pass_and_repeats_with_the_seed(texts):
    def passes(**kwargs):
        batches = _quiet(text_dataset_from_directory, texts, seed=1, label_mode=None, **kwargs)
        return [list(next(iter(batches))) for _ in range(4)]

    first = passes()
    assert len({tuple(order) for order in first}) > 1
    assert first == passes()
    assert len({tuple(order) for order in passes(format="grain")}) == 1
    assert len({tuple(order) for order in passes(shuffle=False)}) == 1


def test_labels_of_each_mode(texts):
    def labels(mode, **kwargs):
        batches = _quiet(
            text_dataset_from_directory, texts, shuffle=False, label_mode=mode, **kwargs
        )
        return next(iter(batches))[1]

    whole = [0, 0, 0, 1, 1, 1, 1]
    assert labels("int").tolist() == whole and labels("int").dtype == np.int32
    np.testing.assert_array_equal(labels("binary"), np.float32(whole)[:, None])
    np.testing.assert_array_equal(labels("categorical"), np.eye(2, dtype="float32")[whole])
    turned = labels("int", class_names=["b", "a"])
    assert turned.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert labels("int", labels=[3, 1, 2, 3, 1, 2, 3]).tolist() == [3, 1, 2, 3, 1, 2, 3]


def test_texts_are_cut_at_max_length_and_may_come_alone(texts):
    single = _quiet(text_dataset_from_directory, texts, labels=None, batch_size=None, max_length=3)
    assert list(single) == ["tex"] * 7
    assert single.class_names is None


def test_linked_folders_are_followed_where_told(texts, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "7.txt").write_text("text 7")
    (texts / "a" / "link").symlink_to(other)
    counts = [
        len(_quiet(text_dataset_from_directory, texts, follow_links=follow, batch_size=None))
        for follow in (False, True)
    ]
    assert counts == [7, 8]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"labels": "other"}, "`labels` argument should be"),
        ({"labels": [0, 1]}, "Expected the lengths of `labels`"),
        ({"labels": None, "class_names": ["a"]}, "only pass `class_names`"),
        ({"class_names": ["a", "c"]}, "did not match the names"),
        ({"label_mode": "other"}, "`label_mode` argument must be"),
        ({"label_mode": "binary", "class_names": ["a"]}, "exactly 2 class_names"),
        ({"format": "other"}, '"tf" or "grain"'),
        ({"validation_split": 2, "subset": "training"}, "between 0 and 1"),
        ({"validation_split": 0.2}, "`validation_split` must be set"),
        ({"validation_split": 0.2, "subset": "test"}, '"training", "validation" or "both"'),
        ({"validation_split": 0.2, "subset": "both"}, "must provide a `seed`"),
        ({"validation_split": 0.01, "subset": "both", "seed": 1}, "No validation text files"),
        ({"batch_size": 0}, "`batch_size` must be a positive"),
    ],
)
def test_wrong_arguments(texts, wrong, message):
    with pytest.raises(ValueError, match=message):
        _quiet(text_dataset_from_directory, texts, **wrong)


def test_a_folder_without_files_says_so(tmp_path):
    with pytest.raises(ValueError, match="No images found in directory"):
        _quiet(image_dataset_from_directory, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"color_mode": "cmyk"}, "`color_mode` must be one of"),
        ({"image_size": (1, 2, 3)}, "Expected a tuple of 2 integers"),
        ({"interpolation": "hamming"}, "`interpolation` should be one of"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one of"),
    ],
)
def test_wrong_arguments_for_pictures(pictures, wrong, message):
    with pytest.raises(ValueError, match=message):
        _quiet(image_dataset_from_directory, pictures, **wrong)


@pytest.mark.parametrize("mode", ["rgb", "rgba", "grayscale"])
def test_pictures_have_the_size_and_channels_that_were_asked_for(pictures, mode):
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[mode]
    batches = _quiet(image_dataset_from_directory, pictures, color_mode=mode, image_size=5)
    x, _ = next(iter(batches))
    assert x.shape == (6, 5, 5, channels) and x.dtype == np.float32
    first = _quiet(
        image_dataset_from_directory, pictures, color_mode=mode, image_size=(4, 5),
        data_format="channels_first",
    )  # fmt: skip
    assert next(iter(first))[0].shape == (6, channels, 4, 5)


def test_padding_adds_black_and_cropping_none(pictures):
    def darkest(**kwargs):
        batches = _quiet(image_dataset_from_directory, pictures, image_size=(4, 8), **kwargs)
        return next(iter(batches))[0].max(axis=-1).min()

    assert darkest(pad_to_aspect_ratio=True) == 0
    assert darkest(crop_to_aspect_ratio=True) == 200


def test_a_model_learns_from_folders(pictures):
    batches = _quiet(image_dataset_from_directory, pictures, image_size=(2, 2), batch_size=4)
    model = models.Sequential(
        [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.1
    model.fit(batches, epochs=10, verbose=0)
    assert model.evaluate(batches, verbose=0)[1] == 1.0


@pytest.mark.parametrize("size", [(3, 9), (11, 4)])
@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_resampling_as_keras_resizes(name, size):
    x = np.random.default_rng(0).uniform(0, 255, (7, 6, 3)).astype("float32")
    expected = keras.ops.image.resize(x, size, interpolation=name)
    np.testing.assert_allclose(resample(x, size, name), expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("name", KERNELS)
def test_resampling_keeps_a_plain_picture(name):
    x = np.full((5, 8, 1), 7.0)
    np.testing.assert_allclose(resample(x, (9, 3), name), np.full((9, 3, 1), 7.0))


def test_area_is_the_mean_of_what_lies_below():
    x = np.arange(6.0).reshape(1, 6, 1)
    np.testing.assert_allclose(resample(x, (1, 2), "area")[0, :, 0], [1, 4])
    np.testing.assert_allclose(resample(x[:, :3], (1, 2), "area")[0, :, 0], [1 / 3, 5 / 3])
