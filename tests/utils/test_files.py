"""Downloads and archives; every origin is a local file."""

import hashlib
import io
import os
import stat
import tarfile
import zipfile

import keras
import pytest

from kohort.utils import get_file
from kohort.utils.archives import extract_archive
from kohort.utils.files import atomic_path, download, hash_file, validate_file

TEXT = b"Float like a butterfly, sting like a bee."


@pytest.fixture
def source(tmp_path):
    """A text file and archives that hold it."""
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "test.txt").write_bytes(TEXT)
    with tarfile.open(folder / "test.tar.gz", "w:gz") as tar:
        tar.add(folder / "test.txt", arcname="test.txt")
    with zipfile.ZipFile(folder / "test.zip", "w") as archive:
        archive.write(folder / "test.txt", arcname="test.txt")
    return folder


@pytest.mark.parametrize("fname", [None, "data", "data.v1.bin"])
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("test.txt", {}),
        ("test.tar.gz", {}),
        ("test.tar.gz", {"extract": True}),
        ("test.tar.gz", {"untar": True}),
        ("test.zip", {"extract": True}),
    ],
)
def test_paths_like_keras(source, tmp_path, fname, name, how):
    caches = {}
    for kind, function in (("keras", keras.utils.get_file), ("kohort", get_file)):
        cache = tmp_path / kind
        cache.mkdir()
        path = function(fname, (source / name).as_uri(), cache_dir=str(cache), **how)
        files = sorted(str(p.relative_to(cache)) for p in cache.rglob("*"))
        caches[kind] = os.path.relpath(path, cache), files
    assert caches["kohort"] == caches["keras"]


def test_the_cache_is_used_until_the_hash_differs(source, tmp_path):
    origin = source / "test.txt"
    old = hashlib.sha256(TEXT).hexdigest()

    def get(**options):
        path = get_file("t", origin.as_uri(), cache_dir=tmp_path, cache_subdir="sub", **options)
        assert path == str(tmp_path / "sub" / "t")
        return hash_file(path)

    assert get(file_hash=old) == old
    origin.write_bytes(b"Something else.")
    new = hash_file(origin)
    assert get() == old
    assert get(force_download=True) == new
    origin.write_bytes(TEXT)
    assert get(md5_hash=hashlib.md5(TEXT).hexdigest()) == old


def test_a_wrong_hash_leaves_nothing_behind(source, tmp_path):
    with pytest.raises(ValueError, match="Incomplete or corrupted file detected"):
        get_file("t", (source / "test.txt").as_uri(), file_hash="0" * 64, cache_dir=tmp_path)
    assert os.listdir(tmp_path / "datasets") == []


def test_a_failed_download_keeps_the_old_file(source, tmp_path):
    path = get_file("t", (source / "test.txt").as_uri(), cache_dir=tmp_path)
    with pytest.raises(OSError, match="URL fetch failure on file:.*nowhere"):
        get_file("t", (source / "nowhere").as_uri(), cache_dir=tmp_path, force_download=True)
    with open(path, "rb") as file:
        assert file.read() == TEXT
    assert os.listdir(tmp_path / "datasets") == ["t"]


def test_a_broken_connection_is_noticed(monkeypatch, tmp_path):
    class Answer(io.BytesIO):
        headers = {"Content-Length": "100"}

    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Answer(TEXT))
    with pytest.raises(OSError, match=f"ended after {len(TEXT)} of 100 bytes"):
        download("http://example.invalid/x", str(tmp_path / "x"))
    assert os.listdir(tmp_path) == []


def test_the_default_folder(source, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    path = get_file(origin=(source / "test.txt").as_uri())
    assert path == str(tmp_path / "home" / "datasets" / "test.txt")
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    path = get_file(origin=(source / "test.txt").as_uri())
    assert path == str(tmp_path / "user" / ".keras" / "datasets" / "test.txt")


def test_argument_errors(tmp_path):
    with pytest.raises(ValueError, match='Please specify the "origin" argument'):
        get_file("x")
    with pytest.raises(ValueError, match="Paths are no longer accepted"):
        get_file("a/b", "file:///x", cache_dir=tmp_path)
    for origin in ("https://example.invalid", "https://example.invalid/..", "file:///"):
        with pytest.raises(ValueError, match="Can't parse the file name"):
            get_file(origin=origin, cache_dir=tmp_path)


def test_what_is_no_archive_warns(source, tmp_path):
    with pytest.warns(UserWarning, match="Could not extract archive"):
        get_file("t", (source / "test.txt").as_uri(), cache_dir=tmp_path, extract=True)


def test_hashes(source):
    path = source / "test.txt"
    sha256, md5 = hashlib.sha256(TEXT).hexdigest(), hashlib.md5(TEXT).hexdigest()
    assert hash_file(path) == sha256
    assert hash_file(path, "md5") == md5
    assert validate_file(path, sha256) and validate_file(path, md5)
    assert validate_file(path, sha256, "sha256") and validate_file(path, md5, "md5")
    assert not validate_file(path, "0" * 64)


def test_atomic_path(tmp_path):
    target = tmp_path / "new" / "file"
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as partial:
        with open(partial, "w") as file:
            file.write("half")
        raise KeyboardInterrupt
    assert os.listdir(target.parent) == []
    with atomic_path(target) as partial, open(partial, "w") as file:
        file.write("whole")
    assert target.read_text() == "whole"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask


def hostile_tar(path, *members):
    """A tar file with members (name, kind, link)."""
    with tarfile.open(path, "w") as tar:
        for name, kind, link in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            info.size = len(TEXT) if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(TEXT))


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("../out.txt", tarfile.REGTYPE, ""),
        ("a/../../out.txt", tarfile.REGTYPE, ""),
        ("/tmp/kohort-out.txt", tarfile.REGTYPE, ""),
        ("link", tarfile.SYMTYPE, "../out.txt"),
        ("a/link", tarfile.SYMTYPE, "../../out.txt"),
        ("link", tarfile.SYMTYPE, "/etc/passwd"),
        ("link", tarfile.LNKTYPE, "../out.txt"),
        ("pipe", tarfile.FIFOTYPE, ""),
        ("device", tarfile.CHRTYPE, ""),
    ],
)
def test_hostile_tar_members_are_left_out(tmp_path, name, kind, link):
    (tmp_path / "out.txt").write_text("mine")
    hostile_tar(tmp_path / "x.tar", (name, kind, link), ("good.txt", tarfile.REGTYPE, ""))
    with pytest.warns(UserWarning, match="Skipping invalid path during archive extraction"):
        assert extract_archive(tmp_path / "x.tar", tmp_path / "into")
    assert os.listdir(tmp_path / "into") == ["good.txt"]
    assert (tmp_path / "out.txt").read_text() == "mine"
    assert not os.path.exists("/tmp/kohort-out.txt")


def test_a_way_out_through_a_link_is_closed(tmp_path):
    hostile_tar(
        tmp_path / "x.tar",
        ("sub/here", tarfile.SYMTYPE, "."),
        ("sub/here/../../../out.txt", tarfile.REGTYPE, ""),
    )
    with pytest.warns(UserWarning, match="Skipping invalid path"):
        extract_archive(tmp_path / "x.tar", tmp_path / "into")
    assert not (tmp_path / "out.txt").exists()


def test_links_that_stay_inside_are_kept(tmp_path):
    hostile_tar(
        tmp_path / "x.tar", ("a.txt", tarfile.REGTYPE, ""), ("b/c", tarfile.SYMTYPE, "../a.txt")
    )
    extract_archive(tmp_path / "x.tar", tmp_path / "into")
    assert (tmp_path / "into/b/c").read_bytes() == TEXT


def test_hostile_zip_members_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("../out.txt", "x")
        archive.writestr("good.txt", "x")
    with pytest.warns(UserWarning, match=r"Skipping invalid path .*\.\./out.txt"):
        assert extract_archive(tmp_path / "x.zip", tmp_path / "into")
    assert os.listdir(tmp_path / "into") == ["good.txt"]
    assert not (tmp_path / "out.txt").exists()


def test_archive_formats(source, tmp_path):
    assert not extract_archive(source / "test.zip", tmp_path / "a", None)
    assert not extract_archive(source / "test.zip", tmp_path / "a", "tar")
    assert extract_archive(source / "test.zip", tmp_path / "a", ["tar", "zip"])
    with pytest.raises(NotImplementedError, match="Received: rar"):
        extract_archive(source / "test.zip", tmp_path / "a", "rar")
    with pytest.raises(FileNotFoundError):
        extract_archive(tmp_path / "nowhere.tar", tmp_path / "a")


@pytest.mark.parametrize("existed", [False, True])
def test_a_failure_removes_the_folder_only_if_it_is_new(source, tmp_path, monkeypatch, existed):
    def fail(*_, **__):
        (tmp_path / "into").mkdir(exist_ok=True)
        raise KeyboardInterrupt

    if existed:
        (tmp_path / "into").mkdir()
    monkeypatch.setattr(tarfile.TarFile, "extractall", fail)
    with pytest.raises(KeyboardInterrupt):
        extract_archive(source / "test.tar.gz", tmp_path / "into")
    assert (tmp_path / "into").exists() == existed
