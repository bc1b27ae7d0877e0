"""Files are whole or absent, and the log of openings is kept from run to run."""

import csv
import json

import pytest

from kohort.workflow.candidates import Result
from kohort.workflow.failure import WorkflowError
from kohort.workflow.network import Setting
from kohort.workflow.run_folder import CANDIDATES, FORMAT, OPENINGS, RunFolder, begun


def test_writing_leaves_no_other_file(tmp_path):
    folder = RunFolder(tmp_path / "a" / "run")
    folder.write("report.html", "<p>")
    assert sorted(path.name for path in folder.path.iterdir()) == ["log.txt", "report.html"]


def test_failed_writing_leaves_the_old_file(tmp_path):
    folder = RunFolder(tmp_path)
    folder.write_json("config.json", {"a": 1})
    with pytest.raises(TypeError):
        folder.write_json("config.json", {"a": object()})
    assert json.loads((tmp_path / "config.json").read_text()) == {"a": 1}


def test_failed_saving_leaves_the_old_model(tmp_path):
    class Broken:
        def save(self, path):
            path.write_text("half")
            raise OSError("disk full")

    folder = RunFolder(tmp_path)
    folder.write("model.keras", "whole")
    with pytest.raises(OSError, match="disk full"):
        folder.save_model(Broken())
    assert (tmp_path / "model.keras").read_text() == "whole"


def test_earlier_run_is_cleared_but_not_its_openings(tmp_path, result):
    folder = RunFolder(tmp_path)
    folder.write("model.keras", "old")
    folder.write(OPENINGS, "{}")
    folder.keep(result([0.5]))
    again = RunFolder(tmp_path)
    assert not (tmp_path / "model.keras").exists() and not again.kept()
    assert (tmp_path / OPENINGS).exists()


class TestResume:
    def test_results_come_back_whole(self, tmp_path, result):
        first, second = result([0.5, 0.7], (8, 4), l2=0.1), result([0.9, 0.9], prediction=[0.25])
        folder = RunFolder(tmp_path)
        folder.keep(first)
        RunFolder(tmp_path, resume=True).keep(second)
        kept = RunFolder(tmp_path, resume=True).kept()
        assert set(kept) == {first.setting, second.setting}
        again = kept[second.setting]
        assert again.predictions.tolist() == [[0.25]]
        assert (again.curves, again.score) == (second.curves, second.score)
        assert kept[first.setting].setting == first.setting

    def test_damaged_result_is_trained_again(self, tmp_path, result):
        folder = RunFolder(tmp_path)
        folder.keep(result([0.5]))
        path = tmp_path / CANDIDATES / "0.npz"
        path.write_bytes(path.read_bytes()[:100])
        assert RunFolder(tmp_path, resume=True).kept() == {}
        assert not path.exists()

    @pytest.mark.parametrize("config", [None, "[1]", "{", '{"format": 1}'])
    def test_what_was_never_begun(self, tmp_path, config):
        if config is not None:
            (tmp_path / "config.json").write_text(config)
        with pytest.raises(WorkflowError, match="--resume needs the folder"):
            begun(tmp_path)

    @pytest.mark.parametrize("written", [{"kohort": "0.0.9"}, {"format": FORMAT + 1}])
    def test_a_run_of_another_version(self, tmp_path, written):
        RunFolder(tmp_path).write_json("config.json", {"state": "interrupted", **written})
        with pytest.raises(WorkflowError, match="a run of another version .*(?s:.*)--out to keep"):
            begun(tmp_path)

    def test_what_the_format_stands_for(self):
        """If this fails, older runs cannot go on any more: raise `FORMAT`, then change this."""
        names = [*Setting.__dataclass_fields__, *Result.__dataclass_fields__]
        assert (FORMAT, " ".join(names)) == (
            1,
            "hidden learning_rate filters embedding l1 l2 dropout max_norm batch_norm schedule "
            "stage setting parameters score standard_error scores train_scores curves best_epochs "
            "predictions seconds complete",
        )


def test_half_a_file_of_a_killed_run_is_cleared(tmp_path):
    for name in (".log.txt.part", ".model.part.keras"):
        (tmp_path / name).write_text("half")
    assert [path.name for path in RunFolder(tmp_path).path.iterdir()] == ["log.txt"]


def test_results_as_csv(tmp_path, result):
    folder = RunFolder(tmp_path)
    folder.write_results([result([0.5, 0.7], (8, 4)), result([0.9, 0.9])])
    with open(tmp_path / "trials.csv") as file:
        trials = list(csv.DictReader(file))
    with open(tmp_path / "history.csv") as file:
        history = list(csv.DictReader(file))
    assert [row["hidden"] for row in trials] == ["8-4", "8"]
    assert float(trials[0]["score"]) == pytest.approx(0.6)
    assert len(history) == 2 * 2 * 3
    assert history[1] == {
        "trial": "0",
        "stage": "capacity",
        "fold": "0",
        "epoch": "2",
        "loss": "0.5",
        "val_loss": "0.6",
    }


def test_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkflowError, match="--out"):
        RunFolder(tmp_path / "file")
