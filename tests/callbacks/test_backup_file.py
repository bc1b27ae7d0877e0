import jax.numpy as jnp
import numpy as np
import pytest
from safetensors import SafetensorError

from kohort.callbacks.backup_file import (
    DamagedFile,
    ForeignFile,
    pack_state,
    read_backup,
    unpack_state,
    write_backup,
)

TENSORS = {
    "none": np.zeros((0, 3), "float32"),
    "scalar": np.array(3, "int64"),
    "half": np.asarray(jnp.arange(3, dtype="bfloat16")),
    "flags": np.array([True, False]),
    "seed": np.array([1, 2], "uint32"),
    "turned": np.arange(6.0).reshape(2, 3).T,
}
CONTENT = {"epoch": 3, "best": float("inf"), "text": "ä"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folder" / "latest.safetensors"
    write_backup(str(path), CONTENT, TENSORS, None)
    return path


def test_what_is_written_is_read(path):
    content, tensors = read_backup(str(path))
    assert content == CONTENT and tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype and tensors[name].shape == value.shape
        np.testing.assert_array_equal(tensors[name], value)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_one_before_is_kept(path):
    previous = path.with_suffix(".bkp")
    write_backup(str(path), {"epoch": 4}, {}, str(previous))
    assert read_backup(str(path)) == ({"epoch": 4}, {})
    assert read_backup(str(previous))[0] == CONTENT


@pytest.mark.parametrize("size", [0, 1, 7, 8, 40, -1, -8])
def test_a_cut_file_is_damaged(path, size):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(DamagedFile, match="cannot be read"):
        read_backup(str(path))


def test_any_changed_byte_of_the_arrays_or_the_content_is_noticed(path):
    whole = path.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    places = [*range(start, len(whole)), whole.index(b"epoch"), whole.index(b"Infinity")]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(DamagedFile):
            read_backup(str(path))
    assert len(places) > 40


def test_other_files_are_foreign(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ForeignFile, match="was not written by BackupAndRestore"):
        read_backup(str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize("error", [OSError, SafetensorError])
def test_a_failed_write_leaves_the_old_file(error, path, monkeypatch):
    import safetensors.numpy

    def fail(tensors, filename, metadata):
        with open(filename, "wb") as file:
            file.write(b"half of it")
        raise error("disk full")

    monkeypatch.setattr(safetensors.numpy, "save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        write_backup(str(path), {}, {}, str(path.with_suffix(".bkp")))
    assert read_backup(str(path))[0] == CONTENT
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_states_go_through_json():
    state = {
        "best": np.float32(0.5),
        "list": [1, None, "a"],
        "deep": {"w": [np.ones(2), jnp.ones(1)]},
    }
    tensors = {}
    packed = pack_state(state, "x", tensors)
    assert packed["best"] == 0.5 and type(packed["best"]) is float
    assert list(tensors) == ["x/deep/w/0", "x/deep/w/1"]
    back = unpack_state(packed, tensors)
    assert back["list"] == [1, None, "a"]
    np.testing.assert_array_equal(back["deep"]["w"][0], np.ones(2))
