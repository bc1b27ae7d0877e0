"""Component: an object made of configuration.

A class declares its fields as annotated class attributes; `__init__`, `get_config`,
`from_config` and `repr` follow from them. A field declared with `hyper(...)` is a
*hyperparameter leaf*: inside a Frame it reads as a traced scalar, so that changing it never
recompiles and a cohort can vary it.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import itertools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from kohort.core import frame as frames
from kohort.core.naming import auto_name, to_snake_case

_version = itertools.count(1)
version = 0
"""Grows whenever configuration changes anywhere: fingerprints made before are stale."""


def touch() -> None:
    """Mark all fingerprints as stale."""
    global version
    version = next(_version)


REQUIRED = inspect.Parameter.empty


@dataclasses.dataclass(frozen=True)
class Field:
    """One declared field: default, converter, check and, for leaves, bounds."""

    default: Any = REQUIRED
    convert: Callable[[Any], Any] | None = None
    check: Callable[[str, Any], None] | None = None
    serialize: Callable[[Any], Any] | None = None
    config: bool = True
    hyper: bool = False
    low: float | None = None
    high: float | None = None
    neutral: Any = 0.0


def field(
    default: Any = REQUIRED,
    *,
    convert: Callable[[Any], Any] | None = None,
    check: Callable[[str, Any], None] | None = None,
    serialize: Callable[[Any], Any] | None = None,
    config: bool = True,
) -> Any:
    """Declare a field: `convert` makes the stored value, `check(name, value)` may raise.

    `serialize` turns the value into its configuration; `config=False` keeps it out.
    """
    return Field(default, convert, check, serialize, config)


def hyper(
    default: Any = REQUIRED,
    *,
    low: float | None = None,
    high: float | None = None,
    neutral: Any = 0.0,
    check: Callable[[str, Any], None] | None = None,
) -> Any:
    """Declare a hyperparameter leaf with its bounds.

    At the `neutral` value (0 unless told) and at None it stays a Python constant, so that
    the operation it controls vanishes from the compiled program.
    """
    return Field(default, None, check, None, True, True, low, high, neutral)


def is_zero(value: Any) -> bool:
    """Whether a hyperparameter is known to be None or zero (a traced one is not known).

    >>> is_zero(0.0), is_zero(None), is_zero(0.1)
    (True, True, False)
    """
    return value is None or (isinstance(value, (int, float)) and value == 0)


class _Checked:
    """Stores a field after its converter and check ran."""

    def __init__(self, name: str, spec: Field):
        self.name, self.spec = name, spec

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        if obj is None:
            return self.spec.default
        try:
            return obj.__dict__[self.name]
        except KeyError:
            raise AttributeError(
                f"'{type(obj).__name__}' object has no attribute '{self.name}'"
            ) from None

    def __set__(self, obj: Any, value: Any) -> None:
        if self.spec.convert is not None:
            value = self.spec.convert(value)
        if self.spec.check is not None:
            self.spec.check(self.name, value)
        obj.__dict__[self.name] = value
        touch()


class Hyper(_Checked):
    """A leaf: its Python value outside a Frame, the Frame's array inside."""

    def __get__(self, obj: Any, owner: type | None = None) -> Any:
        if obj is not None:
            frame = frames.current()
            if frame is not None:
                leaf = frame.leaves.get((id(obj), self.name))
                if leaf is not None:
                    return leaf
        return super().__get__(obj, owner)

    def __set__(self, obj: Any, value: Any) -> None:
        if self.spec.check is not None:
            self.spec.check(self.name, value)  # before the bounds: it may say more
        self._check_bounds(value)
        old = obj.__dict__.get(self.name, REQUIRED)
        obj.__dict__[self.name] = value
        if old is REQUIRED or self.is_constant(old) or self.is_constant(value):
            touch()

    def is_number(self, value: Any) -> bool:
        """Whether this value can be a leaf at all: no schedule, None or bool."""
        if isinstance(value, bool):
            return False
        return isinstance(value, (int, float)) or _is_scalar_array(value)

    def is_constant(self, value: Any) -> bool:
        """Whether this value is compiled in, not passed as a leaf."""
        if not self.is_number(value):
            return True
        if not isinstance(value, (int, float)):
            return False
        return self.spec.neutral is not None and value == self.spec.neutral

    def _check_bounds(self, value: Any) -> None:
        low, high = self.spec.low, self.spec.high
        if not isinstance(value, (int, float)):
            return  # None, tracers and schedules pass
        if (low is None or value >= low) and (high is None or value <= high):
            return
        limits = f"between {low} and {high}" if high is not None else f">= {low}"
        raise ValueError(
            f"Invalid value received for argument `{self.name}`. "
            f"Expected a float value {limits}. Received: {self.name}={value}"
        )


def _is_scalar_array(value: Any) -> bool:
    return getattr(value, "shape", None) == () and hasattr(value, "dtype")


class Component:
    """Base of layers, losses, metrics, optimisers, schedules, regularisers and the like."""

    fields: ClassVar[dict[str, Field]] = {}
    public_module: ClassVar[str] = ""
    """The Keras module that files name, such as `keras.layers`."""

    def __init_subclass__(cls, module: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if module is not None:
            cls.public_module = module
        own = _own_fields(cls)
        merged = dict(cls.fields)
        for name, spec in own.items():
            merged.pop(name, None)  # declared again: it takes the new place
            merged[name] = spec
            if spec.hyper:
                setattr(cls, name, Hyper(name, spec))
            elif spec.convert or spec.check:
                setattr(cls, name, _Checked(name, spec))
            elif spec.default is not REQUIRED:
                setattr(cls, name, spec.default)
        cls.fields = merged
        if own and "__init__" not in cls.__dict__:
            cls.__init__ = _make_init(cls)  # type: ignore[method-assign]
        from kohort.core import registry

        registry.add_class(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        self.__dict__["_init_args"] = (args, kwargs)
        return self

    def __init__(self, *, name: str | None = None):
        self.name = name or auto_name(to_snake_case(type(self).__name__))

    def __setattr__(self, key: str, value: Any) -> None:
        object.__setattr__(self, key, value)

    def base_config(self) -> dict[str, Any]:
        """The part of the configuration that the family shares (a name, say)."""
        return {}

    def get_config(self) -> dict[str, Any]:
        """The configuration from which `from_config` makes an equal object."""
        from kohort.core.serialization import serialize_keras_object

        config = self.base_config()
        for name, spec in self.fields.items():
            if spec.config:
                serialize = spec.serialize or serialize_keras_object
                config[name] = serialize(getattr(self, name))
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make an object from its configuration."""
        from kohort.core.serialization import deserialize_nested

        return cls(**deserialize_nested(config))

    def __repr__(self) -> str:
        parts = []
        for name, spec in self.fields.items():
            value = self.__dict__.get(name, spec.default)
            if value is not spec.default and not _equal(value, spec.default):
                parts.append(f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except (ValueError, TypeError):
        return False


def _own_fields(cls: type) -> dict[str, Field]:
    """The fields that this class body declares by annotations."""
    own: dict[str, Field] = {}
    for name, kind in cls.__dict__.get("__annotations__", {}).items():
        if name.startswith("_") or "ClassVar" in str(kind):
            continue
        default = cls.__dict__.get(name, REQUIRED)
        own[name] = default if isinstance(default, Field) else Field(default)
    return own


def _make_init(cls: type[Component]) -> Callable[..., None]:
    """An `__init__` that stores the fields and hands the rest to the base."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=spec.default)
        for name, spec in cls.fields.items()
    ]
    names = list(cls.fields)
    base: Any = next(
        c
        for c in cls.__mro__[1:]
        if not getattr(c.__init__, "from_fields", False)  # type: ignore[misc]
    )

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > len(names):
            raise TypeError(
                f"{cls.__name__} takes at most {len(names)} positional arguments. "
                f"Received: {len(args)}"
            )
        given = dict(zip(names, args, strict=False))
        for name in given.keys() & kwargs.keys():
            raise TypeError(f"{cls.__name__} got multiple values for argument '{name}'")
        for name, spec in cls.fields.items():
            if name in kwargs:
                given[name] = kwargs.pop(name)
            elif name not in given:
                if spec.default is REQUIRED:
                    raise TypeError(
                        f"{cls.__name__}.__init__() missing 1 required positional "
                        f"argument: '{name}'"
                    )
                given[name] = spec.default
        base.__init__(self, **kwargs)
        for name, value in given.items():
            setattr(self, name, value)
        self.__post_init__() if hasattr(self, "__post_init__") else None

    keyword = inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)
    self_ = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.default is REQUIRED]
    optional = [p for p in parameters if p.default is not REQUIRED]
    __init__.__signature__ = inspect.Signature([self_, *required, *optional, keyword])  # type: ignore[attr-defined]
    __init__.from_fields = True  # type: ignore[attr-defined]
    return __init__


@functools.cache
def leaf_fields(cls: Any) -> tuple[tuple[str, Hyper], ...]:
    """The hyperparameter leaves that a class declares."""
    return tuple(
        (name, inspect.getattr_static(cls, name)) for name, spec in cls.fields.items() if spec.hyper
    )


def children(component: Component) -> Iterator[tuple[str, Component]]:
    """The components that a component holds in its attributes, with their names."""
    for name, value in list(component.__dict__.items()):
        if name == "_init_args":
            continue
        if isinstance(value, Component):
            yield name, value
        elif isinstance(value, (list, tuple)):
            yield from (
                (f"{name}/{i}", child)
                for i, child in enumerate(value)
                if isinstance(child, Component)
            )
