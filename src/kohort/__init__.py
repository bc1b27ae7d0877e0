"""Kohort: networks with Keras's API, improved as cohorts, judged honestly.

    import kohort as keras

gives Keras's public names. Submodules are imported when they are first used, so that
`import kohort` costs little more than `import jax`.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_MODULES = {
    "activations", "applications", "backend", "callbacks", "config", "constraints", "data",
    "datasets", "distillation", "distribution", "dtype_policies", "export", "initializers",
    "layers", "legacy", "losses", "metrics", "mixed_precision", "models", "monitor", "ops",
    "optimizers", "plot", "preprocessing", "random", "regularizers", "saving", "testing", "tree",
    "utils", "visualization", "workflow", "wrappers",
}  # fmt: skip
_NAMES = {
    "Cohort": "kohort.cohort",
    "CohortCallback": "kohort.callbacks.cohort_callback",
    "DTypePolicy": "kohort.core.dtypes",
    "Ensemble": "kohort.workflow.ensemble",
    "FloatDTypePolicy": "kohort.core.dtypes",
    "Function": "kohort.models.function",
    "HyperParameters": "kohort.workflow.search",
    "Initializer": "kohort.initializers",
    "Input": "kohort.layers",
    "InputSpec": "kohort.layers",
    "KerasTensor": "kohort.core.symbolic",
    "KohortClassifier": "kohort.wrappers",
    "KohortRegressor": "kohort.wrappers",
    "Layer": "kohort.layers",
    "Loss": "kohort.losses",
    "Metric": "kohort.metrics",
    "Model": "kohort.models",
    "Operation": "kohort.core.symbolic",
    "Optimizer": "kohort.optimizers",
    "Regularizer": "kohort.regularizers",
    "Sequential": "kohort.models",
    "StatelessScope": "kohort.core.scopes",
    "SymbolicScope": "kohort.core.scopes",
    "Variable": "kohort.core.variable",
    "capacity_sweep": "kohort.workflow.capacity_sweep",
    "cross_validate": "kohort.workflow.crossval",
    "device": "kohort.core.scopes",
    "diagnose": "kohort.workflow.diagnose",
    "ensemble": "kohort.workflow.ensemble",
    "hyper": "kohort.core.component",
    "lr_range": "kohort.workflow.lr_range",
    "name_scope": "kohort.core.naming",
    "remat": "kohort.core.remat",
    "RematScope": "kohort.core.remat",
    "search": "kohort.workflow.search",
    "version": "kohort.config",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"kohort.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(_NAMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'kohort' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_NAMES})
