"""KerasFileEditor: look into a file of weights, change it, compare it with a model."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kohort.saving import h5
from kohort.saving.archive import WEIGHTS, open_archive, read_member
from kohort.saving.atomic import atomic_file
from kohort.saving.state import Entry, collect

Tree = dict[str, Any]


class KerasFileEditor:
    """Inspect, change and save again the weights of a `.weights.h5` or `.keras` file.

    `weights_dict` holds them: objects are dicts, weights arrays by number (`"0"`, `"1"` …).
    Objects are named by their path (`layers/dense_2`) or by a name that occurs once.

    Args:
        filepath: the file; it is only read.

    >>> import kohort as keras
    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> model.save_weights("old.weights.h5")
    >>> editor = KerasFileEditor("old.weights.h5")
    Keras weights file 'old.weights.h5'
    >>> editor.rename_object("dense", "dense_1")
    >>> editor.summary()
    layers
        dense_1
            0: shape=(3, 2), dtype=float32
            1: shape=(2,), dtype=float32
    >>> editor.save("new.weights.h5")

    Source: `keras.saving.KerasFileEditor`.
    """

    def __init__(self, filepath: str | os.PathLike[str]):
        self.filepath = os.fspath(filepath)
        self.metadata: Any = None
        self.config: Any = None
        if self.filepath.endswith(".keras"):
            with open_archive(self.filepath) as archive:
                self.config = json.loads(read_member(archive, "config.json"))
                self.metadata = json.loads(read_member(archive, "metadata.json"))
                source: Any = io.BytesIO(read_member(archive, WEIGHTS))
        elif self.filepath.endswith(".weights.h5"):
            source = self.filepath
        else:
            raise ValueError(
                "Invalid filename: expected a `.keras` `.weights.h5` extension. "
                f"Received: filepath={self.filepath}"
            )
        with h5.open_h5(source) as file:
            self.weights_dict, self.object_metadata = _read(file)
        _print(f"Keras {'model' if self.config else 'weights'} file '{self.filepath}'")

    def summary(self) -> None:
        """Print the objects and their weights."""
        for line in _lines(self.weights_dict):
            _print(line)

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Compare with a built model: which weights lack on either side, or differ in shape.

        Returns:
            A dict of `status` ("success" or "error"), `error_count` and `match_count`.
        """
        model = _model_tree(reference_model)
        errors = [*_missing(self.weights_dict, model, "reference model", "saved file")]
        errors += _missing(model, self.weights_dict, "saved file", "reference model")
        ours, theirs = dict(_leaves(self.weights_dict)), dict(_leaves(model))
        both = [path for path in theirs if path in ours]
        for path in both:
            if np.shape(ours[path]) != np.shape(theirs[path]):
                errors.append(
                    f"Weight shape mismatch for {path}: {np.shape(theirs[path])} in the reference "
                    f"model, {np.shape(ours[path])} in the saved file"
                )
        matches = sum(np.shape(ours[path]) == np.shape(theirs[path]) for path in both)
        for error in errors:
            _print(error)
        fits = "is" if not errors else "is not"
        _print(f"The saved file {fits} compatible with the reference model.")
        return {
            "status": "error" if errors else "success",
            "error_count": len(errors),
            "match_count": matches,
        }

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object, a layer say, another name (not a path)."""
        if "/" in new_name:
            raise ValueError(
                "Argument `target_name` should be a leaf name, not a full path name. "
                f"Received: target_name='{new_name}'"
            )
        parent, name = self._find(object_name)
        parent[new_name] = parent.pop(name)

    def delete_object(self, object_name: str) -> None:
        """Take an object out."""
        parent, name = self._find(object_name)
        del parent[name]

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Put an object in, by its full path, with weights by number."""
        _check_weights(weights)
        *path, name = object_path.split("/")
        parent = self.weights_dict
        for part in path:
            if part not in parent:
                raise ValueError(f"Path '{'/'.join(path)}' not found in model.")
            parent = parent[part]
        parent[name] = dict(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take a weight out of an object."""
        parent, name = self._find(object_name)
        if weight_name not in parent[name]:
            raise ValueError(
                f"Weight {weight_name} not found in object {object_name}. "
                f"Weights found: {list(parent[name])}"
            )
        del parent[name][weight_name]

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Put weights into an object that there is."""
        _check_weights(weights)
        parent, name = self._find(object_name)
        parent[name].update(weights)

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write the weights as they are now to a `.weights.h5` file."""
        if not os.fspath(filepath).endswith(".weights.h5"):
            raise ValueError(
                "Invalid `filepath` argument: expected a `.weights.h5` extension. "
                f"Received: filepath={filepath}"
            )
        state = dict(_entries(self.weights_dict, self.object_metadata))
        with atomic_file(Path(filepath)) as draft:
            h5.write_h5(draft, state)

    resave_weights = save

    def _find(self, name: str) -> tuple[Tree, str]:
        """The dict around an object, and the object's own name in it."""
        *path, last = name.split("/")
        if path:
            parent = self.weights_dict
            for part in path:
                parent = parent.get(part, {})
            if last not in parent:
                raise ValueError(f"Path '{name}' not found in model.")
            return parent, last
        found = [tree for tree in _trees(self.weights_dict) if name in tree]
        if not found:
            raise ValueError(
                f"Source name '{name}' does not appear in the model. Use `editor.summary()` to "
                "list all objects."
            )
        if len(found) > 1:
            raise ValueError(
                f"Name '{name}' occurs more than once in the model; try passing a complete path"
            )
        return found[0], name


def _print(text: str) -> None:
    from kohort.utils.printing import print_msg

    print_msg(text)


def _check_weights(weights: Any) -> None:
    if not isinstance(weights, Mapping):
        raise ValueError(
            "Argument `weights` should be a dict where keys are weight names (usually '0', '1', "
            f"etc.) and values are NumPy arrays. Received: type(weights)={type(weights)}"
        )


def _read(group: Any, path: str = "") -> tuple[Tree, dict[str, dict]]:
    """The weights of a group and below, and the attributes of groups by path."""
    import h5py

    tree: Tree = {}
    attributes: dict[str, dict] = {path: dict(group.attrs)} if len(group.attrs) else {}
    for name in group:
        if group.get(name, getclass=True, getlink=True) is not h5py.HardLink:
            h5.safe_get_h5_group(group, name)  # which refuses links
        if not isinstance(group[name], h5py.Group):
            tree[name] = h5.read_dataset(group, name)
            continue
        inner = h5.safe_get_h5_group(group, name)
        below, found = _read(inner, f"{path}/{name}")
        if name == "vars":
            tree |= below
        elif below:
            tree[name] = below
        attributes |= found
    return tree, attributes


def _trees(tree: Tree) -> Iterator[Tree]:
    yield tree
    for value in tree.values():
        if isinstance(value, dict):
            yield from _trees(value)


def _leaves(tree: Tree, path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}/{name}")
        else:
            yield f"{path}/{name}", value


def _lines(tree: Tree, indent: str = "") -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield f"{indent}{name}"
            yield from _lines(value, indent + "    ")
        else:
            yield f"{indent}{name}: shape={np.shape(value)}, dtype={np.asarray(value).dtype}"


def _missing(have: Tree, want: Tree, where: str, lacks: str, path: str = "") -> Iterator[str]:
    """What of `want` is not in `have`; an object that lacks counts once."""
    for name, value in want.items():
        if name not in have:
            kind = "Object" if isinstance(value, dict) else "Weight"
            yield f"{kind} {path}/{name} present in {where}, missing from {lacks}"
        elif isinstance(value, dict) and isinstance(have[name], dict):
            yield from _missing(have[name], value, where, lacks, f"{path}/{name}")


def _model_tree(model: Any) -> Tree:
    """What a file of the model would hold."""
    tree: Tree = {}
    for path, entry in collect(model).items():
        if entry.arrays:
            place = tree
            for part in path.split("/") if path else ():
                place = place.setdefault(part, {})
            place.update(entry.arrays)
    return tree


def _entries(
    tree: Tree, attributes: dict[str, dict], path: str = ""
) -> Iterator[tuple[str, Entry]]:
    arrays = {name: np.asarray(v) for name, v in tree.items() if not isinstance(v, dict)}
    if arrays:
        place = f"/{path}/vars" if path else "/vars"
        yield path, Entry(attributes.get(place, {}).get("name"), arrays)
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _entries(value, attributes, f"{path}/{name}" if path else name)
