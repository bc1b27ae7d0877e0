"""An ensemble is taken where it is better on rows that its weights were not found on."""

import numpy as np
import pytest

from kohort.workflow.blend import blend
from kohort.workflow.candidates import pooled


@pytest.fixture
def library(result, bench, mae_measure):
    """Candidates whose predictions err as told: (candidates, bench)."""

    def make(errors):
        y = np.linspace(0, 10, errors.shape[1])
        surroundings = bench(np.array_split(y, 4), mae_measure)
        made = []
        for number, error in enumerate(errors):
            score, spread = pooled(surroundings, (y + error)[None])
            made.append(result([score], (number + 2,), spread, prediction=y + error))
        return made, surroundings

    return make


def test_independent_errors_average_out(library):
    errors = np.random.default_rng(0).normal(size=(5, 200))
    candidates, surroundings = library(errors)
    best = min(candidates, key=lambda r: r.score)
    found = blend(candidates, best, surroundings)
    assert found.taken and found.gain > 2 * found.error
    assert sum(found.weights) == pytest.approx(1)
    assert np.abs(found.prediction - surroundings.truth).mean() < 0.7 * best.score
    expected = np.tensordot(found.weights, [r.prediction for r in found.members], axes=1)
    np.testing.assert_allclose(found.prediction, expected)


def test_equal_errors_are_no_reason(library):
    error = np.random.default_rng(0).normal(size=200)
    candidates, surroundings = library(np.stack([error, error, 1.5 * error]))
    found = blend(candidates, candidates[2], surroundings)
    assert found.members[0] is not candidates[2] or not found.taken


def test_gain_of_luck_alone_is_not_taken(library):
    """Forty candidates that differ from the chosen one by chance on single rows only."""
    generator = np.random.default_rng(1)
    common = generator.normal(size=120)
    candidates, surroundings = library(common + 0.02 * generator.normal(size=(40, 120)))
    found = blend(candidates, candidates[0], surroundings)
    assert abs(found.gain) < 0.02


def test_rows_that_no_fold_judged_stay_out(library):
    candidates, surroundings = library(np.random.default_rng(0).normal(size=(3, 60)))
    for candidate in candidates:
        candidate.predictions[:, 7] = np.nan
    assert 7 not in blend(candidates, candidates[0], surroundings).rows


def test_failed_candidates_are_no_members(library, result):
    candidates, surroundings = library(np.random.default_rng(0).normal(size=(3, 80)))
    failed = result([float("nan")], (99,), prediction=np.full(80, np.nan))
    found = blend([*candidates, failed], candidates[0], surroundings)
    assert failed not in found.members
