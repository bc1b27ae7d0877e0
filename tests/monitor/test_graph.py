"""The graph that TensorBoard draws."""

import kohort
from kohort import layers
from kohort.monitor.graph import graph_def, keras_json


def edges(model):
    return {node.name: list(node.input) for node in graph_def(model).node}


def test_inner_models_are_scopes_and_shared_layers_have_numbers():
    a, b = layers.Input((2,), name="a"), layers.Input((2,), name="b")
    inner = kohort.Sequential([layers.Input((2,), name="i"), layers.Dense(3, name="d")], name="in")
    x = layers.Add(name="sum")([inner(a), inner(b)])
    assert edges(kohort.Model([a, b], x)) == {
        "a": [], "b": [], "in/d": ["a"], "in_1/d": ["b"], "sum": ["in/d", "in_1/d"],
    }  # fmt: skip


def test_nodes_tell_of_shapes_parameters_and_configuration():
    model = kohort.Sequential([layers.Input((2,)), layers.Dense(3, name="d")])
    node = next(node for node in graph_def(model).node if node.name == "d")
    assert (node.op, node.attr["parameters"].i) == ("Dense", 9)
    (shape,) = node.attr["_output_shapes"].list.shape
    assert [dim.size for dim in shape.dim] == [-1, 3]
    assert b'"units": 3' in node.attr["config"].s


def test_a_model_of_code_shows_its_layers():
    class Own(kohort.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, name="d")

        def call(self, x):
            return self.dense(x)

    assert edges(Own()) == {"d": []}


def test_keras_json_is_given_where_tensorboard_can_draw_it():
    a = layers.Input((2,))
    assert '"Add"' in keras_json(kohort.Model(a, layers.Add()([a, a])))
    assert keras_json(kohort.Model(a, a + 1.0)) is None
