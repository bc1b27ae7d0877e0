"""Where data sets are looked for, and what a failure says."""

import hashlib
import os

import numpy as np
import pytest

from kohort.datasets import _cache, boston_housing, mnist


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Empty folders in place of the user's own, and an origin that is a folder."""
    named = [tmp_path / "first", tmp_path / "second"]
    monkeypatch.setenv("KOHORT_DATA", os.pathsep.join(map(str, named)))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    folders = [
        *named,
        tmp_path / "home" / ".kohort" / "datasets",
        tmp_path / "home" / ".keras" / "datasets",
    ]
    for folder in folders:
        folder.mkdir(parents=True)
    (tmp_path / "origin").mkdir()
    return folders


def test_folders_come_in_order(places, monkeypatch):
    assert _cache.folders() == places
    for folder in reversed(places):
        (folder / "x.npz").write_text("x")
        assert _cache.locate("x.npz", "file:///nowhere", None) == folder / "x.npz"
    monkeypatch.setenv("KERAS_HOME", "/elsewhere")
    assert str(_cache.folders()[-1]) == "/elsewhere/datasets"


def test_a_path_may_be_given(places, tmp_path):
    (tmp_path / "mine.npz").write_text("x")
    found = _cache.locate(str(tmp_path / "mine.npz"), "file:///nowhere", None)
    assert found == tmp_path / "mine.npz"


def test_downloads_go_to_the_own_folder_once(places, tmp_path):
    origin = tmp_path / "origin" / "x.npz"
    origin.write_bytes(b"contents")
    sha256 = hashlib.sha256(b"contents").hexdigest()
    path = _cache.locate("sub/x.npz", origin.as_uri(), sha256)
    assert path == places[2] / "sub" / "x.npz"
    assert path.read_bytes() == b"contents"
    origin.unlink()
    assert _cache.locate("sub/x.npz", origin.as_uri(), sha256) == path


def test_only_downloads_are_checked(places, tmp_path):
    origin = tmp_path / "origin" / "x.npz"
    origin.write_bytes(b"tampered")
    with pytest.raises(FileNotFoundError, match="Incomplete or corrupted file detected"):
        _cache.locate("x.npz", origin.as_uri(), "0" * 64)
    assert not any(files for folder in places for _, _, files in os.walk(folder))
    (places[0] / "x.npz").write_bytes(b"placed by hand")
    assert _cache.locate("x.npz", origin.as_uri(), "0" * 64) == places[0] / "x.npz"


def test_a_failure_says_what_where_and_what_to_do(places, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "KERAS_FILES", (tmp_path / "origin").as_uri() + "/")
    with pytest.raises(FileNotFoundError) as error:
        mnist.load_data()
    message = str(error.value)
    for part in ("'mnist.npz'", *map(str, places), "origin/mnist.npz", "KOHORT_DATA", "digits"):
        assert part in message


def test_a_loader_downloads(places, tmp_path, monkeypatch):
    folder = tmp_path / "origin"
    np.savez(folder / "boston_housing.npz", x=np.arange(20.0).reshape(10, 2), y=np.arange(10.0))
    sha256 = hashlib.sha256((folder / "boston_housing.npz").read_bytes()).hexdigest()
    monkeypatch.setattr(boston_housing, "KERAS_FILES", folder.as_uri() + "/")
    monkeypatch.setattr(boston_housing, "_SHA256", sha256)
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data(test_split=0.3)
    assert x_train.shape == (7, 2) and y_test.shape == (3,)
    assert np.array_equal(x_train[:, 0], 2 * y_train)
    assert sorted([*y_train, *y_test]) == list(range(10))
    assert os.listdir(places[2]) == ["boston_housing.npz"]
