"""Damaged and hostile files: one clear error, and the model is left as it was."""

import copy
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest

import kohort
from kohort import layers, models
from kohort.saving import load_model, load_weights, save_model, save_weights
from kohort.saving.archive import CONFIG, METADATA, WEIGHTS


def build(units=2):
    return models.Sequential([layers.Input((3,)), layers.Dense(units), layers.Dense(2)], name="m")


def values(model):
    return [v.numpy() for v in model.variables]


def parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.keras"
    save_model(build(), path)
    return path


def rewrite(path, changes):
    """The same archive with some members replaced; returns the path of the new one."""
    members = {**parts(path), **changes}
    new = path.with_name("changed.keras")
    with zipfile.ZipFile(new, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)
    return new


def test_a_file_cut_off_anywhere_is_refused(saved):
    data = saved.read_bytes()
    for length in (0, 10, 300, len(data) // 2, len(data) - 5):
        saved.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"damaged|not a zip"):
            load_model(saved)


def test_a_flipped_byte_is_noticed(saved):
    data = bytearray(saved.read_bytes())
    data[len(data) // 2] ^= 0xFF
    saved.write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"CRC"):
        load_model(saved)


OUTSIDE = ["../evil", "/etc/evil", "assets/../../evil", "a\\..\\evil", "C:/evil"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_names_that_lead_out_are_refused(saved, name):
    with pytest.raises(ValueError, match="leads out"):
        load_model(rewrite(saved, {name: b"x"}))


def test_names_that_occur_twice_are_refused(saved):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(saved, "a") as archive:
        archive.writestr(CONFIG, "{}")
    with pytest.raises(ValueError, match="twice"):
        load_model(saved)


def test_a_member_that_expands_a_thousandfold_is_refused(saved):
    with zipfile.ZipFile(saved, "a", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("assets/bomb", "w") as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
    assert saved.stat().st_size < 1 << 20
    with pytest.raises(ValueError, match="decompression bomb"):
        load_model(saved)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_member_is_named(saved, name):
    with pytest.raises(ValueError, match=name):
        load_model(rewrite(saved, {name: None}))


@pytest.mark.parametrize(
    "config",
    [b"", b"not json", b"[1, 2]", b"{}", b"[" * 100_000, b'{"class_name": "Sequential"}',
     b'{"class_name": "Sequential", "config": {"name": "m", "layers": 3}}', b"\xff\xfe\x00"],
)  # fmt: skip
def test_a_configuration_that_is_none_is_refused(saved, config):
    with pytest.raises((ValueError, TypeError)):
        load_model(rewrite(saved, {CONFIG: config}))


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "function", "config": "system", "registered_name": None},
        {"module": "builtins", "class_name": "function", "config": "eval"},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": "touch x"}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file:///x"}},
    ],
)
def test_nothing_is_imported_for_a_file(saved, config):
    with pytest.raises((TypeError, ValueError), match=r"Could not locate|must hold a model"):
        load_model(rewrite(saved, {CONFIG: json.dumps(config)}))


def test_lambdas_need_safe_mode_off(tmp_path):
    model = models.Sequential([layers.Input((3,)), layers.Lambda(lambda x: x * 2)])
    save_model(model, tmp_path / "a.keras")
    with pytest.raises(ValueError, match="arbitrary code execution"):
        load_model(tmp_path / "a.keras")
    loaded = load_model(tmp_path / "a.keras", safe_mode=False)
    np.testing.assert_array_equal(loaded(np.ones((1, 3), "float32")), 2 * np.ones((1, 3)))


def _replace(path, place, write):
    with h5py.File(path, "r+") as file:
        del file[place]
        write(file, place)


def _external(file, place):
    file[place] = h5py.ExternalLink("other.h5", "/x")


def _soft(file, place):
    file[place] = h5py.SoftLink("/layers/dense/vars/1")


def _bomb(file, place):
    file.create_dataset(place, (2**50,), "float64", chunks=(1024,), compression="gzip")


def _text(file, place):
    file[place] = ["a", "b"]


def _references(file, place):
    file.create_dataset(place, (2,), dtype=h5py.ref_dtype)


def _outside(file, place):
    file.create_dataset(place, (3, 2), "float32", external=[("raw.bin", 0, 24)])


def _shape(file, place):
    file[place] = np.zeros((5, 5), "float32")


def _group(file, place):
    file.create_group(place)


HOSTILE = [_external, _soft, _bomb, _text, _references, _outside, _shape, _group,
           lambda file, place: None]  # fmt: skip


@pytest.mark.parametrize("write", HOSTILE)
@pytest.mark.parametrize("place", ["layers/dense/vars/0", "layers/dense_1/vars/0"])
def test_hostile_weights_touch_nothing(write, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "a.weights.h5"
    save_weights(build(), path)
    _replace(path, place, write)
    model = build()
    before = values(model)
    with pytest.raises(ValueError, match="could not be loaded"):
        load_weights(model, path)
    for a, b in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("write", [_external, _soft])
def test_linked_groups_are_refused(write, tmp_path):
    path = tmp_path / "a.weights.h5"
    save_weights(build(), path)
    _replace(path, "layers/dense_1", write)
    with pytest.raises(ValueError, match="Not allowed: H5 file with"):
        load_weights(build(), path)


def test_a_weights_file_cut_off_is_an_oserror(tmp_path):
    path = tmp_path / "a.weights.h5"
    save_weights(build(), path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(OSError, match="damaged or not an HDF5 file"):
        load_weights(build(), path)
    with pytest.raises(FileNotFoundError, match="No such file"):
        load_weights(build(), tmp_path / "none.weights.h5")


@pytest.mark.parametrize("name", ["../a.weights.h5", "/tmp/a.weights.h5", ".."])
def test_an_index_of_shards_names_only_its_neighbours(name, tmp_path):
    path = tmp_path / "a.weights.json"
    path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": name}}))
    with pytest.raises(ValueError, match="another folder"):
        load_weights(build(), path)


def test_skip_mismatch_loads_what_fits(tmp_path):
    source, model = build(2), build(4)
    save_weights(source, tmp_path / "a.weights.h5")
    kept = model.layers[0].kernel.numpy()
    with pytest.warns(UserWarning, match="could not be loaded"):
        load_weights(model, tmp_path / "a.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kept)


def test_legacy_weights_that_do_not_fit_touch_nothing(tmp_path):
    model = models.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(5)], name="m")
    save_model(build(), tmp_path / "a.h5")
    before = values(model)
    with pytest.raises(ValueError, match="Shape mismatch"):
        load_weights(model, tmp_path / "a.h5")
    for a, b in zip(before, values(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_by_name_loads_the_layers_that_are_there(tmp_path):
    def named(names):
        dense = [layers.Dense(3, name=name) for name in names]
        return models.Sequential([layers.Input((3,)), *dense])

    source, model = named(["a", "b"]), named(["c", "b"])
    save_model(source, tmp_path / "a.h5")
    other = model.get_layer("c").kernel.numpy()
    load_weights(model, tmp_path / "a.h5", by_name=True)
    np.testing.assert_array_equal(model.get_layer("b").kernel, source.get_layer("b").kernel)
    np.testing.assert_array_equal(model.get_layer("c").kernel, other)


def test_an_error_while_saving_leaves_the_old_file(saved):
    class Broken(layers.Layer):
        def call(self, x):
            return x

        def save_own_variables(self, store):
            raise ZeroDivisionError

    before = saved.read_bytes()
    with pytest.raises(ZeroDivisionError):
        save_model(models.Sequential([layers.Input((3,)), Broken()]), saved)
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == ["model.keras"]


KILLED = """
import os, signal, sys
from kohort import layers, models
from kohort.saving import atomic, save_model
atomic.commit = lambda draft, target: os.kill(os.getpid(), signal.SIGKILL)
save_model(models.Sequential([layers.Input((3,)), layers.Dense(9)]), sys.argv[1])
"""


def test_a_kill_while_saving_leaves_the_old_file(saved):
    before = saved.read_bytes()
    done = subprocess.run([sys.executable, "-c", KILLED, str(saved)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert saved.read_bytes() == before
    assert load_model(saved).layers[0].units == 2


def test_overwriting_asks(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr("builtins.input", lambda _: "n")
    save_model(build(), saved, overwrite=False)
    assert saved.read_bytes() == before
    monkeypatch.setattr("builtins.input", lambda _: "y")
    save_model(build(), saved, overwrite=False)
    assert saved.read_bytes() != before


def test_overwriting_raises_where_nobody_can_be_asked(saved, monkeypatch):
    def closed(_):
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save_model(build(), saved, overwrite=False)


def test_models_go_through_pickle_deepcopy_and_file_objects():
    model = build()
    buffer = io.BytesIO()
    save_model(model, buffer)
    buffer.seek(0)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), load_model(buffer)):
        assert other is not model
        for a, b in zip(values(model), values(other), strict=True):
            np.testing.assert_array_equal(a, b)


def test_metadata_and_json(saved):
    assert json.loads(parts(saved)[METADATA])["keras_version"] == "3.15.1"
    model = build()
    assert models.model_from_json(model.to_json()).get_config() == model.get_config()


def test_the_saved_file_says_nothing_of_this_machine(saved):
    text = parts(saved)[CONFIG].decode()
    assert "kohort" not in text and os.getcwd() not in text


@kohort.saving.register_keras_serializable("tests")
class Vocabulary(layers.Layer):
    words = ()

    def save_assets(self, folder):
        with open(os.path.join(folder, "words.txt"), "w") as file:
            file.write(" ".join(self.words))

    def load_assets(self, folder):
        with open(os.path.join(folder, "words.txt")) as file:
            self.words = file.read().split()

    def call(self, x):
        return x


@pytest.mark.parametrize("zipped", [True, False])
def test_assets_travel_with_the_model(zipped, tmp_path):
    layer = Vocabulary()
    layer.words = ["a", "b"]
    path = tmp_path / ("m.keras" if zipped else "m")
    save_model(models.Sequential([layers.Input((3,)), layer]), path, zipped=zipped)
    assert load_model(path).layers[0].words == ["a", "b"]
