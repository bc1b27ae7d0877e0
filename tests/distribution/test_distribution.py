"""Distributions over four virtual devices against one device, and their names against Keras's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kohort as keras
from kohort.distribution import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    TensorLayout,
    list_devices,
)


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """What `several_devices.py` found."""
    environment = dict(os.environ)
    flags = "--xla_force_host_platform_device_count=4"
    environment["XLA_FLAGS"] = f"{environment.get('XLA_FLAGS', '')} {flags}"
    script = Path(__file__).with_name("several_devices.py")
    run = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("spread", ["data", "batches", "model"])
def test_several_devices_give_the_numbers_of_one(found: dict[str, Any], spread: str) -> None:
    assert found["devices"] == found["replicas"] == 4
    alone = found["alone"][: len(found[spread])]
    assert np.std(alone) > 0.1
    np.testing.assert_allclose(found[spread], alone, rtol=1e-4, atol=3e-5)


def test_a_distributed_model_works_on_without_the_distribution(found: dict[str, Any]) -> None:
    np.testing.assert_allclose(found["afterwards"], found["data"][-18:], rtol=1e-4, atol=1e-6)


def test_a_layout_map_splits_a_kernel_and_its_slots(found: dict[str, Any]) -> None:
    assert found["kernel"] == found["slot"] == [5, 4]


def test_names_and_layouts_as_in_keras() -> None:
    from keras import distribution as theirs  # type: ignore[import-not-found]

    from kohort import distribution as ours

    assert {n for n in dir(theirs) if not n.startswith("_")} <= set(dir(ours))
    assert ours.list_devices() == theirs.list_devices()
    said = []
    for module in (ours, theirs):
        mesh = module.DeviceMesh((1, 1), ("batch", "model"), devices=["cpu:0"])
        layouts = module.LayoutMap(mesh)
        layouts[".*kernel"] = (None, "model")
        made = module.ModelParallel(layout_map=layouts)
        variable = keras.Variable(np.ones((2, 3)), name="kernel")
        said.append(
            (
                repr(mesh), repr(module.DataParallel(devices=["cpu:0"])), made.batch_dim_name,
                made.get_variable_layout(variable).axes, made.get_data_layout((4, 2)).axes,
                made.num_model_replicas, repr(layouts["a/kernel"]), layouts["a/bias"],
            )
        )  # fmt: skip
    assert said[0] == said[1]


def test_wrong_meshes_and_layouts_say_what_is_wrong() -> None:
    devices = list_devices("cpu")[:1]
    mesh = DeviceMesh((1,), ("batch",), devices)
    layouts = LayoutMap(mesh)
    layouts["a.*"] = (None,)
    layouts[".*b"] = ("batch",)
    with pytest.raises(ValueError, match="matches multiple"):
        layouts["ab"]
    with pytest.raises(ValueError, match="already exist"):
        layouts["a.*"] = (None,)
    with pytest.raises(ValueError, match="should be a TensorLayout"):
        layouts["c"] = "batch"
    with pytest.raises(ValueError, match="Invalid axis names"):
        TensorLayout(("model",), mesh)
    with pytest.raises(ValueError, match="number of devices"):
        DeviceMesh((3,), ("batch",), devices)
    with pytest.raises(ValueError, match="layout_map"):
        ModelParallel()
    with pytest.raises(ValueError, match="Device not found: cpu:77"):
        _ = DataParallel(devices=["cpu:77"]).device_mesh.backend_mesh


def test_a_layout_with_too_many_axes_is_refused() -> None:
    layouts = LayoutMap(DeviceMesh((1,), ("batch",), list_devices("cpu")[:1]))
    layouts[".*bias"] = (None, "batch")
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with (
        ModelParallel(layout_map=layouts).scope(),
        pytest.raises(ValueError, match="one entry for each axis"),
    ):
        model.predict(np.ones((1, 2)), verbose=0)
