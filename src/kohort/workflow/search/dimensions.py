"""One hyperparameter of a space: its range, its default, and when it is active."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from kohort.errors import with_remedies

SAMPLINGS = ("linear", "log", "reverse_log")
_SLACK = 1e-8  # 1.0 / 0.1 must give ten steps


@dataclass(frozen=True)
class Parent:
    """A condition: the hyperparameter `name` has one of `values`."""

    name: str
    values: list[Any]

    def is_active(self, values: Mapping[str, Any]) -> bool:
        return self.name in values and values[self.name] in self.values


@dataclass(kw_only=True)
class HyperParameter:
    """A name, and the conditions under which the hyperparameter is active (all must hold)."""

    name: str
    conditions: list[Parent] = field(default_factory=list)

    def get_config(self) -> dict[str, Any]:
        """The fields, in KerasTuner's form."""
        config = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        conditions = [
            {"class_name": "Parent", "config": {"name": c.name, "values": list(c.values)}}
            for c in self.conditions
        ]
        return {**config, "conditions": conditions}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HyperParameter:
        conditions = [Parent(**c["config"]) for c in config["conditions"]]
        return cls(**{**config, "conditions": conditions})

    def is_active(self, values: Mapping[str, Any]) -> bool:
        """Whether the hyperparameter counts, given the values of the others."""
        return all(condition.is_active(values) for condition in self.conditions)

    def _fail(self, rule: str, received: str, remedy: str) -> ValueError:
        title = f"hp.{type(self).__name__}({self.name!r}): {rule}"
        return ValueError(with_remedies(title, received, [remedy]))


@dataclass(kw_only=True)
class Numerical(HyperParameter):
    """A number between `min_value` and `max_value`, both included.

    At the share `p` of the range (`0 <= p < 1`) lies `min + p (max - min)` (linear),
    `min (max / min)^p` (log), or `max + min - min (max / min)^(1 - p)` (reverse_log: fine steps
    near `max_value`). With `step`, the i-th value is `min + i step`, `min step^i`, or
    `max + min - min step^i`.
    """

    min_value: Any
    max_value: Any
    step: Any = None
    sampling: str = "linear"
    default: Any = None

    def __post_init__(self) -> None:
        self.sampling = (self.sampling or "linear").lower()
        if self.sampling not in SAMPLINGS:
            rule = f"`sampling` must be one of {', '.join(SAMPLINGS)}."
            raise self._fail(rule, f"sampling={self.sampling!r}", "choose one of them")
        if self.min_value > self.max_value:
            rule = "`min_value` must not be greater than `max_value`."
            raise self._fail(rule, f"{self.min_value} and {self.max_value}", "swap the two")
        if self.sampling != "linear":
            self._check_log()
        elif self.step is not None and self.step <= 0:
            raise self._fail("`step` must be positive.", f"step={self.step}", "leave it out")
        if self.default is None:
            self.default = self.min_value

    def _check_log(self) -> None:
        if self.min_value <= 0:
            rule = f"sampling={self.sampling!r} needs `min_value` above 0."
            remedy = "raise min_value, or use sampling='linear'"
            raise self._fail(rule, f"min_value={self.min_value}", remedy)
        if self.step is not None and self.step <= 1:
            rule = f"`step` multiplies with sampling={self.sampling!r}, so it must be above 1."
            raise self._fail(rule, f"step={self.step}", "give step=2, or step=10")

    def at(self, index: int) -> Any:
        """The `index`-th value of a range with steps."""
        if self.sampling == "linear":
            return self.min_value + index * self.step
        grown = self.min_value * math.pow(self.step, index)
        return grown if self.sampling == "log" else self.max_value + self.min_value - grown

    @property
    def count(self) -> int:
        """How many values a range with steps has."""
        if self.sampling == "linear":
            return math.floor((self.max_value - self.min_value) / self.step + _SLACK) + 1
        return math.floor(math.log(self.max_value / self.min_value, self.step) + _SLACK) + 1

    def _at_share(self, share: float, beyond: int = 0) -> float:
        low, high = self.min_value, self.max_value + beyond
        if self.sampling == "linear":
            return low + share * (high - low)
        if self.sampling == "log":
            return low * math.pow(high / low, share)
        return high + low - low * math.pow(high / low, 1 - share)

    @property
    def values(self) -> tuple[Any, ...]:
        """All values of a range with steps, and ten spread over one without."""
        if self.step is not None:
            return tuple(self.at(i) for i in range(self.count))
        return tuple(self._at_share(0.1 * i + 0.05) for i in range(10))


@dataclass(kw_only=True)
class Float(Numerical):
    """A real number."""

    def __post_init__(self) -> None:
        self.min_value, self.max_value = float(self.min_value), float(self.max_value)
        super().__post_init__()


@dataclass(kw_only=True)
class Int(Numerical):
    """A whole number."""

    def __post_init__(self) -> None:
        for name in ("min_value", "max_value", "step"):
            value = getattr(self, name)
            if value is not None and int(value) != value:
                remedy = "give a whole number, or use hp.Float"
                raise self._fail(f"`{name}` must be a whole number.", f"{value}", remedy)
            setattr(self, name, None if value is None else int(value))
        if self.step is None and self.sampling in (None, "linear"):
            self.step = 1
        super().__post_init__()

    def at(self, index: int) -> int:
        return int(super().at(index))

    @property
    def values(self) -> tuple[Any, ...]:
        if self.step is not None:
            return super().values
        return tuple(sorted({int(self._at_share(0.1 * i + 0.05, 1)) for i in range(10)}))


@dataclass(kw_only=True)
class Choice(HyperParameter):
    """One of several values of one type: `int`, `float`, `str` or `bool`."""

    values: Sequence[Any]
    ordered: bool | None = None
    default: Any = None

    def __post_init__(self) -> None:
        self.values = list(self.values)
        kinds = {type(value) for value in self.values}
        if len(kinds) != 1 or not issubclass(kind := kinds.pop(), (int, float, str)):
            rule = "The values must be of one type: int, float, str or bool."
            error = self._fail(rule, f"{self.values}", "write 1.0 for 1 among floats")
            raise TypeError(str(error)) if self.values else error
        if self.default is None:
            self.default = self.values[0]
        elif self.default not in self.values:
            rule = "`default` must be one of the values."
            raise self._fail(rule, f"{self.default!r}; values {self.values}", "choose one of them")
        numeric = issubclass(kind, (int, float))
        if self.ordered and not numeric:
            raise self._fail("Only numbers are ordered.", "ordered=True", "leave `ordered` out")
        self.ordered = numeric if self.ordered is None else self.ordered


@dataclass(kw_only=True)
class Boolean(HyperParameter):
    """True or False."""

    default: bool = False

    def __post_init__(self) -> None:
        if self.default not in (True, False):
            raise self._fail("`default` must be a bool.", f"{self.default!r}", "give True or False")

    @property
    def values(self) -> tuple[bool, bool]:
        return (True, False)


@dataclass(kw_only=True)
class Fixed(HyperParameter):
    """A value that no search changes."""

    value: Any

    def __post_init__(self) -> None:
        if not isinstance(self.value, (bool, int, float, str)):
            rule = "The value must be an int, float, str or bool."
            raise self._fail(rule, f"{self.value!r}", "pass other things by a closure")

    @property
    def default(self) -> Any:
        return self.value

    @property
    def values(self) -> tuple[Any]:
        return (self.value,)


KINDS = {kind.__name__: kind for kind in (Int, Float, Choice, Boolean, Fixed)}
