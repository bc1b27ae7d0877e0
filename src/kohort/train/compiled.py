"""What `compile` was told: losses and metrics, one for each output of the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from kohort import metrics
from kohort.core import tree
from kohort.core.component import Component
from kohort.core.frame import valid_rows
from kohort.core.masks import get_mask, set_mask
from kohort.train.loss_plan import Part, at, nest_labels, nest_weights, plan


class Outputs:
    """The outputs of a model as a flat list with names.

    A structure given by the user (labels, weights, losses, metrics) is brought into the same
    order, whether it is one value, a list, or a dict by output name.
    """

    def __init__(self, y_pred: Any, names: list[str] | None):
        self.struct = tree.map_structure(lambda _: None, y_pred)
        self.count = len(tree.flatten(y_pred))
        self.keys = tree.keys(y_pred) if isinstance(y_pred, Mapping) else None
        flat_keys = self.keys if self.keys is not None and len(self.keys) == self.count else None
        if names is not None and len(names) == self.count:
            self.names: list[Any] = list(names)
        elif flat_keys:
            self.names = flat_keys
        else:
            self.names = [None] * self.count
        self.flat_keys = flat_keys

    def structure_key(self) -> Any:
        """What a compiled program depends on: the form, not the names."""
        keyed = [str(k) for k in self.keys] if self.keys is not None else None
        return ("outputs", self.count, tuple(keyed or ()))

    def split(self, what: str, value: Any, default: Any = None) -> list[Any]:
        """One entry for each output, from data (arrays) in any of the accepted forms."""
        if isinstance(value, Mapping):
            self._check_keys(what, value)
            keys = self._keys_of(value)
            return [value.get(key, default) for key in keys]
        flat = tree.flatten(value) if tree.is_nested(value) else [value]
        if len(flat) == self.count:
            return flat
        if not tree.is_nested(value) and what == "sample_weight":
            return [value] * self.count
        raise ValueError(
            f"y_true and y_pred have different structures.\ny_true: {_shapes(value)}\n"
            f"The model has {self.count} outputs: {self.names}"
        )

    def settings(self, what: str, value: Any) -> list[Any]:
        """One entry for each output, from a `compile` argument; None where there is none."""
        if value is None:
            return [None] * self.count
        if isinstance(value, Mapping):
            self._check_keys(what, value)
            return [value.get(key) for key in self._keys_of(value)]
        if isinstance(value, (list, tuple)):
            flat = list(value)
            if len(flat) == 1 and self.count > 1 and isinstance(flat[0], (list, tuple)):
                flat = list(flat[0])
            if len(flat) != self.count:
                raise ValueError(
                    f"For a model with multiple outputs, when providing the `{what}` argument as a "
                    "list, it should have as many entries as the model has outputs. "
                    f"Received:\n{what}={value}\nof length {len(flat)} whereas the model has "
                    f"{self.count} outputs."
                )
            return flat
        return [value] * self.count

    def _keys_of(self, value: Mapping) -> list[Any]:
        if self.flat_keys is not None and set(value) <= set(self.flat_keys):
            return self.flat_keys
        return self.names

    def _check_keys(self, what: str, value: Mapping) -> None:
        known = {*(self.names or []), *(self.flat_keys or [])} - {None}
        unknown = [key for key in value if key not in known]
        if unknown:
            raise ValueError(
                f"Invalid `{what}`: key '{unknown[0]}' does not correspond to any model output. "
                f"Received:\n{what}={value}\nThe outputs are: {sorted(known)}"
            )


def _masked(y_pred: Any, valid: Any) -> Any:
    """Outputs whose rows that do not count are masked: Keras's rules for masks do the rest."""
    marked = y_pred + 0  # a mask belongs to one array: not to the one that metrics see
    mask = get_mask(y_pred)
    set_mask(marked, valid if mask is None else _weighted(mask, valid))
    return marked


def _weighted(weights: Any, valid: Any) -> Any:
    """Weights (or a mask) `(batch, ...)`, zero for the rows that do not count."""
    weights = jnp.asarray(weights)
    return weights * valid.reshape(-1, *[1] * (weights.ndim - 1)).astype(weights.dtype)


def _shapes(value: Any) -> Any:
    return tree.map_structure(lambda x: getattr(x, "shape", x), value)


class CompileLoss(Component):
    """The total loss: a weighted sum over the outputs.

    With several losses, each is tracked, unweighted, as `<output>_loss`.
    """

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: list[str] | None = None):
        if loss_weights is not None and not isinstance(
            loss_weights, (list, tuple, dict, float, int)
        ):
            raise ValueError(
                "Expected `loss_weights` argument to be a float (single output case) or a list, "
                "tuple, or dict (multiple output case). Received instead: "
                f"loss_weights={loss_weights} of type {type(loss_weights)}"
            )
        self._user_loss, self._user_weights = loss, loss_weights
        self._names = output_names
        self.parts: list[Part] = []
        self.trackers: list[Any] = []
        self.built = False

    @property
    def metrics(self) -> list[Any]:
        """The trackers of the single losses."""
        return list(self.trackers)

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Find the losses, once the outputs are known."""
        y_true = nest_labels(y_true, y_pred, self._names, self._user_loss)
        named = plan(self._user_loss, self._user_weights, y_true, y_pred, self._names)
        self.parts = [part for _, part in named]
        several = len(named) > 1
        self.trackers = [metrics.Mean(name=f"{name}_loss") for name, _ in named] if several else []
        self.built = True

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_true = nest_labels(y_true, y_pred, self._names, self._user_loss)
        if not self.built:
            self.build(y_true, y_pred)
        weights = nest_weights(sample_weight, y_pred, self._names)
        valid = valid_rows()
        total = None
        for i, (path, loss, factor) in enumerate(self.parts):
            weight = at(weights, path) if tree.is_nested(weights) else weights
            p = at(y_pred, path)
            if valid is not None:
                p = tree.map_structure(lambda a: _masked(a, valid), p)
            value = jnp.asarray(loss(at(y_true, path), p, weight), jnp.float32)
            if self.trackers:
                rows = tree.flatten(p)[0].shape[0] if valid is None else jnp.sum(valid)
                self.trackers[i].update_state(value, sample_weight=rows)
            if factor is not None:
                value = value * factor
            total = value if total is None else total + value
        return total


class CompileMetrics(Component):
    """The metrics of the outputs, weighted and not."""

    def __init__(self, plain: Any, weighted: Any, output_names: list[str] | None = None):
        for what, value in (("metrics", plain), ("weighted_metrics", weighted)):
            if value is not None and not isinstance(value, (list, tuple, dict)):
                raise ValueError(
                    f"Expected `{what}` argument to be a list, tuple, or dict. "
                    f"Received instead: {what}={value} of type {type(value)}"
                )
        self._user_plain, self._user_weighted = plain, weighted
        self._names = output_names
        self.plain: list[list[Any]] = []
        self.weighted: list[list[Any]] = []
        self.built = False

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Make the metrics of each output, once the outputs are known."""
        self.outputs = Outputs(y_pred, self._names)
        truths, outputs = self._truths(y_true), tree.flatten(y_pred)
        self.plain = self._make("metrics", self._user_plain, truths, outputs)
        self.weighted = self._make("weighted_metrics", self._user_weighted, truths, outputs)
        self.built = True

    def _truths(self, y_true: Any) -> list[Any]:
        return (
            self.outputs.split("y", y_true) if y_true is not None else [None] * self.outputs.count
        )

    def _make(self, what: str, given: Any, truths: list, outputs: list) -> list[list[Any]]:
        if self.outputs.count == 1:
            if isinstance(given, Mapping) and (self.outputs.names[0] or self.outputs.flat_keys):
                self.outputs._check_keys(what, given)
            rows = [tree.flatten(given)]  # all of them see the one output
        else:
            rows = self.outputs.settings(what, given)
        made = []
        for row, t, p in zip(rows, truths, outputs, strict=True):
            row = row if isinstance(row, (list, tuple)) else [row]
            made.append([metrics.resolve(m, t, p) for m in row if m is not None])
        return made

    @property
    def metrics(self) -> list[Any]:
        """All metrics in order."""
        return [m for _, m in self.named()]

    def named(self) -> list[tuple[str, Any]]:
        """The metrics with the names under which they are reported."""
        if not self.built:
            return []
        several = self.outputs.count > 1
        found: list[tuple[str, Any]] = []
        taken: dict[str, int] = {}
        for group in (self.plain, self.weighted):
            for name, row in zip(self.outputs.names, group, strict=True):
                prefix = f"{name}_" if several and name else ""
                for m in row:
                    label = prefix + m.name
                    if label in taken and group is self.weighted:
                        label = f"{prefix}weighted_{m.name}"
                    taken[label] = taken.get(label, 0) + 1
                    found.append((label if taken[label] == 1 else f"{label}_{taken[label] - 1}", m))
        return found

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch."""
        if not self.built:
            self.build(y_true, y_pred)
        truths = self._truths(y_true)
        weights = self.outputs.split("sample_weight", sample_weight)
        valid = valid_rows()
        rows = zip(self.plain, self.weighted, truths, tree.flatten(y_pred), weights, strict=True)
        for plain, weighted, t, p, sw in rows:
            if t is None:
                continue
            for m in plain:
                if valid is None:
                    m.update_state(t, p)
                else:
                    m.update_state(t, p, sample_weight=valid)
            if valid is not None:
                sw = valid if sw is None else _weighted(sw, valid)
            for m in weighted:
                m.update_state(t, p, sample_weight=sw)
