"""The commands' compilation cache: where it lies, and that it never makes a command fail."""

import os

import jax
import pytest

from kohort.cli.cache import keep_programs, trim


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """No cache folder chosen yet, and a home of its own."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield tmp_path
    for name, value in before.items():
        jax.config.update(name, value)


def test_it_lies_in_the_users_cache_folder(fresh, monkeypatch):
    assert keep_programs() == fresh / ".cache" / "kohort" / "jax"
    assert jax.config.jax_compilation_cache_dir == str(fresh / ".cache" / "kohort" / "jax")
    jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(fresh / "other"))
    assert keep_programs() == fresh / "other" / "kohort" / "jax"


def test_a_folder_that_was_chosen_is_kept(fresh):
    jax.config.update("jax_compilation_cache_dir", str(fresh / "chosen"))
    assert keep_programs() == fresh / "chosen"
    assert not (fresh / ".cache").exists()


def test_no_folder_no_cache(fresh):
    (fresh / ".cache").write_text("a file stands in the way")
    assert keep_programs() is None
    assert jax.config.jax_compilation_cache_dir is None


def test_the_oldest_files_make_room(tmp_path):
    for age, name in enumerate("abc"):
        (tmp_path / name).write_bytes(bytes(10))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    trim(tmp_path, 25)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
