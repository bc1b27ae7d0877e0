"""From what an estimator is given, a function or a model, to a new compiled model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from kohort import layers
from kohort.models import Model, Sequential
from kohort.workflow.trainings import maker

FACTS = ("meta", "input_shape", "n_features", "n_outputs", "task")
"""Parameters of a build function that the estimator fills in from the data."""

_LOSSES = {
    "binary": ("sigmoid", "binary_crossentropy"),
    "multi-class": ("softmax", "sparse_categorical_crossentropy"),
    "regression": (None, "mse"),
}


def dense_network(
    input_shape: tuple[int, ...],
    n_outputs: int,
    task: str,
    units: Sequence[int] = (32,),
    activation: str = "relu",
    dropout: float = 0.0,
    learning_rate: float = 0.003,
) -> Model:
    """The network of an estimator that was given none: inputs scaled, then dense layers.

    Args:
        input_shape: of one row.
        n_outputs: units of the last layer.
        task: "binary", "multi-class" or "regression".
        units: of each hidden layer.
        activation: of the hidden layers.
        dropout: the rate after each hidden layer.
        learning_rate: of Adam.

    >>> dense_network((4,), 3, "multi-class", units=(8,)).output_shape
    (None, 3)
    """
    from kohort.optimizers import Adam

    output, loss = _LOSSES[task]
    stack: list[Any] = [layers.Input(input_shape)]
    if len(input_shape) > 1:
        stack.append(layers.Flatten())
    stack.append(layers.Normalization())
    for count in units:
        stack.append(layers.Dense(count, activation=activation))
        if dropout:
            stack.append(layers.Dropout(dropout))
    stack.append(layers.Dense(n_outputs, activation=output))
    model = Sequential(stack)
    metrics = None if task == "regression" else ["accuracy"]
    model.compile(Adam(learning_rate), loss, metrics=metrics)
    return model


def hyperparameters(build: Any) -> tuple[dict[str, Any], bool]:
    """The hyperparameters that `build` has with their defaults, and whether it takes others too."""
    if build is None:
        build = dense_network
    if isinstance(build, Model) or not callable(build):
        return {}, not isinstance(build, Model)
    known = inspect.signature(build).parameters.values()
    takes_more = any(p.kind is p.VAR_KEYWORD or p.name == "hp" for p in known)
    return {p.name: p.default for p in known if p.default is not p.empty}, takes_more


def built(build: Any, facts: dict[str, Any], values: dict[str, Any]) -> Model:
    """A new compiled model.

    Args:
        build: None, a compiled model, or a function whose parameters are facts about the data
            (`FACTS`), hyperparameters, and `hp`, a `HyperParameters`, as for `kohort.search`.
        facts: input_shape, n_features, n_outputs, task.
        values: hyperparameters.
    """
    build = dense_network if build is None else build
    if isinstance(build, Model) or not callable(build):
        return maker(build)()
    wanted = inspect.signature(build).parameters
    facts = {**facts, "meta": dict(facts)}
    arguments = {name: facts[name] for name in FACTS if name in wanted}
    if "hp" in wanted:
        return _from_search(build, arguments, values)
    return maker(lambda: build(**arguments, **values))()


def _from_search(
    build: Callable[..., Any], arguments: dict[str, Any], values: dict[str, Any]
) -> Any:
    from kohort.workflow.search import HyperParameters

    hp = HyperParameters(suggest=lambda asked: values.get(asked.name, asked.default))
    model = maker(lambda: build(hp=hp, **arguments))()
    unknown = values.keys() - {parameter.name for parameter in hp.space}
    if unknown:
        raise ValueError(
            f"The build function asks for no hyperparameter {sorted(unknown)}. "
            f"Known: {sorted(p.name for p in hp.space)}"
        )
    return model
