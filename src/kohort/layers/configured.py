"""A layer as a pure function, as a configuration, and in files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from kohort import regularizers
from kohort.core.component import Field
from kohort.core.dtypes import DTypePolicy
from kohort.core.frame import Frame
from kohort.core.registry import CustomObjectScope
from kohort.core.serialization import deserialize_nested, serialize_keras_object
from kohort.core.variable import Variable
from kohort.layers import call as calls

# What Keras 2 let any layer be given; not part of a configuration.
LEGACY = {"input_shape", "batch_input_shape", "input_dim", "input_dtype", "batch_size", "weights",
          "input_length", "batch_shape", "implementation", "sparse"}  # fmt: skip


class Configured:
    """The part of `Layer` that leaves the object: pure calls, configurations, files."""

    fields: ClassVar[dict[str, Field]]
    name: str
    built: bool
    trainable: bool
    dtype_policy: DTypePolicy
    activity_regularizer: Any
    trainable_variables: list[Variable]
    non_trainable_variables: list[Variable]
    losses: list[Any]
    _born_trainable: set[Variable]
    _init_args: tuple[tuple, dict]
    _check_super_called: Callable[[], None]
    _own_variables: Callable[[], list[Variable]]
    __call__: Callable[..., Any]

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Call the layer as a pure function of its variables.

        Returns the outputs and the new values of the non-trainable variables (and, with
        `return_losses`, the penalties).
        """
        self._check_super_called()
        if not self.built:
            raise ValueError(
                f"To call stateless_call, {type(self).__name__} must be built (i.e. its variables "
                "must have been already created). You can build it by calling it on some data."
            )
        own, fixed = self.trainable_variables, self.non_trainable_variables
        for kind, given, have in (
            ("trainable", trainable_variables, own),
            ("non_trainable", non_trainable_variables, fixed),
        ):
            if len(given) != len(have):
                raise ValueError(
                    f"Argument `{kind}_variables` must be a list of tensors corresponding 1:1 to "
                    f"{type(self).__name__}().{kind}_variables. Received list with length "
                    f"{len(given)}, but expected {len(have)} variables."
                )
        given = [*trainable_variables, *non_trainable_variables]
        values = {
            v: x.value if isinstance(x, Variable) else jnp.asarray(x)
            for v, x in zip([*own, *fixed], given, strict=True)
        }
        with Frame(values) as frame:
            outputs = self(*args, **kwargs)
            losses = self.losses if return_losses else None
        new = [frame.values[v] for v in fixed]
        return (outputs, new, losses) if return_losses else (outputs, new)

    def base_config(self) -> dict[str, Any]:
        """Name, trainable and dtype policy."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable}
        config["dtype"] = serialize_keras_object(self.dtype_policy)
        declared = self.fields.get("activity_regularizer")
        if self.activity_regularizer is not None and not (declared and declared.config):
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        return config

    def get_config(self) -> dict[str, Any]:
        """The configuration; a user's `__init__` arguments are included where they are plain."""
        config = super().get_config()  # type: ignore[misc]
        cls = type(self)
        from_fields = getattr(cls.__init__, "from_fields", False)
        if cls.get_config is Configured.get_config and not from_fields:
            config |= self._captured_config(set(config))
        return config

    def _captured_config(self, known: set[str]) -> dict[str, Any]:
        args, kwargs = self._init_args
        names = list(calls._signature(type(self).__init__).parameters)[1:]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        given = {k: v for k, v in given.items() if k not in known and k not in LEGACY}
        try:
            return {k: serialize_keras_object(v) for k, v in given.items()}
        except TypeError as error:
            raise NotImplementedError(
                f"Object {type(self).__name__} was created by passing non-serializable argument "
                "values in `__init__()`, and therefore the object must override `get_config()` in "
                f"order to be serializable. Please implement `get_config()`. ({error})"
            ) from None

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """Make a layer from its configuration; `custom_objects`: name -> class or function.

        As in Keras, a user's class with its own `get_config` gets what that returned, and makes
        objects of it itself.
        """
        own = cls.get_config is not Configured.get_config and not cls.__module__.startswith(
            "kohort."
        )
        with CustomObjectScope(custom_objects):
            values = dict(config) if own else deserialize_nested(config)
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"Error when deserializing class '{cls.__name__}' using config={config}.\n\n"
                f"Exception encountered: {error}"
            ) from error

    def _ordered_variables(self) -> list[Variable]:
        """Those made to be trained come first, also while the layer is frozen."""
        own = self._own_variables()
        first = [v for v in own if v in self._born_trainable or v.trainable]
        rest = set(own).difference(first)  # `in` a list would compare values
        return first + [v for v in own if v in rest]

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own variables into `store`, by position."""
        for i, v in enumerate(self._ordered_variables()):
            store[str(i)] = v

    def load_own_variables(self, store: Any) -> None:
        """Read the layer's own variables from `store`."""
        ordered = self._ordered_variables()
        if len(store.keys()) != len(ordered):
            hint = (
                ""
                if self.built
                else (" The layer was never built and has no variables: call it on data first.")
            )
            raise ValueError(
                f"Layer '{self.name}' expected {len(ordered)} variables, but received "
                f"{len(store.keys())} variables during loading.{hint} "
                f"Expected: {[v.name for v in ordered]}"
            )
        for i, v in enumerate(ordered):
            v.assign(np.asarray(store[str(i)]))
