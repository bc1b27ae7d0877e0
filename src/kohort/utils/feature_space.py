"""FeatureSpace: the columns of a table, each encoded in its own way, as one layer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from kohort import layers
from kohort.core import tree
from kohort.core.component import Component, field
from kohort.core.host import to_host
from kohort.core.naming import auto_name
from kohort.core.serialization import deserialize_keras_object
from kohort.core.symbolic import KerasTensor

_MODULE = "keras.src.layers.preprocessing.feature_space"


def _one_of(allowed: tuple[str, ...], default: Any = ...) -> Any:
    def check(name: str, value: Any) -> None:
        if value not in allowed:
            raise ValueError(
                f"Invalid value for argument `{name}`. Expected one of {set(allowed)}. "
                f"Received: {name}={value}"
            )

    return field(check=check) if default is ... else field(default, check=check)


class Cross(Component, module=_MODULE):
    """A combination of features, hashed into `crossing_dim` bins."""

    feature_names: Any = field(convert=tuple)
    crossing_dim: int
    output_mode: str = _one_of(("int", "one_hot"), "one_hot")

    def __post_init__(self) -> None:
        self.name = "_X_".join(self.feature_names)


class Feature(Component, module=_MODULE):
    """A column: its dtype, the layer that encodes it, and the kind of output."""

    dtype: str
    preprocessor: Any = field(
        convert=lambda p: deserialize_keras_object(p) if isinstance(p, dict) else p
    )
    output_mode: str = _one_of(("int", "one_hot", "float"))


class TFDIdentity(layers.Layer, module=_MODULE):
    """A column as it is, under the name that Keras's files have for it."""

    _needs_no_build = True

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs


def _kind(make: Callable[..., tuple[str, Any, str]]) -> Any:
    """A static method that names the layer of a feature after the column."""
    signature = inspect.signature(make)

    @functools.wraps(make)
    def method(*args: Any, **kwargs: Any) -> Feature:
        given = signature.bind(*args, **kwargs).arguments
        name = given.get("name") or auto_name(make.__name__)
        return Feature(*make(**{**given, "name": f"{name}_preprocessor"}))

    return staticmethod(method)


class FeatureSpace(layers.Layer, module="keras.utils"):
    """Encode the columns of a table and join them to one vector a row.

    Args:
        features: column -> kind (float, float_rescaled, float_normalized, float_discretized,
            integer_categorical, integer_hashed, string_categorical, string_hashed), or what the
            class methods of these names return.
        output_mode: concat, or dict: an array for each feature.
        crosses: tuples of columns whose combinations are features too, or `FeatureSpace.cross`.
        crossing_dim: bins of a cross.
        hashing_dim: bins of hashed columns.
        num_discretization_bins: bins of discretized columns.
        name: a name.

    >>> table = {"age": [20.0, 40.0], "city": ["Bonn", "Ulm"]}
    >>> space = FeatureSpace({"age": "float_normalized", "city": "string_categorical"})
    >>> space.adapt(table)
    >>> print(space({"age": [40.0], "city": ["Ulm"]}))
    [[1. 0. 1. 0.]]

    Source: `keras.utils.FeatureSpace`.
    """

    features: Any
    output_mode: str = _one_of(("dict", "concat"), "concat")
    crosses: Any = None
    crossing_dim: int = 32
    hashing_dim: int = 32
    num_discretization_bins: int = 32

    def __post_init__(self) -> None:
        if not self.features:
            raise ValueError("The `features` argument cannot be None or empty.")
        self.features = {name: self._feature(name, f) for name, f in self.features.items()}
        self.crosses = [self._cross(cross) for cross in self.crosses or []]
        self.inputs = {
            name: layers.Input((1,), dtype=f.dtype, name=name) for name, f in self.features.items()
        }
        self.preprocessors = {name: f.preprocessor for name, f in self.features.items()}
        self.crossers = {
            c.name: layers.HashedCrossing(c.crossing_dim, name=c.name) for c in self.crosses
        }
        self.one_hot_encoders: dict[str, Any] = {}
        self._concat = layers.Concatenate(axis=-1)
        self._encoded: Any = None
        self._is_adapted = False
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    # ---- kinds of features

    @classmethod
    def cross(cls, feature_names: Any, crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """A cross of columns."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Any, output_mode: str) -> Feature:
        """A column with a layer of your own."""
        return Feature(dtype, preprocessor, output_mode)

    @_kind
    def float(name: str | None = None) -> Any:
        """Numbers as they are."""
        return "float32", TFDIdentity(dtype="float32", name=name), "float"

    @_kind
    def float_rescaled(scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Any:
        """Numbers times `scale` plus `offset`."""
        return "float32", layers.Rescaling(scale, offset, name=name), "float"

    @_kind
    def float_normalized(name: str | None = None) -> Any:
        """Numbers with mean 0 and variance 1."""
        return "float32", layers.Normalization(axis=-1, name=name), "float"

    @_kind
    def float_discretized(
        num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """Numbers in bins, learned or given."""
        bins = None if bin_boundaries is not None else num_bins
        layer = layers.Discretization(bin_boundaries, num_bins=bins, name=name)
        return "float32", layer, output_mode

    @_kind
    def integer_categorical(
        max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """Whole numbers that are categories."""
        return (
            "int32",
            layers.IntegerLookup(max_tokens, num_oov_indices=num_oov_indices, name=name),
            output_mode,
        )

    @_kind
    def string_categorical(
        max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """Strings that are categories."""
        return (
            "string",
            layers.StringLookup(max_tokens, num_oov_indices=num_oov_indices, name=name),
            output_mode,
        )

    @_kind
    def string_hashed(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Any:
        """Strings in bins by their hash."""
        return "string", layers.Hashing(num_bins, name=name), output_mode

    @_kind
    def integer_hashed(num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Any:
        """Whole numbers in bins by their hash."""
        return "int32", layers.Hashing(num_bins, name=name), output_mode

    def _feature(self, name: str, value: Any) -> Feature:
        if isinstance(value, Feature):
            return value
        if isinstance(value, dict):
            return deserialize_keras_object(value)
        arguments = {
            "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,),
            "string_hashed": (self.hashing_dim,),
        }
        if value not in _KINDS:
            raise ValueError(f"Invalid feature type: {value}. Known are: {_KINDS}")
        return getattr(self, value)(*arguments.get(value, ()), name=name)

    def _cross(self, value: Any) -> Cross:
        if isinstance(value, dict):
            value = deserialize_keras_object(value)
        if isinstance(value, Cross):
            return value
        if not self.crossing_dim:
            raise ValueError(
                "When specifying `crosses`, the argument `crossing_dim` (dimensionality of the "
                "crossing space) should be specified as well."
            )
        if any(key not in self.features for key in value):
            raise ValueError(
                "All features referenced in the `crosses` argument should be present in the "
                f"`features` dict. Received unknown features: {value}"
            )
        return Cross(value, crossing_dim=self.crossing_dim)

    # ---- learning

    def adapt(self, dataset: Any) -> None:
        """Let the layers that learn do so.

        Args:
            dataset: a dict of columns, a frame, or an iterable of such dicts (rows or batches; of
                a pair (x, y) the first part counts).
        """
        if hasattr(dataset, "to_dict") and hasattr(dataset, "columns"):
            dataset = {name: dataset[name].to_numpy() for name in dataset.columns}
        if not isinstance(dataset, Mapping) and not hasattr(dataset, "__iter__"):
            raise ValueError(
                "`adapt()` can only be called on a dataset, or a dict of arrays/lists. "
                f"Received instead: {dataset} (of type {type(dataset)})"
            )
        if not isinstance(dataset, Mapping) and iter(dataset) is dataset:
            dataset = list(dataset)
        for name in self._learning():
            self.preprocessors[name].adapt(_Column(dataset, name))
        self.one_hot_encoders, self._encoded = {}, None
        self._is_adapted = self.built = True

    def _learning(self) -> list[str]:
        """The columns whose layer learns, and was not given what there is to learn."""
        given = ("input_mean", "input_vocabulary", "input_boundaries")
        return [
            name
            for name, layer in self.preprocessors.items()
            if hasattr(layer, "adapt") and all(getattr(layer, g, None) is None for g in given)
        ]

    def _check_adapted(self) -> None:
        if not self._is_adapted and self._learning():
            raise ValueError(
                "You need to call `.adapt(dataset)` on the FeatureSpace before you can start using "
                "it."
            )
        self._is_adapted = True

    # ---- encoding

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Symbolic inputs, one a column."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """The encoded features as symbolic tensors, for a functional model."""
        self._check_adapted()
        if self._encoded is None:
            self._encoded = self._encode(self.inputs)
        return self._encoded

    def __call__(self, data: Any) -> Any:
        """Encode a dict of columns `(rows,)` or `(rows, 1)`, or of single values."""
        self._check_adapted()
        if not isinstance(data, Mapping):
            raise ValueError(
                "A FeatureSpace can only be called with a dict. "
                f"Received: data={data} (of type {type(data)})"
            )
        if any(isinstance(x, KerasTensor) for x in data.values()):
            return self._encode(data)
        columns = {name: to_host(data[name]) for name in self.features}
        single = all(column.ndim == 0 for column in columns.values())
        encoded = self._encode({name: _as_column(c) for name, c in columns.items()})
        self.built = True
        return tree.map_structure(lambda x: x[0], encoded) if single else encoded

    def _encode(self, data: Mapping[str, Any]) -> Any:
        found = {name: layer(data[name]) for name, layer in self.preprocessors.items()}
        crossed = {
            c.name: self.crossers[c.name]([found[name] for name in c.feature_names])
            for c in self.crosses
        }
        modes = {name: f.output_mode for name, f in self.features.items()}
        modes |= {c.name: c.output_mode for c in self.crosses}
        encoded = {}
        for name, x in [*sorted(found.items()), *sorted(crossed.items())]:
            encoded[name] = self._encoder(name, x)(x) if modes[name] == "one_hot" else x
        if self.output_mode == "dict":
            return encoded
        for name, x in encoded.items():
            if "float" not in str(x.dtype):
                raise ValueError(
                    f"Cannot concatenate features because feature '{name}' has not been encoded "
                    f"(it has dtype {x.dtype}). Consider using `output_mode='dict'`."
                )
        return self._concat(list(encoded.values()))

    def _encoder(self, name: str, x: Any) -> Any:
        if name not in self.one_hot_encoders:
            layer = self.preprocessors.get(name) or self.crossers[name]
            if "int" not in str(x.dtype):
                raise ValueError(
                    f"Feature '{name}' has `output_mode='one_hot'`. Thus its preprocessor should "
                    "return an integer dtype. Instead it returns a "
                    f"{x.dtype} dtype."
                )
            width = _width(layer)
            if width is None:
                raise ValueError(
                    f"Feature '{name}' has `output_mode='one_hot'`. However it isn't a standard "
                    "feature and the dimensionality of its output space is not known, thus it "
                    "cannot be one-hot encoded. Try using `output_mode='int'`."
                )
            self.one_hot_encoders[name] = layers.CategoryEncoding(width, output_mode="multi_hot")
        return self.one_hot_encoders[name]

    # ---- files

    def get_config(self) -> dict[str, Any]:
        """The features, the crosses and the sizes."""
        config = super().get_config()
        for name in ("name", "trainable", "dtype"):
            del config[name]
        return config

    def get_build_config(self) -> dict[str, Any]:
        """That of each feature's layer."""
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the layers; what they learned is read from the file afterwards."""
        for name, part in config.items():
            if not self.preprocessors[name].built:
                self.preprocessors[name].build_from_config(part)
        self._is_adapted = True

    def save(self, filepath: Any) -> None:
        """Save as a `.keras` file, which `keras.saving.load_model` reads."""
        from kohort.saving import save_model

        save_model(self, filepath)


_KINDS = (
    "float", "float_rescaled", "float_normalized", "float_discretized", "integer_categorical",
    "integer_hashed", "string_categorical", "string_hashed",
)  # fmt: skip


class _Column:
    """One column of a data set, in batches of shape (rows, 1)."""

    def __init__(self, dataset: Any, name: str):
        self.dataset, self.name = dataset, name

    def __iter__(self) -> Iterator[np.ndarray]:
        items = [self.dataset] if isinstance(self.dataset, Mapping) else self.dataset
        for item in items:
            row = item[0] if isinstance(item, tuple) else item
            yield _as_column(to_host(row[self.name]))


def _as_column(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, 1) if x.ndim < 2 else x


def _width(layer: Any) -> int | None:
    """How many categories a layer tells apart."""
    if isinstance(layer, (layers.IntegerLookup, layers.StringLookup)):
        return layer.vocabulary_size()
    if isinstance(layer, layers.CategoryEncoding):
        return layer.num_tokens
    if isinstance(layer, layers.Discretization):
        return layer.num_bins or len(layer.bin_boundaries) + 1
    return getattr(layer, "num_bins", None)
