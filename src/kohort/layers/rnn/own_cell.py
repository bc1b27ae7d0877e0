"""Layers that make their own cell: the cell's arguments are the layer's too."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, ClassVar

from kohort.core.component import REQUIRED
from kohort.core.naming import to_snake_case
from kohort.layers.layer import Layer
from kohort.layers.rnn.rnn import RNN


class _OfCell:
    """An attribute of the layer that its cell holds."""

    def __init__(self, name: str):
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)


class OwnCellRNN(RNN):
    """Base of SimpleRNN, LSTM, GRU and ConvLSTM.

    A subclass names its cell and the order of its arguments: those of the cell are handed on,
    the others are fields of the layer.
    """

    cell_class: ClassVar[Any] = None
    arguments: ClassVar[str] = ""
    cell_settings: ClassVar[dict[str, Any]] = {}
    """Further arguments of the cell."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        wrote_init = "__init__" in cls.__dict__
        super().__init_subclass__(**kwargs)
        if cls.cell_class is None:
            return
        for name in cls.cell_class.fields:
            if name in cls.arguments.split():
                setattr(cls, name, _OfCell(name))
        known = {**cls.fields, **{n: _shown(f) for n, f in cls.cell_class.fields.items()}}
        order = cls.arguments.split()
        order += [name for name in cls.fields if name not in (*order, "cell")]
        cls.fields = {name: known[name] for name in order}
        if not wrote_init:
            cls.__init__ = _make_init(cls)  # type: ignore[method-assign]


def _shown(spec: Any) -> Any:
    """A field of the cell as the layer shows it: the cell converts and checks."""
    return dataclasses.replace(spec, hyper=False, convert=None, check=None)


def _make_init(cls: type[OwnCellRNN]) -> Callable[..., None]:
    """An `__init__` that makes the cell and stores the other fields."""
    cell_class = cls.cell_class
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [
            inspect.Parameter("self", kind),
            *(
                inspect.Parameter(name, kind, default=spec.default)
                for name, spec in sorted(
                    cls.fields.items(), key=lambda item: item[1].default is not REQUIRED
                )
            ),
            inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD),
        ]
    )

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.__init__(): {error}") from None
        bound.apply_defaults()
        given = dict(bound.arguments)
        rest = given.pop("kwargs")
        del given["self"]
        handed = {name: given.pop(name) for name in list(given) if name in cell_class.fields}
        shared = {name: rest[name] for name in ("dtype", "trainable") if name in rest}
        if "implementation" in rest and "implementation" in cell_class.fields:
            shared["implementation"] = rest.pop("implementation")
        name = to_snake_case(cell_class.__name__)
        cell = cell_class(**handed, **cls.cell_settings, **shared, name=name)
        Layer.__init__(self, **rest)
        self.cell = cell
        for key, value in given.items():
            setattr(self, key, value)
        self.__post_init__()

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.from_fields = True  # type: ignore[attr-defined]
    return __init__
