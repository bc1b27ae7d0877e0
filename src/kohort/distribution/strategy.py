"""Distributions: how `fit`, `evaluate` and `predict` use several devices."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax

from kohort.distribution.layout import LayoutMap, TensorLayout
from kohort.distribution.mesh import DeviceMesh, list_devices

_current: list[Any] = [None]


def distribution() -> Distribution | None:
    """Return the distribution that is set, or None."""
    return _current[0]


def set_distribution(value: Distribution | None) -> None:
    """Make `value` the distribution of all training from now on; None: one device.

    >>> set_distribution(DataParallel(devices=["cpu:0"]))
    >>> distribution().batch_dim_name
    'batch'
    >>> set_distribution(None)
    """
    _current[0] = value


def replicated() -> jax.sharding.Sharding | None:
    """Return the layout of arrays that lie whole on each device; None without a distribution."""
    found = distribution()
    return None if found is None else found.layout_of(()).backend_layout


class Distribution:
    """Base class: says how the rows of a batch and the variables are laid out.

    The batch is split along the axis `batch_dim_name` of the mesh. Models are moved to the mesh
    when they run, their numbers are those of one device up to rounding. Cohorts spread their
    members over the devices of the distribution, whole, and without one over all.

    Args:
        device_mesh: the devices.
        batch_dim_name: the axis of the mesh that batches are split along.
        auto_shard_dataset: kept for Keras's sake: it concerns several processes.
    """

    def __init__(
        self,
        device_mesh: DeviceMesh,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        self.device_mesh, self.batch_dim_name = device_mesh, batch_dim_name
        self.auto_shard_dataset = auto_shard_dataset
        self.num_processes, self._process_id = jax.process_count(), jax.process_index()

    @property
    def num_model_replicas(self) -> int:
        """How many copies of the model there are: the size of the batch axis."""
        axis = list(self.device_mesh.axis_names).index(str(self.batch_dim_name))
        return self.device_mesh.shape[axis]

    @property
    def data_shard_id(self) -> int:
        """The part of the data that this process works on."""
        each = max(1, self.num_processes // self.num_model_replicas)
        return self._process_id // each

    def layout_of(self, axes: Sequence[str | None]) -> TensorLayout:
        """A layout on this mesh."""
        return TensorLayout(axes, self.device_mesh)

    def get_data_layout(self, data_shape: Sequence[int]) -> TensorLayout:
        """The layout of a batch: its rows are split."""
        return self.layout_of([self.batch_dim_name, *[None] * (len(data_shape) - 1)])

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable: its own `_layout`, else whole on each device."""
        own = getattr(variable, "_layout", None)
        return self.layout_of([None] * len(variable.shape)) if own is None else own

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of an intermediate array: left to the compiler."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """The dataset as it is: one process sees all data."""
        return dataset

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Inside, this is the distribution."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self.device_mesh}>"


class DataParallel(Distribution):
    """Each device has the whole model and a part of every batch; gradients are summed.

    Args:
        device_mesh: a mesh with one axis.
        devices: names of devices, instead of a mesh; by default all there are.
        auto_shard_dataset: kept for Keras's sake.

    >>> DataParallel(devices=["cpu:0"])
    <DataParallel device_mesh=<DeviceMesh shape=(1,), axis_names=['batch']>>
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Any = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            devices = list(list_devices() if devices is None else devices)
            device_mesh = DeviceMesh((len(devices),), ["batch"], devices)
        if not isinstance(device_mesh, DeviceMesh):
            raise ValueError(
                "Expect `mesh` to be an instance of `DeviceMesh`. "
                f"Received: mesh={device_mesh} (of type {type(device_mesh)})"
            )
        if device_mesh.devices.ndim != 1:
            warnings.warn(
                "Expect the input mesh to be 1D, but received mesh.devices.ndim="
                f"{device_mesh.devices.ndim}. The first axis will be used for data-parallel "
                "sharding.",
                stacklevel=2,
            )
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    @property
    def num_model_replicas(self) -> int:
        """One for each device."""
        return self.device_mesh.devices.size


class ModelParallel(Distribution):
    """Variables are split as a `LayoutMap` says (and the optimiser's with them), batches as well.

    Variables without a match lie whole on each device.

    Args:
        layout_map: path of a variable -> its layout.
        batch_dim_name: the axis of the mesh for batches; by default the first.
        auto_shard_dataset: kept for Keras's sake.

    >>> layouts = LayoutMap(DeviceMesh((1, 1), ("batch", "model"), devices=["cpu:0"]))
    >>> layouts[".*kernel"] = (None, "model")
    >>> ModelParallel(layout_map=layouts).batch_dim_name
    'batch'
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("device_mesh", None)  # that of the map
        if kwargs:
            raise TypeError(f"ModelParallel() got unexpected keyword arguments: {sorted(kwargs)}")
        if layout_map is None:
            raise ValueError("You must specify a layout_map argument.")
        if not isinstance(layout_map, LayoutMap) or layout_map.device_mesh is None:
            raise ValueError(
                "Argument `layout_map` must be a `LayoutMap` instance with a device mesh. "
                f"Received: layout_map={layout_map}"
            )
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)
        self._layout_map = layout_map

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of the variable's path."""
        if getattr(variable, "_layout", None) is None:
            found = self._layout_map[variable.path]
            if found is not None:
                return found
        return super().get_variable_layout(variable)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of a path in the map."""
        return self._layout_map[path]
