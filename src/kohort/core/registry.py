"""Which class a file's `class_name` means: Kohort's own classes and the user's."""

from __future__ import annotations

import functools
import importlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

_public: dict[tuple[str, str], Any] = {}
_custom: dict[str, Any] = {}
_custom_names: dict[Any, str] = {}
_scope = threading.local()
_FAMILIES = frozenset(
    "applications constraints distillation dtype_policies initializers layers losses metrics "
    "models optimizers regularizers".split()
)


def add_class(cls: type) -> None:
    """Remember one of Kohort's own classes under its public Keras module.

    Where Keras exports it under another name than its own, `_public_name` says so.
    """
    module = getattr(cls, "public_module", "")
    if module and cls.__module__.startswith("kohort.") and not cls.__name__.startswith("_"):
        _public[(module, cls.__dict__.get("_public_name", cls.__name__))] = cls


def add_alias(module: str, name: str, target: Any) -> None:
    """Let files name `target` (a class or a function) as `module.name`, too."""
    _public[(module, name)] = target


def public_name(obj: Any) -> tuple[str, str] | None:
    """The (module, name) that files use for one of Kohort's own classes or functions."""
    return _public_index().get(obj) if _hashable(obj) else None


def _hashable(obj: Any) -> bool:
    return getattr(type(obj), "__hash__", None) is not None


@functools.cache
def _index(_size: int) -> dict[Any, tuple[str, str]]:
    found: dict[Any, tuple[str, str]] = {}
    for key, target in _public.items():
        found.setdefault(target, key)
    return found


def _public_index() -> dict[Any, tuple[str, str]]:
    return _index(len(_public))


def find_public(module: str | None, name: str) -> Any:
    """The class or function that a file calls `module.name`, or None.

    Keras's private modules (`keras.src.layers.core.dense`) are read as the public ones.
    """
    _load_family(module or "")
    if (module, name) in _public:
        return _public[(module or "", name)]
    if module and module.split(".")[0] in ("keras", "tf_keras", "tensorflow", "kohort"):
        families = set(module.split("."))
        for (family, known), target in _public.items():
            if known == name and (family.split(".")[-1] in families or family == "keras"):
                return target
    if module in (None, ""):
        for (_, known), target in _public.items():
            if known == name:
                return target
    return None


@functools.cache
def _load_family(module: str) -> None:
    """Import what a file names: nobody may have used models, say, before one is loaded."""
    parts = ["models"] if module == "keras" else module.split(".")
    for family in _FAMILIES.intersection(parts):
        importlib.import_module(f"kohort.{family}")


def get_from(family: str, identifier: Any) -> Any:
    """`kohort.<family>.get(identifier)`, for what lies below the family."""
    return importlib.import_module(f"kohort.{family}").get(identifier)


class CustomObjectScope:
    """Make names known while loading: `with CustomObjectScope({"MyLayer": MyLayer}): …`."""

    def __init__(self, custom_objects: Mapping[str, Any] | None):
        self.custom_objects = dict(custom_objects or {})
        self._before: dict[str, Any] = {}

    def __enter__(self) -> CustomObjectScope:
        self._before = scoped_objects()
        _scope.objects = {**self._before, **self.custom_objects}
        return self

    def __exit__(self, *exc: object) -> None:
        _scope.objects = self._before


custom_object_scope = CustomObjectScope


def scoped_objects() -> dict[str, Any]:
    """The names of the open `CustomObjectScope`s."""
    return getattr(_scope, "objects", {})


def get_custom_objects() -> dict[str, Any]:
    """The global dict of registered custom objects (it may be changed)."""
    return _custom


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """Register a class or function, so that files with it load without `custom_objects`.

    >>> @register_keras_serializable(package="my_package")
    ... def my_activation(x):
    ...     return x
    >>> get_registered_name(my_activation)
    'my_package>my_activation'
    """

    def decorate(target: Any) -> Any:
        registered = f"{package}>{name if name is not None else target.__name__}"
        if isinstance(target, type) and not hasattr(target, "get_config"):
            raise ValueError("Cannot register a class that does not have a get_config() method.")
        _custom[registered] = target
        _custom_names[target] = registered
        return target

    return decorate


def get_registered_name(obj: Any) -> str:
    """`package>name` of a registered object, else its `__name__`."""
    if _hashable(obj) and obj in _custom_names:
        return _custom_names[obj]
    return obj.__name__


def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Any:
    """The object registered as `name`, or None."""
    for known in (scoped_objects(), _custom, custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None
