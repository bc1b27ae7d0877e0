"""`improve` from file to folder on small data: what is written, and that nothing leaks."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from matplotlib.figure import Figure

import kohort
from kohort.workflow import baselines, candidates, capacity, measure, network, regularise, tune
from kohort.workflow.failure import UsageError, WorkflowError
from kohort.workflow.improve import improve
from kohort.workflow.predict import predict
from kohort.workflow.report import render

QUICK = {"trials": 2, "epochs": 3, "folds": 2, "quiet": True}
ROWS = 120
INPUTS = ("size", "city", "same", "noise")


@pytest.fixture(scope="module", autouse=True)
def few_structures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capacity, "LADDER", ((3,),))
        patch.setattr(capacity, "HIGHER", ())
        patch.setattr(baselines, "DEFAULT", network.Setting((3,)))
        few = {name: regularise.MEANS[name] for name in ("L2", "dropout")}
        patch.setattr(regularise, "MEANS", few)
        # Rougher intervals and pictures: test_measure, honest/test_bbc and test_pictures see to
        # the real ones.
        patch.setattr(tune, "SAMPLES", 40)
        resamples, savefig = measure._resamples, Figure.savefig
        patch.setattr(measure, "_resamples", lambda rows, seed, _: resamples(rows, seed, 100))
        patch.setattr(Figure, "savefig", lambda *a, **k: savefig(*a, **k | {"dpi": 30}))
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
        assert " ".join(sorted(names)) == (
            "candidates config.json history.csv log.txt model.keras report.html "
            "test_openings.jsonl test_seal.json trials.csv"
        )

    def test_config_tells_what_was_done(self, run):
        config = json.loads((run[1] / "config.json").read_text())
        assert config["state"] == "done"
        assert (config["task"], config["classes"]) == ("binary", ["no", "yes"])
        assert config["measure"] == "ROC AUC"
        assert config["test"]["low"] <= config["test"]["value"] <= config["test"]["high"]

    def test_log_has_the_stages_in_order(self, run):
        log = (run[1] / "log.txt").read_text()
        numbers = re.findall(r"^(\d)\. ", log, re.M)
        assert numbers == list("12345678")
        assert "Verdict" in log
        assert "1 row repeats" in log

    def test_csv_files_hold_every_candidate(self, run):
        with open(run[1] / "trials.csv") as file:
            trials = list(csv.DictReader(file))
        stages = [row["stage"] for row in trials]
        assert stages == sorted(stages, key=("baseline capacity regularising tuning").find)
        assert stages.count("baseline") == stages.count("capacity") == 1
        assert stages.count("regularising") >= 3 and stages.count("tuning") == 2
        with open(run[1] / "history.csv") as file:
            assert {int(row["trial"]) for row in csv.DictReader(file)} == {*range(len(trials))}

    def test_report_is_one_offline_file(self, run):
        html = (run[1] / "report.html").read_text()
        assert "<script" not in html
        assert not re.findall(r"(?:src|href)=\"(?!data:)", html)
        assert html.count("data:image/png;base64,") >= 8
        assert run[0].verdict.headline in html

    def test_it_learns_what_can_be_learnt(self, run):
        assert run[0].test.figure.value > 0.85


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A quick run, and what lay on the disk whenever it began to train: (findings, seen)."""
    folder, seen, usual = tmp_path_factory.mktemp("watched"), [], candidates.train

    def look(stage, *arguments):
        config = json.loads((folder / "out" / "config.json").read_text())
        trials = (folder / "out" / "trials.csv").read_text().splitlines()[1:]
        kept = len(list((folder / "out" / "candidates").glob("*.npz")))
        log = (folder / "out" / "log.txt").read_text()
        report = (folder / "out" / "report.html").read_text()
        seen.append((stage, config["state"], len(trials), kept, log, report))
        return usual(stage, *arguments)

    data = write_csv(folder / "data.csv", mixed_rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "train", look)
        findings = improve(data, "answer", out=folder / "out", **QUICK)
    return findings, seen


def test_what_is_known_is_on_the_disk_at_any_moment(watched):
    seen = watched[1]
    assert [entry[:4] for entry in seen[:3]] == [
        ("baseline", "running", 0, 0),
        ("capacity", "running", 1, 1),
        ("regularising", "running", 2, 2),
    ]
    assert "7. Regularising and tuning" in seen[-1][4]
    first, last = seen[0][5], seen[-1][5]
    assert "This run goes on" in first and "This run goes on" in last
    assert "Encoding" in first and "Growing the network" not in first
    assert "Growing the network" in last and last.count("data:image/png;base64,") == 2


class TestHonesty:
    def test_test_rows_reach_nothing_before_the_opening(self, watched, tmp_path):
        """Other values in the sealed rows change neither a candidate nor the final weights."""
        first, rows = watched[0], mixed_rows()
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
        entries = [json.loads(s) for s in (run[1] / "test_openings.jsonl").read_text().splitlines()]
        assert [entry["data"] for entry in entries] == [run[0].fingerprint]


class TestModel:
    def test_saved_model_takes_raw_rows(self, run):
        findings, folder, _ = run
        coded = findings.book.apply(findings.table.inputs)
        raw = findings.final.scaler.fill_gaps(coded)
        model = kohort.models.load_model(folder / "model.keras")
        expected = findings.final.predict(coded)
        said = model.predict(raw, verbose=0)[:, 0]
        np.testing.assert_allclose(said, expected, rtol=1e-4, atol=1e-5)

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
        usual = network.build

        def overflowing(setting, *args, **kwargs):
            model = usual(setting, *args, **kwargs)
            if setting.dropout or setting.l2:
                model.set_weights([w * np.nan for w in model.get_weights()])
            return model

        monkeypatch.setattr(network, "build", overflowing)
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        findings = improve(data, "answer", out=tmp_path / "run", **QUICK)
        assert findings.state == "done"
        failed = {r.setting for r in findings.results if r.failed}
        assert failed == {r.setting for r in findings.results if r.setting.dropout or r.setting.l2}
        assert findings.tuning.chosen.setting not in failed


class TestInterruption:
    @pytest.mark.parametrize(("stage", "stages"), [("_search", 4), ("_finish", 8)])
    def test_leaves_what_is_known(self, tmp_path, monkeypatch, stage, stages):
        module = sys.modules[improve.__module__]

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
        assert not (tmp_path / "run" / "test_openings.jsonl").exists()
        with pytest.raises(WorkflowError, match="again if it was interrupted"):
            predict(tmp_path / "run", data)

    def test_resumed_run_trains_nothing_twice_and_ends_the_same(self, run, tmp_path, monkeypatch):
        """The same seed gives the same figures, in one go or in two."""
        findings, _, data = run
        usual, trained, stops = candidates.train, [], ["tuning"]

        def count(stage, settings, *arguments):
            if stage in stops:
                stops.clear()
                raise KeyboardInterrupt
            trained.append((stage, len(settings)))
            return usual(stage, settings, *arguments)

        monkeypatch.setattr(candidates, "train", count)
        options = QUICK | {"epochs": 12}
        with pytest.raises(KeyboardInterrupt):
            improve(data, "answer", out=tmp_path / "run", **options)
        trained.clear()
        again = improve(data, "answer", out=tmp_path / "run", resume=True, **options)
        assert trained == [("tuning", 2)]
        assert [r.scores for r in again.results] == [r.scores for r in findings.results]
        assert again.test.figure == findings.test.figure
        with pytest.raises(UsageError, match="did not come to its end"):
            improve(data, "answer", out=tmp_path / "run", resume=True, **options)

    def test_resuming_another_run(self, tmp_path, monkeypatch):
        module = sys.modules[improve.__module__]
        monkeypatch.setattr(module, "_understand", lambda *a: 1 / 0)
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        with pytest.raises(ZeroDivisionError):
            improve(data, "answer", out=tmp_path / "run", **QUICK)
        with pytest.raises(WorkflowError, match="folds was 2, is 3; seed|seed was 0, is 1; folds"):
            improve(
                data, "answer", out=tmp_path / "run", resume=True, **QUICK | {"folds": 3, "seed": 1}
            )
        with pytest.raises(WorkflowError, match="fingerprint was"):
            other = write_csv(tmp_path / "data.csv", mixed_rows(1))
            improve(other, "answer", out=tmp_path / "run", resume=True, **QUICK)
        (tmp_path / "run" / "config.json").write_text('{"kohort": "0.0.1", "seed": 0}')
        with pytest.raises(WorkflowError, match="a run of another version"):
            improve(data, "answer", out=tmp_path / "run", resume=True, **QUICK)

    def test_a_signal_leaves_a_folder_to_go_on_with(self, tmp_path):
        """Ctrl-C, as the shell sends it, while the candidates train."""
        data = write_csv(tmp_path / "data.csv", mixed_rows())
        out = tmp_path / "run"
        command = [sys.executable, "-m", "kohort.cli", "improve", str(data), "--target", "answer"]
        command += ["--out", str(out), "--folds", "2", "--epochs", "2000"]
        environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   text=True, env=environment)  # fmt: skip
        until = time.monotonic() + 120
        while not list(out.glob("candidates/*.npz")) and time.monotonic() < until:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "Interrupted" in errors and "--resume" in errors
        assert json.loads((out / "config.json").read_text())["state"] == "interrupted"
        assert "was interrupted before its end" in (out / "report.html").read_text()


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
            data, "answer", out=tmp_path / "run", **QUICK | {"trials": 50, "budget": 1e-3}
        )
        assert findings.tuning.trials == [] and findings.capacity.rungs == []
        assert findings.state == "done" and len(findings.results) == 1
        assert findings.results[0].complete  # of few epochs: the first network has its time
        html = (tmp_path / "run" / "report.html").read_text()
        assert html.count("Not tried: the budget of 0.001 s leaves no time for it.") == 2
        assert "Not tried: calibration: the budget" in html and "The run took longer" in html
        assert (tmp_path / "run" / "test_openings.jsonl").exists()


def test_names_are_escaped_in_the_report(run):
    findings, _, _ = run
    findings.problem.classes[0] = "<b>no</b>"
    try:
        assert "<b>no</b>" not in render(findings)
    finally:
        findings.problem.classes[0] = "no"
