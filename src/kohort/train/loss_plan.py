"""Which loss works on which part of a model's output: what `compile(loss=…)` means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from kohort import losses
from kohort.core import tree
from kohort.core.symbolic import KerasTensor


class Part(NamedTuple):
    """One loss: the path of the output (or nest of outputs) that it sees, and its weight."""

    path: tuple
    loss: Any
    weight: Any


def plan(
    loss: Any, weights: Any, y_true: Any, y_pred: Any, names: list[str] | None
) -> list[tuple[str, Part]]:
    """Return (name, part) for each loss.

    `loss` is one for all outputs, or nests as the outputs do; a list in place of an output, or
    of a nest of them, holds several losses that see it. A dict by output name fits a list of
    outputs. `y_true` nests as `y_pred`.
    """
    if isinstance(loss, Mapping) and not isinstance(y_pred, Mapping):
        loss, weights = _by_name("loss", loss, names), _weights_by_name(weights, names)
    if (
        isinstance(loss, Mapping)
        and names
        and not set(loss) & set(y_pred)
        and set(loss) <= set(names)
    ):
        # By layer name, where the output is a dict.
        keys = dict(zip(names, tree.keys(y_pred), strict=False))
        loss = {keys[name]: value for name, value in loss.items()}
    if not tree.is_nested(loss):
        loss = tree.map_structure(lambda _: loss, y_pred)
    parts: list[tuple[str, Part]] = []
    _walk(_pair(loss, weights), y_true, y_pred, _names_like(y_pred, names), (), parts)
    return parts


def _by_name(what: str, value: Mapping, names: list[str] | None) -> list[Any]:
    if set(names or ()) != set(value):
        raise ValueError(
            f"Expected keys {names} in {what} dict, but found {what}.keys()={list(value)}"
        )
    return [value[name] for name in names or ()]


def _weights_by_name(weights: Any, names: list[str] | None) -> Any:
    return [weights.get(name) for name in names or ()] if isinstance(weights, Mapping) else weights


def _pair(loss: Any, weight: Any) -> Any:
    """Put each weight beside its loss; what has no loss becomes None."""
    if loss is None:
        return None
    if not tree.is_nested(loss):
        if weight is not None and not isinstance(weight, (int, float)):
            raise ValueError(
                f"Each entry of `loss_weights` must be a number. Received: {weight} "
                f"(of type {type(weight)})"
            )
        return _Leaf(loss, weight)
    if isinstance(loss, Mapping) and isinstance(weight, Mapping) and set(weight) <= set(loss):
        return {key: _pair(value, weight.get(key)) for key, value in loss.items()}
    flat = tree.flatten(loss)
    flat_weights = [None] * len(flat) if weight is None else tree.flatten(weight)
    if len(flat) != len(flat_weights):
        raise ValueError(
            f"`loss_weights` must match the number of losses, got {len(flat)} losses and "
            f"{len(flat_weights)} weights. Received: loss={loss}, loss_weights={weight}"
        )
    pairs = [_pair(one, w) for one, w in zip(flat, flat_weights, strict=True)]
    return tree.pack_sequence_as(loss, pairs)


class _Leaf:
    """A loss with its weight, as a leaf of the tree."""

    def __init__(self, loss: Any, weight: Any):
        self.loss, self.weight = loss, weight


def _names_like(y_pred: Any, names: list[Any] | None) -> Any:
    """The names of the outputs, nested as they are."""
    flat = tree.flatten(y_pred)
    if names is None or len(names) != len(flat):
        names = [
            x._keras_history.operation.name
            if isinstance(x, KerasTensor) and x._keras_history is not None
            else None
            for x in flat
        ]
    return tree.pack_sequence_as(y_pred, names)


def _walk(loss: Any, y_true: Any, y_pred: Any, names: Any, path: tuple, found: list) -> None:
    """Add the losses that see `y_pred`, which stands at `path` of the output, and its inside."""
    if loss is None:
        return
    if isinstance(loss, _Leaf):
        resolved = losses.resolve(loss.loss, y_true, y_pred)
        found.append((_name(resolved, names, path), Part(path, resolved, loss.weight)))
        return
    if isinstance(loss, (list, tuple)):
        count = len(tree.flatten(y_pred))
        if len(loss) == count and not any(tree.is_nested(one) for one in loss):
            loss = tree.pack_sequence_as(y_pred, list(loss))
            if not tree.is_nested(loss):
                _walk(loss, y_true, y_pred, names, path, found)
                return
        elif not isinstance(y_pred, type(loss)):
            for one in loss:
                _walk(one, y_true, y_pred, names, path, found)
            return
    for key, one in loss.items() if isinstance(loss, Mapping) else enumerate(loss):
        if one is not None:
            if not (_has(y_true, loss, key) and _has(y_pred, loss, key)):
                raise KeyError(
                    f"The path: {(*path, key)} in the `loss` argument, can't be found in either "
                    "the model's output (`y_pred`) or in the labels (`y_true`)."
                )
            _walk(one, y_true[key], y_pred[key], names[key], (*path, key), found)


def _has(structure: Any, like: Any, key: Any) -> bool:
    if isinstance(like, Mapping):
        return isinstance(structure, Mapping) and key in structure
    return isinstance(structure, (list, tuple)) and key < len(structure)


def _name(loss: Any, names: Any, path: tuple) -> str:
    """The name of a loss in logs: of its output, or of the outputs that it sees together."""
    if not tree.is_nested(names):
        name = loss.name if names is None else names
        if not path:
            path = (name,)
        elif isinstance(path[-1], int):
            path = (*path[:-1], name)
    elif not path:
        return "_".join(
            str(n) for n in (names if isinstance(names, Mapping) else tree.flatten(names))
        )
    return "/".join(str(step) for step in path)


def at(structure: Any, path: tuple) -> Any:
    """Return what stands at `path` in a structure."""
    for key in path:
        structure = structure[key]
    return structure


def nest_labels(y_true: Any, y_pred: Any, names: list[str] | None, loss: Any) -> Any:
    """Return the labels nested as the outputs are.

    Lists and tuples are the same; a dict by output name fits a list; a flat list fits any nest;
    labels may be left out for outputs without a loss.
    """
    if _same(y_true, y_pred):
        return y_true
    if isinstance(y_true, Mapping) and tree.is_nested(y_pred):
        keys = tree.keys(y_pred) if isinstance(y_pred, Mapping) else names
        by_key = _from_dict(y_true, keys, names, len(y_pred))
        if by_key is not None:
            return tree.pack_sequence_as(y_pred, tree.flatten(by_key))
    flat = tree.flatten(y_true)
    if len(flat) == len(tree.flatten(y_pred)):
        return tree.pack_sequence_as(y_pred, flat)
    wanted = tree.flatten(loss)
    if len(flat) == sum(one is not None for one in wanted) and len(wanted) == len(
        tree.flatten(y_pred)
    ):
        labels = iter(flat)
        filled = [None if one is None else next(labels) for one in wanted]
        return tree.pack_sequence_as(y_pred, filled)
    stars = [tree.map_structure(lambda _: "*", s) for s in (y_true, y_pred)]
    raise ValueError(
        "y_true and y_pred have different structures.\n"
        f"y_true: {stars[0]}\ny_pred: {stars[1]}\nThe outputs are: {names}"
    )


def _same(a: Any, b: Any) -> bool:
    try:
        tree.assert_same_structure(a, b)
    except ValueError:
        return False
    return True


def _from_dict(y_true: Mapping, keys: Any, names: Any, count: int) -> list[Any] | None:
    for known in (keys, names):
        if known and len(known) == count and set(known) == set(y_true):
            return [y_true[key] for key in known]
    return None


def nest_weights(sample_weight: Any, y_pred: Any, names: list[str] | None) -> Any:
    """Return sample weights nested as the outputs are; one for all stays as it is."""
    if not tree.is_nested(sample_weight) or not tree.is_nested(y_pred):
        flat = tree.flatten(sample_weight)
        return flat[0] if len(flat) == 1 else sample_weight
    if isinstance(sample_weight, Mapping):
        keys = tree.keys(y_pred) if isinstance(y_pred, Mapping) else list(names or ())
        if not set(sample_weight) <= set(keys):
            keys = list(names or ())
        flat = [sample_weight.get(key) for key in keys]
    else:
        flat = tree.flatten(sample_weight)
    count = len(tree.flatten(y_pred))
    return tree.pack_sequence_as(y_pred, flat if len(flat) == count else [flat[0]] * count)
