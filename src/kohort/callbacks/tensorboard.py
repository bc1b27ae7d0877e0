"""TensorBoard: event files of a training, without TensorFlow."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from kohort.callbacks.callback import Callback, Logs
from kohort.callbacks.learning_rates import learning_rates
from kohort.errors import with_remedies
from kohort.monitor.events import EventFile
from kohort.monitor.model_page import write_model
from kohort.monitor.projector import Labels, Projector
from kohort.monitor.quiet import Quiet
from kohort.monitor.weights import as_images


class TensorBoard(Callback):
    """Writes what TensorBoard shows: `tensorboard --logdir logs`.

    Two runs, `train` and `validation`, have the scalars `epoch_loss`, `epoch_<metric>` and
    `epoch_learning_rate` by epoch; `evaluation_<metric>_vs_iterations` has each evaluation by the
    optimiser's iterations. A log folder that cannot be written, a full disk or a value that is not
    finite is one warning; the training goes on.

    Args:
        log_dir: the folder of the two runs; no other callback should write there.
        histogram_freq: every how many epochs to write histograms of the weights and, on a first
            batch of the validation data (else of the training data), of what each layer gives out
            (`activations/…`) and of the loss's gradient (`gradients/…`); 0: never.
        write_graph: whether to write the graph of the layers and the summary.
        write_images: whether to write weights as images, too, each time histograms are written.
        write_steps_per_second: whether to write how fast the training is.
        update_freq: `"epoch"`, or every how many batches to write `batch_<metric>` as well
            (`"batch"`: 1). Then batches run one by one, which is slower.
        profile_batch: the batch, or the first and last one, to trace with JAX's profiler, counted
            from 1; 0: none.
        embeddings_freq: every how many epochs to write `Embedding` layers for the projector.
        embeddings_metadata: labels for the rows of the embeddings: a file (in `log_dir` or
            elsewhere), a sequence of labels, or a dict from layer names to these.

    >>> import numpy as np, os, kohort as keras
    >>> model = keras.Sequential([keras.layers.Dense(1)])
    >>> model.compile(loss="mse")
    >>> board = keras.callbacks.TensorBoard("logs")
    >>> _ = model.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[board])
    >>> os.listdir("logs")
    ['train']
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | str = "epoch",
        profile_batch: int | str | tuple[int, int] = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Labels | Mapping[str, Labels] | None = None,
    ) -> None:
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = _checked_frequency(update_freq)
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self._start_batch, self._stop_batch = _profiled(profile_batch)
        self._batch = 0  # of the whole training, from 1
        self._is_training = self._is_tracing = False
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._quiet = Quiet("TensorBoard")
        self._train = EventFile(os.path.join(self.log_dir, "train"), self._quiet)
        self._validation = EventFile(os.path.join(self.log_dir, "validation"), self._quiet)
        self._projector: Projector | None = None
        self._sampler: Any = None

    @property
    def block_hooks(self) -> bool:  # type: ignore[override]
        """Whether no single batch matters; a subclass with batch hooks of its own is asked."""
        return self.update_freq == "epoch" and not self._stop_batch

    def set_model(self, model: Any) -> None:
        """Take the model. `ValueError` where `embeddings_metadata` names a layer it has not."""
        super().set_model(model)
        if self._is_training:
            return  # the training may evaluate
        self._begin_anew()
        if self.embeddings_freq:
            from kohort.layers import Embedding

            layers = [layer for layer in model.layers if isinstance(layer, Embedding)]
            self._projector = Projector(self.log_dir, layers, self.embeddings_metadata, self._quiet)

    def of_cohort(self) -> Any:
        """The same for a cohort: a few runs that sum up its members, in this folder.

        Histograms, embeddings, batches and traces are of a single training: asking for them is a
        warning.
        """
        from kohort.monitor.cohort_tensorboard import CohortTensorBoard

        asked = {
            "histogram_freq": self.histogram_freq,
            "write_steps_per_second": self.write_steps_per_second,
            "update_freq": self.update_freq != "epoch",
            "profile_batch": self._stop_batch,
            "embeddings_freq": self.embeddings_freq,
        }
        if names := ", ".join(name for name, is_asked in asked.items() if is_asked):
            self._quiet.warn(
                names, "of a cohort there are scalars, the graph and texts only; train one member "
                "with `fit` to see more.",
            )  # fmt: skip
        return CohortTensorBoard(self.log_dir, self.write_graph)

    def get_state(self) -> dict[str, Any]:
        return {"_batch": self._batch}

    def set_state(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def on_train_begin(self, logs: Logs = None) -> None:
        self._batch, self._is_training = 0, True
        if self.write_graph:
            write_model(self._train, self.model)
        if self._projector is not None:
            self._projector.configure()
        if self.histogram_freq:
            self._take_sample()

    def on_train_end(self, logs: Logs = None) -> None:
        self._is_training = False
        self._stop_trace()
        self._train.close()
        self._validation.close()
        self._sampler = None  # and with it the rows

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.write_steps_per_second:
            self._epoch_begun = time.perf_counter(), int(self.model.optimizer.iterations)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        self._write_epoch(epoch, logs or {})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
            self._write_sample(epoch)
        if self._projector is not None and epoch % self.embeddings_freq == 0:
            self._projector.write()
        self._train.flush()
        self._validation.flush()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        if self.block_hooks:
            return
        self._batch += 1
        if self._batch == self._start_batch:
            self._start_trace()
        self._batch_begun = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self.block_hooks:
            return
        if self.update_freq != "epoch" and self._batch % int(self.update_freq) == 0:
            if self.write_steps_per_second:
                rate = 1.0 / max(time.perf_counter() - self._batch_begun, 1e-9)
                self._train.scalar("batch_steps_per_second", rate, self._batch)
            for name, value in (logs or {}).items():
                self._train.scalar(f"batch_{name}", value, self._batch)
        if self._batch >= self._stop_batch:
            self._stop_trace()

    def on_test_end(self, logs: Logs = None) -> None:
        iterations = getattr(self.model.optimizer, "iterations", None)
        if iterations is not None:
            step = int(iterations)
            for name, value in (logs or {}).items():
                self._validation.scalar(f"evaluation_{name}_vs_iterations", value, step)
        if not self._is_training:
            self._validation.close()

    def _write_epoch(self, epoch: int, logs: dict[str, Any]) -> None:
        """The scalars of an epoch, those of the validation in a run of their own."""
        if not logs:
            return
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        train |= learning_rates(self.model.optimizer)
        if self.write_steps_per_second:
            begun, before = self._epoch_begun
            steps = int(self.model.optimizer.iterations) - before
            train["steps_per_second"] = steps / max(time.perf_counter() - begun, 1e-9)
        for name, value in train.items():
            self._train.scalar(f"epoch_{name}", value, epoch)
        for name, value in logs.items():
            if name.startswith("val_"):
                self._validation.scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                path, value = weight.path.replace(":", "_"), np.asarray(weight.value)
                self._train.histogram(f"{path}/histogram", value, epoch)
                images = as_images(value) if self.write_images else None
                if images is not None:
                    self._train.image(f"{path}/image", images, epoch)

    def _take_sample(self) -> None:
        """The first rows of the validation or training data, where `fit` has any at hand."""
        from kohort.monitor.sample import Sampler

        sources = getattr(getattr(self.model, "_callback_list", None), "sources", ())
        source = next((source for source in reversed(sources) if source is not None), None)
        if source is not None:
            self._sampler = Sampler(source.first())

    def _write_sample(self, epoch: int) -> None:
        if self._sampler is None or self._train.broken:
            return
        with self._quiet.attempt("activations and gradients", Exception):
            try:
                outputs, gradients = self._sampler(self.model)
            except Exception:
                self._sampler = None
                raise
            for kind, arrays in (("activations", outputs), ("gradients", gradients)):
                for name, value in arrays.items():
                    self._train.histogram(f"{kind}/{name}/histogram", value, epoch)

    def _start_trace(self) -> None:
        import jax

        if self._train.broken:
            return
        with self._quiet.attempt("cannot trace", Exception):
            jax.profiler.start_trace(self._train.folder)
            self._is_tracing = True

    def _stop_trace(self) -> None:
        import jax

        if self._is_tracing:
            self._is_tracing = False
            with self._quiet.attempt("cannot trace", Exception):
                jax.profiler.stop_trace()


def _checked_frequency(update_freq: int | str) -> int | str:
    found = 1 if update_freq == "batch" else update_freq
    if found != "epoch" and (not isinstance(found, int) or found < 1):
        raise ValueError(
            with_remedies(
                "`update_freq` must be 'epoch', 'batch' or a positive number of batches.",
                repr(update_freq),
                ["update_freq='epoch' is the quickest: whole epochs are one compiled program."],
            )
        )
    return found


def _profiled(profile_batch: Any) -> tuple[int, int]:
    """The first and the last batch to trace; (0, 0): none."""
    given = profile_batch.split(",") if isinstance(profile_batch, str) else profile_batch
    listed = list(given) if isinstance(given, (tuple, list)) else [given]
    with contextlib.suppress(TypeError, ValueError):
        start, stop = map(int, listed if len(listed) == 2 else 2 * listed)
        if 0 <= start <= stop:
            return start, stop
    raise ValueError(
        "profile_batch must be a non-negative integer or 2-tuple of positive integers. A pair of "
        f"positive integers signifies a range of batches to profile. Received: {profile_batch!r}"
    )
