"""The journal file: torn and damaged records, a full disk, and the lock."""

import errno
import json

import pytest

from kohort.workflow.search import Study, StudyError, journal, repair


def open_study(path):
    return Study(lambda hp: hp.Float("x", 0, 1), storage=path, sampler="random")


@pytest.fixture
def path(tmp_path):
    """A journal with three complete trials."""
    study = open_study(tmp_path / "search.log")
    for trial in study.ask(3):
        study.tell(trial, trial.model)
    return tmp_path / "search.log"


def full(file, content):
    """A disk that takes half a record."""
    file.write(content[: len(content) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_says_so_and_loses_nothing(path, monkeypatch):
    study = open_study(path)
    trial = study.ask(1)[0]
    before = path.read_bytes()
    with monkeypatch.context() as context:
        context.setattr(journal, "_write", full)
        with pytest.raises(StudyError, match="search.log: No space left on device(.|\n)*make room"):
            study.tell(trial, 0.5)
        assert path.read_bytes() == before
        with pytest.raises(StudyError, match="No space left"):
            study.ask(1)
    study.tell(trial, 0.5)
    assert open_study(path).counts()["complete"] == 4


def test_a_disk_that_fills_while_syncing(path, monkeypatch):
    study = open_study(path)
    trial = study.ask(1)[0]

    def fail(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as context:
        context.setattr(journal.os, "fsync", fail)
        with pytest.raises(StudyError, match="Input/output error"):
            study.tell(trial, 0.5)
    assert open_study(path).counts()["complete"] == 4


def test_a_storage_that_fails_inside_build_is_not_the_fault_of_build(path, monkeypatch):
    study = open_study(path)
    monkeypatch.setattr(
        study, "build", lambda hp: (monkeypatch.setattr(journal, "_write", full), hp.Int("n", 1, 9))
    )
    with pytest.raises(StudyError, match="No space left"):
        study.ask(1)


@pytest.mark.parametrize("tail", [b'{"op_code":5,"worker_i', b"x" * 9000])
def test_a_record_torn_by_a_kill_is_cut_off(path, tail):
    with path.open("ab") as file:
        file.write(tail)
    study = open_study(path)
    study.tell(study.ask(1)[0], 0.5)
    assert open_study(path).counts()["complete"] == 4
    assert all(json.loads(line) for line in path.read_text().splitlines())


def test_a_damaged_journal_is_named_and_repaired_up_to_there(path):
    lines = path.read_bytes().splitlines(keepends=True)
    ends = [i for i, line in enumerate(lines) if b'"op_code":6' in line]
    bad = ends[1] + 1  # after the second trial was told
    whole = b"".join([*lines[:bad], b"\x00\xff rubbish\n", *lines[bad + 1 :]])
    path.write_bytes(whole)
    with pytest.raises(StudyError, match=rf"record {bad + 1} of {len(lines)}(.|\n)*repair\("):
        open_study(path)
    assert path.read_bytes() == whole
    assert repair(path) == len(lines) - bad
    assert path.with_name("search.log.damaged").read_bytes() == whole
    assert open_study(path).counts()["complete"] == 2
    assert repair(path) == 0


def test_damage_while_the_search_runs(path):
    study = open_study(path)
    with path.open("ab") as file:
        file.write(b"rubbish\n")
    with pytest.raises(StudyError, match="damaged at record"):
        study.ask(1)


def test_a_record_that_lacks_its_content_is_damage_too(path):
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b'{"op_code":4}\n', *lines[3:]]))
    with pytest.raises(StudyError, match="do not follow each other"):
        open_study(path)


def test_a_file_that_is_no_journal(tmp_path):
    path = tmp_path / "notes.log"
    path.write_text("Shopping: bread\n")
    with pytest.raises(StudyError, match="record 1 of 1(.|\n)*another file"):
        open_study(path)
    assert path.read_text() == "Shopping: bread\n"


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="must be written"):
        open_study(tmp_path / "file" / "search.log")
