"""The public tree module has Keras's names and results."""

from collections import OrderedDict, defaultdict, deque, namedtuple

import keras
import pytest

from kohort import tree

Point = namedtuple("Point", ["x", "y"])
STRUCTURES = [
    {"b": 2, "a": {"d": 1, "c": [3]}},
    OrderedDict([("b", 2), ("a", (1, []))]),
    defaultdict(list, {"b": [1], "a": 2}),
    {2: "x", 1: deque([5, Point(6, {"z": 7, "y": 8})], maxlen=3)},
    [deque(), Point([1], ()), None],
    4,
]
NESTED = {"b": [1, (2, None)], "a": 3}


def test_names():
    assert {n for n in dir(keras.tree) if not n.startswith("_")} <= set(dir(tree))


def test_map_structure_up_to():
    for shallow, nested in (([0, 0], [[1, 2], [3]]), ({"a": 0}, {"a": (1,)}), ((0, [0]), (1, [2]))):
        results = [t.map_structure_up_to(shallow, str, nested) for t in (tree, keras.tree)]
        assert results[0] == results[1]
    with pytest.raises(ValueError, match="do not nest"):
        tree.map_structure_up_to([0, 0], len, [1])


def test_flatten_and_pack():
    assert tree.pack_sequence_as(NESTED, [9, 8, 7, 6]) == {"b": [8, (7, 6)], "a": 9}


def _everything(t, structure):
    """What each function makes of a structure, with types and orders visible."""
    visited = []
    yield t.is_nested(structure)
    yield t.flatten(structure)
    yield t.flatten_with_path(structure)
    yield t.pack_sequence_as(structure, [str(x) for x in t.flatten(structure)])
    yield t.map_structure(lambda x, y: (x, y), structure, structure)
    yield t.lists_to_tuples(structure)
    for top_down in (True, False):
        yield t.traverse(lambda x: "list" if isinstance(x, list) else None, structure, top_down)
        t.traverse(visited.append, structure, top_down)
    yield visited


@pytest.mark.parametrize("structure", STRUCTURES, ids=repr)
def test_everything_is_as_in_keras(structure):
    for ours, theirs in zip(
        _everything(tree, structure), _everything(keras.tree, structure), strict=True
    ):
        assert repr(ours) == repr(theirs)


def test_keys_that_cannot_be_sorted_keep_their_order():
    assert tree.flatten({"b": 1, 2: 3, "a": 4}) == [1, 3, 4]


def test_paths_that_differ_are_named():
    tree.assert_same_paths({"a": 1, "b": [2]}, {"b": (2,), "a": 1})
    with pytest.raises(ValueError, match=r"same paths. Missing in `b`: \{\('b', 0\)\}"):
        tree.assert_same_paths({"a": 1, "b": [2]}, {"a": 1, "b": 2})
