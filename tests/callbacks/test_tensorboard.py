"""The callback, read back with TensorBoard's own reader."""

import os
import warnings

import jax
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

import kohort
from kohort import layers
from kohort.callbacks import Callback, CallbackList, TensorBoard
from kohort.callbacks.learning_rates import learning_rates
from kohort.errors import KohortWarning
from kohort.monitor.events import EventFile
from kohort.monitor.quiet import Quiet

ROWS = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
LABELS = (ROWS.sum(axis=1) > 0).astype("float32")


def read(folder):
    return EventAccumulator(
        str(folder), size_guidance={"tensors": 0, "scalars": 0, "histograms": 0}
    ).Reload()


def series(run, tag):
    """Steps and values of a scalar tag (older scalars are migrated to tensors)."""
    if tag in run.Tags()["scalars"]:
        return [(e.step, e.value) for e in run.Scalars(tag)]
    return [(e.step, tensor_util.make_ndarray(e.tensor_proto).item()) for e in run.Tensors(tag)]


def tags(run):
    found = run.Tags()
    return {tag for kind in ("scalars", "tensors", "histograms", "images") for tag in found[kind]}


@pytest.fixture(scope="module")
def model():
    model = kohort.Sequential(
        [layers.Input((3,)), layers.Dense(4, activation="tanh", name="first"),
         layers.Dense(1, activation="sigmoid", name="last")], name="net",
    )  # fmt: skip
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


def fit(model, *callbacks, validate=True, epochs=2, **options):
    data = (ROWS, LABELS) if validate else None
    return model.fit(
        ROWS, LABELS, batch_size=4, epochs=epochs, validation_data=data, verbose=0,
        callbacks=list(callbacks), **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def logs(model, tmp_path_factory):
    """A folder with everything by epoch, and the history."""
    folder = tmp_path_factory.mktemp("logs")
    before = [v.numpy().copy() for v in model.non_trainable_variables]
    board = TensorBoard(folder, histogram_freq=2, write_images=True, write_steps_per_second=True)
    history = fit(model, board, epochs=3)
    for old, new in zip(before, model.non_trainable_variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    return folder, history.history, read(folder / "train"), read(folder / "validation")


def test_scalars_have_keras_names_and_the_numbers_of_the_history(logs):
    folder, history, train, validation = logs
    assert sorted(os.listdir(folder)) == ["train", "validation"]
    for name in ("loss", "accuracy"):
        for run, key in ((train, name), (validation, f"val_{name}")):
            found = series(run, f"epoch_{name}")
            assert [step for step, _ in found] == [0, 1, 2]
            np.testing.assert_allclose([v for _, v in found], history[key], rtol=1e-6)
        evaluated = series(validation, f"evaluation_{name}_vs_iterations")
        assert [step for step, _ in evaluated] == [3, 6, 9]
        np.testing.assert_allclose([v for _, v in evaluated], history[f"val_{name}"], rtol=1e-6)
    assert series(train, "epoch_learning_rate") == [(e, pytest.approx(0.01)) for e in range(3)]
    assert all(value > 0 for _, value in series(train, "epoch_steps_per_second"))
    assert not any(tag.startswith("batch_") for tag in tags(train))


def test_histograms_are_of_weights_activations_and_gradients(logs, model):
    _, _, train, _ = logs
    weights = {f"{v.path}/histogram" for v in model.weights}
    gradients = {f"gradients/{tag}" for tag in weights}
    activations = {f"activations/{layer}/histogram" for layer in ("first", "last")}
    found = set(train.Tags()["histograms"])
    assert found == weights | gradients | activations
    events = train.Histograms("net/first/kernel/histogram")
    assert [event.step for event in events] == [0, 2]
    values, last = model.layers[0].kernel.numpy(), events[-1].histogram_value
    assert (last.num, sum(last.bucket)) == (12, 12)
    np.testing.assert_allclose([last.min, last.max], [values.min(), values.max()])
    np.testing.assert_allclose(
        [last.sum, last.sum_squares], [values.sum(), (values**2).sum()], 1e-5
    )


def test_activations_and_gradients_are_those_of_the_first_validation_rows(logs, model):
    _, _, train, _ = logs
    kernel, bias, last, last_bias = (v.numpy() for v in model.weights)
    hidden = np.tanh(ROWS[:4] @ kernel + bias)
    found = train.Histograms("activations/first/histogram")[-1].histogram_value
    np.testing.assert_allclose([found.sum, found.max], [hidden.sum(), hidden.max()], rtol=1e-4)
    # of the binary cross-entropy of a sigmoid: prediction less label
    error = 1 / (1 + np.exp(-(hidden @ last + last_bias))) - LABELS[:4, None]
    gradient = hidden.T @ error / 4
    found = train.Histograms("gradients/net/last/kernel/histogram")[-1].histogram_value
    np.testing.assert_allclose([found.sum, found.max], [gradient.sum(), gradient.max()], rtol=1e-3)


def test_images_have_the_shapes_that_keras_gives_them(logs):
    _, _, train, _ = logs
    image = train.Images("net/first/kernel/image")[0]
    assert (image.height, image.width) == (3, 4)
    image = train.Images("net/first/bias/image")[0]
    assert (image.height, image.width) == (4, 1)


def test_the_graph_the_summary_and_keras_json_are_written(logs, model):
    from tensorboard.plugins.graph import keras_util

    _, _, train, _ = logs
    nodes = {node.name: list(node.input) for node in train.Graph().node}
    assert nodes["last"] == ["first"] and len(nodes) == 3
    summary = tensor_util.make_ndarray(train.Tensors("summary")[0].tensor_proto).item()
    assert "first (Dense)" in summary.decode()
    json = tensor_util.make_ndarray(train.Tensors("keras")[0].tensor_proto).item().decode()
    assert json == model.to_json()
    import json as parser

    assert keras_util.keras_model_to_graph_def(parser.loads(json)).node


def test_scalars_alone_leave_epochs_whole(model, tmp_path):
    assert not CallbackList([TensorBoard(tmp_path, histogram_freq=1)]).needs_every_batch
    assert CallbackList([TensorBoard(tmp_path, update_freq=2)]).needs_every_train_batch
    assert CallbackList([TensorBoard(tmp_path, profile_batch=2)]).needs_every_train_batch
    assert not CallbackList([TensorBoard(tmp_path, update_freq=1)]).needs_every_test_batch

    class Own(TensorBoard):
        def on_train_batch_end(self, batch, logs=None): ...

    assert CallbackList([Own(tmp_path)]).needs_every_train_batch


def test_batches_are_written_as_often_as_asked(model, tmp_path):
    board = TensorBoard(tmp_path, update_freq=2, write_graph=False, write_steps_per_second=True)
    fit(model, board, validate=False)
    train = read(tmp_path / "train")
    for tag in ("batch_loss", "batch_accuracy", "batch_steps_per_second"):
        assert [step for step, _ in series(train, tag)] == [2, 4, 6]
    assert not (tmp_path / "validation").exists()


def test_evaluate_writes_into_the_validation_run(model, tmp_path):
    loss, _ = model.evaluate(ROWS, LABELS, verbose=0, callbacks=[TensorBoard(tmp_path)])
    (found,) = series(read(tmp_path / "validation"), "evaluation_loss_vs_iterations")
    assert found == (int(model.optimizer.iterations), pytest.approx(loss))
    assert os.listdir(tmp_path) == ["validation"]


def test_a_second_fit_adds_a_file_to_each_run(model, tmp_path):
    board = TensorBoard(tmp_path)
    fit(model, board, validate=False, epochs=1)
    fit(model, board, validate=False, epochs=2, initial_epoch=1)
    assert len(os.listdir(tmp_path / "train")) == 2
    assert [step for step, _ in series(read(tmp_path / "train"), "epoch_loss")] == [0, 1]


def test_embeddings_go_to_the_projector_with_their_labels(tmp_path):
    words = kohort.Sequential([layers.Input((2,)), layers.Embedding(3, 2, name="words")])
    board = TensorBoard(
        tmp_path, write_graph=False, embeddings_freq=2, embeddings_metadata={"words": ["a", "b", 3]}
    )
    calls = CallbackList([board], model=words)
    calls.on_train_begin()
    calls.on_epoch_end(0)
    vectors = words.layers[0].embeddings.numpy()
    words.layers[0].embeddings.assign(np.zeros((3, 2)))
    calls.on_epoch_end(1)
    calls.on_train_end()
    config = (tmp_path / "train/projector_config.pbtxt").read_text()
    assert 'metadata_path: "embeddings/words_labels.tsv"' in config
    assert (tmp_path / "train/embeddings/words_labels.tsv").read_text().split() == ["a", "b", "3"]
    table = np.loadtxt(tmp_path / "train/embeddings/words.tsv", delimiter="\t")
    np.testing.assert_allclose(table, vectors, rtol=1e-6)


def test_an_embedding_layer_that_is_not_there_is_an_error(tmp_path):
    words = kohort.Sequential([layers.Input((2,)), layers.Embedding(3, 2, name="words")])
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"word": "a.tsv"})
    with pytest.raises(ValueError, match=r"\['word'\](.|\n)*are: \['words'\]"):
        board.set_model(words)
    TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"words": "a.tsv"}).set_model(
        words
    )


def test_a_folder_that_cannot_be_written_is_one_warning(model, tmp_path):
    (tmp_path / "file").write_text("")
    board = TensorBoard(
        tmp_path / "file", histogram_freq=1, write_steps_per_second=True, embeddings_freq=1,
        profile_batch=2,
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", KohortWarning)
        history = fit(model, board)
    assert len(history.epoch) == 2
    assert [f"cannot write in '{tmp_path / 'file'}'" in str(w.message) for w in caught] == [True]


def test_a_second_training_does_not_compile_the_sample_anew(model, tmp_path, monkeypatch):
    fit(model, TensorBoard(tmp_path / "a", histogram_freq=1))
    traced = []
    monkeypatch.setattr("kohort.monitor.sample.recorded", traced.append)
    fit(model, TensorBoard(tmp_path / "b", histogram_freq=1))
    first, second = (read(tmp_path / run / "train").Tags()["histograms"] for run in "ab")
    assert first == second and not traced


def test_a_model_of_other_names_has_its_own_histograms(model, tmp_path):
    other = kohort.Sequential(
        [layers.Input((3,)), layers.Dense(4, activation="tanh", name="one"),
         layers.Dense(1, activation="sigmoid", name="two")],
    )  # fmt: skip
    other.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    fit(other, TensorBoard(tmp_path, histogram_freq=1))
    found = {tag for tag in tags(read(tmp_path / "train")) if "activations" in tag}
    assert found == {f"activations/{name}/histogram" for name in ("one", "two")}


def test_a_model_that_cannot_be_sampled_is_one_warning(model, tmp_path, monkeypatch):
    def fails(*_):
        raise TypeError("no tracing")

    monkeypatch.setattr("kohort.monitor.sample.Sampler.__call__", fails)
    with pytest.warns(KohortWarning, match="activations and gradients: no tracing") as caught:
        fit(model, TensorBoard(tmp_path, histogram_freq=1), validate=False)
    assert len(caught) == 1
    found = read(tmp_path / "train").Tags()["histograms"]
    assert set(found) == {f"{v.path}/histogram" for v in model.weights}


def test_a_loss_that_only_train_step_knows_leaves_the_activations(tmp_path):
    class Doubling(kohort.Sequential):
        def train_step(self, state, data):
            weights, *rest = state
            return {"loss": 1.0}, ([2 * each for each in weights], *rest)

    own = Doubling([layers.Input((3,)), layers.Dense(1, name="only")])
    own.compile("sgd")
    own.fit(ROWS, epochs=1, verbose=0, callbacks=[TensorBoard(tmp_path, histogram_freq=1)])
    found = set(read(tmp_path / "train").Tags()["histograms"])
    weights = {f"{v.path}/histogram" for v in own.weights}
    assert found == {"activations/only/histogram", *weights}


def test_a_resumed_training_goes_on_counting_batches(tmp_path):
    first, second = (TensorBoard(tmp_path, update_freq=2, write_graph=False) for _ in range(2))
    first.on_train_begin()
    for batch in range(3):
        first.on_train_batch_begin(batch)
        first.on_train_batch_end(batch, {"loss": 1.0, "many": np.ones(2), "word": "no"})
    second.on_train_begin()
    second.set_state(first.get_state())
    second.on_train_batch_begin(3)
    second.on_train_batch_end(3, {"loss": 0.5})
    first._train.close()
    second._train.close()
    run = read(tmp_path / "train")
    assert series(run, "batch_loss") == [(2, 1.0), (4, 0.5)]
    assert tags(run) == {"batch_loss", "batch_many/0", "batch_many/1"}


def test_several_optimisers_have_a_learning_rate_each():
    class Two:
        optimizers = [kohort.optimizers.SGD(0.5, name="a"), kohort.optimizers.SGD(0.25, name="b")]

    assert learning_rates(Two()) == {"learning_rate_a": 0.5, "learning_rate_b": 0.25}


def test_a_full_disk_is_one_warning(model, tmp_path, monkeypatch):
    from tensorboardX.record_writer import RecordWriter

    def full(self, *_):
        raise OSError(28, "No space left on device")

    class Fill(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                monkeypatch.setattr(RecordWriter, "write", full)

    board = TensorBoard(tmp_path)
    with pytest.warns(KohortWarning, match="No space left on device. Training goes on") as caught:
        assert len(fit(model, Fill(), board, validate=False, epochs=3).epoch) == 3
    assert len(caught) == 1


def test_values_that_are_not_finite_are_one_warning(tmp_path):
    run = EventFile(tmp_path, Quiet("Test"))
    with pytest.warns(KohortWarning, match="Test: .*not finite: 1 of 3 in 'a', epoch 0") as caught:
        for step in range(2):
            run.histogram("a", np.array([np.nan, 1, 2]), step)
        run.histogram("b", np.full(2, np.inf), 0)
    run.close()
    assert len(caught) == 1
    found = [event.histogram_value for event in read(tmp_path).Histograms("a")]
    assert [(each.num, each.min, each.max) for each in found] == [(2, 1, 2)] * 2
    assert "b" not in tags(read(tmp_path))


def test_buckets_hold_what_numpy_counts(tmp_path):
    values = np.random.default_rng(0).normal(size=1000)
    run = EventFile(tmp_path, Quiet("Test"))
    run.histogram("a", values, 0)
    run.close()
    found = read(tmp_path).Histograms("a")[0].histogram_value
    counts, edges = np.histogram(values, bins=30)
    assert list(found.bucket) == [0, *counts]
    np.testing.assert_allclose(found.bucket_limit, edges)
    np.testing.assert_allclose([found.sum, found.sum_squares], [values.sum(), values @ values])


@pytest.mark.parametrize(
    "values",
    [np.ones(3), np.array([1, 1 + 1e-7], "float32"), np.array([True, False]), np.array([0, 1e-310]),
     np.array([0, 2**32 - 1], "uint32"), np.zeros(2, jax.numpy.bfloat16)],
)  # fmt: skip
def test_histograms_count_all_values(values, tmp_path):
    run = EventFile(tmp_path, Quiet("Test"))
    run.histogram("a", values, 0)
    run.histogram("empty", np.zeros(0), 0)
    run.close()
    assert read(tmp_path).Tags()["histograms"] == ["a"]
    found = read(tmp_path).Histograms("a")[0].histogram_value
    assert len(values) == found.num == sum(found.bucket)
    assert (found.min, found.max) == (float(values.min()), float(values.max()))


@pytest.mark.parametrize(
    "option",
    [
        {"update_freq": 0},
        {"update_freq": "day"},
        {"profile_batch": -1},
        {"profile_batch": (3, 2)},
        {"profile_batch": "one"},
        {"profile_batch": (1, 2, 3)},
        {"profile_batch": None},
    ],
)
def test_bad_arguments_are_errors(option):
    with pytest.raises(ValueError, match="Received"):
        TensorBoard(**option)


def test_profile_batch_traces(model, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(jax.profiler, "start_trace", lambda folder: calls.append(folder))
    monkeypatch.setattr(jax.profiler, "stop_trace", lambda: calls.append(len(calls)))
    board = TensorBoard(tmp_path, profile_batch="2,3", write_graph=False)
    fit(model, board, validate=False, epochs=1)
    assert calls == [str(tmp_path / "train"), 1]
    assert not any(tag.startswith("batch_") for tag in tags(read(tmp_path / "train")))
