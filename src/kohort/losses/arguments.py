"""Keras's order of arguments for classes whose fields are declared, and their helpers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from kohort.core.component import Component


def order_arguments(cls: type[Component], order: str, given: Mapping[str, Any]) -> None:
    """Give `cls` an `__init__` that takes the arguments named in `order` by position, too.

    Args:
        cls: a class with declared fields.
        order: the arguments, separated by spaces: fields, and arguments of the base.
        given: the default of each argument that is not a field, and what the base needs besides.
    """
    names = order.split()
    inner = cls.__init__
    defaults = {name: field.default for name, field in cls.fields.items()}
    defaults.update((name, given[name]) for name in names if name in given)
    hidden = {name: value for name, value in given.items() if name not in names}
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(name, kind, default=defaults[name]) for name in names]
    signature = inspect.Signature(parameters)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.__init__(): {error}") from None
        bound.apply_defaults()
        inner(self, **hidden, **bound.arguments)

    itself = inspect.Parameter("self", kind)
    __init__.__signature__ = inspect.Signature([itself, *parameters])  # type: ignore[attr-defined]
    cls.__init__ = __init__  # type: ignore[method-assign]


def omit_defaults(component: Component, config: dict[str, Any], *names: str) -> dict[str, Any]:
    """Drop settings that have their default, where Keras's files never have them."""
    defaults = {name: field.default for name, field in component.fields.items()}
    return {k: v for k, v in config.items() if k not in names or v != defaults[k]}
