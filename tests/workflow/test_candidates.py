"""Candidates that are really trained: every means, scaling inside the fold, what is out of fold."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from kohort.workflow.bench import make_bench
from kohort.workflow.candidates import train
from kohort.workflow.encode import make_code_book
from kohort.workflow.measure import choose_measure
from kohort.workflow.network import Setting
from kohort.workflow.problem import find_problem
from kohort.workflow.protocol import make_protocol
from kohort.workflow.readers import from_arrays
from kohort.workflow.table import Column, Table


@pytest.fixture(scope="module")
def surroundings():
    """A regression of 80 rows in 2 × 2 folds: (bench, protocol, problem, x)."""
    generator = np.random.default_rng(0)
    x = generator.normal(5, 3, size=(80, 3))
    y = 1000 + 50 * x[:, 0] + generator.normal(size=80)
    problem, table = find_problem(from_arrays("made", (x, y)))
    protocol = make_protocol(table, problem, 0, 2)
    book = make_code_book(table, protocol.development)
    measure = choose_measure(problem)
    coded = book.apply(table.inputs)
    return make_bench(table, coded, book, problem, protocol, measure, 4, 0), protocol, problem, x


def test_scaled_with_the_training_rows_of_the_fold(surroundings):
    bench, protocol, problem, x = surroundings
    assert bench.repeats == 2 and len(bench.folds) == 4
    for number, (rows, judging) in enumerate(protocol.folds):
        scaler = StandardScaler().fit(x[rows])
        x_train, y_train, x_judge, y_judge = bench.arrays(number)
        np.testing.assert_allclose(x_train, scaler.transform(x[rows]), atol=1e-4)
        np.testing.assert_allclose(x_judge, scaler.transform(x[judging]), atol=1e-4)
        np.testing.assert_array_equal(y_train, problem.y[rows])
        np.testing.assert_array_equal(y_judge, problem.y[judging])
        assert bench.shifts[number] == pytest.approx((y_train.mean(), y_train.std()))


def test_every_means_trains_and_judges(surroundings):
    bench = surroundings[0]
    means = {"l1": 1e-4, "l2": 1e-3, "dropout": 0.2, "max_norm": 1.0}
    setting = Setting((3,), 1e-2, **means, batch_norm=True, schedule="cosine")
    (found,) = train("x", [setting], bench)
    assert found.complete and not found.failed
    assert found.predictions.shape == (2, len(bench.truth))
    for number, place in enumerate(bench.places):
        prediction = found.predictions[number // 2, place.validation]
        score = bench.measure.score(bench.truth[place.validation], prediction)
        assert found.scores[number] == pytest.approx(score)
        assert 500 < prediction.mean() < 2000  # in the target's own unit
    judged = np.concatenate([place.validation for place in bench.places[:2]])
    out = np.setdiff1d(np.arange(len(bench.truth)), judged)
    assert np.isnan(found.predictions[0, out]).all()
    assert np.isfinite(found.predictions[0, judged]).all()


def test_the_deadline_cuts_short(surroundings):
    (found,) = train("x", [Setting((3,))], surroundings[0], deadline=0.0)
    assert not found.complete and len(found.curves[0][0]) == 1
    assert np.isfinite(found.score)


def test_each_fold_knows_the_categories_of_its_training_rows_only():
    cities = [f"c{i // 2}" for i in range(24)] + ["common"] * 16  # most in few rows
    texts = [f"the long word w{i // 2} again" for i in range(40)]
    y = ["yes", "no"] * 20
    table = Table(
        "made",
        [Column(n, "category", np.array(v, object)) for n, v in (("c", cities), ("t", texts))],
        [Column("y", "category", np.array(y, object))],
    )
    problem, table = find_problem(table)
    protocol = make_protocol(table, problem, 0, 2)
    book = make_code_book(table, protocol.development)
    coded = book.apply(table.inputs)
    measure = choose_measure(problem)
    bench = make_bench(table, coded, book, problem, protocol, measure, 1, 0)
    assert bench.x.shape[1] == coded.shape[1]  # one width, so that folds are one structure
    unknown = 0
    for (rows, judging), fold in zip(protocol.folds, bench.folds, strict=True):
        known = {cities[row] for row in rows}
        width = len(book.codes[0].categories)
        shown = bench.x[fold.validation][:, :width].any(axis=1)
        assert shown.tolist() == [cities[row] in known for row in judging]
        unknown += int((~shown).sum())
        lacking = {w for row in judging for w in [f"w{row // 2}"]} - {f"w{r // 2}" for r in rows}
        own = book.relearned([column.take(rows) for column in table.inputs])
        assert not lacking & {*own.codes[1].categories}
    assert unknown
