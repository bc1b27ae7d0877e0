"""Event files: what TensorBoard reads, written through tensorboardX."""

from __future__ import annotations

import io
import itertools
import os
import time
from typing import Any

import numpy as np

from kohort.monitor.library import message, tensorboardx
from kohort.monitor.quiet import Quiet

_BINS = 30  # as many as TensorFlow's histograms have
_MOST_IMAGES = 3  # of a weight, as TensorFlow's image summaries
_FLUSH_SECONDS = 1.0  # a flush waits for the disk: not after each of many short epochs
_numbers = itertools.count()


class EventFile:
    """The event file of one run, a folder; it is made when something is first written.

    Everything is written by the thread that calls: an error of the disk is met here, becomes one
    warning of `quiet`, and neither this file nor those of the runs beside it take anything more.

    >>> run = EventFile("logs/train", Quiet("example"))
    >>> run.scalar("epoch_loss", 0.5, step=0)
    >>> run.close()
    >>> [name.split(".")[2] for name in os.listdir("logs/train")]
    ['tfevents']
    """

    def __init__(self, folder: str | os.PathLike[str], quiet: Quiet) -> None:
        self.folder, self.quiet = os.fspath(folder), quiet
        self._writer: Any = None
        self._flushed = 0.0

    @property
    def broken(self) -> bool:
        """Whether writing has failed."""
        return self._subject in self.quiet.failed

    @property
    def _subject(self) -> str:
        return cannot_write(self.folder)

    def scalar(self, tag: str, value: Any, step: int) -> None:
        """Write a number; of an array each entry, as `tag/0`, `tag/1`, …; nothing else."""
        try:
            array = np.asarray(value, np.float64)
        except (TypeError, ValueError):
            return
        if array.ndim == 0:
            self._summary(step, tag=tag, simple_value=float(array))
        for i, entry in enumerate(array.ravel() if array.ndim else ()):
            self._summary(step, tag=f"{tag}/{i}", simple_value=float(entry))

    def histogram(self, tag: str, values: Any, step: int) -> None:
        """Write how the values are distributed; those that are not finite are left out."""
        found = np.asarray(values).ravel()
        if found.dtype.kind not in "fiub":  # bfloat16
            found = found.astype(np.float32)
        if found.dtype.kind == "f":
            finite = np.isfinite(found)
            if not finite.all():
                self.quiet.warn(
                    "values that are not finite",
                    f"{found.size - finite.sum()} of {found.size} in {tag!r}, epoch {step}. "
                    "They are left out of histograms; further ones are not reported.",
                )
                found = found[finite]
        if found.size:
            self._summary(step, tag=tag, histo=_histogram(found))

    def image(self, tag: str, images: np.ndarray, step: int) -> None:
        """Write images `(n, height, width, channels)` of any range, the first three."""
        from PIL import Image  # a dependency of matplotlib

        for i, pixels in enumerate(_to_bytes(images[:_MOST_IMAGES])):
            height, width, channels = pixels.shape
            content = _png(Image.fromarray(pixels[..., 0] if channels == 1 else pixels))
            size = {"height": height, "width": width, "colorspace": channels}
            picture = message("Summary.Image", **size, encoded_image_string=content)
            self._summary(step, tag=tag if len(images) == 1 else f"{tag}/{i}", image=picture)

    def text(self, tag: str, markdown: str, step: int = 0) -> None:
        """Write a text in Markdown."""
        self._text(tag, markdown, "text", b"", step)

    def keras_model(self, json: str) -> None:
        """Write a model's JSON, of which TensorBoard draws its conceptual graph."""
        self._text("keras", json, "graph_keras_model", b"1", 0)

    def graph(self, graph: Any) -> None:
        """Write a graph, a GraphDef."""
        self._event(graph_def=graph.SerializeToString())

    def summary(self, summary: Any, step: int = 0) -> None:
        """Write a Summary that was made elsewhere."""
        self._event(summary=summary, step=step)

    def flush(self, now: bool = False) -> None:
        """Send what was written to the disk, at most once a second unless `now`."""
        if self._writer is not None and (now or time.monotonic() - self._flushed > _FLUSH_SECONDS):
            with self.quiet.attempt(self._subject):
                self._writer.flush()
            self._flushed = time.monotonic()
            self._drop_if_broken()

    def close(self) -> None:
        """Flush and close; writing again begins a new file of the run."""
        if self._writer is not None:
            with self.quiet.attempt(self._subject):
                self._writer.close()
            self._writer = None

    def _text(self, tag: str, text: str, plugin: str, content: bytes, step: int) -> None:
        data = message("SummaryMetadata.PluginData", plugin_name=plugin, content=content)
        metadata = message("SummaryMetadata", plugin_data=data)
        tensor = message("TensorProto", dtype="DT_STRING", string_val=[text.encode()])
        self._summary(step, tag=tag, metadata=metadata, tensor=tensor)

    def _summary(self, step: int, **value: Any) -> None:
        self.summary(message("Summary", value=[message("Summary.Value", **value)]), step)

    def _event(self, **content: Any) -> None:
        if self.broken:
            return
        event = message("Event", wall_time=time.time(), **content)
        with self.quiet.attempt(self._subject):
            if self._writer is None:
                self._writer = _open(self.folder)
            self._writer.write_event(event)
        self._drop_if_broken()

    def _drop_if_broken(self) -> None:
        if self.broken and self._writer is not None:
            writer, self._writer = self._writer, None
            try:
                writer.close()  # now, since a file that is closed later would complain then
            except OSError:
                pass  # of which the warning has told


def cannot_write(run: str) -> str:
    """What a warning says of the folder of a run, of all runs in it, and of their other files."""
    return f"cannot write in {os.path.dirname(run)!r}"


def _open(folder: str) -> Any:
    os.makedirs(folder, exist_ok=True)
    # The time in the name has whole seconds: a second file of a run would replace the first. Files
    # are read in the order of their names.
    suffix = f".{os.getpid()}.{next(_numbers):08d}"
    return tensorboardx("event_file_writer").EventsWriter(os.path.join(folder, "events"), suffix)


def _histogram(values: np.ndarray) -> Any:
    values = values.astype(np.float64)  # in which float32 values, however close, have bins between
    low, high = values.min(), values.max()
    if high - low <= max(1e-12 * max(abs(low), abs(high)), 1e-300):  # one bin
        counts, limits = np.array([values.size]), np.array([high])
    else:
        # Several times as fast as `np.histogram`, which puts values on an edge to the bit.
        place = values - low
        place *= _BINS / (high - low)
        counts = np.bincount(place.astype(np.int32), minlength=_BINS)
        counts[_BINS - 1] += counts[_BINS:].sum()  # the highest value ends the last one
        counts = counts[:_BINS]
        # A bucket ends at its limit and begins at that of the one before: the first one is empty.
        counts, limits = np.concatenate([[0], counts]), np.linspace(low, high, _BINS + 1)
    return message(
        "HistogramProto",
        min=low,
        max=high,
        num=values.size,
        sum=values.sum(),
        sum_squares=np.square(values).sum(),
        bucket_limit=limits.tolist(),
        bucket=counts.tolist(),
    )


def _to_bytes(images: np.ndarray) -> np.ndarray:
    """Each image from its smallest value, black, to its largest, white."""
    pixels = np.nan_to_num(np.asarray(images, np.float32), posinf=0.0, neginf=0.0)
    low = pixels.min(axis=(1, 2, 3), keepdims=True)
    span = pixels.max(axis=(1, 2, 3), keepdims=True) - low
    return np.round((pixels - low) / np.where(span > 0, span, 1) * 255).astype(np.uint8)


def _png(image: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
