"""Names of graph nodes against the classes of real Keras."""

import importlib
import inspect

import keras
import pytest
from keras.src.ops.operation import Operation

from kohort import ops
from kohort.ops import keras_names

MODULES = ("core", "numpy", "nn", "math", "linalg", "image", "einops")
CLASSES = [
    (module, name, cls)
    for module in MODULES
    for name, cls in vars(importlib.import_module(f"keras.src.ops.{module}")).items()
    if inspect.isclass(cls)
    and issubclass(cls, Operation)
    and cls.__module__ == f"keras.src.ops.{module}"
    and name != "SegmentReduction"
]


@pytest.mark.parametrize("module, name, cls", CLASSES, ids=[c[1] for c in CLASSES])
def test_class_is_known(module, name, cls):
    function = keras_names.function_of(name)
    if name not in ("Abs", "Conj", "BitwiseNot", "LeftShift", "RightShift"):  # aliases here
        assert keras_names.keras_class_of(function) == (f"keras.src.ops.{module}", name)
    called = set(inspect.signature(cls.call).parameters) - {"self", "args", "kwargs"}
    assert set(keras_names.call_arguments(function)) == called


def test_activation_nodes():
    from kohort import activations

    assert keras_names.keras_class_of(activations.relu)[1] == "ReLU"
    assert keras_names.function_of("Mish") is activations.mish


def test_public_names_are_all_there():
    for ours, theirs in ((ops, keras.ops), (ops.image, keras.ops.image), (ops.nn, keras.ops.nn),
                         (ops.numpy, keras.ops.numpy), (ops.linalg, keras.ops.linalg)):  # fmt: skip
        public = {n for n in dir(theirs) if not n.startswith("_")}
        assert not public - set(dir(ours))


def test_signatures_are_those_of_keras():
    different = []
    for name in dir(keras.ops):
        theirs = getattr(keras.ops, name)
        if inspect.isfunction(theirs):
            pairs = [[(p.name, p.default) for p in inspect.signature(f).parameters.values()]
                     for f in (getattr(ops, name), theirs)]  # fmt: skip
            if pairs[0] != pairs[1]:
                different.append((name, *pairs))
    assert not different
