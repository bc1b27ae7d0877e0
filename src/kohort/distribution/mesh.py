"""Devices, and the grid that they are arranged in."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the names of all devices of a kind: cpu, gpu or tpu; by default the best there is.

    >>> list_devices("cpu")[0]
    'cpu:0'
    """
    kind = device_type.lower() if device_type else None
    return [f"{device.platform}:{device.id}" for device in jax.devices(kind)]


def get_device_count(device_type: str | None = None) -> int:
    """Return how many devices of a kind there are, those of other processes included.

    >>> get_device_count() == len(list_devices())
    True
    """
    return jax.device_count(device_type.lower() if device_type else None)


def initialize(
    job_addresses: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
) -> None:
    """Join this process to others, before anything is computed (`jax.distributed.initialize`).

    What is not given is taken from `KERAS_DISTRIBUTION_JOB_ADDRESSES`, `…_NUM_PROCESSES` and
    `…_PROCESS_ID`. Afterwards `list_devices` lists the devices of all processes. Of several
    addresses, separated by commas, the first is the coordinator's.
    """
    addresses = job_addresses or os.environ.get("KERAS_DISTRIBUTION_JOB_ADDRESSES")
    count = _number("NUM_PROCESSES", num_processes)
    jobs = addresses.split(",") if addresses else [None]
    if len(jobs) > 1 and count is not None and count != len(jobs):
        raise ValueError(
            f"The provided job_addresses {jobs} has {len(jobs)} jobs, but num_processes is {count}"
        )
    jax.distributed.initialize(jobs[0], count, _number("PROCESS_ID", process_id))


def _number(name: str, value: int | None) -> int | None:
    found = os.environ.get(f"KERAS_DISTRIBUTION_{name}") if value is None else value
    return None if found is None else int(found)


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: the sizes of the axes, such as `(4, 2)`.
        axis_names: their names, such as `("batch", "model")`.
        devices: names of devices; by default all.

    >>> DeviceMesh((1, 1), ("batch", "model"), devices=["cpu:0"])
    <DeviceMesh shape=(1, 1), axis_names=('batch', 'model')>
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None
    ) -> None:
        if not shape or not axis_names:
            raise ValueError(
                "Shape and axis_names cannot be empty. Received: "
                f"shape={shape}, axis_names={axis_names}"
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                "Shape and axis_names should have same size. "
                f"Received: shape={shape}, axis_names={axis_names}"
            )
        found = np.array(list_devices() if devices is None else devices)
        if math.prod(shape) != found.size:
            raise ValueError(
                "Shape does not match the number of devices. "
                f"Received: shape={shape}; devices.shape={found.shape}"
            )
        self.shape, self.axis_names = shape, axis_names
        self.devices = found.reshape(shape)

    @functools.cached_property
    def backend_mesh(self) -> jax.sharding.Mesh:
        """The same mesh for JAX."""
        devices = np.array([_device(name) for name in self.devices.ravel()])
        return jax.sharding.Mesh(devices.reshape(self.devices.shape), tuple(self.axis_names))

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


def _device(name: Any) -> jax.Device:
    if isinstance(name, jax.Device):
        return name
    kind, _, number = str(name).partition(":")
    for device in jax.devices(kind):
        if device.id == int(number or 0):
            return device
    raise ValueError(f"Device not found: {name}. There are: {list_devices(kind)}")
