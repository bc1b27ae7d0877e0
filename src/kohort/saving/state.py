"""The state of a model, to and from groups of arrays.

Loading is staged: nothing is assigned before everything has been read, so that a damaged
file leaves the model as it was.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from kohort.core.frame import Frame
from kohort.saving import walk


@dataclass
class Entry:
    """What one object stores: its name and its arrays."""

    name: str | None
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


class Source(Protocol):
    """Where stored arrays come from."""

    def get(self, path: str) -> Mapping[str, Any]:
        """The arrays of the object at a path; empty where there are none."""
        ...

    def has(self, path: str) -> bool:
        """Whether anything is stored at or below a path."""


def collect(model: Any, assets: Path | None = None, skip: Iterable[Any] = ()) -> dict[str, Entry]:
    """The arrays of a model and of all objects in it: path -> entry.

    Args:
        model: the model.
        assets: a folder for the files that layers keep (vocabularies, say).
        skip: objects to leave out.
    """
    state: dict[str, Entry] = {}
    seen = {id(obj) for obj in skip}
    around: list[int] = []  # the open containers: lists may hold themselves

    def visit(obj: Any, path: str) -> None:
        if id(obj) in seen or id(obj) in around:
            return
        if not walk.is_saveable(obj):
            around.append(id(obj))
            for key, item in walk.items(obj):
                visit(item, walk.join(path, key))
            around.pop()
            return
        seen.add(id(obj))
        _collect_own(obj, path, state, assets)
        for name, child in walk.children(obj):
            visit(child, walk.join(path, name))

    visit(model, "")
    return state


def _collect_own(obj: Any, path: str, state: dict[str, Entry], assets: Path | None) -> None:
    if hasattr(obj, "save_own_variables"):
        store: dict[str, Any] = {}
        obj.save_own_variables(store)
        name = getattr(obj, "name", None)
        entry = Entry(name if isinstance(name, str) else None)
        entry.arrays = {str(key): np.asarray(value) for key, value in store.items()}
        if entry.name is not None or entry.arrays:
            state[path] = entry
    if assets is not None and hasattr(obj, "save_assets"):
        folder = assets / path
        folder.mkdir(parents=True, exist_ok=True)
        obj.save_assets(str(folder))


def restore(
    model: Any,
    source: Source,
    assets: Path | None = None,
    skip: Iterable[Any] = (),
    skip_mismatch: bool = False,
) -> None:
    """Load the state of a model and of all objects in it.

    Args:
        model: the model.
        source: the stored arrays.
        assets: the folder of the files that layers keep.
        skip: objects to leave as they are.
        skip_mismatch: load what fits and warn about the rest, instead of raising.

    Raises:
        ValueError: where something does not fit; then nothing has been assigned.
    """
    with Frame() as stage:
        loader = _Loader(source, assets, skip)
        loader.visit(model, "")
        if loader.failed:
            message = _failure_message(loader.failed)
            if not skip_mismatch:
                raise ValueError(message)
            warnings.warn(message, stacklevel=4)
    for variable, value in stage.updates.items():
        variable.assign(value)


def _failure_message(failed: Mapping[int, tuple[Any, Exception]]) -> str:
    example, error = next(iter(failed.values()))
    return (
        f"A total of {len(failed)} objects could not be loaded. Example error message for object "
        f"{example}:\n\n{error or type(error).__name__}\n\n"
        f"List of objects that could not be loaded:\n{[obj for obj, _ in failed.values()]}"
    )


class _Loader:
    """Walks the tree. An object that does not load at one path is tried again at the next."""

    def __init__(self, source: Source, assets: Path | None, skip: Iterable[Any]):
        self.source, self.assets = source, assets
        self.done = {id(obj) for obj in skip}
        self.open: set[int] = set()
        self.failed: dict[int, tuple[Any, Exception]] = {}

    def visit(self, obj: Any, path: str) -> None:
        if id(obj) in self.done or id(obj) in self.open:
            return
        self.open.add(id(obj))
        if walk.is_saveable(obj):
            self._object(obj, path)
        else:
            for key, item in walk.items(obj):
                self._item(item, walk.join(path, key))
        self.open.discard(id(obj))

    def _object(self, obj: Any, path: str) -> None:
        error = self._load_own(obj, path)
        before = len(self.failed)
        for name, child in walk.children(obj):
            self.visit(child, walk.join(path, name))
        if error is not None:
            self.failed.setdefault(id(obj), (obj, error))
            return
        self.failed.pop(id(obj), None)
        if len(self.failed) <= before:
            self.done.add(id(obj))

    def _load_own(self, obj: Any, path: str) -> Exception | None:
        """Load what belongs to the object itself, all or nothing."""
        store = self.source.get(path) if hasattr(obj, "load_own_variables") else None
        folder = self.assets / path if self.assets is not None else None
        try:
            with Frame() as trial:
                if store is not None:
                    obj.load_own_variables(store)
                if folder is not None and hasattr(obj, "load_assets") and folder.is_dir():
                    obj.load_assets(str(folder))
        except Exception as error:
            return error
        for variable, value in trial.updates.items():
            variable.assign(value)  # into the stage
        return None

    def _item(self, item: Any, path: str) -> None:
        """A list in a list: files of before Keras 3.13 have no group for it."""
        stored = walk.is_saveable(item) or self.source.has(path)
        if stored or (self.assets is not None and (self.assets / path).is_dir()):
            self.visit(item, path)
            return
        before = dict(self.failed)
        self.visit(item, path)
        if self.failed.keys() - before.keys():
            warnings.warn(
                f"Skipping nested container at '{path}': no matching group found in the saved "
                "file. This usually means the file was saved with a Keras version that did not "
                "serialize sublayers nested inside containers. Affected layers will retain their "
                "freshly-initialized weights.",
                stacklevel=2,
            )
        self.failed = before
