"""Stages 6 and 7: what the curves say, the one-error rule, and the estimate after choosing."""

import numpy as np
import pytest

from kohort.workflow import capacity as capacity_stage
from kohort.workflow import tune as tune_stage
from kohort.workflow.candidates import best_of, simplest_within_one_error, standard_error
from kohort.workflow.network import NONE

NAN = float("nan")
SMALL, MIDDLE, LARGE = (4,), (16,), (64,)


class TestChoice:
    def test_best_is_the_highest_or_the_lowest(self, result, accuracy_measure, mae_measure):
        results = [result([0.2]), result([0.9]), result([0.5])]
        assert best_of(results, accuracy_measure) is results[1]
        assert best_of(results, mae_measure) is results[0]

    def test_failed_training_is_never_best(self, result, mae_measure):
        results = [result([NAN, 0.1]), result([3.0, 3.0])]
        assert results[0].failed
        assert best_of(results, mae_measure) is results[1]

    def test_smallest_within_one_error(self, result, accuracy_measure):
        small, middle, large = (
            result([0.80], SMALL),
            result([0.88], MIDDLE),
            result([0.90], LARGE, error=0.03),
        )
        chosen = simplest_within_one_error([large, small, middle], accuracy_measure)
        assert chosen is middle

    def test_one_error_downwards(self, result, mae_measure):
        small, large = result([2.1], SMALL), result([2.0], LARGE, error=0.2)
        assert simplest_within_one_error([large, small], mae_measure) is small

    def test_no_error_no_concession(self, result, accuracy_measure):
        small, large = result([0.89], SMALL), result([0.90], LARGE, error=0.0)
        assert simplest_within_one_error([small, large], accuracy_measure) is large

    def test_equal_size_goes_to_the_score(self, result, accuracy_measure):
        first, second = result([0.85], SMALL), result([0.9], SMALL)
        assert simplest_within_one_error([first, second], accuracy_measure) is second

    def test_error_over_folds(self, bench):
        assert standard_error([1.0, 2.0, 3.0, 4.0], bench([[0]] * 4), []) == pytest.approx(
            np.std([1, 2, 3, 4], ddof=1) / 2
        )

    def test_error_of_one_fold_comes_from_its_rows(self, bench):
        y = np.arange(400) % 2
        surroundings = bench([y])
        found = standard_error([0.75], surroundings, [np.where(np.arange(400) < 300, y, 1 - y)])
        assert found == pytest.approx(np.sqrt(0.75 * 0.25 / 400), rel=0.3)


class TestOverfitting:
    RISING = ([1.0, 0.5, 0.3, 0.1], [1.0, 0.6, 0.8, 0.9])
    FALLING = ([1.0, 0.5, 0.3, 0.1], [1.0, 0.6, 0.5, 0.4])
    NOISE = ([1.0, 0.5, 0.3, 0.1], [1.0, 0.6, 0.5, 0.505])

    @pytest.mark.parametrize(
        ("curves", "expected"),
        [
            ([RISING] * 3, True),
            ([FALLING] * 3, False),
            ([NOISE] * 3, False),
            ([RISING, RISING, FALLING], True),
            ([RISING, FALLING, FALLING], False),
            ([([1.0, 0.5, 0.9, 1.5], [1.0, 0.6, 0.8, 0.9])], False),
        ],
    )
    def test_validation_rises_while_training_falls(self, result, curves, expected):
        found = result([0.5] * len(curves), curves=curves)
        assert capacity_stage._overfitting(found)[1] is expected

    def test_rise_is_measured_from_the_best_epoch(self, result):
        rise, _ = capacity_stage._overfitting(result([0.5], curves=[([1.0, 0.1], [0.5, 0.6])]))
        assert rise == pytest.approx(0.2)


class TestGrow:
    def climb(self, monkeypatch, bench, result, scores, curves, **options):
        """Climb with stated scores instead of training; return the capacity and what was kept."""
        answers = iter(zip(capacity_stage.LADDER, scores, curves, strict=False))

        def stated(stage, setting, surroundings):
            hidden, score, curve = next(answers)
            assert setting.hidden == hidden
            return result([score] * 2, hidden, error=0.01, curves=[curve] * 2)

        monkeypatch.setattr(capacity_stage, "judge", stated)
        kept = []
        found = capacity_stage.grow(bench([[0]] * 2), lambda text: None, kept, **options)
        assert kept == [rung.result for rung in found.rungs]
        return found

    def test_ends_once_it_overfits_and_size_no_longer_helps(self, monkeypatch, bench, result):
        good, bad = TestOverfitting.FALLING, TestOverfitting.RISING
        scores, curves = [0.5, 0.7, 0.8, 0.8, 0.9, 0.9], [good, good, good, bad, bad, bad]
        found = self.climb(monkeypatch, bench, result, scores, curves)
        assert len(found.rungs) == 4
        assert found.best.setting.hidden == (32,)
        assert "Overfitting is plain at 128. There is capacity enough" in " ".join(found.text)

    def test_goes_on_while_size_helps(self, monkeypatch, bench, result):
        bad = TestOverfitting.RISING
        scores = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9]
        found = self.climb(monkeypatch, bench, result, scores, [bad] * 6)
        assert len(found.rungs) == 6

    def test_says_so_if_nothing_overfits(self, monkeypatch, bench, result):
        found = self.climb(monkeypatch, bench, result, [0.5] * 6, [TestOverfitting.FALLING] * 6)
        assert "No size overfits clearly" in " ".join(found.text)

    def test_largest_and_best_may_not_be_the_end(self, monkeypatch, bench, result):
        scores = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9]
        found = self.climb(monkeypatch, bench, result, scores, [TestOverfitting.FALLING] * 6)
        assert "a larger one might help yet" in " ".join(found.text)

    def test_ends_at_the_deadline(self, monkeypatch, bench, result):
        good = TestOverfitting.FALLING
        found = self.climb(monkeypatch, bench, result, [0.5] * 6, [good] * 6, deadline=0.0)
        assert len(found.rungs) == 1


class TestDraw:
    def test_log_scale_and_one_structure(self):
        settings = tune_stage.draw((32,), 300, seed=0)
        rates = np.log10([s.learning_rate for s in settings])
        assert rates.min() > -3.2 and rates.max() < -1.8
        assert np.median(rates) == pytest.approx(-2.5, abs=0.15)
        assert all(s.l2 is not None and s.dropout is not None for s in settings)
        without = np.mean([s.l2 == NONE for s in settings])
        assert without == pytest.approx(1 / 3, abs=0.1)
        assert max(s.dropout for s in settings) < 0.6

    def test_same_seed_same_settings(self):
        assert tune_stage.draw((8,), 5, 1) == tune_stage.draw((8,), 5, 1)
        assert tune_stage.draw((8,), 5, 1) != tune_stage.draw((8,), 5, 2)

    def test_nothing_to_regularise_without_hidden_layer(self):
        assert {(s.l2, s.dropout) for s in tune_stage.draw((), 5, 0)} == {(None, None)}


class TestCorrection:
    def test_noise_is_at_chance_though_the_best_score_is_not(self, bench, result):
        """Acceptance test e in small: 40 candidates that guess, 200 rows."""
        generator = np.random.default_rng(0)
        y = generator.integers(0, 2, 200)
        guesses = [generator.random(200) for _ in range(40)]
        results = [result([np.mean((g > 0.5) == y)], predictions=[g]) for g in guesses]
        naive = max(r.score for r in results)
        corrected = tune_stage.bootstrap_corrected(results, bench([y]))
        assert naive > 0.56
        assert corrected.value == pytest.approx(0.5, abs=0.025)
        assert corrected.low < 0.5 < corrected.high

    def test_clear_winner_keeps_its_score(self, bench, result):
        y = np.arange(300) % 2
        right = np.where(np.arange(300) < 270, y, 1 - y).astype(float)
        results = [result([0.9], predictions=[right]), result([0.1], predictions=[1 - right])]
        assert tune_stage.bootstrap_corrected(results, bench([y])).value == pytest.approx(
            0.9, abs=0.01
        )

    def test_repeats_of_the_folds_are_not_counted_twice(self, bench, result):
        rows = [np.array([0, 1]), np.array([2, 3]), np.array([1, 2]), np.array([0, 3])]
        surroundings = bench([np.zeros(2)] * 4, rows=rows)
        parts = [np.zeros(2), np.zeros(2), np.ones(2), np.ones(2)]
        y, predictions = tune_stage._out_of_fold([result([1] * 4, predictions=parts)], surroundings)
        assert len(y) == 4
        assert predictions[0].sum() == 0


class TestTune:
    def test_deadline_and_failures_are_said(self, monkeypatch, bench, result):
        y = np.arange(40) % 2
        base = result([0.6], SMALL, predictions=[np.full(40, 0.9)])
        rungs = [capacity_stage.Rung(base, 0.0, False)]
        found = capacity_stage.Capacity(rungs, base, base, base)

        def stated(stage, setting, surroundings):
            return result([0.5], SMALL, stage=stage, predictions=[np.full(40, 0.2)])

        monkeypatch.setattr(tune_stage, "judge", stated)
        kept = []
        tuning = tune_stage.tune(bench([y]), found, 9, lambda text: None, kept, deadline=0.0)
        assert len(tuning.trials) == len(kept) == 1
        assert "after 1 of 9 trials" in tuning.text[0]
        assert tuning.chosen is base
