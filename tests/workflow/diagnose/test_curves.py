"""Synthetic curves: each shape gets its name, the healthy ones none."""

import numpy as np
import pytest

from kohort.workflow.diagnose import diagnose
from kohort.workflow.diagnose.curves import noise, smooth, trivial_level
from kohort.workflow.failure import WorkflowError

T = np.arange(40)
FALL = 0.3 + 0.7 * np.exp(-T / 5)


def jitter(size, seed=0):
    return size * np.random.default_rng(seed).normal(size=len(T))


def strongest(**logs):
    return diagnose(logs).findings[0]


def test_a_good_fit():
    found = diagnose({"loss": FALL, "val_loss": FALL + 0.02})
    assert [finding.name for finding in found] == ["good_fit"]
    assert found["good_fit"].severity == 0
    assert str(found).startswith("1. Good fit: the validation loss came down from 1.02 to 0.320")


@pytest.mark.parametrize("size", [0.001, 0.01])
def test_a_good_fit_with_a_little_noise(size):
    found = diagnose({"loss": FALL + jitter(size), "val_loss": FALL + 0.02 + jitter(size, 1)})
    assert found.findings[0].severity < 0.3
    assert "good_fit" in found


def test_overfitting_says_from_which_epoch():
    val = 0.5 + 0.001 * (T - 12) ** 2
    found = strongest(loss=np.exp(-T / 10), val_loss=val)
    assert (found.name, found.epoch) == ("overfitting", 14)
    assert "least at epoch 13 (0.50" in found.evidence
    assert found.severity > 0.7
    assert "EarlyStopping" in found.try_next[0]


def test_overfitting_in_noise_and_its_strength():
    loss = np.exp(-T / 10)
    val = 0.5 + 0.5 * np.exp(-T / 4) + 0.01 * np.maximum(T - 15, 0)
    mild, strong = (strongest(loss=loss, val_loss=v + jitter(0.01)) for v in (val, val + 3 * val))
    assert (mild.name, strong.name) == ("overfitting", "overfitting")
    assert 10 <= mild.epoch <= 20
    weak = diagnose({"loss": loss, "val_loss": 0.5 + 0.5 * np.exp(-T / 4) + 0.002 * T})
    assert weak["overfitting"].severity < mild.severity


def test_a_wide_gap_is_overfitting_without_a_rise():
    found = strongest(loss=np.exp(-T / 4) + 0.01, val_loss=0.5 + 0.5 * np.exp(-T / 4))
    assert (found.name, found.epoch) == ("overfitting", None)
    assert "at its best" in found.evidence


def test_underfitting_that_stopped_too_soon():
    loss = 0.2 + 0.8 * np.exp(-T / 25)
    found = strongest(loss=loss, val_loss=loss + 0.01)
    assert found.name == "underfitting"
    assert "still falling" in found.evidence and found.try_next[0].startswith("more epochs")


def test_underfitting_against_the_trivial_guess():
    y = np.tile([0, 1], 50)
    flat = 0.65 + 0.04 * np.exp(-T / 3)
    found = diagnose({"loss": flat, "val_loss": flat}, y=y, loss="binary_crossentropy")
    assert found.findings[0].name == "underfitting"
    assert "6% below the 0.6931" in found.findings[0].evidence
    assert "larger network" in found.findings[0].try_next[0]
    fine = diagnose({"loss": flat - 0.5, "val_loss": flat - 0.5}, y=y, loss="binary_crossentropy")
    assert "underfitting" not in fine and "good_fit" in fine


def test_underfitting_by_accuracy():
    logs = {"loss": FALL, "val_loss": FALL, "acc": 0.30 * np.ones(40), "val_acc": 0.3 * np.ones(40)}
    found = diagnose(logs, y=np.arange(100) % 4)
    assert "training accuracy is 0.300 at best, and 0.250 by guessing" in str(found["underfitting"])


def test_a_loss_that_hardly_left_its_start():
    flat = 2.3 - 0.1 * (1 - np.exp(-T / 3))
    assert strongest(loss=flat, val_loss=flat).name == "underfitting"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_diverging_to_nan(value):
    loss = FALL.copy()
    loss[7:] = value
    found = diagnose({"loss": loss, "val_loss": loss})
    assert [finding.name for finding in found] == ["diverging"]
    assert (found["diverging"].severity, found["diverging"].epoch) == (1, 8)
    assert f"is {value} from epoch 8 on" in found["diverging"].evidence
    late = diagnose({"loss": FALL, "val_loss": loss})
    assert "the validation loss" in late["diverging"].evidence


def test_diverging_upwards():
    assert strongest(loss=1 + 0.001 * np.exp(T / 4)).name == "diverging"
    late = FALL + np.where(T > 30, 0.2 * (T - 30), 0)
    assert strongest(loss=late).severity > 0.7


def test_constant_losses():
    assert "stays at 0.6931" in strongest(loss=np.full(40, np.log(2))).evidence
    zero = strongest(loss=np.zeros(40), val_loss=np.zeros(40))
    assert (zero.name, zero.severity) == ("constant_loss", 1)
    assert "labels may be equal" in zero.try_next[0]


def test_learning_rate_too_small():
    loss = 2.3 - 0.005 * T
    found = strongest(loss=loss, val_loss=loss + 0.01)
    assert found.name == "learning_rate_too_small"
    assert "8.5% only" in found.evidence


def test_learning_rate_too_large():
    loss = 0.6 + np.abs(jitter(0.3))
    found = diagnose({"loss": loss, "val_loss": loss + jitter(0.2, 1)})
    assert found.findings[0].name == "learning_rate_too_large"
    assert "learning_rate_too_small" not in found and "good_fit" not in found


def test_noise_in_validation_only():
    found = strongest(loss=FALL, val_loss=FALL + 0.1 + np.abs(jitter(0.1)))
    assert found.name == "noisy"
    assert "K-fold" in found.try_next[0]


def test_validation_better_with_and_without_a_reason():
    class Dropout:
        name = "dropout_3"

    class Plain:
        layers = [Dropout()]
        loss = "mse"

    logs = {"loss": FALL + 0.1, "val_loss": FALL}
    unknown = diagnose(logs)["validation_better"]
    assert "dropout or noise layers would explain that" in unknown.evidence
    known = diagnose(logs, model=Plain())["validation_better"]
    assert known.severity == 0.1 and "usual with dropout_3" in known.evidence
    Plain.layers = []
    assert diagnose(logs, model=Plain())["validation_better"].severity > known.severity
    far = diagnose({"loss": FALL, "val_loss": 0.2 * FALL})["validation_better"]
    assert far.severity > unknown.severity and "both parts" in far.try_next[1]


def test_the_lag_of_the_training_loss_is_no_finding():
    lagging = 0.1 + np.exp(-(T - 0.5) / 20)
    assert "validation_better" not in diagnose({"loss": lagging, "val_loss": 0.1 + np.exp(-T / 20)})


def test_training_that_does_not_carry_over():
    found = diagnose({"loss": FALL, "val_loss": 0.7 + 0.01 * T})
    assert "does not carry over" in found["label_or_split_trouble"].evidence
    assert "overfitting" in found
    chance = {"accuracy": np.linspace(0.5, 1, 40), "val_accuracy": np.full(40, 0.51)}
    logs = {"loss": FALL, "val_loss": 0.7 + 0.01 * T, **chance}
    found = diagnose(logs, y=np.arange(20) % 2)
    assert found["label_or_split_trouble"].severity == 0.9
    assert "guessing gives 0.500" in found["label_or_split_trouble"].evidence


def test_accuracy_at_chance():
    flat = 0.69 + jitter(0.001)
    logs = {"loss": flat, "val_loss": flat, "accuracy": np.full(40, 0.6)}
    found = diagnose(logs, y=np.array([0, 0, 0, 1, 1]), loss="binary_crossentropy")
    assert "commonest class gives 0.600" in found["accuracy_at_chance"].evidence


def test_short_and_validation_free_curves():
    assert strongest(loss=[1.0, 0.5]).name == "too_short"
    assert "good_fit" not in diagnose({"loss": [1.0, 0.5]})
    alone = diagnose({"loss": FALL})
    assert "Without validation data" in alone["good_fit"].evidence


def test_several_fits_are_joined():
    good = {"loss": FALL, "val_loss": FALL + 0.02}
    bad = {"loss": np.exp(-T / 10), "val_loss": 0.5 + 0.001 * (T - 12) ** 2}
    found = diagnose([good, bad, bad, good])
    assert found["overfitting"].evidence.startswith("in 2 of 4 fits; in the middle one the valid")
    assert found["overfitting"].severity == pytest.approx(diagnose(bad)["overfitting"].severity / 2)

    class Result:
        histories = [good, good]

    assert [finding.name for finding in diagnose(Result())] == ["good_fit"]


def test_findings_come_strongest_first_and_can_be_looked_up():
    found = diagnose({"loss": FALL, "val_loss": 0.7 + 0.01 * T})
    severities = [finding.severity for finding in found]
    assert severities == sorted(severities, reverse=True) and len(found) == len(severities) > 1
    assert "   - EarlyStopping" in str(found)
    with pytest.raises(KeyError, match="'noisy' was not found; found: "):
        found["noisy"]


@pytest.mark.parametrize("bad", [{"accuracy": [1]}, 3, [], "loss"])
def test_what_is_no_history(bad):
    with pytest.raises(WorkflowError, match="diagnosis needs|must hold the training loss"):
        diagnose(bad)


def test_noise_and_smoothing():
    assert noise(3 * T) == 0
    estimates = [noise(FALL + jitter(0.1, seed)) for seed in range(30)]
    assert np.mean(estimates) == pytest.approx(0.1, rel=0.1)
    assert noise(np.ones(3)) == 0
    assert smooth(T)[2:-2] == pytest.approx(T[2:-2])
    assert smooth(np.arange(5.0)).tolist() == [0, 1, 2, 3, 4]


def test_trivial_levels():
    y = np.array([0, 0, 0, 1])
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    for labels in (y, np.eye(2)[y]):
        level = trivial_level(labels, "sparse_categorical_crossentropy")
        assert level == (pytest.approx(entropy), 0.75)
    assert trivial_level([1.0, 3.0], "mse") == (1, None)
    assert trivial_level([1.0, 2.0, 6.0], "mean_absolute_error") == (pytest.approx(5 / 3), None)
    assert trivial_level(y, None) == (None, 0.75)
    assert trivial_level([0.5], "hinge") == trivial_level(None, "mse") == (None, None)
