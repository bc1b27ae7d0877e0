"""Files written here open in Keras, and Keras's open here: equal numbers, equal groups."""

import json
import logging

import h5py
import keras
import numpy as np
import pytest

import kohort
from kohort.core.naming import reset_names
from kohort.saving import load_model, load_weights, save_weights
from tests.saving.networks import NETWORKS, X, Y, fit, mlp, outputs, subclassed

PAIRS = pytest.mark.parametrize(("writer", "reader"), [(kohort, keras), (keras, kohort)])


def listing(path):
    """Every group and array of a file, with shape, dtype and stored name."""
    found = []
    with h5py.File(path) as file:
        file.visititems(
            lambda name, x: found.append(
                (name, getattr(x, "shape", None), str(getattr(x, "dtype", "")), x.attrs.get("name"))
            )
        )
    return found


@PAIRS
@pytest.mark.parametrize("name", NETWORKS)
def test_a_trained_model_opens_with_equal_predictions_and_goes_on_training(
    name, writer, reader, tmp_path
):
    model = fit(NETWORKS[name](writer))
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = reader.saving.load_model(path)
    np.testing.assert_allclose(outputs(loaded), outputs(model), atol=1e-6)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables) > 2
    mine, theirs = (np.ravel(m.train_on_batch(X, Y)) for m in (model, loaded))
    np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    np.testing.assert_allclose(outputs(loaded), outputs(model), atol=1e-5)


@PAIRS
def test_operations_keep_their_arguments(writer, reader, tmp_path):
    ops, x = writer.ops, writer.layers.Input((8,))
    parts = [
        ops.clip(x, 0.1, x_max=0.9), x[:, 1:3], ops.sum(x, 1, True), ops.maximum(x, 0.5),
        ops.where(x > 0.5, x, 0.1), ops.einsum("ij,jk->ik", x, np.eye(8, dtype="float32")),
        ops.one_hot(ops.argmax(x, 1), 8), ops.squeeze(ops.stack([x, x], axis=2)[..., 0:1], -1),
    ]  # fmt: skip
    model = writer.Model(x, ops.concatenate(parts, axis=1))
    model.save(tmp_path / "model.keras")
    loaded = reader.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("name", NETWORKS)
def test_weights_files_agree_group_by_group(name, tmp_path):
    listings = []
    for k in (kohort, keras):
        reset_names(), keras.utils.clear_session()
        model = NETWORKS[name](k)
        model.optimizer.build(model.trainable_variables)
        model.save_weights(tmp_path / "a.weights.h5")
        listings.append(listing(tmp_path / "a.weights.h5"))
    assert listings[0] == listings[1]


def test_subclassed_models_agree_group_by_group_and_exchange_weights(tmp_path):
    files = {}
    for k in (kohort, keras):
        reset_names(), keras.utils.clear_session()
        model = subclassed(k)
        path = tmp_path / f"{k.__name__}.weights.h5"
        model.save_weights(path)
        files[k] = (path, model)
    assert listing(files[kohort][0]) == listing(files[keras][0])
    files[kohort][1].load_weights(files[keras][0])
    np.testing.assert_allclose(files[kohort][1](X), files[keras][1](X), atol=1e-6)


@PAIRS
@pytest.mark.parametrize("name", ["mlp", "nested"])
def test_legacy_h5_opens_with_equal_predictions(name, writer, reader, tmp_path, caplog):
    model = NETWORKS[name](writer)
    path = tmp_path / "model.h5"
    with caplog.at_level(logging.ERROR):
        model.save(path)
        loaded = reader.saving.load_model(path)
    np.testing.assert_allclose(outputs(loaded), outputs(model), atol=1e-6)
    assert loaded.compiled and type(loaded.optimizer).__name__ == type(model.optimizer).__name__


def test_legacy_h5_of_keras_brings_the_optimizer(tmp_path):
    model = fit(mlp(keras))
    model.save(tmp_path / "model.h5")
    loaded = load_model(tmp_path / "model.h5")
    for mine, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), np.asarray(theirs))


@PAIRS
def test_folders_open(writer, reader, tmp_path):
    model = mlp(writer, compiled=False)
    model.save(tmp_path / "model", zipped=False)
    np.testing.assert_allclose(
        outputs(reader.saving.load_model(tmp_path / "model")), outputs(model), atol=1e-6
    )


@PAIRS
def test_sharded_weights_open(writer, reader, tmp_path):
    model, other = mlp(writer, compiled=False), mlp(reader, compiled=False)
    path = tmp_path / "a.weights.json"
    model.save_weights(path, max_shard_size=250 / 2**30)
    assert len(list(tmp_path.iterdir())) > 2
    other.load_weights(path)
    np.testing.assert_allclose(outputs(other), outputs(model), atol=1e-6)


@PAIRS
def test_weights_alone_bring_the_optimizer(writer, reader, tmp_path):
    model, other = mlp(writer), mlp(reader)
    for each in (model, other):
        each.optimizer.build(each.trainable_variables)
    for variable in model.optimizer.variables:
        variable.assign(np.full(variable.shape, 3))
    model.save_weights(tmp_path / "a.weights.h5")
    other.load_weights(tmp_path / "a.weights.h5")
    for variable in other.optimizer.variables:
        np.testing.assert_array_equal(np.asarray(variable), np.full(variable.shape, 3))


def test_a_frozen_layer_keeps_the_order_of_its_variables(tmp_path):
    class Mixed(kohort.layers.Layer):
        def build(self, input_shape):
            self.fixed = self.add_weight(shape=(1,), trainable=False, name="fixed")
            self.free = self.add_weight(shape=(2,), name="free")

        def call(self, x):
            return x

    model = kohort.Sequential([kohort.layers.Input((2,)), Mixed()])
    save_weights(model, tmp_path / "a.weights.h5")
    model.trainable = False
    load_weights(model, tmp_path / "a.weights.h5")


def test_bfloat16_weights_survive(tmp_path):
    def build(k):
        return k.Sequential([k.layers.Input((2,)), k.layers.Dense(2, dtype="bfloat16")])

    for writer, reader in ((kohort, keras), (keras, kohort)):
        model, other = build(writer), build(reader)
        model.save_weights(tmp_path / "a.weights.h5")
        other.load_weights(tmp_path / "a.weights.h5")
        for a, b in zip(model.weights, other.weights, strict=True):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_a_keras_2_file_opens(tmp_path):
    """As TensorFlow's Keras 2.12 wrote it: no modules, `batch_input_shape`, old fields."""
    kernel, bias = np.ones((3, 2), "float32"), np.array([1.0, 2.0], "float32")
    policy = {"class_name": "Policy", "config": {"name": "float32"}}
    dense = {
        "name": "d", "trainable": True, "batch_input_shape": [None, 3], "dtype": policy, "units": 2,
        "activation": "relu", "use_bias": True,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
        "bias_initializer": {"class_name": "Zeros", "config": {}},
        "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.01}},
        "bias_regularizer": None, "activity_regularizer": None, "kernel_constraint": None,
        "bias_constraint": None,
    }  # fmt: skip
    start = {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False,
             "name": "i"}  # fmt: skip
    layers = [
        {"class_name": "InputLayer", "config": start, "name": "i", "inbound_nodes": []},
        {"class_name": "Dense", "config": dense, "name": "d", "inbound_nodes": [[["i", 0, 0, {}]]]},
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["i", 0, 0]],
              "output_layers": [["d", 0, 0]]}  # fmt: skip
    adam = {"name": "Adam", "learning_rate": 0.5, "decay": 0.0, "beta_1": 0.9, "jit_compile": False}
    wrapper = {"name": "accuracy", "dtype": "float32", "fn": "categorical_accuracy"}
    training = {
        "loss": {"class_name": "MeanSquaredError", "config": {"reduction": "auto", "name": "mse"}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": wrapper}]],
        "weighted_metrics": None, "loss_weights": None,
        "optimizer_config": {"class_name": "Custom>Adam", "config": adam},
    }  # fmt: skip
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["keras_version"] = "2.12.0"
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.attrs["training_config"] = json.dumps(training)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"i", b"d"]
        weights.create_group("i").attrs["weight_names"] = []
        group = weights.create_group("d")
        group.attrs["weight_names"] = [b"d/kernel:0", b"d/bias:0"]
        group["d/kernel:0"], group["d/bias:0"] = kernel, bias
    model = load_model(tmp_path / "old.h5")
    np.testing.assert_allclose(model(np.ones((1, 3), "float32")), [[4.0, 5.0]])
    assert float(model.optimizer.learning_rate) == 0.5
    assert model.get_layer("d").kernel_regularizer.l2 == 0.01
    assert model.train_on_batch(np.ones((2, 3)), np.ones((2, 2)))[0] > 0
