"""Where a study lies: in memory, in a journal file, in SQLite, or behind any storage URL."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kohort.workflow.search.failure import StudyError, require_optuna

_DATABASES = (".db", ".sqlite", ".sqlite3")


def open_storage(place: Any) -> tuple[Any, Any]:
    """An Optuna storage, and what makes it durable (a journal) or None.

    `place`: None for memory; a path, whose ending `.db`, `.sqlite` or `.sqlite3` means SQLite and
    any other a journal; an SQLAlchemy or `redis://` URL; or an Optuna storage.
    """
    optuna = require_optuna()
    storages = optuna.storages
    if place is None:
        return storages.InMemoryStorage(), None
    if isinstance(place, storages.BaseStorage):
        return place, None
    if "://" in str(place) or Path(place).suffix in _DATABASES:
        return _database(str(place), storages), None
    from kohort.workflow.search.journal import Journal, damaged

    journal = Journal(place)
    try:
        return storages.JournalStorage(journal), journal
    except (AssertionError, KeyError, IndexError, TypeError, AttributeError) as error:
        # Whole lines may be missing: then the records do not follow each other.
        raise damaged(journal.path) from error


def _database(place: str, storages: Any) -> Any:
    if place.startswith("redis"):
        return storages.JournalStorage(storages.journal.JournalRedisBackend(place))
    if "://" not in place:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        place = f"sqlite:///{place}"
    wait = {"connect_args": {"timeout": 60}} if place.startswith("sqlite") else None
    return _made_together(lambda: storages.RDBStorage(place, engine_kwargs=wait))


def _made_together(connect: Callable[[], Any]) -> Any:
    """Connects; where another process made the tables at the same moment, once more."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import DBAPIError, IntegrityError

    for attempt in range(5):
        try:
            return connect()
        except DBAPIError as error:
            together = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not together or attempt == 4:
                raise StorageInternalError(str(error.orig)) from error.orig
            time.sleep(0.1 * 2**attempt)


@contextmanager
def guarded(place: Any) -> Iterator[None]:
    """Silences Optuna, and turns a storage that fails into a message."""
    optuna = require_optuna()
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", module=r"optuna\.")
            yield
    except (OSError, optuna.exceptions.StorageInternalError) as error:
        reason = getattr(error, "strerror", None) or error.__cause__ or error
        raise StudyError(
            "The study must be written as the search goes on.",
            f"{place}: {reason}",
            "make room, or mend the access; what was told before is kept",
            "tell the same trial again, or start the search again: it goes on from there",
        ) from error
    finally:
        optuna.logging.set_verbosity(verbosity)
