"""Ensembles as people call them: members of any kind, one forward pass, honest scores."""

import dataclasses

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import log_loss
from sklearn.svm import LinearSVC

import kohort as keras
from kohort.train import programs
from kohort.workflow.ensembling.outputs import common
from kohort.workflow.failure import WorkflowError
from tests.workflow.ensembling.helpers import WIDTH, network, problem


class Constant:
    """Predicts what it was told, row by row."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def predict(self, x):
        return self.values[np.asarray(x, int).reshape(-1)]


class TestPrediction:
    def test_one_program_predicts_what_the_members_predict(self, three, held_out):
        x, y = held_out
        found = keras.ensemble(three, x, y, method="mean")
        programs.clear_programs()
        before = programs.traces
        answer = found.predict(x[:32])
        assert programs.traces - before == 1 == found.programs
        alone = [model.predict(x[:32], verbose=0) for model in three]
        assert answer == pytest.approx(np.mean(alone, axis=0), abs=1e-6)
        assert answer.dtype == alone[0].dtype
        assert np.ptp([a[0, 0] for a in alone]) > 0.01  # the members do differ

    def test_members_with_statistics_of_their_own(self, held_out):
        """Batch normalisation and scaling: arrays that are not trained are stacked, too."""
        x, y = held_out

        def make(shift):
            layers = [keras.layers.Normalization(), keras.layers.BatchNormalization()]
            model = keras.Sequential([keras.Input((WIDTH,)), *layers, keras.layers.Dense(1)])
            model.compile("sgd", "mse")
            model.layers[0].adapt(x + shift)
            model.fit(x, x[:, :1], verbose=0)
            return model

        models = [make(0), make(5)]
        found = keras.ensemble(models, x, x[:, 0], method="mean")
        alone = [model.predict(x, verbose=0) for model in models]
        assert found.programs == 1
        assert found.predict(x) == pytest.approx(np.mean(alone, axis=0), abs=1e-5)

    def test_last_rows_come_too(self, three, held_out):
        x, y = held_out
        found = keras.ensemble(three, x, y, method="mean")
        alone = [model.predict(x, verbose=0) for model in three]
        assert found.predict(x, batch_size=7) == pytest.approx(np.mean(alone, axis=0), abs=1e-6)

    def test_member_that_trains_on_is_seen(self, held_out):
        x, y = held_out
        models = [network(), network()]
        found = keras.ensemble(models, x, y, method="mean")
        before = found.predict(x)
        models[0].fit(x, y, epochs=3, verbose=0)
        alone = [model.predict(x, verbose=0) for model in models]
        assert found.predict(x) == pytest.approx(np.mean(alone, axis=0), abs=1e-6)
        assert np.abs(found.predict(x) - before).max() > 1e-3

    def test_other_structures_are_other_programs(self, three, held_out):
        found = keras.ensemble([*three, network(units=5)], *held_out, method="mean")
        assert found.programs == 2

    def test_weighted_average_of_kinds(self, three, forest, held_out):
        x, y = held_out
        found = keras.ensemble([three[0], forest], x, y, method="simplex")
        parts = [three[0].predict(x, verbose=0), forest.predict_proba(x)]
        weights = {row["name"]: row["weight"] for row in found.candidates}
        expected = sum(w * p for w, p in zip(weights.values(), parts, strict=True))
        assert found.predict(x) == pytest.approx(expected, abs=1e-6)
        assert sum(weights.values()) == pytest.approx(1)

    def test_both_ways_to_say_two_classes(self, held_out):
        x, y = held_out
        net, trees = network(outputs=1), RandomForestClassifier(5, random_state=0)
        trees.fit(x, y > 0)
        one = keras.ensemble([net, trees], x, (y > 0).astype(int), method="mean")
        other = keras.ensemble([trees, net], x, (y > 0).astype(int), method="mean")
        yes = (net.predict(x, verbose=0)[:, 0] + trees.predict_proba(x)[:, 1]) / 2
        assert one.predict(x) == pytest.approx(yes[:, None], abs=1e-6)
        assert other.predict(x) == pytest.approx(np.stack([1 - yes, yes], axis=1), abs=1e-6)

    def test_vote(self, three, forest, held_out):
        x, y = held_out
        x0, y0 = problem()
        machine = LinearSVC().fit(x0[:45], y0[:45])  # has no probabilities
        found = keras.ensemble([three[0], forest, machine], x, y, method="vote")
        decided = [three[0].predict(x, verbose=0).argmax(1), forest.predict(x), machine.predict(x)]
        shares = np.mean([np.eye(3)[d] for d in decided], axis=0)
        assert found.predict(x) == pytest.approx(shares)

    def test_regression_and_labels_of_text(self, held_out):
        x, y = held_out
        trees = RandomForestRegressor(5, random_state=0).fit(x, x[:, 0])
        assert keras.ensemble([trees], x, x[:, 0]).predict(x) == pytest.approx(trees.predict(x))
        words = np.array(["low", "mid", "top"])[y]
        trees = RandomForestClassifier(5, random_state=0).fit(x, words)
        found = keras.ensemble([trees], x, words)
        assert found.classes.tolist() == ["low", "mid", "top"]
        assert found.evaluate(x, words, "accuracy") == trees.score(x, words)

    def test_one_column_a_class_is_as_good_as_numbers(self, three, held_out):
        x, y = held_out
        by_number, by_column = (keras.ensemble(three, x, t) for t in (y, np.eye(3)[y]))
        assert by_number.weights == pytest.approx(by_column.weights)


class TestChoice:
    def test_greedy_is_never_worse_on_its_rows(self, three, forest, held_out):
        x, y = held_out
        found = keras.ensemble([*three, forest], x, y)
        assert found.score.naive <= min(row["score"] for row in found.candidates)
        assert found.score.naive == pytest.approx(log_loss(y, found.predict(x)), rel=1e-4)
        assert len(found.members) == np.count_nonzero([c["weight"] for c in found.candidates])

    def test_names_of_weights(self, held_out):
        x, y = np.arange(40), np.arange(40) % 2
        good, bad = np.where(y, 0.9, 0.1), np.where(y, 0.2, 0.8)
        found = keras.ensemble([Constant(bad), Constant(good)], x, y, names=["bad", "good"])
        assert found.names == ["good"] and found.weights == pytest.approx([1])
        assert "1.000" in str(found) and "good" in str(found) and "log_loss" in str(found)

    def test_pure_noise_looks_good_naively_and_not_corrected(self):
        """Labels without any signal: the best of many weights flatters, the corrected score not."""
        generator = np.random.default_rng(3)
        y = generator.integers(0, 2, 120)
        members = [Constant(generator.random(120)) for _ in range(30)]
        found = keras.ensemble(members, np.arange(120), y, score="accuracy")
        assert found.score.naive > 0.62
        assert found.score.low < 0.5 < found.score.high
        assert "on the rows that chose the weights" in str(found.score)

    def test_equal_weights_need_no_correction(self, three, held_out):
        found = keras.ensemble(three, *held_out, method="mean")
        assert found.score.naive == found.score.value
        assert found.score.low < found.score.value < found.score.high

    def test_own_score(self, three, held_out):
        def worst(y, p):
            return float(-np.log(p[np.arange(len(y)), y]).max())

        found = keras.ensemble(three, *held_out, score=worst, higher=False)
        assert found.score.name == "worst"
        assert found.evaluate(*held_out) == pytest.approx(found.score.naive, rel=1e-4)

    def test_diversity_on_held_out_rows(self, three, held_out):
        x, y = held_out
        found = keras.ensemble(three, x, y, method="mean")
        seen, again = found.diversity(), found.diversity(x, y)
        assert seen.ambiguity == pytest.approx(again.ambiguity) and seen.ambiguity > 0
        assert seen.names == found.names
        p = np.stack([m.predict(x, verbose=0) for m in three])
        assert seen.member_error == pytest.approx(((p - np.eye(3)[y]) ** 2).mean((1, 2)), rel=1e-4)

    def test_member_that_predicts_nan_gets_no_weight(self):
        y = np.arange(20) / 20
        for method in ("greedy", "simplex", "mean"):
            found = keras.ensemble(
                [Constant(y * np.nan), Constant(y + 0.1)], np.arange(20), y, method=method
            )
            assert found.names == ["1 Constant"]


@pytest.fixture(scope="module")
def searched():
    x, y = problem(60)

    def build(hp):
        rate = hp.Float("rate", 0.01, 1, sampling="log")
        layers = [keras.Input((WIDTH,)), keras.layers.Dense(3, activation="softmax")]
        model = keras.Sequential(layers)
        model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy")
        return model

    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=1)
    return keras.search(
        build, x, y, 3, sampler="random", folds=2, epochs=3, callbacks=[stop], batch_size=16
    )


class TestSearchAndFolds:
    def test_search_weights_from_out_of_fold_members_from_all_rows(self, searched):
        found = keras.ensemble(searched)
        numbers, p = searched.predictions()
        _, y = problem(60)
        own = {
            f"trial {n}": log_loss(y, q / q.sum(1, keepdims=True))
            for n, q in zip(numbers, p, strict=True)
        }
        for row in found.candidates:
            assert row["score"] == pytest.approx(own[row["name"]], rel=1e-3)
        assert found.score.name == "val_loss" and found.score.naive <= min(own.values()) + 1e-6
        number = int(found.names[0].split()[1])
        epochs = searched.table()[number]["attributes"]["epochs"]
        alone = searched.refit(number, epochs=int(np.median(epochs)))
        x = problem(60)[0]
        assert found.members[0].predict(x, verbose=0) == pytest.approx(
            alone.predict(x, verbose=0), abs=1e-5
        )

    def test_rows_of_a_search_are_its_own(self, searched):
        x, y = problem(60)
        assert keras.ensemble(searched, x, y, method="mean").programs == 1
        with pytest.raises(WorkflowError, match="rows of the search"):
            keras.ensemble(searched, x, 2 - y)

    def test_held_out_rows_choose_where_there_are_no_folds(self, searched):
        x, y = problem(60)
        found = keras.search(searched.build, x, y, 2, sampler="random", hold_out=0.5, batch_size=16)
        _, p = found.predictions()
        judged = np.isfinite(p).all((0, 2))
        members = keras.ensemble(found, method="mean")
        assert 20 < judged.sum() < 40 and len(members.seen[1]) == judged.sum()
        mean = p[:, judged].mean(0)
        assert members.score.naive == pytest.approx(
            log_loss(y[judged], mean / mean.sum(1, keepdims=True)), rel=1e-3
        )

    def test_models_of_folds_are_averaged(self):
        x, y = problem(60)
        validated = keras.cross_validate(network, x, y, folds=2, epochs=1)
        found = keras.ensemble(validated)
        alone = [validated.model(i).predict(x, verbose=0) for i in range(2)]
        assert found.predict(x) == pytest.approx(np.mean(alone, axis=0), abs=1e-6)
        assert found.score.value == pytest.approx(validated.scores["loss"].mean(), rel=1e-3)
        own = [row["score"] for row in found.candidates]
        assert own == pytest.approx(validated.scores["loss"].tolist(), rel=1e-3)
        with pytest.raises(WorkflowError, match="no rows in common"):
            keras.ensemble(validated, method="greedy")
        with pytest.raises(WorkflowError, match="no member trained on"):
            found.diversity()
        # Rows without a prediction, as where a repeat has diverged, stay out of the scores.
        partly = dataclasses.replace(validated, predictions=validated.predictions.copy())
        rows = validated.folds[0].validation
        partly.predictions[rows[:3]] = np.nan
        expected = log_loss(y[rows[3:]], alone[0][rows[3:]])
        assert keras.ensemble(partly).candidates[0]["score"] == pytest.approx(expected, rel=1e-3)
        partly.predictions[:] = np.nan
        with pytest.raises(WorkflowError, match="predict numbers"):
            keras.ensemble(partly)


class TestBadInput:
    X, Y = np.arange(12), np.arange(12) % 2

    def calls(self):
        p, x, y = Constant(np.full(12, 0.4)), self.X, self.Y
        wide = Constant(np.full((12, 4), 0.25))
        return {
            "at least one member": lambda: keras.ensemble([], x, y),
            "list of models": lambda: keras.ensemble(p, x, y),
            "did not train on": lambda: keras.ensemble([p]),
            "must have `predict`": lambda: keras.ensemble([3], x, y),
            "a name for each": lambda: keras.ensemble([p], x, y, names=[]),
            "a label for each row": lambda: keras.ensemble([p], x, y[1:]),
            "outputs must have one shape": lambda: keras.ensemble([p, wide], x, y),
            "have one shape": lambda: keras.ensemble([wide], x, y / 2),
            "numbers from 0 to 3": lambda: keras.ensemble([wide], x, y + 7),
            "method must be": lambda: keras.ensemble([p], x, y, method="median"),
            "score must be": lambda: keras.ensemble([p], x, y, score="luck"),
            "higher=True or False": lambda: keras.ensemble([p], x, y, score=lambda y, p: 0.0),
            "task must be": lambda: keras.ensemble([p], x, y, task="clustering"),
            'belong to method="greedy"': lambda: keras.ensemble([p], x, y, method="mean", picks=3),
            "vote for classes": lambda: keras.ensemble([p], x, y / 2, method="vote"),
            "four rows": lambda: keras.ensemble([p], x[:3], y[:3]),
            "finite predictions": lambda: keras.ensemble(
                [Constant(np.full(12, np.nan))], x, y, method="mean"
            ),
        }

    def test_each_gets_a_clear_message(self):
        for message, call in self.calls().items():
            with pytest.raises(WorkflowError) as caught:
                call()
            assert message in str(caught.value) and "Received: " in str(caught.value)

    def test_classes_must_agree(self, forest, held_out):
        x, y = held_out
        other = RandomForestClassifier(5, random_state=0).fit(x, y > 0)
        with pytest.raises(WorkflowError, match="the same classes"):
            keras.ensemble([forest, other], x, y)

    @pytest.mark.parametrize("members", [1, 2])
    def test_several_outputs(self, members):
        def make():
            x = keras.Input((1,))
            outputs = [keras.layers.Dense(1, name=name)(x) for name in "ab"]
            return keras.Model(x, outputs)

        with pytest.raises(WorkflowError, match="must have one output"):
            keras.ensemble([make() for _ in range(members)], self.X[:, None], self.Y)

    def test_model_without_weights(self):
        model = keras.Sequential([keras.layers.Dense(1)])
        with pytest.raises(WorkflowError, match="fit it first"):
            keras.ensemble([model], self.X, self.Y)


def test_common_form_of_two_columns_that_are_no_classes():
    p = np.ones((3, 2))
    assert common([p, p], "regression", ["a", "b"]).shape == (2, 3, 2)
