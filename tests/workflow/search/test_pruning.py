"""Successive halving, Hyperband and median stopping on cases whose answer is known."""

import numpy as np
import pytest

from kohort.workflow.search import pruning


def test_hyperband_is_the_table_of_the_paper():
    """Li et al. 2018, table 1: R = 81, eta = 3 (members and epochs at each rung)."""
    table = [
        ([81, 27, 9, 3, 1], [1, 3, 9, 27, 81]),
        ([34, 11, 3, 1], [3, 9, 27, 81]),
        ([15, 5, 1], [9, 27, 81]),
        ([8, 2], [27, 81]),
        ([5], [81]),
    ]
    found = [([b.members, *b.keep], list(b.epochs)) for b in pruning.hyperband(81)]
    assert found == table


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((27, 1, 3), (1, 3, 9, 27)), ((10, 1, 2), (1, 2, 5, 10)), ((7, 7, 3), (7,))],
)
def test_rungs(arguments, expected):
    assert pruning.rungs(*arguments) == expected


@pytest.mark.parametrize("arguments", [(5, 6), (5, 0), (5, 1, 1)])
def test_rungs_that_cannot_be(arguments):
    with pytest.raises(ValueError, match="factor > 1"):
        pruning.rungs(*arguments)


def test_halving_ends_with_the_best():
    """Losses that never cross: the winner is the member with the least of them."""
    levels = np.random.default_rng(0).permutation(27).astype(float)
    bracket = pruning.successive_halving(27, 27)
    alive = np.ones(27, bool)
    for epoch, kept in zip(bracket.epochs, bracket.keep, strict=False):
        scores = np.where(alive, levels + 1 / epoch, np.nan)
        alive = pruning.survivors(scores, bracket, epoch)
        assert alive.sum() == kept and levels[alive].max() == kept - 1
    assert levels[alive].tolist() == [0.0]


def test_between_rungs_and_at_the_end_all_go_on():
    bracket = pruning.successive_halving(9, 9)
    scores = np.array([1.0, np.nan, 3.0])
    for epoch in (2, 9):
        assert pruning.survivors(scores, bracket, epoch).tolist() == [True, False, True]


def test_maximising_mirrors_minimising():
    scores = np.array([0.2, np.nan, 0.9, 0.5, 0.9])
    up = pruning.best_of(scores, 2, maximize=True)
    assert up.tolist() == pruning.best_of(-scores, 2).tolist() == [False, False, True, False, True]
    random = np.random.default_rng(1)
    curves = random.random((12, 1)) + 0.1 * random.random((12, 6))
    down = pruning.below_median(-curves, 6)
    assert down.any() and (pruning.below_median(curves, 6, maximize=True) == down).all()


def test_all_diverged_keeps_nobody():
    assert not pruning.best_of(np.full(4, np.nan), 2).any()


def test_every_prefix_of_the_allotment_is_in_proportion():
    brackets = pruning.hyperband(81)
    sizes = np.array([b.members for b in brackets])
    places = pruning.allot(2 * sizes.sum(), brackets)
    assert np.bincount(places).tolist() == (2 * sizes).tolist()
    for count in range(1, len(places)):
        shares = np.bincount(places[:count], minlength=len(sizes)) - count * sizes / sizes.sum()
        assert np.abs(shares).max() < 2


def test_median_rule_compares_the_best_so_far_with_running_averages():
    flat = np.repeat([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]], 4, axis=1)
    late = [9.0, 9.0, 9.0, 2.5]  # bad on average, good at last: its best is what counts
    stop = pruning.below_median(np.vstack([flat, late]), epoch=4)
    assert stop.tolist() == [False, False, False, False, True, True, False]


def test_median_rule_waits_and_leaves_out_who_has_stopped():
    curves = np.repeat(np.arange(8.0)[:, None], 4, axis=1)
    assert not pruning.below_median(curves, 2, warmup=2).any()
    assert pruning.below_median(curves, 3, warmup=2).tolist() == [False] * 4 + [True] * 4
    curves[:5, 2:] = np.nan
    assert not pruning.below_median(curves, 3).any()  # three are too few to compare
    stop = pruning.below_median(curves, 3, least=2)
    assert stop.tolist() == [False] * 7 + [True]
