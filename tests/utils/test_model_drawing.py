"""Pictures of models: what is drawn, how it is laid out, and the files."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import kohort as keras
from kohort import layers
from kohort.utils.model_drawing_dot import Dot
from kohort.utils.model_drawing_figure import draw, lay_out
from kohort.utils.model_drawing_graph import Show, drawing_of
from kohort.utils.model_drawing_layout import Edge, Item, place


@pytest.fixture(scope="module")
def model():
    """Give a model with a branch, a nested Sequential, a nested graph and two outputs."""
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    x = layers.Dense(4, activation="relu", name="first")(a)
    x = layers.Add(name="skip")([x, a])
    tower = keras.Sequential(
        [keras.Input((3,)), layers.Dense(2, name="one"), layers.Dense(4, name="two")], name="tower"
    )
    inner = keras.Input((4,), name="inner")
    graph = keras.Model(inner, layers.Dense(4, name="deep")(inner), name="graph")
    y = layers.Concatenate(name="cat")([x, graph(tower(b))])
    out = layers.Dense(1, trainable=False, name="out")(y)
    return keras.Model([a, b], [out, x * 2], name="whole")


def named_edges(drawing):
    """Give the edges of all levels with the names of their ends."""
    names, edges, stack = {}, [], [drawing]
    while stack:
        here = stack.pop()
        for child in here.children:
            if hasattr(child, "children"):
                stack.append(child)
            else:
                names[child.key] = child.name
        edges += here.edges
    return {(names[a], names[b]) for a, b in edges}


def test_edges_go_to_the_nested_models_or_into_them(model):
    closed = {("a", "first"), ("first", "skip"), ("a", "skip"), ("skip", "cat"), ("b", "tower")}
    closed |= {("tower", "graph"), ("graph", "cat"), ("cat", "out"), ("skip", "multiply")}
    found = named_edges(drawing_of(model, Show()))
    assert {(a, b.split("_")[0]) for a, b in found} == closed
    opened = named_edges(drawing_of(model, Show(), expand_nested=True))
    inside = {("b", "one"), ("one", "two"), ("two", "inner"), ("inner", "deep"), ("deep", "cat")}
    assert inside <= opened and len(opened) == len(closed) + 2


def test_boxes_tell_what_is_asked(model):
    show = Show(shapes=True, dtype=True, activations=True, trainable=True)
    boxes = {box.name: box for box in drawing_of(model, show).children}
    assert boxes["first"].activation == "relu"
    assert [(cell.name, cell.value) for cell in boxes["out"].cells] == [
        ("Input shape", "(None, 8)"),
        ("Output shape", "(None, 1)"),
        ("Output dtype", "float32"),
        ("", "Non-trainable"),
    ]
    assert [cell.name for cell in boxes["a"].cells] == ["Output shape", "Output dtype"]
    assert boxes["skip"].cells[0].value == "[(None, 4), (None, 4)]"


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
def test_boxes_lie_apart_and_data_flows_one_way(model, rankdir):
    drawing = drawing_of(model, Show(shapes=True), expand_nested=True)
    scene = lay_out(drawing, rankdir)
    found = {key: (x, y, x + box.width, y + box.height) for key, x, y, box in scene.boxes()}
    corners = np.array(list(found.values()))
    for i, (left, top, right, bottom) in enumerate(corners):
        others = np.delete(corners, i, axis=0)
        beside = (others[:, 0] >= right) | (others[:, 2] <= left)
        assert (beside | (others[:, 1] >= bottom) | (others[:, 3] <= top)).all()
    size = np.array([scene.width, scene.height])
    assert corners.min() > -1e-6 and (corners[:, 2:].max(axis=0) < size + 1e-6).all()
    axis = 1 if rankdir in ("TB", "BT") else 0
    sign = -1 if rankdir in ("BT", "RL") else 1
    for way in scene.ways:
        assert (sign * np.diff(way[:, axis]) > -1e-6).all()


def test_a_long_edge_goes_round_the_boxes_between():
    items = [Item(10, 30) for _ in range(4)]
    edges = [Edge(0, 1), Edge(1, 2), Edge(2, 3), Edge(0, 3), Edge(3, 1)]  # the last leads back
    place(items, edges)
    assert len(edges[4].points) == 0
    for box in items[1:3]:
        for x, y in edges[3].points:
            inside = abs(box.at - (x, y)) < np.array([box.along, box.across]) / 2
            assert not inside.all()


def test_the_figure_shows_names_and_arrows(model):
    figure = draw(lay_out(drawing_of(model, Show(), expand_nested=True), "TB"), "curved")
    (ax,) = figure.axes
    words = {text.get_text().strip() for text in ax.texts}
    assert {"first", "(Dense)", "tower", "graph", "deep"} <= words
    assert sum(type(p).__name__ == "FancyArrowPatch" for p in ax.patches) == 11


def test_dot_source(model, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pydot", None)
    dot = keras.utils.model_to_dot(model, show_shapes=True, expand_nested=True, rankdir="LR")
    source = dot.to_string()
    assert isinstance(dot, Dot) and "rankdir=LR;" in source and source.count(" -> ") == 11
    assert source.count("subgraph cluster_") == 2 and source.count("{") == source.count("}")
    assert dot.write(tmp_path / "a.dot") and (tmp_path / "a.dot").read_text() == source
    cluster = keras.utils.model_to_dot(model, subgraph=True).to_string()
    assert cluster.startswith("subgraph cluster_0 {\nstyle=dashed;")
    with pytest.raises(ValueError, match="plot_model"):
        dot.write(tmp_path / "a.png", format="png")


def test_files(model, tmp_path):
    for name, start in (
        ("m", b"\x89PNG"),
        ("m.svg", b"<?xml"),
        ("m.pdf", b"%PDF"),
        ("m.dot", b"di"),
    ):
        keras.utils.plot_model(model, tmp_path / name, dpi=30)
        assert (tmp_path / name).read_bytes().startswith(start)
    first = (tmp_path / "m.svg").read_bytes()
    keras.utils.plot_model(model, tmp_path / "m.svg", dpi=30)
    assert (tmp_path / "m.svg").read_bytes() == first


def test_a_layer_that_is_called_twice_has_a_loop():
    x = keras.Input((2,))
    twice = layers.Dense(2, name="twice")
    scene = lay_out(drawing_of(keras.Model(x, twice(twice(x))), Show()), "TB")
    _, (_, left, top, box) = sorted(scene.boxes())
    (loop,) = [way for way in scene.ways if way[0, 0] == left + box.width]
    assert (loop[:, 0] >= left + box.width).all() and loop[0, 1] > loop[-1, 1] > top


def test_with_pydot_its_graph_is_returned(model, monkeypatch):
    class Graph(str):
        def get_subgraphs(self):
            return ["the cluster"]

    fake = SimpleNamespace(graph_from_dot_data=lambda source: [Graph(source)])
    monkeypatch.setitem(sys.modules, "pydot", fake)
    assert keras.utils.model_to_dot(model).startswith("digraph G {")
    assert keras.utils.model_to_dot(model, subgraph=True) == "the cluster"


def test_a_subclassed_model_is_one_box():
    class Own(keras.Model):
        pass

    own = Own(name="own")
    own.built = True
    (box,) = drawing_of(own, Show()).children
    assert (box.name, box.kind) == ("own", "Own")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to_file": "m.gif"}, r"must end in .dot or .* Received: to_file=m.gif"),
        ({"rankdir": "UP"}, "`rankdir` must be one of TB, LR, BT, RL"),
        ({"splines": "wavy"}, "`splines` must be one of"),
        ({"layer_range": ["a", "b"]}, "no longer supported"),
        ({"colour": 1}, "Unrecognized keyword arguments"),
    ],
)
def test_bad_input(model, arguments, words):
    with pytest.raises(ValueError, match=words):
        keras.utils.plot_model(model, **arguments)


def test_a_model_without_shapes_cannot_be_drawn():
    with pytest.raises(ValueError, match="not yet been built"):
        keras.utils.model_to_dot(keras.Sequential([layers.Dense(1)]))


def test_notebooks_show_a_model_and_a_history(model):
    html = model._repr_html_().replace(' style="text-align:left"', "")
    assert "<td>skip (Add)</td><td>(None, 4)</td><td>0</td><td>first, a</td>" in html
    assert f"<b>{model.count_params():,}</b> parameters" in html
    history = keras.callbacks.History()
    history.history = {"loss": [2.0, float("nan"), 1.0], "odd": [[1, 2], "a", 3]}
    shown = history._repr_html_().replace(' style="text-align:left"', "")
    assert "<td>1 (epoch 3)</td><td>2 (epoch 1)</td>" in shown and "odd" not in shown
