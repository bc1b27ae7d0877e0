"""The planner: width, form and memory."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import numpy as np
import pytest

import kohort as keras
from kohort.cohort import plan
from kohort.cohort.grid import grids
from tests.cohort.helpers import alone, folds, members, problem, same


class Scripted:
    """A pack that needs as much memory and time as it is told."""

    def __init__(self, group, bytes_each=0):
        self.group, self.bytes, self.steps = group, bytes_each * group.width, 100

    def compile(self):
        return self.bytes


def group(width=8, count=32, epochs=50):
    """A stand-in for a group."""
    made = [SimpleNamespace(epochs=epochs) for _ in range(count)]
    return SimpleNamespace(width=width, form="vmap", members=made)


@pytest.mark.parametrize(
    "together, alone, form, width",
    [(0.02, 0.001, "each", 1), (0.02, 0.01, "vmap", 8), (0.00001, 0.0, "vmap", 8)],
    ids=["alone is faster", "together is faster", "too little work to ask"],
)
def test_g_the_faster_form_is_taken(monkeypatch, together, alone, form, width):
    times = {"vmap": together, "each": alone}
    asked = []

    def seconds(pack, workers):
        asked.append(pack.group.form)
        return times[pack.group.form]

    monkeypatch.setattr(plan, "_seconds_a_step", seconds)
    own = group()
    plan.settle(own, lambda: Scripted(own), workers=2, is_free=True)
    assert (own.form, own.width) == (form, width)
    assert asked == (["vmap"] if together < 1e-4 else ["vmap", "each"])


def test_a_given_form_is_kept(monkeypatch):
    monkeypatch.setattr(plan, "_seconds_a_step", lambda *a: pytest.fail("measured"))
    own = group()
    plan.settle(own, lambda: Scripted(own), workers=2, is_free=False)
    assert own.width == 8


def test_packs_shrink_until_they_fit_into_memory(monkeypatch):
    monkeypatch.setattr(plan, "device_memory", lambda: 1000)
    own = group()
    plan.settle(own, lambda: Scripted(own, bytes_each=60), workers=2, is_free=False)
    assert own.width == 4
    own = group()
    plan.settle(own, lambda: Scripted(own, bytes_each=10_000), workers=2, is_free=False)
    assert own.width == 1


@pytest.mark.parametrize("filled", [True, False])
def test_grids_hold_each_row_once(filled):
    rows = [np.arange(10, 21), np.arange(30, 41)]
    found = grids(rows, 4, filled, masked=filled)
    for i, own in enumerate(rows):
        kept = [g.order[i].ravel()[: None if g.size is None else g.size[i]] for g in found]
        np.testing.assert_array_equal(np.concatenate(kept), own)


class OwnStep(keras.Model):
    """A model with a train step of its own, in Keras's JAX form, and logs of its own."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {"loss": logs["loss"], "double": 2 * logs["loss"]}, state


def own_step():
    """A compiled `OwnStep`."""
    model = OwnStep()
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model


def test_own_train_steps_train_as_alone():
    from kohort.cohort import Cohort

    x, y = problem()
    made = members(x, y, [own_step], count=2)
    Cohort(made, (x, y, None)).fit()
    for member in made:
        same(member.history.history, alone(member, x, y)[0])
    assert "double" in made[0].history.history
    assert len(folds(4, 2)) == 2


DEVICES = """
    import sys
    sys.path.insert(0, {root!r})
    import jax
    jax.config.update("jax_num_cpu_devices", 2)
    import pytest
    from kohort import distribution
    from kohort.cohort.devices import devices
    from kohort.errors import KohortWarning
    from tests.cohort.helpers import alone, problem, same, train
    from tests.cohort.test_acceptance import BUILDS
    x, y = problem()
    parallel = distribution.DataParallel(devices=["cpu:1"])
    layouts = distribution.LayoutMap(distribution.DeviceMesh((1, 2), ("batch", "model")))
    with distribution.ModelParallel(layout_map=layouts).scope():
        with pytest.warns(KohortWarning, match="whole on one device"):
            cohort = train(x, y, BUILDS, width=2)
        assert devices() == jax.devices() and len(devices()) == 2
    with parallel.scope():
        assert devices() == jax.devices()[1:]
    for member in cohort.members[::8]:
        same(member.history.history, alone(member, x, y)[0])
    print("equal")
"""


def test_members_are_spread_over_devices(request):
    script = textwrap.dedent(DEVICES).format(root=str(request.config.rootpath))
    source = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": source},
    )  # fmt: skip
    assert done.stdout.strip() == "equal", done.stderr[-2000:]
