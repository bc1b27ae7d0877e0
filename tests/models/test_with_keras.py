"""Whole scripts give Keras's numbers, from equal seeds on: weights, losses, metrics, curves."""

import keras
import numpy as np
import pytest

import kohort
from tests.models.scripts import SCRIPTS


def assert_close(ours, theirs):
    if isinstance(ours, dict):
        assert sorted(ours) == sorted(theirs)
        for name in ours:
            assert_close(ours[name], theirs[name])
    elif isinstance(ours, tuple):
        for a, b in zip(ours, theirs, strict=True):
            assert_close(a, b)
    else:
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.__name__)
@pytest.mark.filterwarnings("ignore")
def test_script(script):
    results = []
    for framework in (kohort, keras):
        framework.utils.clear_session()
        framework.utils.set_random_seed(1)
        results.append(script(framework))
    assert_close(*results)
