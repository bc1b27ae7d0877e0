"""Names that are not public in Keras, but that much code written for Keras takes from it."""

from kohort.core.masks import get_mask as get_keras_mask
from kohort.core.masks import set_mask as set_keras_mask
from kohort.core.symbolic import infer_outputs as compute_output_spec
from kohort.core.variable import autocast as AutocastScope
from kohort.models import Functional

__all__ = [
    "AutocastScope",
    "Functional",
    "compute_output_spec",
    "get_keras_mask",
    "set_keras_mask",
]
