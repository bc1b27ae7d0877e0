"""The folder of an exported model, and what reads it back.

    metadata.json         endpoints, their inputs and outputs, versions
    weights.safetensors   the weights, by number
    NAME.stablehlo        a function of (weights, *inputs), as `jax.export` serialises it

Nothing in it is Python code: reading one needs JAX alone, and runs nothing but the program.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.export
import numpy as np

FORMAT = "kohort-export-1"
_METADATA, _WEIGHTS = "metadata.json", "weights.safetensors"


def write(
    folder: str | os.PathLike[str],
    endpoints: Mapping[str, jax.export.Exported],
    weights: Sequence[Any],
    extra: Mapping[str, Any],
) -> None:
    """Write the folder; the metadata, which make it an artifact, come last."""
    from safetensors.numpy import save_file

    root = Path(folder)
    if root.exists() and (not root.is_dir() or (any(root.iterdir()) and not is_artifact(root))):
        raise ValueError(
            "An artifact is a folder of its own. "
            f"Received: {root}, where there is something else.\n  1. Choose another name."
        )
    root.mkdir(parents=True, exist_ok=True)
    for old in (root / _METADATA, *root.glob("*.stablehlo")):
        old.unlink(missing_ok=True)
    arrays = [np.asarray(w) for w in weights]
    plain = {str(i): np.frombuffer(a.tobytes(), np.uint8) for i, a in enumerate(arrays)}
    save_file(plain, root / _WEIGHTS)
    for name, exported in endpoints.items():
        (root / f"{name}.stablehlo").write_bytes(exported.serialize())
    metadata = {
        "format": FORMAT,
        "endpoints": {name: describe(exported) for name, exported in endpoints.items()},
        "weights": [{"shape": a.shape, "dtype": a.dtype.name} for a in arrays],
        "jax_version": jax.__version__,
        **extra,
    }
    (root / _METADATA).write_text(json.dumps(metadata, indent=2))


def describe(exported: jax.export.Exported) -> dict[str, Any]:
    """The inputs and outputs of a function, as text."""
    weights = len(jax.tree.leaves(jax.tree.unflatten(exported.in_tree, exported.in_avals)[0][0]))
    return {
        "inputs": [str(aval) for aval in exported.in_avals[weights:]],
        "outputs": [str(aval) for aval in exported.out_avals],
        "platforms": list(exported.platforms),
    }


def is_artifact(folder: Path) -> bool:
    """Whether this folder holds an exported model."""
    try:
        return json.loads((folder / _METADATA).read_text()).get("format") == FORMAT
    except (OSError, ValueError, AttributeError):
        return False


class Artifact:
    """An exported model that was read back: call it, or one of its endpoints by name.

    Args:
        filepath: the folder that `model.export` wrote.

    >>> import kohort as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.export("exported", verbose=False)
    >>> keras.export.load("exported").serve(np.ones((5, 3))).shape
    (5, 2)
    """

    def __init__(self, filepath: str | os.PathLike[str]):
        root = Path(filepath)
        if not is_artifact(root):
            kind = "a TensorFlow SavedModel" if (root / "saved_model.pb").exists() else "none"
            raise ValueError(
                f"An artifact that `model.export` wrote is needed. Received: {root}, {kind}.\n"
                "  1. Export the model here: model.export(folder).\n"
                "  2. Load `.keras` files with `keras.models.load_model`."
            )
        self.metadata = json.loads((root / _METADATA).read_text())
        self.weights = _read_weights(root / _WEIGHTS, self.metadata["weights"])
        self._endpoints = {name: _Endpoint(root, name) for name in self.metadata["endpoints"]}

    @property
    def endpoints(self) -> list[str]:
        """The names of the functions."""
        return list(self._endpoints)

    def endpoint(self, name: str) -> Any:
        """The function of this name, which takes arrays."""
        found = self.program(name)
        return lambda *inputs: found(self.weights, inputs)

    def program(self, name: str) -> Any:
        """The function of this name, which takes weights and a tuple of inputs."""
        if name not in self._endpoints:
            raise ValueError(
                f"There is no endpoint of this name. Received: {name!r}. "
                f"There are: {self.endpoints}"
            )
        return self._endpoints[name]

    def __getattr__(self, name: str) -> Any:
        if name not in self.__dict__.get("_endpoints", ()):
            raise AttributeError(f"no endpoint {name!r}")
        return self.endpoint(name)

    def __call__(self, *inputs: Any) -> Any:
        """The first endpoint: `serve`."""
        return self.endpoint(self.endpoints[0])(*inputs)


class _Endpoint:
    """A function of the weights and the inputs, compiled once for each size of the inputs."""

    def __init__(self, root: Path, name: str):
        self._exported = jax.export.deserialize(
            bytearray((root / f"{name}.stablehlo").read_bytes())
        )
        self._call = jax.jit(self._exported.call)

    def __call__(self, weights: Sequence[Any], inputs: tuple) -> Any:
        avals = self._exported.in_avals[len(weights) :]
        given: Any
        flat, given = jax.tree.flatten(inputs)
        wanted = jax.tree.structure(
            jax.tree.unflatten(self._exported.in_tree, self._exported.in_avals)[0][1:]
        )
        if given != wanted:
            raise ValueError(f"The inputs must be {wanted}. Received: {given}")
        cast = [jax.numpy.asarray(x, aval.dtype) for x, aval in zip(flat, avals, strict=True)]
        return self._call(list(weights), *jax.tree.unflatten(given, cast))


def _read_weights(path: Path, descriptions: list[dict[str, Any]]) -> list[Any]:
    from safetensors.numpy import load_file

    plain = load_file(path)
    return [
        jax.numpy.asarray(
            np.frombuffer(plain[str(i)].tobytes(), jax.numpy.dtype(d["dtype"])).reshape(d["shape"])
        )
        for i, d in enumerate(descriptions)
    ]
