"""KerasFileEditor: files of Keras's and Kohort's, changed and loaded again, in both."""

import h5py
import keras
import numpy as np
import pytest

import kohort
from kohort.saving import KerasFileEditor


def network(k, names, units=3):
    return k.Sequential([k.Input((3,)), *(k.layers.Dense(units, name=name) for name in names)])


@pytest.fixture(params=[".keras", ".weights.h5"])
def editor(request, tmp_path):
    model = network(keras, ["dense", "dense_1"])
    path = str(tmp_path / f"model{request.param}")
    model.save(path) if request.param == ".keras" else model.save_weights(path)
    return KerasFileEditor(path)


def test_editing_as_in_keras(editor, tmp_path, capsys):
    wider = network(kohort, ["dense", "dense_1", "dense_2"])
    assert editor.compare(network(kohort, ["a", "b"])) == {
        "status": "success", "error_count": 0, "match_count": 4,
    }  # fmt: skip
    assert editor.compare(wider)["error_count"] == 1
    editor.add_object("layers/dense_3", {"0": np.ones((3, 3), "float32")})
    assert editor.compare(wider)["error_count"] == 2
    editor.rename_object("dense_3", "dense_4")
    editor.rename_object("layers/dense_4", "dense_2")
    editor.add_weights("dense_2", {"1": np.zeros(7, "float32")})
    capsys.readouterr()
    assert editor.compare(wider)["status"] == "error"
    assert "Weight shape mismatch for /layers/dense_2/1: (3,)" in capsys.readouterr().out
    editor.delete_weight("dense_2", "1")
    editor.add_weights("dense_2", {"1": np.full(3, 5.0, "float32")})
    editor.add_object("layers/extra", {"0": np.ones(1)})
    editor.delete_object("layers/extra")
    assert editor.compare(wider) == {"status": "success", "error_count": 0, "match_count": 6}
    editor.save(tmp_path / "edited.weights.h5")
    for k in (kohort, keras):
        loaded = network(k, ["dense", "dense_1", "dense_2"])
        loaded.load_weights(tmp_path / "edited.weights.h5")
        np.testing.assert_array_equal(loaded.get_weights()[5], np.full(3, 5.0))
        np.testing.assert_array_equal(
            loaded.get_weights()[0], editor.weights_dict["layers"]["dense"]["0"]
        )


def test_wrong_edits(editor, tmp_path):
    editor.add_object("other", {"0": np.ones(1)})
    editor.add_object("other/dense", {"0": np.ones(1)})
    for call, message in (
        (lambda: editor.rename_object("dense", "x"), "occurs more than once"),
        (lambda: editor.rename_object("dense_9", "x"), "does not appear"),
        (lambda: editor.rename_object("dense_1", "a/b"), "Received: target_name='a/b'"),
        (lambda: editor.delete_object("layers/dense_9"), "'layers/dense_9' not found"),
        (lambda: editor.delete_weight("dense_1", "7"), "Weights found: \\['0', '1'\\]"),
        (lambda: editor.add_weights("dense_1", [1]), "should be a dict"),
        (lambda: editor.add_object("no/way", {}), "Path 'no' not found"),
        (lambda: editor.save(tmp_path / "x.h5"), "`.weights.h5` extension"),
        (lambda: KerasFileEditor(str(tmp_path / "x.txt")), "Invalid filename"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("link", [h5py.SoftLink("/layers"), h5py.ExternalLink("x.h5", "/y")])
def test_links_are_refused(link, tmp_path):
    path = tmp_path / "bad.weights.h5"
    network(kohort, ["dense"]).save_weights(path)
    with h5py.File(path, "a") as file:
        file["layers/bad"] = link
    with pytest.raises(ValueError, match=type(link).__name__):
        KerasFileEditor(path)
