"""The text of `summary()` beside Keras's, and the numbers behind it."""

import keras
import numpy as np
import pytest

import kohort
from kohort import layers, models
from kohort.core.naming import reset_names
from kohort.models.summary import layer_bounds, readable_memory_size, totals


def chain(k):
    model = k.Sequential(
        [k.layers.Input((8,)), k.layers.Dense(16), k.layers.BatchNormalization(), k.layers.Dense(3)]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def unbuilt(k):
    return k.Sequential([k.layers.Dense(2), k.layers.Dense(3)])


def branched(k):
    a, b = k.layers.Input((8,), name="a"), k.layers.Input((8,), name="b")
    shared = k.layers.Dense(4)
    x, y = shared(a), shared(b)
    z = k.layers.Add()([x, y])
    return k.Model([a, b], [z, k.layers.Dense(1000)(k.layers.Concatenate()([z, x]))], name="two")


def nested(k):
    inner = k.Sequential([k.layers.Input((8,)), k.layers.Dense(3), k.layers.Dense(2)], name="in")
    inner.layers[0].trainable = False
    start = k.layers.Input((8,))
    return k.Model(start, inner(start), name="outer")


def functions(k):
    start = k.layers.Input((8,))
    return k.Model(start, k.ops.mean(k.layers.Dense(4)(start) * 2 + 1, axis=-1))


def subclass(k):
    class Mine(k.Model):
        def __init__(self):
            super().__init__()
            self.d1, self.d2, self.d3 = k.layers.Dense(4), k.layers.Dense(2), k.layers.Dense(7)

        def build(self, input_shape):
            self.d1.build(input_shape)
            self.d2.build(self.d1.compute_output_shape(input_shape))

        def call(self, x):
            return self.d2(self.d1(x))

    model = Mine()
    model.build((None, 3))
    return model


def text(k, make, **kwargs):
    reset_names()
    keras.utils.clear_session()
    said = []
    make(k).summary(print_fn=lambda line, line_break=False: said.append(line), **kwargs)
    return "\n".join(said)


OPTIONS = ({}, {"show_trainable": True}, {"expand_nested": True, "line_length": 78})


@pytest.mark.parametrize("make", [chain, unbuilt, branched, nested, functions, subclass])
@pytest.mark.parametrize("kwargs", OPTIONS, ids=str)
def test_the_text_is_that_of_keras(make, kwargs):
    assert text(kohort, make, **kwargs) == text(keras, make, **kwargs)


def test_ranges_of_layers():
    kwargs = {"layer_range": ("batch", "dense_1")}
    assert text(kohort, chain, **kwargs) == text(keras, chain, **kwargs)
    items = chain(kohort).layers
    with pytest.raises(ValueError, match="length 2"):
        layer_bounds(items, ["a"])
    with pytest.raises(ValueError, match="string type"):
        layer_bounds(items, [1, 2])
    with pytest.raises(ValueError, match="do not match"):
        layer_bounds(items, ["nothing", "dense"])


def test_too_little_room_is_an_error():
    with pytest.raises(ValueError, match="Insufficient console width"):
        chain(kohort).summary(line_length=10)


def test_totals_count_each_part():
    model = models.Sequential([layers.Input((2,)), layers.Dense(3), layers.BatchNormalization()])
    found = totals(model)
    assert (found.trainable, found.non_trainable, found.optimizer) == ((15, 60.0), (6, 24.0), None)
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 2)), np.zeros((4, 3)), verbose=0)
    assert totals(model).optimizer == (2, 8.0)
    assert totals(model).total == (23, 92.0)


def test_memory_sizes_are_those_of_keras():
    from keras.src.utils.summary_utils import readable_memory_size as reference

    for size in (0, 1, 1023, 1024, 5e6, 3e9, 7e12, 1e15, 3e18, 3e21):
        assert readable_memory_size(size) == reference(size)


def test_it_prints_to_the_terminal(capsys):
    chain(kohort).summary()
    assert "Total params" in capsys.readouterr().out
