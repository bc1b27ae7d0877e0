"""`improve` from file to folder on small data: what is written, and that nothing leaks."""

import csv
import json
import re

import numpy as np
import pytest

import kohort
from kohort.workflow import capacity, improve, network, predict, tune
from kohort.workflow import improve as improve_function
from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.report import render

QUICK = {"trials": 2, "epochs": 3, "folds": 2, "quiet": True}
ROWS = 120
INPUTS = ("size", "city", "same", "noise")


@pytest.fixture(scope="module", autouse=True)
def short_ladder():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capacity, "LADDER", ((4,),))
        yield


def mixed_rows(seed=0):
    """Rows with gaps, categories, a constant and a copy; the answer is yes where x is large."""
    generator = np.random.default_rng(seed)
    x = generator.normal(50, 10, ROWS)
    rows = []
    for i in range(ROWS):
        size = "" if i % 17 == 0 else f"{x[i]:.2f}"
        city = ["Bonn", "Köln", "Trier"][generator.integers(3)]
        answer = "yes" if x[i] + generator.normal(0, 2) > 50 else "no"
        rows.append([size, city, "7", f"{generator.normal():.3f}", answer])
    rows[30] = rows[29]
    return rows


def write_csv(path, rows, header=(*INPUTS, "answer")):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One whole run on a mixed table: (findings, folder, data file)."""
    folder = tmp_path_factory.mktemp("runs")
    data = write_csv(folder / "data.csv", mixed_rows())
    findings = improve(data, "answer", out=folder / "one", **QUICK | {"epochs": 12})
    return findings, folder / "one", data


class TestFolder:
    def test_all_files_are_there(self, run):
        names = {path.name for path in run[1].iterdir()}
        assert names == {
            "config.json",
            "history.csv",
            "log.txt",
            "model.keras",
            "report.html",
            "test_openings.json",
            "trials.csv",
        }

    def test_config_tells_what_was_done(self, run):
        config = json.loads((run[1] / "config.json").read_text())
        assert config["state"] == "done"
        assert (config["task"], config["classes"]) == ("binary", ["no", "yes"])
        assert config["measure"] == "ROC AUC"
        assert config["test"]["low"] <= config["test"]["value"] <= config["test"]["high"]

    def test_log_has_the_seven_stages_in_order(self, run):
        log = (run[1] / "log.txt").read_text()
        numbers = re.findall(r"^(\d)\. ", log, re.M)
        assert numbers == list("1234567")
        assert "Verdict" in log
        assert "1 row repeats" in log

    def test_csv_files_hold_every_candidate(self, run):
        with open(run[1] / "trials.csv") as file:
            trials = list(csv.DictReader(file))
        assert [row["stage"] for row in trials] == ["capacity", "tuning", "tuning"]
        with open(run[1] / "history.csv") as file:
            assert {row["trial"] for row in csv.DictReader(file)} == {"0", "1", "2"}

    def test_report_is_one_offline_file(self, run):
        html = (run[1] / "report.html").read_text()
        assert "<script" not in html
        assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
        assert html.count("data:image/png;base64,") == 5
        assert run[0].verdict.headline in html

    def test_it_learns_what_can_be_learnt(self, run):
        assert run[0].test.figure.value > 0.85


class TestKill:
    def test_what_is_known_is_on_the_disk_at_any_moment(self, tmp_path, monkeypatch):
        seen = []
        judge = tune.judge

        def look(*arguments):
            config = json.loads((tmp_path / "out" / "config.json").read_text())
            trials = (tmp_path / "out" / "trials.csv").read_text().splitlines()[1:]
            log = (tmp_path / "out" / "log.txt").read_text()
            seen.append((config["state"], config["measure"], len(trials), log))
            return judge(*arguments)

        monkeypatch.setattr(tune, "judge", look)
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        improve(data, "answer", out=tmp_path / "out", **QUICK)
        assert [entry[:3] for entry in seen] == [("running", "ROC AUC", n) for n in (1, 2)]
        assert "7. Regularising and tuning" in seen[0][3]


class TestHonesty:
    def test_test_rows_reach_nothing_before_the_opening(self, tmp_path):
        """Other values in the sealed rows change neither a candidate nor the final weights."""
        rows = mixed_rows()
        first = improve(write_csv(tmp_path / "a.csv", rows), "answer", out=tmp_path / "a", **QUICK)
        for row in set(first.protocol.test.tolist()) - {29, 30}:  # which are copies
            rows[row] = [str(900 + row), "Mainz", "7", "5.5", rows[row][4]]
        again = improve(write_csv(tmp_path / "b.csv", rows), "answer", out=tmp_path / "b", **QUICK)
        np.testing.assert_array_equal(first.protocol.test, again.protocol.test)
        assert [r.scores for r in first.results] == [r.scores for r in again.results]
        assert first.final.scaler.mean.tolist() == again.final.scaler.mean.tolist()
        assert first.test.figure != again.test.figure

    def test_second_run_on_the_same_data_says_so(self, run, tmp_path):
        _, folder, data = run
        other = improve(data, "answer", out=folder.parent / "two", seed=5, **QUICK)
        assert any("opened 1 time before" in line for line in other.verdict.text)
        log = (folder.parent / "two" / "log.txt").read_text()
        assert "was opened before" in log

    def test_opening_is_logged_with_the_data(self, run):
        entries = json.loads((run[1] / "test_openings.json").read_text())
        assert [entry["fingerprint"] for entry in entries] == [run[0].fingerprint]

    def test_same_seed_same_figures(self, run, tmp_path):
        findings, _, data = run
        again = improve(data, "answer", out=tmp_path / "again", **QUICK | {"epochs": 12})
        assert [r.scores for r in again.results] == [r.scores for r in findings.results]
        assert again.test.figure == findings.test.figure


class TestModel:
    def test_saved_model_takes_raw_rows(self, run):
        findings, folder, _ = run
        coded = findings.book.apply(findings.table.inputs)
        raw = findings.final.scaler.fill_gaps(coded)
        model = kohort.models.load_model(folder / "model.keras")
        expected = findings.final.fitted.predict(findings.final.scaler.apply(coded))
        np.testing.assert_allclose(
            np.asarray(model.predict(raw, verbose=0))[:, 0], expected, rtol=1e-4, atol=1e-5
        )

    def test_constant_column_has_no_say(self, run):
        findings, folder, _ = run
        raw = findings.final.scaler.fill_gaps(findings.book.apply(findings.table.inputs))[:5]
        model = kohort.models.load_model(folder / "model.keras")
        before = np.asarray(model.predict(raw, verbose=0))
        raw[:, findings.book.features.index("same")] += 1000
        np.testing.assert_array_equal(np.asarray(model.predict(raw, verbose=0)), before)

    def test_predict_applies_the_code_book(self, run):
        findings, folder, data = run
        names, rows = predict(folder, data)
        assert names == ["answer", "p(no)", "p(yes)"]
        assert len(rows) == ROWS
        prediction = np.array([row[2] for row in rows])[findings.protocol.test]
        np.testing.assert_allclose(prediction, findings.test.prediction, rtol=1e-4, atol=1e-5)
        assert {row[0] for row in rows} == {"no", "yes"}

    def test_predict_needs_no_target(self, run, tmp_path):
        _, folder, _ = run
        path = write_csv(tmp_path / "new.csv", [["50", "Mainz", "7", "0"]], INPUTS)
        _, rows = predict(folder, path)
        assert rows[0][1] + rows[0][2] == pytest.approx(1)

    def test_predict_without_a_needed_column(self, run, tmp_path):
        path = write_csv(tmp_path / "new.csv", [["50", "7"]], ["size", "same"])
        with pytest.raises(WorkflowError, match="without city, noise"):
            predict(run[1], path)

    def test_predict_with_text_for_numbers(self, run, tmp_path):
        path = write_csv(tmp_path / "new.csv", [["big", "Bonn", "7", "0"]], INPUTS)
        with pytest.raises(WorkflowError, match="'size' must hold numbers"):
            predict(run[1], path)

    def test_predict_from_no_run(self, tmp_path):
        with pytest.raises(WorkflowError, match="RUN must be the folder"):
            predict(tmp_path, tmp_path / "x.csv")


def arrays(tmp_path, **parts):
    np.savez(tmp_path / "data.npz", **parts)
    return tmp_path / "data.npz"


class TestTasks:
    def test_regression_in_the_targets_unit(self, tmp_path):
        x = np.random.default_rng(0).normal(size=(150, 3))
        y = 5000 + 300 * x[:, 0]
        data = arrays(tmp_path, x=x, y=y)
        findings = improve(data, out=tmp_path / "run", **QUICK | {"epochs": 25})
        assert findings.measure.name == "MAE"
        model = kohort.models.load_model(tmp_path / "run" / "model.keras")
        predicted = np.asarray(model.predict(x.astype("float32"), verbose=0))[:, 0]
        np.testing.assert_allclose(
            predicted[findings.protocol.test], findings.test.prediction, rtol=1e-4
        )
        assert abs(predicted.mean() - 5000) < 200
        names, rows = predict(tmp_path / "run", data)
        assert names == ["target"]
        assert rows[0][0] == pytest.approx(float(predicted[0]), rel=1e-4)

    def test_images_with_their_own_test_part(self, tmp_path):
        generator = np.random.default_rng(0)
        x = generator.integers(0, 256, (120, 3, 3)).astype("uint8")
        y = (np.arange(120) % 3).astype("uint8")
        parts = {"x_train": x[:90], "y_train": y[:90], "x_test": x[90:], "y_test": y[90:]}
        findings = improve(arrays(tmp_path, **parts), out=tmp_path / "run", **QUICK)
        assert findings.protocol.test.tolist() == list(range(90, 120))
        model = kohort.models.load_model(tmp_path / "run" / "model.keras")
        predicted = np.asarray(model.predict(x[90:], verbose=0))
        np.testing.assert_allclose(predicted, findings.test.prediction, rtol=1e-4, atol=1e-5)

    def test_labels(self, tmp_path):
        generator = np.random.default_rng(0)
        x = generator.normal(size=(120, 4))
        y = (x[:, :2] > 0).astype(int)
        findings = improve(arrays(tmp_path, x=x, y=y), out=tmp_path / "run", **QUICK)
        assert findings.problem.task == "multi-label"
        assert findings.test.prediction.shape == (len(findings.protocol.test), 2)
        assert predict(tmp_path / "run", tmp_path / "data.npz")[0] == ["label0", "label1"]

    def test_loss_that_runs_away_is_no_crash(self, tmp_path, monkeypatch):
        """A trial whose weights overflow is out; the others go on."""
        usual = network.fit

        def overflowing(setting, *args, **kwargs):
            fitted = usual(setting, *args, **kwargs)
            if setting.l2 is not None:
                fitted.model.set_weights([w * np.nan for w in fitted.model.get_weights()])
            return fitted

        monkeypatch.setattr(network, "fit", overflowing)
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        findings = improve(data, "answer", out=tmp_path / "run", **QUICK)
        assert findings.state == "done"
        if findings.capacity.best.setting.hidden:
            assert "2 trials gave no finite loss" in " ".join(findings.tuning.text)
        assert findings.tuning.chosen.stage == "capacity" or not findings.tuning.chosen.failed


class TestInterruption:
    @pytest.mark.parametrize(("stage", "stages"), [("_search", 5), ("_finish", 7)])
    def test_leaves_what_is_known(self, tmp_path, monkeypatch, stage, stages):
        import sys

        module = sys.modules[improve_function.__module__]

        def stop(*args):
            raise KeyboardInterrupt

        monkeypatch.setattr(module, stage, stop)
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        with pytest.raises(KeyboardInterrupt):
            improve(data, "answer", out=tmp_path / "run", **QUICK)
        config = json.loads((tmp_path / "run" / "config.json").read_text())
        assert config["state"] == "interrupted"
        html = (tmp_path / "run" / "report.html").read_text()
        assert "was interrupted before its end" in html
        assert html.count('<h2><span class="n">') == stages
        assert not (tmp_path / "run" / "test_openings.json").exists()
        with pytest.raises(WorkflowError, match="again if it was interrupted"):
            predict(tmp_path / "run", data)

    def test_finished_trials_are_kept(self, tmp_path, monkeypatch):
        from kohort.workflow import tune

        usual, calls = tune.judge, []

        def second_stops(*args):
            calls.append(args)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return usual(*args)

        monkeypatch.setattr(tune, "judge", second_stops)
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        with pytest.raises(KeyboardInterrupt):
            improve(data, "answer", out=tmp_path / "run", **QUICK)
        with open(tmp_path / "run" / "trials.csv") as file:
            assert [row["stage"] for row in csv.DictReader(file)] == ["capacity", "tuning"]


class TestOptions:
    @pytest.mark.parametrize("option", ["trials", "epochs"])
    def test_less_than_one(self, option):
        with pytest.raises(UsageError, match=f"--{option} must be at least 1"):
            improve("iris", **{option: 0})

    def test_bad_data_makes_no_folder(self, tmp_path):
        data = write_csv(tmp_path / "data.csv", mixed_rows()[:3])
        with pytest.raises(WorkflowError, match="at least 20 rows"):
            improve(data, "answer", out=tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_budget_ends_the_search(self, tmp_path):
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        findings = improve(
            data, "answer", out=tmp_path / "run", trials=50, epochs=2, budget=1e-3, quiet=True
        )
        assert len(findings.tuning.trials) == 1
        assert findings.state == "done"


def test_names_are_escaped_in_the_report(run):
    findings, _, _ = run
    findings.problem.classes[0] = "<b>no</b>"
    try:
        assert "<b>no</b>" not in render(findings)
    finally:
        findings.problem.classes[0] = "no"
