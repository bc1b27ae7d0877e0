"""Embeddings for TensorBoard's projector."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kohort.errors import with_remedies
from kohort.monitor.events import cannot_write
from kohort.monitor.quiet import Quiet

Labels = str | os.PathLike[str] | Sequence[Any]


class Projector:
    """The embeddings of some layers, in the files that the projector reads.

    `projector_config.pbtxt` of the run `train` names for each layer a table of its vectors and,
    where there is one, the file of its labels: a label a line for each row of the table. All of
    them lie in the run, since TensorBoard reads nothing else.

    Args:
        log_dir: the folder of the runs.
        layers: the `Embedding` layers.
        metadata: a file (in `log_dir` or elsewhere) or a sequence of labels for all of the layers,
            or a dict from layer names to these.
        quiet: told of what cannot be read or written.
    """

    def __init__(
        self,
        log_dir: str,
        layers: Sequence[Any],
        metadata: Labels | Mapping[str, Labels] | None,
        quiet: Quiet,
    ) -> None:
        self.log_dir, self.folder = log_dir, os.path.join(log_dir, "train")
        self.layers = {layer.name: layer for layer in layers}
        self.quiet, self._subject = quiet, cannot_write(self.folder)
        if isinstance(metadata, Mapping):
            self._check(metadata)
            self.metadata = dict(metadata)
        else:
            self.metadata = {} if metadata is None else dict.fromkeys(self.layers, metadata)

    def _check(self, metadata: Mapping[str, Labels]) -> None:
        unknown = [name for name in metadata if name not in self.layers]
        if unknown:
            raise ValueError(
                with_remedies(
                    "Unrecognized `Embedding` layer names passed to `kohort.callbacks.TensorBoard` "
                    "`embeddings_metadata` argument.",
                    str(unknown),
                    [f"The model's Embedding layers are: {list(self.layers)}."],
                )
            )

    def configure(self) -> None:
        """Write the configuration and the labels."""
        with self.quiet.attempt(self._subject):
            os.makedirs(os.path.join(self.folder, "embeddings"), exist_ok=True)
            entries = [self._entry(name) for name in self.layers]
            with open(os.path.join(self.folder, "projector_config.pbtxt"), "w") as file:
                file.writelines(entries)

    def _entry(self, name: str) -> str:
        lines = [f'tensor_name: "{name}/embeddings"', f'tensor_path: "{_table(name)}"']
        if name in self.metadata:
            with self.quiet.attempt("no labels of embeddings"):
                lines.append(f'metadata_path: "{self._labels(name, self.metadata[name])}"')
        return "embeddings {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"

    def _labels(self, name: str, labels: Labels) -> str:
        """Write labels, or copy them: TensorBoard refuses files from elsewhere."""
        path = f"embeddings/{name}_labels.tsv"
        place = os.path.join(self.folder, path)
        if isinstance(labels, (str, os.PathLike)):
            inside = os.path.join(self.log_dir, labels)
            shutil.copyfile(inside if os.path.exists(inside) else labels, place)
        else:
            with open(place, "w", encoding="utf-8") as file:
                file.writelines(" ".join(str(label).split()) + "\n" for label in labels)
        return path

    def write(self) -> None:
        """Write the vectors as they are now in place of those before."""
        if self._subject in self.quiet.failed:
            return
        with self.quiet.attempt(self._subject):
            for name, layer in self.layers.items():
                vectors = np.asarray(layer.embeddings.value, np.float32)
                path = os.path.join(self.folder, _table(name))
                np.savetxt(f"{path}.new", vectors, fmt="%.7g", delimiter="\t")
                os.replace(f"{path}.new", path)  # TensorBoard may be reading


def _table(name: str) -> str:
    return f"embeddings/{name}.tsv"
