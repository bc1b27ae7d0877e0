"""Every sampler through a study: bounds, distinct points, determinism, and what each promises."""

import math

import numpy as np
import optuna
import pytest

from kohort.errors import MissingExtra
from kohort.workflow.search import SAMPLERS, Study, failure, sampler
from kohort.workflow.search.distributions import from_unit, levels, parameter, to_unit
from kohort.workflow.search.gaussian import expected_improvement


def everything(hp):
    """Each kind of hyperparameter, with a branch."""
    point = {
        "lr": hp.Float("lr", 1e-4, 1e-1, sampling="log"),
        "momentum": hp.Float("momentum", 0.9, 0.999, sampling="reverse_log"),
        "rate": hp.Float("rate", 0, 0.5, step=0.1),
        "units": hp.Int("units", 8, 128, step=2, sampling="log"),
        "layers": hp.Int("layers", 1, 3),
        "wide": hp.Int("wide", 10, 1000, sampling="log"),
        "kind": hp.Choice("kind", ["a", "b", "c"]),
        "norm": hp.Boolean("norm"),
    }
    with hp.conditional_scope("kind", ["b"]):
        point["extra"] = hp.Float("extra", 1, 2)
    if point["layers"] == 3:
        point["third"] = hp.Int("third", 4, 6)
    return point


def loss(point):
    far = abs(math.log10(point["lr"]) + 2) + abs(point["layers"] - 2) + (point["kind"] != "a")
    return far + abs(point["rate"] - 0.3) + abs(math.log2(point["units"]) - 5) / 4


def run(study, batches, size, objective=loss):
    points = []
    for _ in range(batches):
        for trial in study.ask(size):
            points.append(trial.model)
            study.tell(trial, objective(trial.model))
    return points


@pytest.mark.parametrize("name", SAMPLERS)
def test_points_lie_in_the_space_differ_and_repeat_with_the_seed(name):
    if name == "cmaes":
        pytest.importorskip("cmaes")
    options = {"startup": 4} if name == "bayesian" else {}
    made = []
    for _ in range(2):
        study = Study(everything, sampler=name, seed=3, trials=16, **options)
        made.append(run(study, 4, 4))
    assert made[0] == made[1]
    assert len({tuple(point.items()) for point in made[0]}) == 16
    for point in made[0]:
        assert 1e-4 <= point["lr"] <= 1e-1 and 0.9 <= point["momentum"] <= 0.999
        assert point["rate"] in [0.1 * i for i in range(6)]
        assert point["units"] in (8, 16, 32, 64, 128) and 10 <= point["wide"] <= 1000
        assert isinstance(point["wide"], int) and point["layers"] in (1, 2, 3)
        assert (point["extra"] is None) == (point["kind"] != "b")
        assert ("third" in point) == (point["layers"] == 3)
    assert len({point["kind"] for point in made[0]}) > 1


def test_another_seed_gives_other_points():
    first, second = (run(Study(everything, sampler="random", seed=s), 1, 4) for s in (0, 1))
    assert first != second


def test_grid_visits_every_branch_once_and_then_is_exhausted():
    def build(hp):
        kind = hp.Choice("kind", ["a", "b"])
        depth = hp.Int("depth", 1, 2, parent_name="kind", parent_values=["b"])
        rate = hp.Float("rate", 0, 1, step=0.5) if depth == 2 else None
        return kind, depth, rate

    study = Study(build, sampler="grid", seed=1)
    points = run(study, 3, 4, objective=lambda point: 0.0)
    leaves = [("a", None, None), ("b", 1, None), *(("b", 2, r) for r in (0.0, 0.5, 1.0))]
    assert sorted(points, key=str) == sorted(leaves, key=str)
    assert study.exhausted and study.ask(1) == []


def test_grid_has_ten_values_of_a_range_without_steps():
    study = Study(lambda hp: hp.Float("x", 0, 1), sampler="grid")
    points = sorted(run(study, 2, 10, objective=float))
    assert points == pytest.approx(np.arange(10) * 0.1 + 0.05)


def test_a_small_space_is_covered_by_any_sampler():
    for name in ("random", "tpe", "genetic", "coarse_to_fine"):
        study = Study(lambda hp: (hp.Int("a", 0, 2), hp.Boolean("b")), sampler=name, seed=2)
        points = run(study, 3, 3, objective=lambda point: point[0])
        assert len(points) == len(set(points)) == 6, name


def test_coarse_to_fine_narrows_what_matters_in_log_scale():
    def build(hp):
        lr = hp.Float("lr", 1e-6, 1.0, sampling="log")
        return lr, hp.Float("idle", 0, 1), hp.Choice("kind", ["good", "bad"])

    def objective(point):
        return abs(math.log10(point[0]) + 3) + 5 * (point[2] == "bad")

    study = Study(build, sampler="coarse_to_fine", seed=0, trials=60, rounds=2)
    points = run(study, 3, 20, objective)
    exponents = np.log10([lr for lr, _, _ in points])
    spans = [np.ptp(exponents[i : i + 20]) for i in (0, 20, 40)]
    assert spans[0] > 5 and spans[1] < 0.7 * spans[0] and spans[2] < 0.7 * spans[1]
    assert abs(exponents[40:] + 3).mean() < 0.5
    assert {kind for _, _, kind in points[20:]} == {"good"}
    assert np.ptp([idle for _, idle, _ in points[20:40]]) > 0.3
    assert min(lr for lr, _, _ in points) >= 1e-6


def test_coarse_to_fine_stays_in_bounds_at_the_edge():
    def build(hp):
        return hp.Int("n", 1, 100), hp.Choice("c", [2, 4, 8, 16])

    study = Study(build, sampler="coarse_to_fine", seed=4, trials=20, rounds=1)
    points = run(study, 2, 10, objective=lambda point: point[0] / 100 + point[1] / 16)
    assert all(1 <= n <= 100 and c in (2, 4, 8, 16) for n, c in points)
    assert np.mean([n for n, _ in points[10:]]) < np.mean([n for n, _ in points[:10]])


def test_quasi_random_fills_each_axis_evenly_from_the_first_trial():
    def build(hp):
        return hp.Float("x", 0, 1), hp.Float("y", 1e-4, 1, sampling="log")

    study = Study(build, sampler="quasi_random", seed=5)
    points = np.array(run(study, 4, 4, objective=lambda point: 0.0))
    shares = np.stack([points[:, 0], np.log10(points[:, 1]) / 4 + 1], 1)
    for column in shares.T:
        assert np.histogram(column, 16, (0, 1))[0].tolist() == [1] * 16


def branin(point):
    """Minimum 0.397887 at (pi, 2.275) and two other points."""
    x, y = point
    bent = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bent**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


def test_bayesian_finds_the_minimum_of_branin_in_batches():
    def build(hp):
        return hp.Float("x", -5, 10), hp.Float("y", 0, 15)

    study = Study(build, sampler="bayesian", seed=0)
    points = run(study, 10, 4, branin)
    assert study.best()["values"][0] < 0.45
    batch = np.array(points[-4:])  # the lie keeps a batch apart
    apart = np.abs(batch[:, None] - batch).sum(-1)[np.triu_indices(4, 1)]
    assert apart.min() > 1e-3


def test_bayesian_maximises_over_choices_and_log_scales():
    def build(hp):
        return hp.Choice("c", ["a", "b", "c"]), hp.Float("x", 1e-5, 1, sampling="log")

    study = Study(build, sampler="bayesian", seed=1, directions=["maximize"])
    run(study, 8, 4, lambda p: -abs(math.log10(p[1]) + 3.3) + (p[0] == "b"))
    best = study.best()["hp"]
    assert best["c"] == "b" and abs(math.log10(best["x"]) + 3.3) < 0.1


@pytest.mark.parametrize("name", ["bayesian", "genetic", "tpe", "coarse_to_fine"])
def test_two_objectives(name):
    study = Study(
        lambda hp: hp.Float("x", -2, 4), sampler=name, seed=2, directions=["minimize", "minimize"]
    )
    run(study, 6, 5, lambda x: (x**2, (x - 2) ** 2))
    values = np.array([row["values"] for row in study.table()])
    beaten = [((values <= v).all(1) & (values < v).any(1)).any() for v in values]
    front = study.pareto()
    assert [row["number"] for row in front] == np.flatnonzero(~np.array(beaten)).tolist()
    assert len(front) >= 5 and np.ptp([row["hp"]["x"] for row in front]) > 0.5


def test_expected_improvement_against_sampling():
    mean, deviation = np.array([0.3, -0.2]), np.array([0.5, 0.1])
    draws = np.random.default_rng(0).normal(mean, deviation, (400_000, 2))
    expected = np.maximum(0.1 - draws, 0).mean(0)
    np.testing.assert_allclose(expected_improvement(mean, deviation, 0.1), expected, rtol=0.02)


def test_the_unit_interval_and_back():
    study = Study(everything)
    for dimension in study.space.space:
        for grid in (False, True):
            distribution = parameter(dimension, grid).distribution
            for share in (0.0, 0.3, 0.999, 1.0):
                value = from_unit(distribution, share)
                again = from_unit(distribution, to_unit(distribution, value))
                assert again == pytest.approx(value) and distribution._contains(
                    distribution.to_internal_repr(value)
                )
            known = levels(distribution)
            if known is not None and len(known) < 200:
                spread = {from_unit(distribution, s) for s in np.linspace(0, 1, 4001)}
                assert sorted(map(str, spread)) == sorted(map(str, known))


def test_names_and_objectives_that_do_not_fit():
    with pytest.raises(ValueError, match="random, grid, coarse_to_fine"):
        sampler("annealing")
    with pytest.raises(ValueError, match="one objective"):
        Study(everything, sampler="cmaes", directions=["minimize", "maximize"])


def test_without_optuna_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"`optuna`.*pip install kohort\[search\]"):
        failure.require_optuna()


def test_without_cmaes_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cmaes", None)
    with pytest.raises(MissingExtra, match="`cmaes`"):
        sampler("cmaes")


def test_an_optuna_sampler_is_taken_as_it_is():
    class Counting(optuna.samplers.RandomSampler):
        told = 0

        def after_trial(self, study, trial, state, values):
            self.told += 1

    own = Counting(seed=1)
    run(Study(lambda hp: hp.Int("n", 0, 3), sampler=own), 2, 2, float)
    assert own.told >= 4
