"""Help to test your own layers, losses and metrics: `TestCase`, `run_layer_test`, test data.

    class ScaleTest(kohort.testing.TestCase):
        def test_contract(self):
            self.run_layer_test(Scale, {"factor": 2.0}, input_shape=(2, 3))

Names and checks are those of Keras's own test base, so that tests written for it run here.
"""

from kohort.testing.devices import (
    jax_uses_gpu,
    jax_uses_tpu,
    tensorflow_uses_gpu,
    tensorflow_uses_tpu,
    torch_uses_gpu,
    uses_gpu,
    uses_tpu,
)
from kohort.testing.inputs import create_eager_tensors, create_keras_tensors
from kohort.testing.test_case import TestCase
from kohort.testing.test_utils import get_test_data, named_product

__all__ = [
    "TestCase",
    "create_eager_tensors",
    "create_keras_tensors",
    "get_test_data",
    "jax_uses_gpu",
    "jax_uses_tpu",
    "named_product",
    "tensorflow_uses_gpu",
    "tensorflow_uses_tpu",
    "torch_uses_gpu",
    "uses_gpu",
    "uses_tpu",
]
