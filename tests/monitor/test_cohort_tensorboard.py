"""Cohorts for TensorBoard, read back with its own reader."""

import os

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.util import tensor_util

import kohort as keras
from kohort.callbacks import EarlyStopping, TensorBoard
from kohort.errors import KohortWarning
from kohort.monitor import CohortTensorBoard, write_verdict
from kohort.workflow.failure import WorkflowError

X = np.random.default_rng(0).normal(size=(48, 2)).astype("float32")
Y = X.sum(axis=1)
QUANTILES = {"median": 0.5, "quantile_10": 0.1, "quantile_25": 0.25, "quantile_75": 0.75,
             "quantile_90": 0.9}  # fmt: skip


def build(hp):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="only")])
    rate = hp.Float("rate", 1e-3, 0.1, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "mse", metrics=["r2_score"])
    return model


def plain():
    return build(keras.HyperParameters())


def read(*folder):
    return EventAccumulator(os.path.join(*folder), size_guidance={"tensors": 0}).Reload()


def series(run, tag):
    """Steps and values of a scalar tag (older scalars are migrated to tensors)."""
    if tag in run.Tags()["scalars"]:
        return [(e.step, e.value) for e in run.Scalars(tag)]
    return [(e.step, tensor_util.make_ndarray(e.tensor_proto).item()) for e in run.Tensors(tag)]


def text(run, tag):
    return tensor_util.make_ndarray(run.Tensors(tag)[0].tensor_proto).item().decode()


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    """The folder of a cross-validation, and its result."""
    folder = str(tmp_path_factory.mktemp("logs"))
    boards = [TensorBoard(folder)]
    return folder, keras.cross_validate(plain, X, Y, 5, epochs=4, batch_size=8, callbacks=boards)


def test_a_cohort_is_six_runs_of_quantiles(validated):
    folder, result = validated
    assert sorted(os.listdir(folder)) == ["best", *sorted(QUANTILES)]
    runs = {name: read(folder, name) for name in ("best", *QUANTILES)}
    for log in ("loss", "val_loss", "val_r2_score"):
        curves = np.array([history.history[log] for history in result.histories])
        expected = {name: np.quantile(curves, q, axis=0) for name, q in QUANTILES.items()}
        expected["best"] = curves.max(0) if "r2" in log else curves.min(0)
        for name, run in runs.items():
            steps, values = zip(*series(run, f"epoch_{log}"), strict=True)
            assert steps == (0, 1, 2, 3)
            np.testing.assert_allclose(values, expected[name], rtol=1e-5)
    assert series(runs["median"], "members_running") == [(e, 5) for e in range(4)]


def test_the_model_and_the_verdict_are_there(validated):
    folder, result = validated
    best = read(folder, "best")
    assert best.Tags()["graph"]
    assert "only" in text(best, "summary")
    assert text(best, "verdict") == str(keras.diagnose(result))


def test_a_search_has_sessions_and_one_axis_for_its_batches(tmp_path):
    found = keras.search(
        build, X, Y, trials=4, sampler="random", folds=2, epochs=3, batch_size=8, together=2,
        callbacks=[TensorBoard(tmp_path, write_graph=False)],
    )  # fmt: skip
    trials = [f"trial_{number:04d}" for number in range(4)]
    assert sorted(os.listdir(tmp_path)) == ["best", *sorted(QUANTILES), *trials]
    steps = [step for step, _ in series(read(tmp_path, "median"), "epoch_val_loss")]
    assert steps == list(range(6))  # two batches of three epochs
    assert text(read(tmp_path, "best"), "verdict") == str(found)
    for name, row in zip(trials, found.table(), strict=True):
        session = read(tmp_path, name)
        content = session.PluginTagToContent("hparams")["_hparams_/session_start_info"]
        start = HParamsPluginData.FromString(content).session_start_info
        assert start.hparams["rate"].number_value == pytest.approx(row["hp"]["rate"])
        assert series(session, "val_loss")[0][1] == pytest.approx(row["values"][0], rel=1e-6)


def test_members_that_ended_do_not_count(tmp_path):
    class First(keras.CohortCallback):
        def on_epoch_end(self, cohort, epoch, logs):
            cohort.drop([0, 1] if epoch == 0 else [])

    board = CohortTensorBoard(tmp_path, write_graph=False)
    result = keras.cross_validate(
        plain, X, Y, 3, epochs=2, batch_size=8, callbacks=[First(), board]
    )
    median = read(tmp_path, "median")
    assert series(median, "members_running") == [(0, 3), (1, 1)]
    rest = result.histories[2].history["loss"][1]
    assert series(median, "epoch_loss")[1][1] == pytest.approx(rest, rel=1e-6)


def test_a_sweep_tells_its_verdict_and_takes_no_callbacks_of_members(tmp_path):
    def sized(width):
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(width, "relu"), keras.layers.Dense(1)]
        )
        model.compile("sgd", "mse")
        return model

    arguments = {"widths": (2,), "seeds": 2, "epochs": 2}
    sweep = keras.capacity_sweep(sized, X, Y, callbacks=[TensorBoard(tmp_path)], **arguments)
    assert text(read(tmp_path, "best"), "verdict") == sweep.verdict
    for callbacks in ([EarlyStopping("loss")], list):
        with pytest.raises(WorkflowError, match="same epochs"):
            keras.capacity_sweep(sized, X, Y, callbacks=callbacks, **arguments)


def test_a_folder_that_cannot_be_written_is_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    board = TensorBoard(tmp_path / "file")
    with pytest.warns(KohortWarning, match="Training goes on") as caught:
        found = keras.search(
            build, X, Y, trials=3, sampler="random", folds=2, epochs=1, batch_size=8,
            callbacks=[board],
        )  # fmt: skip
    assert found.study.counts()["complete"] == 3
    assert len(caught) == 2  # one of the curves, one of the sessions


def test_what_a_cohort_has_not_is_one_warning(tmp_path):
    with pytest.warns(KohortWarning, match="histogram_freq, update_freq: of a cohort") as caught:
        TensorBoard(tmp_path, histogram_freq=1, update_freq=2).of_cohort()
    assert len(caught) == 1


def test_the_verdict_of_a_fit_stands_beside_its_curves(tmp_path):
    verdict = keras.diagnose({"loss": [4.0, 2.0, 1.0, 0.9]})
    write_verdict(verdict, tmp_path)
    assert text(read(tmp_path, "train"), "verdict") == str(verdict)
