"""`compile`: the loss, the metrics and the optimiser of a model, and what follows from them."""

from __future__ import annotations

import warnings
from typing import Any

import jax.numpy as jnp

from kohort import metrics, optimizers
from kohort.core import frame as frames
from kohort.core import tree
from kohort.core.component import touch
from kohort.core.naming import name_scope
from kohort.core.serialization import (
    deserialize_keras_object,
    serialize_dict,
)
from kohort.core.symbolic import KerasTensor, infer_outputs
from kohort.core.variable import Variable
from kohort.errors import KohortWarning
from kohort.layers.call import takes
from kohort.layers.input_spec import assert_input_compatibility
from kohort.train import checks
from kohort.train.compiled import CompileLoss, CompileMetrics
from kohort.train.state import Binding
from kohort.train.step import batch_size
from kohort.train.structure import Structure


class Compiling:
    """The part of a model that `compile` fills."""

    def _start_uncompiled(self) -> None:
        """What a model is before `compile`."""
        self.optimizer: Any = None
        self.loss: Any = None
        self.compiled = False
        self.stop_training = self.stop_evaluating = self.stop_predicting = False
        self.run_eagerly = False
        self.steps_per_execution = 1
        self._compile_loss: Any = None
        self._compile_metrics: Any = None
        self._loss_tracker: Any = None
        self._symbolic_done: str | None = None
        self._shuffle_seed = self._data_use = 0
        self.history: Any = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        **kwargs: Any,
    ) -> None:
        """Choose optimiser, loss and metrics.

        Args:
            optimizer: a name, an optimiser, or any optax transformation.
            loss: a name, a function, a `Loss`; a list or dict of them for several outputs.
            loss_weights: factors of the losses.
            metrics: names or metrics, computed without sample weights.
            weighted_metrics: names or metrics, computed with sample weights.
            run_eagerly: run Python line by line (slow; for debugging).
            steps_per_execution: batch hooks of callbacks are called every so many steps. The
                training is the same: blocks of steps are compiled in any case.
            jit_compile: accepted; everything is compiled.
            auto_scale_loss: scale the loss where the policy is mixed_float16.
        """
        kwargs.pop("sample_weight_mode", None)
        if kwargs:
            raise TypeError(f"Invalid keyword argument(s) in `compile()`: {sorted(kwargs)}")
        self._check_super_called()
        self._compile_config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        self.optimizer = optimizers.get(optimizer)
        scales_itself = isinstance(self.optimizer, (optimizers.LossScaleOptimizer, type(None)))
        if auto_scale_loss and not scales_itself and getattr(self, "dtype_policy", None):
            if self.dtype_policy.name == "mixed_float16":
                self.optimizer = optimizers.LossScaleOptimizer(
                    self.optimizer, name="loss_scale_optimizer"
                )
        self.loss = loss
        names = getattr(self, "output_names", None)
        self._compile_loss = CompileLoss(loss, loss_weights, names) if loss is not None else None
        has_metrics = metrics is not None or weighted_metrics is not None
        self._compile_metrics = (
            CompileMetrics(metrics, weighted_metrics, names) if has_metrics else None
        )
        self._loss_tracker = _mean("loss")
        self.stop_training = False
        self.compiled = True
        self.run_eagerly = run_eagerly
        self.steps_per_execution = steps_per_execution
        self._symbolic_done = None
        touch()

    def _assert_compiled(self, method: str) -> None:
        if not getattr(self, "compiled", False):
            raise ValueError(
                f"You must call `compile()` before calling `{method}()`.\n"
                "  1. model.compile(optimizer='adam', loss='mse') first."
            )

    # ---- the pieces a step is made of

    def _has_own(self, method: str) -> bool:
        """Whether a subclass overrides this method of `Model`."""
        from kohort.models.model import Model

        return getattr(type(self), method) is not getattr(Model, method)

    def _forward(self, x: Any, training: bool) -> Any:
        if takes(self.call, "training"):
            return self(x, training=training)
        return self(x)

    def _forward_loss(self, x: Any, y: Any, sample_weight: Any, training: bool) -> tuple[Any, Any]:
        y_pred = self._forward(x, training)
        arguments = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": sample_weight}
        if takes(self.compute_loss, "training"):
            arguments["training"] = training
        return self.compute_loss(**arguments), y_pred

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The total loss: that of `compile`, and all penalties. May be overridden."""
        terms = []
        if self._compile_loss is not None and y is not None:
            loss = self._compile_loss(y, y_pred, sample_weight)
            if loss is not None:
                terms.append(loss)
        terms += [jnp.sum(jnp.asarray(value, jnp.float32)) for value in self.losses]
        if not terms:
            if self._compile_loss is None and not self.losses and not self._has_own("compute_loss"):
                raise ValueError(
                    "No loss to compute. Provide a `loss` argument in `compile()`, or use "
                    "`add_loss()` inside a layer."
                )
            return jnp.zeros(())
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics of `compile` and return all results. May be overridden."""
        if self._compile_metrics is not None and y is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, loss: Any) -> Any:
        if self._loss_tracker is not None:
            valid = frames.valid_rows()
            rows = batch_size(x) if valid is None else jnp.sum(valid)
            self._loss_tracker.update_state(loss, sample_weight=rows)
        if self._has_own("compute_metrics"):
            return self.compute_metrics(x, y, y_pred, sample_weight)
        if self._compile_metrics is not None and y is not None:
            self._compile_metrics.update_state(y, y_pred, sample_weight)
        return None

    # ---- metrics

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, the metrics of `compile`, and those that layers hold."""
        found: list[Any] = []
        if getattr(self, "compiled", False):
            if self._loss_tracker is not None:
                found.append(self._loss_tracker)
            if self._compile_loss is not None:
                found += self._compile_loss.metrics
            if self._compile_metrics is not None:
                found += self._compile_metrics.metrics
        known = {id(m) for m in found}
        return found + [m for m in self._held_metrics() if id(m) not in known]

    def _held_metrics(self) -> list[Any]:
        own = [m for m in self.held(metrics.Metric) if m is not self.__dict__.get("_loss_tracker")]
        return own + [m for layer in self._layers for m in layer.metrics]

    @property
    def metrics_variables(self) -> list[Variable]:
        """The states of all metrics, each once."""
        found = {id(v): v for m in self.metrics for v in m.variables}
        return list(found.values())

    @property
    def metrics_names(self) -> list[str]:
        """The names of the reported values, the loss first."""
        return [name for name, _ in self._named_metrics()]

    def _named_metrics(self) -> list[tuple[str, Any]]:
        labels = (
            {id(m): label for label, m in self._compile_metrics.named()}
            if getattr(self, "_compile_metrics", None)
            else {}
        )
        return [(labels.get(id(m), m.name), m) for m in self.metrics]

    def get_metrics_result(self) -> dict[str, Any]:
        """Name -> result of every metric. May be overridden."""
        results: dict[str, Any] = {}
        for name, metric in self._named_metrics():
            result = metric.result()
            results |= result if isinstance(result, dict) else {name: result}
        return results

    def reset_metrics(self) -> None:
        """Start all metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    def _metric_arrays(self) -> Any:
        """The results as compiled programs return them: without names, or the user's dict."""
        if self._has_own("get_metrics_result"):
            return self.get_metrics_result()
        return [m.result() for _, m in self._named_metrics()]

    # ---- building from data, structure

    def _symbolic_build(self, batch: Any) -> None:
        """Create every variable that training needs, from the shapes of one batch."""
        x, y, sample_weight = batch
        known = getattr(self, "_symbolic_done", None)  # "inputs" after predict, then "labels"
        if self.built and (known == "labels" or (known and y is None)):
            return

        def symbol(a: Any) -> Any:
            return (
                None
                if a is None
                else KerasTensor((None, *a.shape[1:]), str(a.dtype).replace("object", "string"))
            )

        spec = tree.map_structure(symbol, x)
        with frames.suspended():
            y_pred = self._output_spec(spec)
            if y is not None and y_pred is not None and getattr(self, "compiled", False):
                self._build_compiled(spec, tree.map_structure(symbol, y), y_pred)
        optimizer = getattr(self, "optimizer", None)
        if optimizer is not None and not optimizer.built:
            optimizer.build(self.trainable_variables)
        self._symbolic_done = "inputs" if y is None else "labels"
        touch()

    def _output_spec(self, spec: Any) -> Any:
        own = self._has_own("train_step") or self._has_own("test_step")
        try:
            if not self.built:
                with name_scope(self.name, self):
                    self._build_from_spec(spec)
            assert_input_compatibility(self.input_spec, spec, layer_name=self.name)
            return self.compute_output_spec(spec)
        except NotImplementedError:
            if own:
                return None  # a custom step need not call the model as a whole
            raise
        except Exception:
            if own:
                return None
            raise

    def _build_from_spec(self, spec: Any) -> None:
        shapes = tree.map_structure(lambda t: t.shape, spec)
        if self._has_own("build"):
            self.build(shapes)
        if not self.built:
            infer_outputs(lambda x: self._forward(x, training=False), spec)
            self.built = True

    def _build_compiled(self, x: Any, y: Any, y_pred: Any) -> None:
        if self._compile_loss is not None and not self._compile_loss.built:
            if self._has_own("compute_loss"):  # the losses may see other outputs than the model's
                infer_outputs(self.compute_loss, x=x, y=y, y_pred=y_pred, sample_weight=None)
            else:
                checks.check_loss_fits(self, self._compile_loss, y, y_pred)
                self._compile_loss.build(y, y_pred)
        if self._compile_metrics is not None and not self._compile_metrics.built:
            self._compile_metrics.build(y, y_pred)
            if not all(map(_has_its_state, self._compile_metrics.metrics)):
                infer_outputs(self._compile_metrics.update_state, y, y_pred)

    def _binding(self) -> Binding:
        """Structure and paths of the model as it is now; made again after a change."""
        from kohort.core import component

        cached = self.__dict__.get("_runtime")
        if cached is not None and cached[0] == component.version:
            return cached[1]
        binding = Binding(self._structure(), self)
        self.__dict__["_runtime"] = (component.version, binding)
        return binding

    def _structure(self, varied: Any = ()) -> Structure:
        """Paths and key of the model with its optimiser; `varied` as `Structure` takes it."""
        extra = {
            "optimizer": getattr(self, "optimizer", None),
            "steps": tuple(
                getattr(type(self), name)
                for name in (
                    "train_step",
                    "test_step",
                    "predict_step",
                    "compute_loss",
                    "compute_metrics",
                )
            ),
            "train": [v.trainable for v in self.variables],
            "trainable": self.trainable,
        }
        return Structure(self, extra, varied)  # type: ignore[arg-type]

    # ---- configuration

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was told, as a configuration; None when not compiled or not plain."""
        if not getattr(self, "compiled", False) or "_compile_config" not in self.__dict__:
            return None
        config = dict(self._compile_config)
        config["optimizer"] = self.optimizer
        try:
            return serialize_dict(config)
        except TypeError:
            return None

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile from what `get_compile_config` returned."""
        if self._has_own("compile") and not self._has_own("compile_from_config"):
            warnings.warn(
                "`compile()` was not called as part of model loading because the model's "
                "`compile()` method is custom. All subclassed Models that have `compile()` "
                "overridden should also override `get_compile_config()` and "
                "`compile_from_config(config)`. Alternatively, you can call `compile()` manually "
                "after loading.",
                stacklevel=2,
            )
            return
        if optimizers.is_optax_config(config.get("optimizer")):
            warnings.warn(optimizers.OPTAX_UNSAVED, KohortWarning, stacklevel=2)
            return
        self.compile(**deserialize_keras_object(config))
        optimizer = getattr(self, "optimizer", None)
        if optimizer is not None and self.built and not optimizer.built:
            optimizer.build(self.trainable_variables)


def _has_its_state(metric: Any) -> bool:
    """Whether a metric is known to make no variable when it is first updated."""
    return isinstance(metric, metrics.Mean) and type(metric).__module__.startswith("kohort.")


def _mean(name: str) -> Any:
    return metrics.Mean(name=name)
