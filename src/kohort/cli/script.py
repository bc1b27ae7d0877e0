"""`kohort run`: a script's `keras` and `tensorflow.keras` are Kohort."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

PREFIXES = ("tensorflow.python.keras", "tensorflow.keras", "keras")


class KerasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports `keras.layers` as `kohort.layers`: the same classes under a second name."""

    def __init__(self) -> None:
        self.hidden: dict[str, ModuleType] = {}  # the real Keras, where it was loaded before

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name in ("tensorflow", "tensorflow.python") or _inner(name) is not None:
            return importlib.util.spec_from_loader(name, self)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        inner = _inner(spec.name)
        if inner is None:
            return _StandIn(spec.name)
        # A copy of the namespace, so that the import system's own marks (`__spec__`, `__name__`)
        # are set on the copy and Kohort's module stays as it is.
        return _Alias(spec.name, _module(inner))

    def exec_module(self, module: ModuleType) -> None:
        return None


class _Alias(ModuleType):
    """A module that answers with the attributes of another."""

    def __init__(self, name: str, origin: ModuleType):
        super().__init__(name, origin.__doc__)
        self.__dict__["_origin"] = origin
        self.__path__: list[str] = []
        public = getattr(origin, "__all__", None)
        self.__all__ = public or [key for key in dir(origin) if not key.startswith("_")]

    def __getattr__(self, key: str) -> object:
        return getattr(self.__dict__["_origin"], key)

    def __dir__(self) -> list[str]:
        return dir(self.__dict__["_origin"])


class _StandIn(ModuleType):
    """`tensorflow`, of which `kohort run` has the part `keras` only."""

    def __init__(self, name: str):
        super().__init__(name)
        self.__path__: list[str] = []

    def __getattr__(self, key: str) -> object:
        if key == "keras" or (key == "python" and self.__name__ == "tensorflow"):
            return importlib.import_module(f"{self.__name__}.{key}")
        if key.startswith("__"):
            raise AttributeError(key)
        raise AttributeError(
            f"`kohort run` stands in for `tensorflow.keras` only. Received: {self.__name__}.{key}."
            "\n  1. Use `keras.ops`, `keras.random` or NumPy in its place."
        )


def _inner(name: str) -> str | None:
    """`keras.layers` -> `kohort.layers`; None for what is not Keras's."""
    for prefix in PREFIXES:
        if name == prefix or name.startswith(prefix + "."):
            return "kohort" + name[len(prefix) :]
    return None


def _module(name: str) -> ModuleType:
    """A module of Kohort by its path, or a namespace that is an attribute of one."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
    parent, _, leaf = name.rpartition(".")
    found = getattr(_module(parent), leaf, None) if parent else None
    if not isinstance(found, ModuleType):
        keras_name = "keras" + name.removeprefix("kohort")
        raise ModuleNotFoundError(f"Kohort has no {keras_name!r}", name=keras_name)
    return found


def install_aliases() -> KerasFinder:
    """Makes `import keras` (and `tensorflow.keras`) mean Kohort in this process."""
    finder = KerasFinder()
    for name in list(sys.modules):
        if name.split(".")[0] in ("keras", "tensorflow"):
            finder.hidden[name] = sys.modules.pop(name)
    sys.meta_path.insert(0, finder)
    return finder


def remove_aliases(finder: KerasFinder) -> None:
    """Undoes `install_aliases`."""
    sys.meta_path.remove(finder)
    for name in [n for n, m in sys.modules.items() if isinstance(m, _Alias | _StandIn)]:
        del sys.modules[name]
    sys.modules.update(finder.hidden)  # half a Keras would be loaded beside the whole one


def run_script(script: Path, arguments: Sequence[str]) -> None:
    """Runs `script` as `python script arguments` would, on Kohort."""
    finder = install_aliases()
    argv, path = sys.argv, list(sys.path)
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = argv, path
        remove_aliases(finder)
