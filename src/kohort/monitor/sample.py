"""Activations and gradients of a model on a sample of rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from kohort.core import tree
from kohort.core.compiling import compiled
from kohort.core.frame import Frame
from kohort.train.programs import program_for, served, serving
from kohort.train.state import TrainState
from kohort.train.step import unpack

Arrays = dict[str, Any]


class Sampler:
    """What every layer gives out, and the gradient of the loss, on one batch.

    One compiled function for all trainings of a structure whose layers have these names. The model
    runs as in `evaluate`, and nothing of it changes: no seed, no moving mean. Where only a
    `train_step` of the user's own knows the loss there are no gradients.

    Args:
        batch: `(x, y, sample_weight)`, as the model's data source gives it.
    """

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __call__(self, model: Any) -> tuple[Arrays, Arrays]:
        """Return activations by layer name, and gradients by variable path."""
        binding = model._binding()
        measure: Callable[..., tuple[Arrays, Arrays]] = _measure
        if not model.run_eagerly:
            paths = tuple(variable.path for variable in binding.params.values())
            names = tuple(name for name, _ in named_layers(model))
            measure = program_for(("sample", binding.structure.key, names, paths), _Program).measure
        with serving(model, binding):
            return measure(binding.gather(), binding.leaf_values(), self.batch)


class _Program:
    def __init__(self) -> None:
        self.measure = compiled(lambda *args: _measure(*args))  # jit keys its cache by function

    def clear(self) -> None:
        """Drop the compiled code."""
        self.measure.clear_cache()


def _measure(ts: TrainState, leaves: Any, batch: Any) -> tuple[Arrays, Arrays]:
    model, binding = served()
    x, y, sample_weight = unpack(batch)
    params, values = binding.params, binding.frame_values(ts)

    def objective(arrays: Arrays) -> tuple[Any, Arrays]:
        given = {**values, **{params[path]: a for path, a in arrays.items()}}
        with Frame(given, binding.frame_leaves(leaves)), recorded(model) as outputs:
            if not _knows_loss(model):
                model._forward(x, False)
                return 0.0, outputs
            loss, _ = model._forward_loss(x, y, sample_weight, training=False)
        return loss, outputs

    if not _knows_loss(model):
        return objective(ts.params)[1], {}
    gradients, outputs = jax.grad(objective, has_aux=True)(ts.params)
    return outputs, {params[path].path: a for path, a in gradients.items()}


def _knows_loss(model: Any) -> bool:
    """Whether there is a loss outside of a `train_step` of the user's own."""
    told = model._compile_loss is not None or model._has_own("compute_loss")
    return told or not model._has_own("train_step")


@contextmanager
def recorded(model: Any) -> Iterator[Arrays]:
    """Gather what the layers of a model give out while this is open, by name.

    Layers of an inner model have its name before theirs. What else a layer gives out, in the same
    call or another one, is `name_1`, `name_2`, ….
    """
    outputs: Arrays = {}
    layers = dict(named_layers(model))

    def watch(name: str, layer: Any) -> None:
        run, names = layer._run, (f"{name}_{i}" if i else name for i in itertools.count())

        def recording(*args: Any, **kwargs: Any) -> Any:
            result = run(*args, **kwargs)
            outputs.update((next(names), y) for y in tree.flatten(result) if _is_array(y))
            return result

        layer.__dict__["_run"] = recording  # around `call`, where rematerialisation has ended

    try:
        for name, layer in layers.items():
            watch(name, layer)
        yield outputs
    finally:
        for layer in layers.values():
            layer.__dict__.pop("_run", None)


def named_layers(model: Any, scope: str = "") -> Iterator[tuple[str, Any]]:
    """The layers of a model and of the models in it, with their names."""
    for layer in model.layers:
        yield scope + layer.name, layer
        if hasattr(layer, "compile") and hasattr(layer, "layers"):
            yield from named_layers(layer, f"{scope}{layer.name}/")


def _is_array(x: Any) -> bool:
    return isinstance(x, jax.Array) and not jax.dtypes.issubdtype(x.dtype, jax.dtypes.extended)
