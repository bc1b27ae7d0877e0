"""`HyperParameters`: KerasTuner's `hp`, with the values of one trial."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from kohort.errors import with_remedies
from kohort.workflow.search.dimensions import (
    KINDS,
    Boolean,
    Choice,
    Fixed,
    Float,
    HyperParameter,
    Int,
    Parent,
)


class HyperParameters:
    """The space that a `build(hp)` function asks for, and the values that it gets.

    Each call of `Int`, `Float`, `Choice`, `Boolean` or `Fixed` returns a value and records the
    hyperparameter in `space`; `values` holds the active ones. Used alone, the values are the
    defaults. A search passes `suggest`, which is asked for the value of each new active
    hyperparameter. A hyperparameter is known by its name and its conditions: where they come
    again, the same value returns, whatever range stands there.

    >>> def build(hp):
    ...     units = hp.Int("units", 16, 128, step=16)
    ...     kind = hp.Choice("optimizer", ["adam", "sgd"])
    ...     with hp.conditional_scope("optimizer", ["sgd"]):
    ...         momentum = hp.Float("momentum", 0, 0.99)
    ...     return units, kind, momentum
    >>> hp = HyperParameters()
    >>> build(hp)
    (16, 'adam', None)
    >>> hp.values, [p.name for p in hp.space]
    ({'units': 16, 'optimizer': 'adam'}, ['units', 'optimizer', 'momentum'])
    >>> build(HyperParameters(suggest=lambda p: p.values[-1]))
    (128, 'sgd', 0.94)

    Interface and semantics: KerasTuner, `keras_tuner.HyperParameters`.
    """

    def __init__(self, *, suggest: Callable[[Any], Any] | None = None):
        self.space: list[HyperParameter] = []
        self.values: dict[str, Any] = {}
        self._suggest: Callable[[Any], Any] = suggest or (lambda parameter: parameter.default)
        self._scopes: list[str] = []
        self._conditions: list[Parent] = []

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A whole number from `min_value` to `max_value`, both included."""
        bounds = {"min_value": min_value, "max_value": max_value, "step": step}
        with self._under(parent_name, parent_values):
            return self._value(Int, name, **bounds, sampling=sampling, default=default)

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A number from `min_value` to `max_value`, both included."""
        bounds = {"min_value": min_value, "max_value": max_value, "step": step}
        with self._under(parent_name, parent_values):
            return self._value(Float, name, **bounds, sampling=sampling, default=default)

    def Choice(
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """One of `values`, all of one type: int, float, str or bool."""
        with self._under(parent_name, parent_values):
            return self._value(Choice, name, values=values, ordered=ordered, default=default)

    def Boolean(
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """True or False."""
        with self._under(parent_name, parent_values):
            return self._value(Boolean, name, default=default)

    def Fixed(
        self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """`value`, recorded among the others."""
        with self._under(parent_name, parent_values):
            return self._value(Fixed, name, value=value)

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Names inside get the prefix `name/`."""
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """What is asked inside is active only where the parent has one of `parent_values`.

        Elsewhere it is recorded, and the answer is None; the code inside runs all the same.
        """
        parent = self._full(parent_name)
        if self._find(parent, self._conditions) is None:
            rule = "The parent of a conditional scope must be asked for before the scope opens."
            remedy = f"call hp.Choice({parent_name!r}, ...) first"
            raise ValueError(with_remedies(rule, f"parent_name={parent_name!r}", [remedy]))
        several = isinstance(parent_values, (list, tuple))
        self._conditions.append(Parent(parent, list(parent_values) if several else [parent_values]))
        try:
            yield
        finally:
            self._conditions.pop()

    def is_active(self, hyperparameter: str | HyperParameter) -> bool:
        """Whether all conditions of the hyperparameter hold, whether or not it was used."""
        if isinstance(hyperparameter, HyperParameter):
            return hyperparameter.is_active(self.values)
        named = (p for p in self.space if p.name == hyperparameter)
        return any(p.is_active(self.values) for p in named)

    def get(self, name: str) -> Any:
        """The value of an active hyperparameter."""
        name = self._full(name)
        if name in self.values:
            return self.values[name]
        if any(p.name == name for p in self.space):
            raise ValueError(f"{name} is currently inactive.")
        raise KeyError(f"{name} does not exist.")

    __getitem__ = get

    def __contains__(self, name: str) -> bool:
        return self._full(name) in self.values

    def merge(self, other: HyperParameters | Sequence[HyperParameter], overwrite: bool = True):
        """Takes in the space of `other`; with `overwrite`, what is here too gets its default."""
        for new in other.space if isinstance(other, HyperParameters) else other:
            known = self._find(new.name, new.conditions)
            if known is None or overwrite:
                self.space = [p for p in self.space if p is not known] + [new]
                if overwrite:
                    self.values.pop(new.name, None)
                self._answer(new)

    def get_config(self) -> dict[str, Any]:
        """Space and values, as KerasTuner writes them."""
        space = [{"class_name": type(p).__name__, "config": p.get_config()} for p in self.space]
        return {"space": space, "values": dict(self.values)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HyperParameters:
        """The object again; `{"space": [], "values": {...}}` gives one with these values."""
        hp = cls()
        hp.space = [KINDS[p["class_name"]].from_config(p["config"]) for p in config["space"]]
        hp.values = dict(config["values"])
        return hp

    def copy(self) -> HyperParameters:
        """An object of its own, with the same space and values."""
        return type(self).from_config(self.get_config())

    def __repr__(self) -> str:
        return f"HyperParameters({', '.join(f'{k}={v!r}' for k, v in self.values.items())})"

    def _under(self, parent_name: str | None, parent_values: Any) -> Any:
        return self.conditional_scope(parent_name, parent_values) if parent_name else nullcontext()

    def _full(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])

    def _find(self, name: str, conditions: list[Parent]) -> HyperParameter | None:
        found = (p for p in self.space if p.name == name and p.conditions == conditions)
        return next(found, None)

    def _value(self, kind: type[HyperParameter], name: str, **config: Any) -> Any:
        full = self._full(name)
        if any(condition.name == full for condition in self._conditions):
            rule = "A conditional hyperparameter must not have its parent's name."
            raise ValueError(with_remedies(rule, repr(full), ["give it another name"]))
        new = kind(name=full, conditions=list(self._conditions), **config)
        known = self._find(full, new.conditions)
        if known is None:
            self.space.append(new)
        return self._answer(known or new)

    def _answer(self, parameter: HyperParameter) -> Any:
        if not parameter.is_active(self.values):
            return None
        if parameter.name not in self.values:
            self.values[parameter.name] = self._suggest(parameter)
        return self.values[parameter.name]
