"""Fine-tuning as it is practised, beside Keras: load, cut, freeze, add a head, train, thaw."""

import keras
import numpy as np
import pytest

import kohort

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 6, 6, 1)).astype("float32")
Y = RNG.integers(0, 3, 16)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A Keras file of a network for another task."""
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 6, 1), name="picture")
    h = keras.layers.Conv2D(3, 3, activation="relu", name="conv")(x)
    h = keras.layers.BatchNormalization(name="norm")(h)
    h = keras.layers.Flatten(name="flat")(h)
    h = keras.layers.Dense(5, activation="relu", name="features")(h)
    model = keras.Model(x, keras.layers.Dense(7, name="old_head")(h), name="base")
    path = tmp_path_factory.mktemp("models") / "base.keras"
    model.save(path)
    return path


def assert_equal_training(ours, theirs, epochs=1):
    """Both learn the same from here."""
    options = {"batch_size": 8, "epochs": epochs, "shuffle": False, "verbose": 0}
    found = ours.fit(X, Y, **options).history
    expected = theirs.fit(X, Y, **options).history
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-4)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    counts = [sum(np.size(w) for w in m.trainable_weights) for m in (ours, theirs)]
    assert counts[0] == counts[1]


def compiled(model):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def cut(k, path):
    """The network without its head, frozen up to the features, with a new head."""
    base = k.saving.load_model(path)
    inner = k.Model(base.input, base.layers[-2].output)
    for layer in inner.layers[:-1]:
        layer.trainable = False
    head = k.layers.Dense(3, "softmax", kernel_initializer="ones", name="head")(inner.output)
    return compiled(k.Model(inner.input, head))


def nested(k, path):
    """The whole network as one frozen layer that runs in inference mode."""
    base = k.saving.load_model(path)
    base.trainable = False
    x = k.Input((6, 6, 1))
    h = base(x, training=False)
    return compiled(k.Model(x, k.layers.Dense(3, "softmax", kernel_initializer="ones")(h)))


def thaw(model):
    for layer in model.layers:
        layer.trainable = True
    return compiled(model)


def statistics(model):
    """The arrays that must not move."""
    return [np.array(v.value) for v in model.non_trainable_variables if "seed" not in v.path]


def test_a_new_head_learns_and_then_the_rest(saved):
    ours, theirs = cut(kohort, saved), cut(keras, saved)
    before = statistics(ours)
    assert len(before) == 6
    assert_equal_training(ours, theirs)
    for a, b in zip(statistics(ours), before, strict=True):
        np.testing.assert_array_equal(a, b)
    thaw(ours)
    thaw(theirs)
    assert len(ours.trainable_weights) == len(theirs.trainable_weights) == 8
    assert_equal_training(ours, theirs)


def test_a_network_as_a_layer_in_inference_mode(saved):
    ours, theirs = nested(kohort, saved), nested(keras, saved)
    assert_equal_training(ours, theirs)
    thaw(ours)
    before = ours.get_weights()
    ours.fit(X, Y, verbose=0)
    moved = [not np.array_equal(a, b) for a, b in zip(ours.get_weights(), before, strict=True)]
    # All but the moving mean and variance: `training=False` at the call holds, as Keras's guide
    # to transfer learning says.
    assert moved == [True] * 4 + [False] * 2 + [True] * 6


def test_outputs_of_layers_are_features(saved):
    results = []
    for k in (kohort, keras):
        base = k.saving.load_model(saved)
        names = ["conv", "features"]
        extractor = k.Model(base.inputs, {n: base.get_layer(n).output for n in names})
        second = k.Model(base.get_layer("norm").output, base.outputs[0])
        features = extractor.predict(X, verbose=0)
        middle = RNG.__class__(np.random.PCG64(1)).normal(size=(2, 4, 4, 3)).astype("float32")
        results.append([features["conv"], features["features"], np.asarray(second(middle))])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
