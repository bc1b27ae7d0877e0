"""ImageDataGenerator against Keras's legacy one from equal seeds, and `fit` with its iterators."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kohort import layers, utils
from kohort.models import Sequential
from kohort.preprocessing import image as ours

pytestmark = pytest.mark.filterwarnings("ignore:Please import `affine_transform`")
X = np.random.default_rng(0).uniform(0, 255, (7, 6, 5, 3)).astype("float32")
Y = np.array([0, 1, 2, 0, 1, 2, 0])
MOVES: dict[str, Any] = {
    "rotation_range": 30, "width_shift_range": 0.2, "height_shift_range": [-2, 1],
    "shear_range": 10, "zoom_range": (0.7, 1.2), "channel_shift_range": 20.0,
    "brightness_range": (0.5, 1.5), "horizontal_flip": True, "vertical_flip": True,
}  # fmt: skip
NORMS = {"featurewise_center": True, "featurewise_std_normalization": True}


@pytest.fixture
def theirs() -> Any:
    """Keras's module."""
    import keras.src.legacy.preprocessing.image as legacy  # type: ignore[import-not-found]

    return legacy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Images of two classes, and a file that is none."""
    for name, number in itertools.product(("cat", "dog"), range(3)):
        (tmp_path / name / "more").mkdir(parents=True, exist_ok=True)
        utils.save_img(tmp_path / name / "more" / f"{number}.png", X[number], scale=False)
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    return tmp_path


def same(ours: Any, theirs: Any) -> None:
    """Batches that agree."""
    for a, b in zip(*(x if isinstance(x, (tuple, list)) else [x] for x in (ours, theirs)),
                    strict=True):  # fmt: skip
        if isinstance(a, list):
            same(a, b)
            continue
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    "arguments",
    [
        MOVES,
        {**MOVES, "fill_mode": "constant", "cval": 3.0, "interpolation_order": 0},
        {"width_shift_range": 2, "rescale": 1 / 255, "samplewise_std_normalization": True,
         "samplewise_center": True},
        {"preprocessing_function": np.sqrt, "zoom_range": 0.3, "fill_mode": "wrap"},
    ],
    ids=["all", "constant", "samplewise", "function"],
)  # fmt: skip
def test_flows_from_arrays_are_keras_s(theirs: Any, arguments: dict[str, Any]) -> None:
    flows = [
        module.ImageDataGenerator(**arguments).flow(X, Y, batch_size=3, seed=5)
        for module in (ours, theirs)
    ]
    for _ in range(4):  # beyond the end of the data
        same(next(flows[0]), next(flows[1]))
    same(flows[0][2], flows[1][2])


@pytest.mark.parametrize("extra", [NORMS, {"zca_whitening": True, "featurewise_center": True}])
def test_what_fit_learns_is_keras_s(theirs: Any, extra: dict[str, Any]) -> None:
    made = []
    for module in (ours, theirs):
        generator = module.ImageDataGenerator(
            rotation_range=20, data_format="channels_first", rescale=0.1, **extra
        )
        x = np.moveaxis(X, -1, 1)
        generator.fit(x, augment=True, rounds=2, seed=3)
        made.append(next(generator.flow((x, Y), sample_weight=Y, shuffle=False, seed=1)))
    same(*made)
    assert 0 < np.std(made[0][0]) < 20


@pytest.mark.parametrize("mode", ["categorical", "binary", "input", None])
def test_flows_from_folders_are_keras_s(theirs: Any, folder: Path, mode: str | None) -> None:
    flows = [
        module.ImageDataGenerator(horizontal_flip=True, validation_split=0.4).flow_from_directory(
            str(folder), target_size=(4, 3), class_mode=mode, batch_size=3, seed=2,
            subset="training", color_mode="rgb" if mode else "grayscale", interpolation="bilinear",
        )
        for module in (ours, theirs)
    ]  # fmt: skip
    for name in ("filenames", "filepaths", "class_indices", "samples", "num_classes", "n"):
        assert getattr(flows[0], name) == getattr(flows[1], name)
    np.testing.assert_array_equal(flows[0].classes, flows[1].classes)
    for _ in range(2):
        same(next(flows[0]), next(flows[1]))


@pytest.mark.parametrize("mode", ["categorical", "sparse", "raw", "multi_output"])
def test_flows_from_tables_are_keras_s(theirs: Any, folder: Path, mode: str) -> None:
    pandas = pytest.importorskip("pandas")
    files = [f"{name}/more/{number}.png" for name in ("cat", "dog") for number in range(3)]
    labels: list[Any] = ["cat", "dog", "bird"] * 2
    if mode == "categorical":
        labels[1] = ["cat", "dog"]
    table = pandas.DataFrame(
        {"filename": [*files[:5], "gone.png"], "class": labels, "a": range(6), "w": [0.5] * 6}
    )
    options = {"y_col": {"raw": "a", "multi_output": ["a", "w"]}.get(mode, "class")}
    if mode == "categorical":
        options["classes"] = ["dog", "cat"]
    flows = []
    for module in (ours, theirs):
        with pytest.warns(UserWarning, match="1 invalid"):
            flow = module.ImageDataGenerator().flow_from_dataframe(
                table, str(folder), weight_col="w", class_mode=mode, target_size=(4, 4), seed=1,
                batch_size=4, **options,
            )  # fmt: skip
        flows.append(flow)
    assert flows[0].filenames == flows[1].filenames
    same(next(flows[0]), next(flows[1]))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("random_rotation", (40,)),
        ("random_shift", (0.3, 0.2)),
        ("random_shear", (20,)),
        ("random_zoom", ((0.6, 1.4),)),
        ("random_channel_shift", (30.0,)),
    ],
)
def test_single_images_are_keras_s(theirs: Any, name: str, arguments: tuple) -> None:
    made = []
    for module in (ours, theirs):
        np.random.seed(4)
        made.append(getattr(module, name)(np.moveaxis(X[0], -1, 0), *arguments))
    same(*made)
    np.random.seed(4)
    bright = ours.random_brightness(X[0], (0.5, 0.6))
    np.random.seed(4)
    same(bright, theirs.random_brightness(X[0], (0.5, 0.6)))


def test_fit_goes_through_the_batches_epoch_by_epoch(tmp_path: Path) -> None:
    generator = ours.ImageDataGenerator(rescale=1 / 255, horizontal_flip=True)
    flow = generator.flow(X, Y, batch_size=4, seed=1, save_to_dir=str(tmp_path))
    model = Sequential([layers.Flatten(), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(flow, epochs=3, verbose=0)
    assert len(history.history["loss"]) == 3 and len(flow) == 2
    assert len(list(tmp_path.iterdir())) >= 3 * 7
    assert model.predict(generator.flow(X, shuffle=False), verbose=0).shape == (7, 3)


def test_wrong_arguments_say_what_is_wrong(folder: Path) -> None:
    generator = ours.ImageDataGenerator(validation_split=0.5)
    with pytest.raises(ValueError, match="zoom_range"):
        ours.ImageDataGenerator(zoom_range=(1, 2, 3))
    with pytest.raises(ValueError, match="brightness_range"):
        ours.ImageDataGenerator(brightness_range=2)
    with pytest.raises(ValueError, match="validation_split"):
        ours.ImageDataGenerator(validation_split=2)
    with pytest.warns(UserWarning, match="overrides setting of `featurewise_center`"):
        ours.ImageDataGenerator(zca_whitening=True)
    with pytest.raises(ValueError, match="same length"):
        generator.flow(X, Y[:3])
    with pytest.raises(ValueError, match="rank 4"):
        generator.flow(X[0])
    with pytest.raises(ValueError, match="subset name"):
        generator.flow(X, subset="test")
    with pytest.raises(ValueError, match="different number of classes"):
        generator.flow(X, np.sort(Y), subset="training")
    with pytest.raises(ValueError, match="color mode"):
        generator.flow_from_directory(folder, color_mode="cmyk")
    with pytest.raises(ValueError, match="class_mode"):
        generator.flow_from_directory(folder, class_mode="raw")
    with pytest.raises(ValueError, match="must be distinct"):
        ours.random_rotation(X[0], 3, row_axis=0)
    with pytest.warns(UserWarning, match="hasn't been fit"):
        ours.ImageDataGenerator(featurewise_center=True).standardize(X)
    with pytest.raises(ValueError, match="retrieve element 9"):
        generator.flow(X)[9]
