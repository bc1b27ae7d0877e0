"""The state of a model as nested dicts, by the paths of its variables."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from kohort.core.variable import Variable

KINDS = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)


def variables_of(model: Any, kind: str) -> list[Variable]:
    """Return the variables of one of `KINDS`."""
    if kind == "optimizer_variables":
        optimizer = getattr(model, "optimizer", None)
        return [] if optimizer is None else list(optimizer.variables)
    return list(getattr(model, kind))


def nest(variables: Iterable[Variable], as_numpy: bool) -> dict[str, Any]:
    """Return nested dicts of values: `dense/kernel` becomes `["dense"]["kernel"]`."""
    tree: dict[str, Any] = {}
    for variable in variables:
        *scopes, name = variable.path.split("/")
        here = tree
        for scope in scopes:
            here = here.setdefault(scope, {})
        if name in here:
            raise ValueError(
                "The following variable path is found twice in the model: "
                f"'{variable.path}'. `get_state_tree()` can only be called when all variable "
                "paths are unique. Make sure to give unique names to your layers (and other "
                "objects)."
            )
        here[name] = np.asarray(variable.value) if as_numpy else variable.value
    return tree


def assign(variables: Iterable[Variable], tree: dict[str, Any]) -> None:
    """Assign the values that stand in nested dicts; warn of paths that no variable has."""
    by_path = {variable.path: variable for variable in variables}
    values = dict(_flatten(tree, ()))
    for path in values.keys() & by_path.keys():
        by_path[path].assign(values[path])
    unknown = sorted(values.keys() - by_path.keys())
    if unknown:
        warnings.warn(
            f"The state tree holds values for which there is no variable: {unknown}. "
            f"The variables are: {sorted(by_path)}",
            stacklevel=3,
        )


def _flatten(tree: dict[str, Any], scopes: tuple[str, ...]) -> Iterable[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flatten(value, (*scopes, name))
        else:
            yield "/".join((*scopes, name)), value
