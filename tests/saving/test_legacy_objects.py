"""Keras 2's way to write objects, against Keras."""

import keras as reference
import pytest

import kohort
from kohort.legacy import saving
from kohort.utils import legacy


@pytest.mark.parametrize("make", [
    lambda k: k.initializers.Constant(2.0),
    lambda k: k.regularizers.L1L2(0.1, 0.2),
    lambda k: k.activations.relu,
    lambda k: None,
])  # fmt: skip
def test_written_as_keras_writes_it(make):
    expected = reference.legacy.saving.serialize_keras_object(make(reference))
    assert saving.serialize_keras_object(make(kohort)) == expected
    families = (kohort.initializers, kohort.regularizers, kohort.activations)
    known = {name: getattr(family, name) for family in families for name in dir(family)}
    again = legacy.deserialize_keras_object(expected, known)
    assert legacy.serialize_keras_object(again) == expected


class _Pair:
    def __init__(self, inner, scale=1):
        self.inner, self.scale = inner, scale

    def get_config(self):
        return {"inner": self.inner, "scale": self.scale}


def test_objects_inside_objects_and_functions_by_name():
    def twice(x):
        return 2 * x

    known = {"_Pair": _Pair, "twice": twice}
    written = saving.serialize_keras_object(_Pair(_Pair(twice, 3)))
    found = saving.deserialize_keras_object(written, custom_objects=known)
    assert found.inner.inner is twice and found.inner.scale == 3
    assert saving.deserialize_keras_object("twice", known) is twice


@pytest.mark.parametrize(
    "given, message",
    [("Nothing", "Unknown thing: 'Nothing'"), ({"config": {}}, "class_name"), (3, "3")],
)
def test_what_is_not_read(given, message):
    with pytest.raises(ValueError, match=message):
        saving.deserialize_keras_object(given, {}, printable_module_name="thing")


def test_what_is_not_written():
    with pytest.raises(ValueError, match="get_config.*Received: 3"):
        saving.serialize_keras_object(3)
