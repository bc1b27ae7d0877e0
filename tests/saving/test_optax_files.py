"""A model compiled with an Optax transformation loads uncompiled, with a warning."""

import numpy as np
import optax
import pytest

import kohort


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_it_loads_uncompiled(tmp_path, name):
    x = np.ones((4, 3), "float32")
    model = kohort.Sequential([kohort.Input((3,)), kohort.layers.Dense(2)])
    model.compile(optax.adam(1e-3), "mse")
    model.fit(x, x[:, :2], verbose=0)
    model.save(tmp_path / name)
    with pytest.warns(kohort.errors.KohortWarning, match="not compiled. Call `compile"):
        loaded = kohort.saving.load_model(tmp_path / name)
    assert not loaded.compiled
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
