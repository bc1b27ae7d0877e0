"""What a layer owns: variables, sub-layers, seeds, metrics. Found by looking, in order."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from kohort.core.component import touch
from kohort.core.frame import current as current_frame
from kohort.core.variable import Variable

# Attributes that hold no part of the layer.
_SKIP = {
    "_init_args", "_inbound_nodes", "_own", "_losses", "_metrics_map", "_build_shapes", "optimizer",
    "_parent", "_runtime", "_compile_args", "history", "loss", "_compiled",
}  # fmt: skip


def _held(value: Any, kinds: tuple[type, ...], around: tuple[int, ...] = ()) -> Iterator[Any]:
    """The objects of these kinds in a value: itself, or inside lists, tuples and dicts.

    `around` are the containers that are being looked through: a list may hold itself.
    """
    if isinstance(value, kinds):
        yield value
    elif _is_container(type(value)) and id(value) not in around:  # type: ignore[arg-type]
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _held(item, kinds, (*around, id(value)))


@functools.cache
def _is_container(kind: type) -> bool:
    return issubclass(kind, (list, tuple, Mapping))


class Tracked:
    """The variables, weights and freezing of a layer and of all layers inside it."""

    _own: list[Variable]
    _trainable: bool

    def held(self, *kinds: type) -> list[Any]:
        """The objects of these kinds in the layer's attributes, each once, in order."""
        found: dict[int, Any] = {}
        for name, value in list(self.__dict__.items()):
            if name not in _SKIP and not isinstance(value, (str, int, float)):
                for item in _held(value, kinds):
                    if item is not self:
                        found.setdefault(id(item), item)
        return list(found.values())

    @property
    def _layers(self) -> list[Any]:
        """The direct sub-layers."""
        return self.held(Tracked)

    @_layers.setter
    def _layers(self, layers: list[Any]) -> None:
        self.__dict__["_layers_list"] = list(layers)

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        """All layers inside, depth first, each once."""
        seen: dict[int, Any] = {id(self): self} if include_self else {}
        stack = list(self._layers)
        while stack:
            layer = stack.pop(0)
            if id(layer) in seen or layer is self:
                continue
            seen[id(layer)] = layer
            if recursive:
                stack = list(layer._layers) + stack
        return list(seen.values())

    def _own_variables(self) -> list[Variable]:
        known = {id(v): v for v in self._own}
        for v in self.held(Variable):
            known.setdefault(id(v), v)
        return list(known.values())

    def _seed_states(self) -> list[Variable]:
        from kohort.random import SeedGenerator

        return [g.state for g in self.held(SeedGenerator)]

    @property
    def variables(self) -> list[Variable]:
        """All variables: trainable, then not, then seeds; then those of the sub-layers."""
        own = self._own_variables()
        mine = [v for v in own if v.trainable] + [v for v in own if not v.trainable]
        return _unique(mine + self._seed_states() + [v for x in self._layers for v in x.variables])

    @property
    def weights(self) -> list[Variable]:
        """All variables but the states of random generators."""
        own = self._own_variables()
        mine = [v for v in own if v.trainable] + [v for v in own if not v.trainable]
        return _unique(mine + [v for x in self._layers for v in x.weights])

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that gradients change."""
        return [v for v in self.variables if v.trainable] if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The variables that gradients do not change, seeds included."""
        if not self.trainable:
            return self.variables
        return [v for v in self.variables if not v.trainable]

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that gradients change."""
        return [v for v in self.weights if v.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that gradients do not change."""
        if not self.trainable:
            return self.weights
        return [v for v in self.weights if not v.trainable]

    @property
    def metrics(self) -> list[Any]:
        """The metrics that this layer and its sub-layers hold."""
        from kohort.metrics import Metric

        return _unique(self.held(Metric) + [m for x in self._layers for m in x.metrics])

    @property
    def metrics_variables(self) -> list[Variable]:
        """The states of the metrics."""
        return [v for m in self.metrics for v in m.variables]

    @property
    def trainable(self) -> bool:
        """Whether training changes the layer; setting it reaches all sub-layers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        self._trainable = value
        for v in self._own_variables():
            if v in self._born_trainable:
                v.trainable = value
        for layer in self._layers:
            layer.trainable = value
        touch()

    @property
    def _born_trainable(self) -> set[Variable]:
        return self.__dict__.setdefault("_born_trainable_set", set())

    def get_weights(self) -> list[np.ndarray]:
        """The weights as NumPy arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Set the weights from arrays in the order of `weights`."""
        own = self.weights
        if len(own) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of "  # type: ignore[attr-defined]
                f"length {len(weights)}, but the layer was expecting {len(own)} weights."
            )
        for v, value in zip(own, weights, strict=True):
            shape = np.shape(value)
            if v.shape != shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {v.shape} is not compatible with provided "  # type: ignore[attr-defined]
                    f"weight shape {shape}."
                )
        for v, value in zip(own, weights, strict=True):
            v.assign(value)

    def count_params(self) -> int:
        """The number of scalars in the weights."""
        if not self.built:  # type: ignore[attr-defined]
            raise ValueError(
                f"You tried to call `count_params` on layer '{self.name}', but the layer isn't "  # type: ignore[attr-defined]
                "built. You can build it manually via: `layer.build(input_shape)`."
            )
        return int(sum(np.prod(v.shape) for v in self.weights))

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or several) to the loss, from inside `call`."""
        frame = current_frame()
        for value in loss if isinstance(loss, (list, tuple)) else [loss]:
            if frame is not None:
                frame.add_loss(value)
            else:
                self.__dict__.setdefault("_losses", []).append(value)

    @property
    def losses(self) -> list[Any]:
        """What `add_loss` collected in the last call, and the regularisation penalties."""
        frame = current_frame()
        collected: list[Any] = list(frame.losses) if frame is not None else []
        for layer in self._flatten_layers():
            collected += layer.__dict__.get("_losses", []) if frame is None else []
        return collected + self._regularization_losses()

    def _regularization_losses(self) -> list[Any]:
        return [v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None]

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer.__dict__.pop("_losses", None)


def _unique(items: list[Any]) -> list[Any]:
    return list({id(item): item for item in items}.values())
