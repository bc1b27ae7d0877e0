"""The public tree module has Keras's names and results."""

import keras
import pytest

from kohort import tree

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
    assert tree.pack_sequence_as(NESTED, [9, 8, 7, 6]) == {"b": [9, (8, 7)], "a": 6}
