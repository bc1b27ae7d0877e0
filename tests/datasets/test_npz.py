"""Reading of `.npz` files that may be hostile."""

import io
import os
import pickle
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from kohort.datasets._npz import RestrictedUnpickler, load_npz


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Copies go to a folder of the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home" / ".kohort" / "datasets" / "unpacked"


def ragged():
    x = np.empty(3, dtype=object)
    x[:] = [[1, 14, 22], [1, 194], []]
    return x


def repack(path, target, compression):
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", compression) as archive:
        for name in source.namelist():
            archive.writestr(name, source.read(name))


def test_arrays_of_lists_and_numbers(tmp_path):
    arrays = {"x": ragged(), "y": np.arange(3), "z": np.ones((2, 3), "float32", order="F")}
    np.savez(tmp_path / "a.npz", **arrays)
    loaded = load_npz(tmp_path / "a.npz")
    assert loaded["x"].tolist() == ragged().tolist()
    assert type(loaded["x"]) is np.ndarray and loaded["x"].dtype == object
    for name in ("y", "z"):
        assert_array_equal(loaded[name], arrays[name])
        assert loaded[name].dtype == arrays[name].dtype


@pytest.mark.parametrize("array", [np.arange(6).reshape(2, 3), np.ones(2, ">f4"), ragged()])
@pytest.mark.parametrize("protocol", [3, 4])
def test_pickled_arrays(array, protocol):
    data = pickle.dumps(array, protocol)
    loaded, expected = RestrictedUnpickler(io.BytesIO(data)).load(), pickle.loads(data)
    assert_array_equal(loaded, array)
    assert loaded.dtype == expected.dtype


def test_code_in_a_file_is_refused_and_not_run(tmp_path):
    class Exploit:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    x = np.empty(1, dtype=object)
    x[0] = Exploit()
    np.savez(tmp_path / "evil.npz", x=x)
    with pytest.raises(pickle.UnpicklingError, match="Refusing to deserialize `posix.mkdir`"):
        load_npz(tmp_path / "evil.npz")
    assert not (tmp_path / "ran").exists()


class Raw:
    """Pickles as a call of NumPy's reconstruction with a state of our making."""

    def __init__(self, shape, dtype, state):
        self.parts = shape, dtype, state

    def __reduce__(self):
        shape, dtype, data = self.parts
        create = np.empty(0).__reduce__()[0]
        return create, (np.ndarray, (0,), b"b"), (1, shape, dtype, False, data)


@pytest.mark.parametrize(
    "raw",
    [
        Raw((10**6,), np.dtype(object), [1]),
        Raw((3,), np.dtype("int64"), b"short"),
        Raw((-1,), np.dtype(object), []),
        Raw((1,), np.dtype("int64"), [object]),
        Raw((1,), np.dtype("V8"), b"12345678"),
        Raw((1,), "no dtype", b"1"),
    ],
)
def test_false_shapes_are_refused(raw):
    with pytest.raises(pickle.UnpicklingError, match="Refusing"):
        RestrictedUnpickler(io.BytesIO(pickle.dumps(raw))).load()


@pytest.mark.parametrize("kind", ["truncated", "text", "no array", "wrong shape", "not numpy"])
def test_damaged_files_give_one_clear_error(kind, tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=ragged(), y=np.arange(1000))
    if kind == "truncated":
        path.write_bytes(path.read_bytes()[:-300])
    elif kind == "text":
        path.write_text("not a zip file")
    else:
        header = {
            "no array": b"{'descr': '|O', 'fortran_order': False, 'shape': (3,)}",
            "wrong shape": b"{'descr': '<i8', 'fortran_order': False, 'shape': (9999999999999,)}",
            "not numpy": b"(((",
        }[kind]
        member = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", member + pickle.dumps([1, 2, 3]))
    with pytest.raises(ValueError, match=r"a.npz is damaged. Received: .*Delete it"):
        load_npz(path)


def test_slow_files_are_repacked_once(tmp_path, own_home, monkeypatch):
    np.savez(tmp_path / "plain.npz", x=ragged(), y=np.arange(3))
    slow = tmp_path / "set.npz"
    repack(tmp_path / "plain.npz", slow, zipfile.ZIP_LZMA)
    assert load_npz(slow)["x"].tolist() == ragged().tolist()
    (copy,) = os.listdir(own_home)
    with zipfile.ZipFile(own_home / copy) as archive:
        assert {m.compress_type for m in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    stamp = (own_home / copy).stat().st_mtime_ns
    monkeypatch.setattr("lzma.LZMADecompressor", None)  # the slow file is not unpacked again
    assert load_npz(slow)["y"].tolist() == [0, 1, 2]
    assert (own_home / copy).stat().st_mtime_ns == stamp


def test_other_contents_get_another_copy_and_a_damaged_one_is_not_used(tmp_path, own_home):
    slow = tmp_path / "set.npz"
    for value in (1, 2):
        np.savez(tmp_path / "plain.npz", y=np.full(3, value))
        repack(tmp_path / "plain.npz", slow, zipfile.ZIP_LZMA)
        assert load_npz(slow)["y"].tolist() == [value] * 3
    assert len(os.listdir(own_home)) == 2
    for name in os.listdir(own_home):
        (own_home / name).write_text("rubbish")
    assert load_npz(slow)["y"].tolist() == [2, 2, 2]


def test_a_home_that_cannot_be_written_to_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    np.savez(tmp_path / "plain.npz", y=np.arange(3))
    repack(tmp_path / "plain.npz", tmp_path / "slow.npz", zipfile.ZIP_LZMA)
    assert load_npz(tmp_path / "slow.npz")["y"].tolist() == [0, 1, 2]
