"""Ensembles in one file, and as one ordinary model."""

import json
import zipfile

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import BernoulliNB
from sklearn.svm import LinearSVC

import kohort as keras
from kohort.workflow.failure import WorkflowError
from tests.workflow.ensembling.helpers import network


@pytest.fixture(scope="module")
def saved(three, held_out, tmp_path_factory):
    """The file of an ensemble."""
    path = tmp_path_factory.mktemp("saved") / "found.zip"
    keras.ensemble(three, *held_out, method="mean").save(path)
    return path


class TestFiles:
    def test_saved_and_loaded(self, three, held_out, tmp_path):
        x, y = held_out
        found = keras.ensemble(three, x, y, method="simplex")
        found.save(tmp_path / "found.zip")
        loaded = keras.Ensemble.load(tmp_path / "found.zip")
        assert np.array_equal(loaded.predict(x), found.predict(x))
        assert loaded.programs == 1 and str(loaded) == str(found)
        assert loaded.evaluate(x, y) == found.evaluate(x, y)
        assert [p.name for p in tmp_path.iterdir()] == ["found.zip"]

    def test_failed_save_leaves_the_old_file(self, three, held_out, tmp_path, monkeypatch):
        found = keras.ensemble(three, *held_out, method="mean")
        path = tmp_path / "found.zip"
        path.write_text("old")

        def full_disk(*arguments):
            raise OSError("no space left")

        monkeypatch.setattr("kohort.workflow.ensembling.files.write_archive", full_disk)
        with pytest.raises(OSError, match="no space left"):
            found.save(path)
        assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1

    def test_estimators_are_saved_and_exported_as_layers(self, three, held_out, tmp_path):
        import keras as real

        x, y = held_out
        forest = RandomForestClassifier(3, max_depth=2, random_state=0).fit(x, y)
        votes = LinearSVC().fit(x, y)
        found = keras.ensemble([forest, votes, *three[:2]], x, y, method="mean")
        found.save(tmp_path / "found.zip")
        loaded = keras.Ensemble.load(tmp_path / "found.zip")
        assert loaded.predict(x) == pytest.approx(found.predict(x), abs=1e-6)
        found.to_model().save(tmp_path / "model.keras")
        opened = real.saving.load_model(tmp_path / "model.keras")
        assert opened.predict(x, verbose=0) == pytest.approx(found.predict(x), abs=1e-6)

    def test_forest_beside_networks_of_one_output(self, held_out):
        x, y = held_out
        rare = (y == 2).astype(int)
        trees = RandomForestClassifier(2, max_depth=1, random_state=0).fit(x, rare)
        found = keras.ensemble([trees, network(outputs=1)], x, rare, method="mean")
        exported = found.to_model().predict(x, verbose=0)
        assert exported[:, 0] == pytest.approx(found.predict(x)[:, 1], abs=1e-6)

    def test_others_cannot_be_saved(self, three, held_out, tmp_path):
        x, y = held_out
        other = BernoulliNB().fit(x, y)
        found = keras.ensemble([three[0], other], x, y, method="mean")
        with pytest.raises(WorkflowError, match=r"1 BernoulliNB \(BernoulliNB has no layers"):
            found.save(tmp_path / "found.zip")
        with pytest.raises(WorkflowError, match="exported"):
            found.to_model()
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        "change",
        [
            {"format": "other"}, {"version": 99}, {"weights": [1.0]}, {"weights": [1, -1, 1]},
            {"weights": [float("nan"), 1, 1]}, {"method": "eval"}, {"candidates": [3]},
            {"form": "x"},
        ],
    )  # fmt: skip
    def test_damaged_index(self, saved, tmp_path, change):
        bad = tmp_path / "bad.zip"
        with zipfile.ZipFile(saved) as old, zipfile.ZipFile(bad, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "ensemble.json":
                    data = json.dumps(json.loads(data) | change)
                new.writestr(name, data)
        with pytest.raises(ValueError, match="is not an ensemble"):
            keras.Ensemble.load(bad)

    def test_not_a_zip_file(self, tmp_path):
        (tmp_path / "found.zip").write_text("no")
        with pytest.raises(ValueError, match="damaged or not a zip"):
            keras.Ensemble.load(tmp_path / "found.zip")

    def test_exported_model_opens_in_keras(self, three, held_out, tmp_path):
        import keras as real

        x, y = held_out
        found = keras.ensemble([*three, network(units=5)], x, y, method="mean")
        model = found.to_model()
        assert model.predict(x, verbose=0) == pytest.approx(found.predict(x), abs=1e-6)
        model.save(tmp_path / "model.keras")
        opened = real.saving.load_model(tmp_path / "model.keras")
        assert opened.predict(x, verbose=0) == pytest.approx(found.predict(x), abs=1e-5)
        assert opened.evaluate(x, y, verbose=0) == pytest.approx(found.score.value, rel=1e-3)

    def test_export_of_one_member_and_of_a_vote(self, three, held_out):
        x, y = held_out
        single = keras.ensemble(three[:1], x, y)
        assert single.to_model().predict(x, verbose=0) == pytest.approx(single.predict(x), abs=1e-6)
        with pytest.raises(WorkflowError, match="vote"):
            keras.ensemble(three, x, y, method="vote").to_model()
