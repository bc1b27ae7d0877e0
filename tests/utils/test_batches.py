"""The (x, y, sample_weight) convention, against Keras."""

import keras
import pytest

from kohort.utils import pack_x_y_sample_weight, unpack_x_y_sample_weight


@pytest.mark.parametrize("data", ["x", ("x",), ["x"], ("x", "y"), ["x", "y"], ("x", "y", "w")])
def test_unpack_like_keras(data):
    assert unpack_x_y_sample_weight(data) == keras.utils.unpack_x_y_sample_weight(data)


def test_unpack_refuses_four():
    with pytest.raises(ValueError, match="Data is expected to be in format `x`"):
        unpack_x_y_sample_weight((1, 2, 3, 4))


@pytest.mark.parametrize(
    "parts", [("x",), (("x", "x2"),), (["x"],), ("x", "y"), ("x", "y", "w"), ("x", None, "w")]
)
def test_pack_like_keras(parts):
    assert pack_x_y_sample_weight(*parts) == keras.utils.pack_x_y_sample_weight(*parts)
