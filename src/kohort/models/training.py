"""`fit`, `evaluate`, `predict` and their one-batch forms."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from kohort.callbacks import CallbackList, History
from kohort.core import settings, tree
from kohort.core.arrays import to_device
from kohort.data.adapt import make_source, split_validation
from kohort.data.batches import stack
from kohort.data.source import ArraySource, Pace, clean_batch, map_arrays
from kohort.data.stacking import stacked_batches
from kohort.train import checks
from kohort.train.loop import Runner, fresh_metrics, run_epoch, to_floats, warn_ran_out
from kohort.utils.live import PLAIN, place

_LIVE, _QUIET = 0.2, 1.0  # seconds between visits of the host: with a progress bar, without


class Training:
    """The part of a model that trains it."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: Any = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
        **kwargs: Any,
    ) -> History:
        """Train for a number of epochs and return the `History`.

        Args:
            x, y, sample_weight: arrays (or lists, dicts, frames of them), or `x` alone as a
                generator, `PyDataset` or any iterable of (x, y[, sample_weight]) batches.
            batch_size: rows a batch; 32 unless told.
            verbose: 1: Keras's bar; 2: Keras's line an epoch; 0: nothing; "rich": one display for
                the whole fit, redrawn in place, with the time left and the learning rate (lines
                where nothing can be redrawn). "auto": 1 in a terminal, "rich" in a notebook, whose
                page it does not flood, and 2 in pipes, files and CI: no control characters there.
            validation_split: the share of rows at the end (before shuffling) to validate on.
            validation_data: (x, y[, sample_weight]), or batches.
            shuffle: whether rows are in a new order each epoch.
            class_weight: class number -> weight.
            initial_epoch: the epoch to begin with.
            steps_per_epoch: batches an epoch.
            validation_freq: every how many epochs to validate, or a list of epochs.
        """
        _check_rest("fit", kwargs)
        self._assert_compiled("fit")
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_validation(
                (x, y, sample_weight), validation_split
            )
        self._shuffle_seed = int(np.random.randint(2**31))
        source = make_source(
            x, y, sample_weight, batch_size=batch_size, steps=_capped(steps_per_epoch),
            shuffle=shuffle, class_weight=class_weight, seed=self._shuffle_seed,
            execution=self.steps_per_execution, prepare=self._prepared,
        )  # fmt: skip
        self._data_use = source.use
        self._symbolic_build(source.first())
        if isinstance(source, ArraySource):
            checks.check_values(self, source.data)
        batch_size = validation_batch_size or batch_size
        validation = self._validation_source(validation_data, batch_size, validation_steps)
        epochs = min(epochs, settings.max_epochs() or epochs)
        listed, pace = self._listed("train", callbacks, verbose, source.steps, epochs)
        self._callback_list: CallbackList | None = listed
        listed.sources = source, validation
        try:
            self._fit_epochs(
                source, listed, pace, range(initial_epoch, epochs), validation, validation_freq
            )
        except BaseException as error:
            listed.on_train_failed(error)
            raise
        finally:
            self._callback_list = None
            listed.sources = ()
        return self.history

    def _prepared(self, x: Any) -> Any:
        """Raw rows as the compiled program takes them: what needs strings is done before."""
        from kohort.models.host_part import prepare

        return prepare(self, x)

    def _fit_epochs(
        self, source: Any, listed: CallbackList, pace: Pace, epochs: range, validation: Any,
        frequency: Any,
    ) -> None:  # fmt: skip
        self.stop_training = False
        self._initial_epoch, self._initial_step = epochs.start, 0
        source.first_epoch = epochs.start
        self._binding()
        listed.on_train_begin()
        logs: dict[str, Any] = {}
        finite = True
        for epoch in range(self._initial_epoch, epochs.stop):  # a backup may have moved the start
            if self.stop_training:
                break
            if source.exhausted:
                warn_ran_out(not source.ran_out)  # once
                break
            start, self._initial_step = self._initial_step, 0
            source.seed, source.use = self._shuffle_seed, self._data_use
            if not start:
                fresh_metrics(self)
            listed.on_epoch_begin(epoch)
            logs = run_epoch(self, "train", source, listed, pace, epoch, start)
            if finite and not np.isfinite(logs.get("loss", 0.0)).all():
                finite = False
                checks.check_inputs(getattr(source, "data", ((),)), large=True)
            if validation is not None and _validates(epoch, frequency):
                logs |= self._validate(validation, listed)
            listed.on_epoch_end(epoch, logs)
        optimizer = getattr(self, "optimizer", None)
        if optimizer is not None and optimizer.built:
            optimizer.finalize_variable_values(self.trainable_variables)
        listed.on_train_end(logs)

    def _listed(
        self, kind: str, callbacks: Any, verbose: Any, steps: int | None, epochs: int = 1
    ) -> tuple[CallbackList, Pace]:
        """The callbacks of a call, and how often the host looks."""
        if isinstance(verbose, str) and verbose not in ("auto", "rich"):
            raise ValueError(f"`verbose` must be 0, 1, 2, 'auto' or 'rich'. Received: {verbose!r}")
        listed: Any = callbacks
        if not isinstance(callbacks, CallbackList):
            listed = CallbackList(
                callbacks, add_history=kind == "train", add_progbar=verbose != 0, verbose=verbose,
                epochs=epochs, steps=steps, model=self,
            )  # fmt: skip
        single = getattr(listed, f"needs_every_{kind}_batch")
        quiet = place() == PLAIN if verbose == "auto" else verbose in (0, 2)
        return listed, Pace(_QUIET if quiet else _LIVE, single, self.steps_per_execution)

    def _validation_source(self, data: Any, batch_size: int | None, steps: int | None) -> Any:
        if data is None:
            return None
        if isinstance(data, (tuple, list)) and not (isinstance(data, list) and len(data) == 0):
            parts = (*data, None, None)[:3]
        else:
            parts = (data, None, None)
        return make_source(
            *parts, batch_size=batch_size, steps=steps, execution=self.steps_per_execution,
            prepare=self._prepared,
        )  # fmt: skip

    def _validate(self, source: Any, listed: CallbackList) -> dict[str, float]:
        """Evaluate on the validation source, leaving the training metrics as they are."""
        binding = self._binding()
        kept = {p: v._value for p, v in binding.metrics.items()}
        fresh_metrics(self)
        self.stop_evaluating = False
        listed.on_test_begin()
        pace = Pace(_QUIET, listed.needs_every_test_batch, self.steps_per_execution)
        source.rewind()
        logs = run_epoch(self, "test", source, listed, pace)
        listed.on_test_end(logs)
        for path, variable in binding.metrics.items():
            variable._value = kept[path]
        return {f"val_{name}": value for name, value in logs.items()}

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return the loss and the metrics on data: a number, a list, or a dict by name."""
        _check_rest("evaluate", kwargs)
        self._assert_compiled("evaluate")
        source = make_source(
            x, y, sample_weight, batch_size=batch_size, steps=_capped(steps),
            execution=self.steps_per_execution, prepare=self._prepared,
        )  # fmt: skip
        self._symbolic_build(source.first())
        listed, pace = self._listed("test", callbacks, verbose, source.steps)
        self._binding()
        fresh_metrics(self)
        self.stop_evaluating = False
        listed.on_test_begin()
        logs = run_epoch(self, "test", source, listed, pace)
        listed.on_test_end(logs)
        return logs if return_dict else self._in_order(logs)

    def _in_order(self, logs: dict[str, Any]) -> Any:
        """The values in the order of `metrics_names`; a single one on its own."""
        names = self.metrics_names
        if not all(name in logs for name in names) or not names:
            names = list(logs)
        values = [logs[name] for name in names] + [logs[n] for n in logs if n not in names]
        return values[0] if len(values) == 1 else values

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Return the outputs for all rows of `x` as NumPy arrays."""
        _check_rest("predict", kwargs)
        source = make_source(
            x, batch_size=batch_size, steps=_capped(steps), execution=self.steps_per_execution,
            prepare=self._prepared,
        )  # fmt: skip
        first = source.first()
        if not self.built:
            self._symbolic_build((first[0], None, None))
        listed, pace = self._listed("predict", callbacks, verbose, source.steps)
        self.stop_predicting = False
        listed.on_predict_begin()
        parts = self._predict_blocks(source, listed, pace)
        listed.on_predict_end()
        if not parts:
            raise ValueError("`predict` got no data. Received: an empty iterator.")
        return _joined(parts)

    def _predict_blocks(self, source: Any, listed: CallbackList, pace: Pace) -> list[Any]:
        """The outputs of all blocks, with the batch hooks called around each execution."""
        runner, step = Runner(self), 0
        parts: list[Any] = []
        begun = 0  # the first part of the execution
        source.on_epoch_begin()
        for block in stacked_batches(source, pace):
            if step % pace.unit == 0:
                listed.on_predict_batch_begin(step)
                begun = len(parts)
            outputs = runner.predict(block.data, block.stop)
            parts.append(tree.map_structure(lambda a: _rows(a, block.stop), outputs))  # noqa: B023
            step += block.stop
            if step % pace.unit == 0:
                listed.on_predict_batch_end(step - 1, {"outputs": _joined(parts[begun:])})
                if pace.single and self.stop_predicting:
                    break
        if step % pace.unit:  # the end of the data cut the last execution short
            end = step + -step % pace.unit
            listed.on_predict_batch_end(end - 1, {"outputs": _joined(parts[begun:])})
        warn_ran_out(source.ran_out)
        source.on_epoch_end()
        return parts

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """Do one step on one batch; return loss and metrics."""
        self._assert_compiled("train_on_batch")
        if class_weight is not None and sample_weight is not None:
            raise ValueError(
                "Arguments `sample_weight` and `class_weight` cannot be specified at the same "
                f"time. Received: sample_weight={sample_weight}, class_weight={class_weight}"
            )
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Evaluate one batch; return loss and metrics."""
        self._assert_compiled("test_on_batch")
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def _on_batch(
        self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool
    ) -> Any:
        data = tuple(map_arrays(part) for part in (x, y, sample_weight))
        source = make_source(
            *data, batch_size=2**31 - 1, class_weight=class_weight, prepare=self._prepared
        )
        batch = source.first()
        self._symbolic_build(batch)
        self._binding()
        fresh_metrics(self)
        logs = to_floats(Runner(self).run(kind, stack([batch])))
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch."""
        batch = clean_batch((self._prepared(map_arrays(x)),))
        if not self.built:
            self._symbolic_build((batch[0], None, None))
        stacked = jax.tree.map(lambda a: a[None], batch)
        outputs = Runner(self).predict(stacked, 1)
        return tree.map_structure(lambda a: np.asarray(a[0]), outputs)

    # Keras 2 names
    def fit_generator(self, generator: Any, *args: Any, **kwargs: Any) -> History:
        """The Keras 2 name of `fit` with a generator."""
        if args:
            kwargs["steps_per_epoch"] = args[0]
        if len(args) > 1:
            kwargs["epochs"] = args[1]
        return self.fit(generator, **kwargs)

    def evaluate_generator(self, generator: Any, steps: int | None = None, **kwargs: Any) -> Any:
        """The Keras 2 name of `evaluate` with a generator."""
        return self.evaluate(generator, steps=steps, verbose=0, **kwargs)

    def predict_generator(self, generator: Any, steps: int | None = None, **kwargs: Any) -> Any:
        """The Keras 2 name of `predict` with a generator."""
        return self.predict(generator, steps=steps, verbose=0, **kwargs)

    # ---- the state that a backup keeps

    def get_training_state(self) -> dict[str, np.ndarray]:
        """Everything that training goes on from: path -> array."""
        found: dict[str, np.ndarray] = {}
        for part, arrays in self._binding().gather()._asdict().items():
            found |= {f"{part}:{path}": np.asarray(a) for path, a in arrays.items()}
        found["row_order"] = np.asarray([self._shuffle_seed, self._data_use], np.int64)
        return found

    def set_training_state(self, state: dict[str, np.ndarray]) -> None:
        """Put back what `get_training_state` returned.

        Raises:
            ValueError: where the state is another model's.
        """
        binding = self._binding()
        parts = dict(zip(("params", "state", "opt", "metrics"), binding.parts(), strict=True))
        wanted = {f"{part}:{path}": v for part, vs in parts.items() for path, v in vs.items()}
        given = {k: v for k, v in state.items() if k != "row_order"}
        wrong = wanted.keys() ^ given.keys() or {
            k for k, v in wanted.items() if tuple(given[k].shape) != v.shape
        }
        if wrong:
            raise ValueError(
                "The saved training state belongs to another model: these arrays differ: "
                f"{sorted(wrong)[:5]}. Delete the backup to start anew."
            )
        for key, variable in wanted.items():
            variable._value = to_device(given[key], variable.dtype)
        self._shuffle_seed, self._data_use = map(int, state["row_order"])


def _check_rest(method: str, kwargs: dict[str, Any]) -> None:
    """Drop what Keras 2 scripts pass to generators, refuse what is unknown."""
    rest = kwargs.keys() - {"workers", "use_multiprocessing", "max_queue_size"}
    if rest:
        raise TypeError(f"{method}() got unexpected keyword arguments: {sorted(rest)}")


def _capped(steps: int | None) -> int | None:
    cap = settings.max_steps_per_epoch()
    return steps if cap is None else min(steps, cap) if steps is not None else cap


def _validates(epoch: int, frequency: Any) -> bool:
    if isinstance(frequency, (list, tuple, set, range)):
        return epoch + 1 in frequency
    if not isinstance(frequency, int) or frequency < 1:
        raise ValueError(
            f"`validation_freq` must be a positive int or a list of ints. Received: {frequency}"
        )
    return (epoch + 1) % frequency == 0


def _joined(parts: list[Any]) -> Any:
    """The outputs of parts, one after the other."""
    return tree.map_structure(lambda *a: np.concatenate(a) if len(a) > 1 else a[0], *parts)


def _rows(outputs: Any, steps: int) -> np.ndarray:
    """(steps, batch, …) as rows, without the steps that were filled up."""
    array = np.asarray(outputs)[:steps]
    return array.reshape(-1, *array.shape[2:]) if array.ndim > 1 else array
