"""Exported programs: the numbers of `predict`, for batches of any size, without the model."""

import json
import subprocess
import sys

import jax.numpy as jnp
import numpy as np
import pytest

import kohort as keras
from kohort import layers
from kohort.export import ExportArchive, load
from kohort.export.signature import signature_of

RNG = np.random.default_rng(0)


def rows(*shape):
    return RNG.normal(size=shape).astype("float32")


def dense():
    return keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, "relu"),
            layers.Dropout(0.5),
            layers.BatchNormalization(),
            layers.Dense(2, "softmax"),
        ]
    )


def convolutional():
    return keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.MaxPooling2D(padding="same"),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def recurrent():
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(9, 3, mask_zero=True),
            layers.Bidirectional(layers.LSTM(2)),
            layers.Dense(1),
        ]
    )


def two_by_two():
    a, b = keras.Input((3,), name="a"), keras.Input((None, 2), name="b")
    joined = layers.Concatenate()([a, layers.GlobalAveragePooling1D()(b)])
    return keras.Model(
        {"a": a, "b": b}, {"p": layers.Dense(1)(joined), "q": layers.Dense(2)(joined)}
    )


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, x, training=False):
        return self.dense(x) + (100.0 if training else 0.0)


def subclass():
    model = Subclass()
    model(rows(1, 3))
    return model


MODELS = {
    "dense": (dense, lambda n: rows(n, 3)),
    "convolutional": (convolutional, lambda n: rows(n, 6, 6, 1)),
    "recurrent": (recurrent, lambda n: RNG.integers(0, 9, (n, 4 + n)).astype("int32")),
    "two by two": (two_by_two, lambda n: {"a": rows(n, 3), "b": rows(n, 4 + n, 2)}),
    "subclass": (subclass, lambda n: rows(n, 3)),
}


def assert_close(found, expected):
    found, expected = keras.tree.flatten(found), keras.tree.flatten(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def onnx_session(path):
    runtime = pytest.importorskip("onnxruntime", reason="the extra onnx is not installed")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    return runtime.InferenceSession(path, options)


@pytest.mark.parametrize("name", MODELS)
def test_programs_give_what_predict_gives(name, tmp_path, monkeypatch):
    keras.utils.set_random_seed(0)
    build, data = MODELS[name]
    model, x = build(), data(3)
    outputs = model.predict_on_batch(x)
    first, first_outputs = (keras.tree.map_structure(lambda a: a[:1], t) for t in (x, outputs))

    model.export(tmp_path / "model", verbose=False)
    artifact = load(tmp_path / "model")
    assert artifact.endpoints == ["serve"]
    assert "batch" in artifact.metadata["endpoints"]["serve"]["inputs"][0]
    assert_close(artifact.serve(x), outputs)
    assert_close(artifact.serve(first), first_outputs)

    pytest.importorskip("jax2onnx", reason="the extra onnx is not installed")
    # jax2onnx's plugins for Equinox, of no use here, compile for half a minute.
    monkeypatch.setitem(sys.modules, "equinox", None)
    cumsum = jnp.cumsum
    model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    assert jnp.cumsum is cumsum  # which jax2onnx replaces
    session = onnx_session(tmp_path / "model.onnx")
    for part, expected in ((x, outputs), (first, first_outputs)):
        feed = part if isinstance(part, dict) else {session.get_inputs()[0].name: part}
        assert_close(session.run(None, feed), expected)


def test_a_program_needs_neither_the_model_nor_its_code(tmp_path, capsys):
    keras.utils.set_random_seed(0)
    model = subclass()
    model.export(tmp_path / "model", platforms=["cpu"])
    assert "Saved artifact" in capsys.readouterr().out
    x = rows(2, 3)
    np.save(tmp_path / "x.npy", x)
    code = (
        "import jax, json, numpy as np; from safetensors.numpy import load_file;"
        "w = load_file('model/weights.safetensors');"
        "m = json.load(open('model/metadata.json'))['weights'];"
        "w = [np.frombuffer(w[str(i)].tobytes(), d['dtype']).reshape(d['shape'])"
        " for i, d in enumerate(m)];"
        "import jax.export;"
        "f = jax.export.deserialize(bytearray(open('model/serve.stablehlo', 'rb').read()));"
        "print(json.dumps(np.asarray(f.call(w, np.load('x.npy'))).tolist()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert_close([np.asarray(json.loads(done.stdout))], [model.predict_on_batch(x)])


def test_an_archive_with_two_endpoints_that_share_weights(tmp_path):
    model = dense()
    archive = ExportArchive(platforms=["cpu"])
    archive.track(model)
    signature = [keras.InputSpec(shape=(None, 3), dtype="float32")]
    archive.add_endpoint("probabilities", model)
    archive.add_endpoint("classes", lambda x: {"class": model(x).argmax(-1)}, signature)
    archive.add_variable_collection("kernels", [model.layers[0].kernel])
    archive.write_out(tmp_path / "archive", verbose=False)
    artifact, x = load(tmp_path / "archive"), rows(4, 3)
    assert_close(artifact(x), model.predict_on_batch(x))
    np.testing.assert_array_equal(artifact.classes(x)["class"], artifact(x).argmax(-1))
    assert artifact.metadata["collections"] == {"kernels": ["0"]}
    with pytest.raises(ValueError, match="no endpoint of this name. Received: 'serve'"):
        artifact.endpoint("serve")
    with pytest.raises(ValueError, match="The inputs must be"):
        artifact(x, x)


def test_half_precision_and_fixed_sizes(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, dtype="bfloat16")])
    model.export(tmp_path / "model", verbose=False, input_signature=[keras.InputSpec(shape=(2, 3))])
    artifact, x = load(tmp_path / "model"), rows(2, 3)
    assert_close(artifact.serve(x).astype("float32"), model(x).astype("float32"))
    with pytest.raises(ValueError):
        artifact.serve(rows(3, 3))


def test_a_stack_built_from_its_first_batch_takes_any_number_of_rows():
    model = keras.Sequential([layers.Dense(2)])
    model(rows(2, 3))
    assert signature_of(model)[0].shape == (None, 3)


def test_a_layer_of_an_artifact(tmp_path):
    base = dense()
    base.export(tmp_path / "base", verbose=False)
    layer = layers.TFSMLayer(tmp_path / "base")
    model = keras.Sequential([keras.Input((3,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(rows(4, 3), rows(4, 1), verbose=0)
    x = rows(4, 3)
    assert_close(layer(x), base.predict_on_batch(x))
    assert not layer.trainable_weights and len(model.trainable_weights) == 2
    model.save(tmp_path / "model.keras")
    assert_close(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p: dense().export(p, format="tf_saved_model"), "tf_saved_model.*onnx"),
        (lambda p: dense().export(p, format="zip"), "Received: format='zip'"),
        (lambda p: Subclass().export(p), "not yet been built"),
        (lambda p: keras.Sequential([layers.Dense(1)]).export(p), "not yet been built"),
        (lambda p: ExportArchive().track("x"), "Invalid resource type"),
        (lambda p: ExportArchive().write_out(p), "No endpoints"),
        (lambda p: ExportArchive().add_endpoint("f", abs), "`input_signature`"),
        (lambda p: ExportArchive().add_endpoint("a/b", abs, [np.ones(1)]), "identifier"),
        (lambda p: dense().export(p, input_signature=["x"]), "Received: 'x'"),
        (
            lambda p: dense().export(p, input_signature=[keras.Input((1,), dtype="string")]),
            "Strings cannot",
        ),
        (lambda p: load(p), "An artifact that `model.export` wrote is needed"),
        (lambda p: layers.TFSMLayer(p), "An artifact"),
        (lambda p: dense().export(p.parent, verbose=False), "a folder of its own"),
    ],
)
def test_errors(wrong, message, tmp_path):
    (tmp_path / "other").write_text("")
    with pytest.raises(ValueError, match=f"(?s){message}"):
        wrong(tmp_path / "model")


def test_a_size_that_must_be_known_is_told(tmp_path):
    archive = ExportArchive()
    with pytest.raises(ValueError, match="`input_signature` with more sizes fixed"):
        archive.add_endpoint("f", lambda x: x if x.shape[0] > 3 else -x, [keras.Input((2,))])
