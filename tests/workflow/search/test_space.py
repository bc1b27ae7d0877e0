"""The space against KerasTuner's own `HyperParameters`, called with the same build functions."""

import pytest

from kohort.workflow.search import HyperParameters
from kohort.workflow.search.dimensions import Float, Int


@pytest.fixture(scope="module")
def kt():
    return pytest.importorskip("keras_tuner")


def plain(hp):
    hp.Int("units", 32, 512, step=32)
    hp.Float("lr", 1e-4, 1e-2, sampling="log", default=1e-3)
    hp.Choice("activation", ["relu", "tanh"], default="tanh")
    hp.Boolean("dropout")
    hp.Fixed("epochs", 5)
    return [hp.get("units"), hp["lr"], "lr" in hp, "nothing" in hp]


def conditional(hp):
    kind = hp.Choice("kind", ["mlp", "cnn"])
    inside = []
    with hp.conditional_scope("kind", ["mlp"]):
        inside.append(hp.Int("units", 1, 9))
    with hp.conditional_scope("kind", "cnn"):
        inside.append(hp.Int("units", 16, 64, step=16))
        with hp.name_scope("conv"):
            inside.append(hp.Float("rate", 0, 0.5, step=0.1))
    inside.append(hp.Boolean("pool", default=True, parent_name="kind", parent_values=["cnn"]))
    inside.append(hp.Choice("sizes", [3, 5], parent_name="kind", parent_values=["mlp", "cnn"]))
    return [kind, *inside]


def scoped(hp):
    with hp.name_scope("block"):
        with hp.name_scope("dense"):
            first = hp.Int("units", 2, 32, step=2, sampling="log")
        again = hp.Int("units", 3, 5)
    return [first, again, hp.Int("units", 4, 9), hp.Int("units", 1, 2)]


BUILDS = [plain, conditional, scoped]


@pytest.mark.parametrize("build", BUILDS)
def test_the_same_answers_values_and_active_sets(kt, build):
    ours, theirs = HyperParameters(), kt.HyperParameters()
    assert build(ours) == build(theirs)
    assert ours.values == theirs.values
    assert [p.name for p in ours.space] == [p.name for p in theirs.space]
    active = [theirs.is_active(p) for p in theirs.space]
    assert [ours.is_active(p) for p in ours.space] == active
    names = {p.name for p in theirs.space}
    assert {n: ours.is_active(n) for n in names} == {n: theirs.is_active(n) for n in names}


@pytest.mark.parametrize("build", BUILDS)
def test_configurations_cross_both_ways(kt, build):
    ours, theirs = HyperParameters(), kt.HyperParameters()
    build(ours)
    build(theirs)
    assert HyperParameters.from_config(theirs.get_config()).get_config() == ours.get_config()
    crossed = kt.HyperParameters.from_config(ours.get_config())
    assert crossed.values == theirs.values
    assert [p.default for p in crossed.space] == [p.default for p in theirs.space]


def test_other_values_open_the_other_branch(kt):
    ours, theirs = HyperParameters(), kt.HyperParameters()
    for hp in (ours, theirs):
        hp.values["kind"] = "cnn"
    assert conditional(ours) == conditional(theirs)
    assert (
        ours.values
        == theirs.values
        == {"kind": "cnn", "units": 16, "conv/rate": 0.0}
        | {
            "pool": True,
            "sizes": 3,
        }
    )


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("Int", (2, 32, 2, "log")),
        ("Int", (1, 16, 2, "reverse_log")),
        ("Int", (6, 13, 3)),
        ("Float", (0.001, 10, 10, "log")),
        ("Float", (0.001, 10, 10, "reverse_log")),
        ("Float", (0, 1, 0.25)),
    ],
)
def test_values_of_ranges_with_steps(kt, method, arguments):
    hps = HyperParameters(), kt.HyperParameters()
    for hp in hps:
        getattr(hp, method)("x", *arguments)
    ours, theirs = (list(hp.space[0].values) for hp in hps)
    assert ours == pytest.approx([int(v) if method == "Int" else v for v in theirs])


@pytest.mark.parametrize("sampling", ["linear", "log", "reverse_log"])
def test_values_of_ranges_without_steps(kt, sampling):
    hps = HyperParameters(), kt.HyperParameters()
    for hp in hps:
        hp.Float("x", 0.01, 1, sampling=sampling)
        hp.Int("n", 10, 1000, sampling=sampling, step=None)
    assert list(hps[0].space[0].values) == pytest.approx(sorted(hps[1].space[0].values))
    if sampling != "linear":  # a linear Int has the step 1
        assert list(hps[0].space[1].values) == sorted(hps[1].space[1].values)


def test_a_tenth_ten_times_reaches_one():
    """As KerasTuner documents it; its own `1 // 0.1` loses the last value."""
    assert Float(name="x", min_value=0, max_value=1, step=0.1).values[-1] == 1.0


@pytest.mark.parametrize("build", BUILDS)
def test_a_copy_keeps_space_and_values_and_is_its_own(build):
    hp = HyperParameters()
    build(hp)
    twin = hp.copy()
    assert twin.get_config() == hp.get_config()
    twin.values["units"] = -1
    assert hp.values != twin.values


def test_merge_keeps_or_overwrites(kt):
    for overwrite in (False, True):
        hps = HyperParameters(), kt.HyperParameters()
        for hp, other in zip(hps, (HyperParameters(), kt.HyperParameters()), strict=True):
            hp.Int("n", 1, 9)
            hp.values["n"] = 7
            other.Int("n", 3, 5)
            other.Boolean("new")
            hp.merge(other, overwrite=overwrite)
        assert hps[0].values == hps[1].values == {"n": 3 if overwrite else 7, "new": False}


def test_a_bound_space_asks_once_for_each_new_active_name():
    asked = []

    def suggest(dimension):
        asked.append((dimension.name, [c.values for c in dimension.conditions]))
        return "cnn" if dimension.name == "kind" else dimension.values[-1]

    hp = HyperParameters(suggest=suggest)
    first = conditional(hp)
    assert first == ["cnn", None, 64, 0.5, False, 5]
    assert conditional(hp) == first
    names = ["kind", "units", "conv/rate", "pool", "sizes"]
    assert [name for name, _ in asked] == names
    assert asked[1] == ("units", [["cnn"]])


def test_getting_what_is_not_there():
    hp = HyperParameters()
    conditional(hp)
    with pytest.raises(ValueError, match="conv/rate is currently inactive"):
        hp.get("conv/rate")
    with pytest.raises(KeyError, match="does not exist"):
        hp.get("nothing")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda hp: hp.Int("n", 5, 1), ValueError, "5 and 1"),
        (lambda hp: hp.Int("n", 1.5, 3), ValueError, "`min_value` must be a whole number"),
        (lambda hp: hp.Float("x", 0, 1, sampling="log"), ValueError, "`min_value` above 0"),
        (lambda hp: hp.Float("x", 1, 2, sampling="cubic"), ValueError, "linear, log, reverse_log"),
        (lambda hp: hp.Int("n", 1, 8, 1, "log"), ValueError, "above 1"),
        (lambda hp: hp.Choice("c", []), ValueError, "one type"),
        (lambda hp: hp.Choice("c", ["a", 1]), TypeError, "one type"),
        (lambda hp: hp.Choice("c", ["a"], default="b"), ValueError, "one of the values"),
        (lambda hp: hp.Choice("c", ["a"], ordered=True), ValueError, "Only numbers are ordered"),
        (lambda hp: hp.Fixed("f", None), ValueError, "int, float, str or bool"),
        (lambda hp: hp.Boolean("b", default="yes"), ValueError, "must be a bool"),
        (lambda hp: hp.Int("n", 1, 2, parent_name="p", parent_values=[1]), ValueError, "asked for"),
    ],
)
def test_what_cannot_be_is_refused_as_keras_tuner_refuses_it(kt, call, error, message):
    with pytest.raises(error, match=message):
        call(HyperParameters())
    with pytest.raises(error):
        call(kt.HyperParameters())


def test_steps_of_nothing_are_refused():
    with pytest.raises(ValueError, match="`step` must be positive"):
        Int(name="n", min_value=1, max_value=3, step=0)
