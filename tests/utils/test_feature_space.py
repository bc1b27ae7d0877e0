"""FeatureSpace: the columns of a table as one vector a row."""

import numpy as np
import pytest

from kohort import layers, models
from kohort.utils import FeatureSpace

TABLE = {
    "plain": [0.0, 0.1, 0.2, 0.3],
    "scaled": [1.0, 2.0, 3.0, 4.0],
    "binned": [0.0, 0.1, 0.2, 0.3],
    "word": ["a", "b", "a", "c"],
    "hashed": ["a", "b", "a", "c"],
    "whole": [1, 2, 1, 3],
    "number": [1, 2, 1, 3],
}


def _space(**more):
    return FeatureSpace(
        {
            "plain": "float",
            "scaled": "float_normalized",
            "binned": FeatureSpace.float_discretized(num_bins=4),
            "word": "string_categorical",
            "hashed": FeatureSpace.string_hashed(num_bins=4),
            "whole": "integer_categorical",
            "number": FeatureSpace.integer_hashed(num_bins=4),
        },
        crosses=[("binned", "word"), FeatureSpace.cross(("hashed", "number"), crossing_dim=8)],
        crossing_dim=8,
        **more,
    )


def test_encoded_columns():
    space = _space(output_mode="dict")
    space.adapt(TABLE)
    out = space(TABLE)
    widths = {"plain": 1, "scaled": 1, "binned": 4, "word": 4, "hashed": 4, "whole": 4,
              "number": 4, "binned_X_word": 8, "hashed_X_number": 8}  # fmt: skip
    assert {name: x.shape for name, x in out.items()} == {n: (4, w) for n, w in widths.items()}
    np.testing.assert_allclose(np.mean(out["scaled"]), 0, atol=1e-6)
    assert all(np.all(out[n].sum(-1) == 1) for n in widths if widths[n] > 1)
    np.testing.assert_array_equal(out["word"].argmax(-1), [1, 3, 1, 2])  # ties: backwards
    batches = _space(output_mode="dict")
    batches.adapt([({k: np.array(v[:2]) for k, v in TABLE.items()}, 0),
                   ({k: np.array(v[2:]) for k, v in TABLE.items()}, 1)])  # fmt: skip
    np.testing.assert_allclose(batches(TABLE)["word"], out["word"])


def test_in_a_model_and_in_files(tmp_path):
    space = _space()
    space.adapt(TABLE)
    rows = {name: np.array(values) for name, values in TABLE.items()}
    encoded = space(rows)
    assert encoded.shape == (4, 38)
    assert space({name: values[0] for name, values in TABLE.items()}).shape == (38,)
    space.save(tmp_path / "space.keras")
    np.testing.assert_allclose(models.load_model(tmp_path / "space.keras")(rows), encoded)
    output = layers.Dense(1)(space.get_encoded_features())
    model = models.Model(space.get_inputs(), output)
    kernel = model.layers[-1].get_weights()[0]
    np.testing.assert_allclose(model.predict(rows, verbose=0), encoded @ kernel, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FeatureSpace({}), "cannot be None or empty"),
        (lambda: FeatureSpace({"a": "odd"}), "Invalid feature type"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), "unknown features"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode"),
        (lambda: FeatureSpace({"a": "float_normalized"})({"a": [1.0]}), "adapt"),
        (lambda: FeatureSpace({"a": "float"})([1.0]), "called with a dict"),
        (lambda: FeatureSpace({"a": "float"}).adapt(3), "dict of arrays"),
        (lambda: FeatureSpace.feature("float32", None, "odd"), "output_mode"),
    ],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_columns_that_are_not_encoded_cannot_be_joined():
    space = FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int")})
    with pytest.raises(ValueError, match="output_mode='dict'"):
        space({"a": [1, 2]})
