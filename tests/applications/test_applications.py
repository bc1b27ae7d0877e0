"""The architectures beside those of real Keras: layers, weights, outputs, files; no downloads."""

import json

import jax
import keras
import numpy as np
import pytest

import kohort
from kohort import applications, initializers
from tests.applications.digests import CASES, FILE, SMALL, digest, zeros


@pytest.fixture
def without_numbers(monkeypatch):
    """Weights are zeros: only shapes are looked at, and drawing them takes long."""
    for cls in (keras.initializers.VarianceScaling, initializers.VarianceScaling):
        monkeypatch.setattr(cls, "__call__", zeros)


@pytest.mark.parametrize("name", CASES)
def test_layers_and_weights_are_those_of_keras(name, without_numbers):
    kohort.backend.clear_session()
    model = getattr(applications, name)(weights=None, **CASES[name])
    assert digest(model) == json.loads(FILE.read_text())[name]


@pytest.mark.parametrize("name", ["MobileNet"])
def test_a_file_of_keras_gives_its_outputs(name, without_numbers, tmp_path):
    options = CASES[name]
    theirs = getattr(keras.applications, name)(weights=None, **options)
    rng = np.random.default_rng(0)
    theirs.set_weights(
        [rng.uniform(0.9, 1.1, w.shape) / max(1, np.prod(w.shape[:-1])) for w in theirs.weights]
    )
    path = str(tmp_path / "model.weights.h5")
    theirs.save_weights(path)
    ours = getattr(applications, name)(weights=path, **options)
    x = rng.normal(size=(1, *options["input_shape"])).astype("float32")
    expected = jax.jit(lambda x: theirs(x, training=False))(x)
    found = jax.jit(lambda x: ours(x, training=False))(x)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-7)


MODULES = ["densenet", "efficientnet", "mobilenet_v2", "resnet50", "xception"]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("symbolic", [False, True])
def test_preprocessing(module, symbolic):
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype("uint8")
    expected = getattr(keras.applications, module).preprocess_input(x.astype("float32"))
    preprocess = getattr(applications, module).preprocess_input
    if symbolic:
        image = kohort.Input((3, 4, 3))
        found = kohort.Model(image, preprocess(image))(x.astype("float32"))
    else:
        found = preprocess(x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_preprocessing_with_channels_first():
    x = np.random.default_rng(0).uniform(0, 255, (2, 3, 4, 5)).astype("float32")
    for mode in ("caffe", "torch"):
        theirs = keras.applications.imagenet_utils.preprocess_input
        ours = applications.imagenet_utils.preprocess_input
        a, b = ours(x, "channels_first", mode), theirs(x.copy(), "channels_first", mode)
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="Expected mode to be one of"):
        ours(x, mode="other")


def test_decode_predictions(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    scores = np.zeros((1, 1000))
    scores[0, [3, 7]] = 0.3, 0.7
    decode = applications.vgg16.decode_predictions
    with pytest.raises(FileNotFoundError, match=r"fetch https://.*imagenet_class_index.json"):
        decode(scores)
    (tmp_path / "models").mkdir()
    names = {str(i): [f"n{i}", f"class {i}"] for i in range(1000)}
    (tmp_path / "models" / "imagenet_class_index.json").write_text(json.dumps(names))
    assert decode(scores, top=2) == [[("n7", "class 7", 0.7), ("n3", "class 3", 0.3)]]
    with pytest.raises(ValueError, match=r"shape \(samples, 1000\)"):
        decode(scores[:, :3])


def test_a_model_on_a_tensor_that_was_computed(without_numbers):
    image = kohort.Input((32, 32, 3))
    x = kohort.layers.Rescaling(1 / 255)(image)
    model = applications.MobileNet(
        input_tensor=x, weights=None, include_top=False, alpha=0.25, input_shape=SMALL
    )
    assert model.inputs[0] is image


def test_imagenet_weights_come_from_the_users_folder(tmp_path, monkeypatch, without_numbers):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="mobilenet_2_5_128_tf_no_top.h5"):
        applications.MobileNet((128, 128, 3), alpha=0.25, include_top=False)


BAD = [
    ({"weights": "no such file"}, "or the path to the weights file"),
    ({"classes": 10}, "`classes` should be 1000"),
    ({"classifier_activation": "relu"}, "Only `None` and `softmax`"),
    ({"input_shape": (64, 64, 3)}, "`input_shape` should be"),
    ({"input_shape": (224, 224, 1)}, "must have 3 channels"),
    ({"input_shape": (16, 64, 3), "weights": None}, "at least 32x32"),
    ({"input_shape": (64, 64), "weights": None}, "three integers"),
    ({"input_shape": (None, 64, 3), "weights": None}, "static `input_shape`"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        applications.VGG16(**options)
