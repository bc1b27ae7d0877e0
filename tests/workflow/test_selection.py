"""Stages 6 and 7: what the curves say, the choice, and the estimate after choosing."""

from dataclasses import replace

import numpy as np
import pytest

from kohort.workflow import capacity, regularise, tune
from kohort.workflow.budget import Budget
from kohort.workflow.candidates import best_of, compare, pooled
from kohort.workflow.network import SCHEDULES, Setting
from kohort.workflow.search.space import HyperParameters

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

    def test_smallest_within_one_error(self, result):
        small, middle, large = (
            result([0.80], SMALL),
            result([0.88], MIDDLE),
            result([0.90], LARGE, error=0.03),
        )
        assert capacity.simplest_within_one_error([large, small, middle], True) is middle

    def test_one_error_downwards(self, result):
        small, large = result([2.1], SMALL), result([2.0], LARGE, error=0.2)
        assert capacity.simplest_within_one_error([large, small], False) is small

    def test_nothing_but_failures(self, result):
        failed = result([NAN])
        assert capacity.simplest_within_one_error([failed], True) is failed

    def test_error_of_the_score_of_all_rows(self, bench):
        """For a mean over rows and equal folds, the jackknife is s/√folds."""
        y, right = np.ones(40), np.repeat([1.0, 0.0, 1.0, 1.0], 10)
        right[[0, 21]] = 0
        score, error = pooled(bench([y[:10]] * 4), right[None])
        each = right.reshape(4, 10).mean(axis=1)
        assert score == pytest.approx(right.mean())
        assert error == pytest.approx(np.std(each, ddof=1) / 2)

    def test_error_of_one_fold_comes_from_its_rows(self, bench):
        y = np.arange(400) % 2
        found = pooled(bench([y]), np.where(np.arange(400) < 300, y, 1 - y)[None])[1]
        assert found == pytest.approx(np.sqrt(0.75 * 0.25 / 400), rel=0.4)


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
        assert capacity._overfitting(found)[1] is expected

    def test_rise_is_measured_from_the_best_epoch(self, result):
        rise, _ = capacity._overfitting(result([0.5], curves=[([1.0, 0.1], [0.5, 0.6])]))
        assert rise == pytest.approx(0.2)


class TestGrow:
    SIZES = [*capacity.LADDER, *capacity.HIGHER]

    def climb(self, stated, result, scores, curve, **options):
        """Climb with a stated score for each size instead of training."""

        def answer(setting):
            score = scores[self.SIZES.index(setting.hidden)]
            return replace(
                result([score] * 2, setting.hidden, error=0.01, curves=[curve] * 2),
                setting=setting,
            )

        judge = stated(answer, **options)
        found = capacity.grow(judge, result([0.4, 0.4], (32,)))
        assert judge.results == [rung.result for rung in found.rungs]
        return found

    def test_ends_where_size_no_longer_helps(self, stated, result):
        found = self.climb(stated, result, [0.5, 0.7, 0.8, 0.8, 0.8, 1], TestOverfitting.RISING)
        assert len(found.rungs) == 5
        assert found.best.setting.hidden == (32,)
        text = " ".join(found.text)
        assert "Overfitting is plain at no hidden layer, 8" in text
        assert "There is capacity enough" in text

    def test_goes_on_while_size_helps(self, stated, result):
        found = self.climb(stated, result, [0.5, 0.6, 0.7, 0.8, 0.85, 0.9], TestOverfitting.FALLING)
        assert len(found.rungs) == 6
        assert "a larger one may be better" in " ".join(found.text)

    def test_not_for_less_than_the_error(self, stated, result):
        scores = [0.5, 0.6, 0.7, 0.8, 0.805, 0.9]
        assert len(self.climb(stated, result, scores, TestOverfitting.FALLING).rungs) == 5

    def test_says_so_if_nothing_overfits(self, stated, result):
        found = self.climb(stated, result, [0.5] * 6, TestOverfitting.FALLING)
        assert "No size overfits clearly" in " ".join(found.text)

    def test_ends_with_the_budget(self, stated, result, timed):
        """Each size costs 2 s: there is time for four of the ladder, and none above."""
        scores = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9]
        budget, _ = timed(32.0, 2.0)  # of which 8.5 are kept aside
        budget.begin(0.53)
        found = self.climb(stated, result, scores, TestOverfitting.FALLING, budget=budget)
        assert [rung.result.setting.hidden for rung in found.rungs] == self.SIZES[1:5]
        assert (
            found.text[-1]
            == "Not tried: no hidden layer: the budget of 32 s leaves no time for it."
        )

    def test_without_time_the_default_stands_for_all(self, stated, result, timed):
        found = self.climb(stated, result, [], TestOverfitting.FALLING, budget=timed(9.0, 2.0)[0])
        assert found.rungs == [] and found.base.setting.hidden == (32,)
        assert found.text == ["Not tried: the budget of 9 s leaves no time for it."]

    def test_the_best_hidden_layers_are_the_base(self, stated, result):
        found = self.climb(stated, result, [0.9, 0.5, 0.6, 0.5, 0.5, 0], TestOverfitting.FALLING)
        assert found.best.setting.hidden == ()
        assert found.base.setting.hidden == (32,)


class TestRegularise:
    def compared(self, stated, bench, result, score_of, hidden=(8,), **options):
        plain = replace(result([0.5, 0.5, 0.6, 0.6], hidden), setting=Setting(hidden))
        found = capacity.Capacity([capacity.Rung(plain, 0.0, True)], plain, plain, plain)

        def answer(setting):
            gain = score_of(setting)
            return replace(result([0.5 + gain, 0.52 + gain, 0.6 + gain, 0.61 + gain]),
                           setting=setting)  # fmt: skip

        return regularise.regularise(stated(answer, bench([[0, 1]] * 4), **options), found)

    def test_what_helped_is_joined(self, stated, bench, result):
        def gain(setting):
            return 0.1 * (setting.dropout == 0.2) + 0.05 * (setting.l2 == 3e-3) - 0.02

        found = self.compared(stated, bench, result, gain)
        assert found.helpful == ["L2", "dropout"]
        assert found.together.result.setting == Setting((8,), l2=3e-3, dropout=0.2)
        text = "\n".join(found.text)
        assert "Clearly better than nothing: L2, dropout." in text
        assert text.index("dropout") < text.index("L2") < text.index("half the units")

    def test_of_several_penalties_the_best_counts(self, stated, bench, result):
        def gain(setting):
            return 0.1 * bool(setting.l1 and setting.l2) + 0.05 * (setting.l1 == 3e-4) - 0.02

        found = self.compared(stated, bench, result, gain)
        assert found.helpful == ["L1", "L1 and L2"]
        assert found.together is None  # which is the best penalty alone: known already

    def test_intervals_are_the_corrected_test(self, stated, bench, result):
        found = self.compared(stated, bench, result, lambda setting: 0.05)
        effect = next(e for e in found.effects if e.name == "dropout")
        assert effect.gain.low < effect.better_by < effect.gain.high
        assert effect.better_by == pytest.approx(0.0575)

    def test_most_or_none_are_tried(self, stated, bench, result, timed):
        budget = timed(26.5, 2.0)[0]
        found = self.compared(stated, bench, result, lambda setting: -0.1, budget=budget)
        assert len(found.effects) == 7
        late = "half the units, max-norm, batch normalisation"
        assert found.text[-1] == f"Not tried: {late}: the budget of 26.5 s leaves no time for it."
        budget = timed(16.0, 2.0)[0]
        found = self.compared(stated, bench, result, lambda setting: 0.1, budget=budget)
        assert found.effects == [] and found.helpful == []
        assert found.text == ["Not tried: the budget of 16 s leaves no time for it."]

    def test_nothing_helps(self, stated, bench, result):
        found = self.compared(stated, bench, result, lambda setting: -0.1)
        assert found.helpful == [] and found.together is None
        assert "No means helped" in found.text[-1]

    def test_failure_is_no_help(self, stated, bench, result):
        found = self.compared(stated, bench, result, lambda setting: NAN if setting.l1 else -0.1)
        assert "L1   gave no finite loss" in "\n".join(found.text)
        assert found.helpful == []

    def test_without_hidden_layer(self, stated, bench, result):
        found = self.compared(stated, bench, result, lambda setting: 0.1, hidden=())
        assert [effect.name for effect in found.effects] == list(SCHEDULES.values())


class TestSearch:
    def points(self, start, helpful, count=50):
        generator = np.random.default_rng(0)

        def suggest(parameter):
            low, high = parameter.min_value, parameter.max_value
            if parameter.sampling == "log":
                return float(np.exp(generator.uniform(np.log(low), np.log(high))))
            return float(generator.uniform(low, high))

        return [tune.setting_of(HyperParameters(suggest=suggest), start, helpful)
                for _ in range(count)]  # fmt: skip

    def test_strengths_of_what_helped(self):
        points = self.points(Setting((8,), 1e-3, batch_norm=True), ["L1", "batch normalisation"])
        assert all(p.l1 and not p.l2 and not p.dropout and p.batch_norm for p in points)
        assert 2.5e-4 <= min(p.learning_rate for p in points) < 5e-4

    def test_something_is_searched_though_nothing_helped(self):
        assert all(p.l2 and p.dropout for p in self.points(Setting((8,)), []))

    def test_only_the_rate_without_hidden_layer(self):
        assert all(p == Setting((), p.learning_rate) for p in self.points(Setting(()), []))

    def test_better_points_are_found(self, stated, result):
        base = replace(result([0.5] * 2), setting=Setting((8,), 1e-3, dropout=0.3))

        def answer(setting):
            score = 1 - abs(setting.dropout - 0.1) - abs(np.log10(setting.learning_rate) + 3)
            return replace(result([score] * 2), setting=setting)

        judge = stated(answer)
        done, importance = tune.search(judge, regularise.Regularising(base, [], None), 24)
        assert len(done) == 24 and set(importance) == {"learning_rate", "l2", "dropout"}
        best = best_of(done[8:], judge.bench.measure).score
        assert best > np.mean([r.score for r in done[:8]]) + 0.1


class TestCorrection:
    def test_noise_is_at_chance_though_the_best_score_is_not(self, bench, result):
        """Acceptance test e in small: 40 candidates that guess, 200 rows."""
        generator = np.random.default_rng(0)
        y = generator.integers(0, 2, 200)
        guesses = [generator.random(200) for _ in range(40)]
        results = [result([np.mean((g > 0.5) == y)], prediction=g) for g in guesses]
        naive = max(r.score for r in results)
        _, corrected = tune.choose(results, bench([y]))
        assert naive > 0.56
        assert corrected.value == pytest.approx(0.5, abs=0.025)
        assert corrected.low < 0.5 < corrected.high

    def test_choice_and_estimate_follow_one_rule(self, bench, result):
        y = np.arange(300) % 2
        right = np.where(np.arange(300) < 270, y, 1 - y).astype(float)
        nearly = np.where(np.arange(300) < 268, y, 1 - y).astype(float)
        results = [result([0.9], LARGE, prediction=right), result([0.89], prediction=nearly)]
        chosen, corrected = tune.choose(results, bench([y]))
        assert chosen is results[1]
        assert corrected.value == pytest.approx(0.893, abs=0.01)


class TestTune:
    def test_deadline_and_choice_are_said(self, stated, bench, result):
        y = np.arange(40) % 2
        base = result([0.5], SMALL, prediction=np.full(40, 0.9), dropout=0.1)
        judge = stated(lambda setting: base, bench([y]), budget=Budget(1.0))
        judge.results.append(base)
        plain = regularise.Regularising(base, [], None)
        tuning = tune.tune(judge, plain, 9, base)
        assert tuning.trials == [] and tuning.chosen is base
        assert tuning.text[0] == "Not tried: the search: the budget of 1 s leaves no time for it."

    def test_batches_end_with_the_budget(self, stated, bench, result, timed):
        y = np.arange(40) % 2
        base = result([0.5], SMALL, prediction=np.full(40, 0.9), dropout=0.1)
        budget, now = timed(36.0, 2.0)

        def answer(setting):
            now[0] += 1.0
            return replace(base, setting=setting)

        judge = stated(answer, bench([y]), budget=budget)
        done, _ = tune.search(judge, regularise.Regularising(base, [], None), 24)
        assert len(done) == 16 and 36.0 - now[0] > budget.aside

    def test_failures_are_said(self, stated, bench, result):
        y = np.arange(40) % 2
        base = result([0.5], SMALL, prediction=np.full(40, 0.9), dropout=0.1)
        failed = result([NAN], prediction=np.full(40, np.nan))
        judge = stated(lambda s: replace(failed, setting=s), bench([y]))
        judge.results.append(base)
        tuning = tune.tune(judge, regularise.Regularising(base, [], None), 2, base)
        assert "2 trials gave no finite loss" in tuning.text[0]
        assert tuning.chosen is base

    def test_comparison_with_the_default(self, bench, result):
        surroundings = bench([[0, 1]] * 4)
        good, usual = result([0.9, 0.91, 0.9, 0.92]), result([0.5, 0.52, 0.5, 0.5])
        found = compare(good, usual, surroundings)
        assert found.clear and found.difference == pytest.approx(0.4025)
        assert compare(good, result([NAN] * 4), surroundings) is None


class TestJudge:
    def test_each_setting_is_trained_once(self, stated, result):
        asked = []

        def answer(setting):
            asked.append(setting)
            return replace(result([0.5]), setting=setting)

        kept = []
        judge = stated(answer, keep=kept.append)
        a, b = Setting((4,)), Setting((8,))
        assert [r.setting for r in judge("capacity", [a, b, a], "…")] == [a, b, a]
        assert [r.stage for r in judge("tuning", [b], "…")] == ["tuning"]
        assert asked == [a, b] and len(kept) == 2
        assert [r.setting for r in judge.results] == [a, b]

    def test_what_was_cut_short_is_not_kept_for_a_resumed_run(self, stated, result):
        kept = []
        judge = stated(
            lambda s: replace(result([0.5]), setting=s, complete=False), keep=kept.append
        )
        judge("capacity", [Setting((4,))], "…")
        assert kept == [] and len(judge.results) == 1
