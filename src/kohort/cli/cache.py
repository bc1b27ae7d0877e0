"""Compiled programs are kept on disk, so that a second run of a command need not compile."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

MOST_BYTES = 2**30


def keep_programs() -> Path | None:
    """Turns on JAX's persistent compilation cache; returns its folder, None without one.

    The folder is `$JAX_COMPILATION_CACHE_DIR`, or `kohort/jax` in the user's cache folder
    (`$XDG_CACHE_HOME`, `~/.cache`). One that cannot be written is no reason to fail.
    """
    import jax

    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
    chosen = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if chosen is not None:
        return Path(chosen)
    folder = _user_folder()
    if folder is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def _user_folder() -> Path | None:
    try:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        folder = Path(base) / "kohort" / "jax"
        folder.mkdir(parents=True, exist_ok=True)
        trim(folder, MOST_BYTES)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        return None
    return folder if os.access(folder, os.W_OK) else None


def trim(folder: Path, most_bytes: int) -> None:
    """Deletes the oldest files of `folder` until the rest has `most_bytes` at most."""
    files = sorted(((f.stat(), f) for f in folder.iterdir()), key=lambda pair: -pair[0].st_mtime)
    total = 0
    for info, file in files:
        total += info.st_size
        if total > most_bytes:
            file.unlink(missing_ok=True)
