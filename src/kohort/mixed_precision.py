"""Keras's `mixed_precision`: policies under their older names."""

from kohort.core.dtypes import DTypePolicy, dtype_policy, set_dtype_policy
from kohort.optimizers import LossScaleOptimizer

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]
