"""Layouts: along which axes of the mesh the axes of an array are split."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import jax

from kohort.core.symbolic import KerasTensor
from kohort.distribution.mesh import DeviceMesh


class TensorLayout:
    """For each axis of an array the axis of the mesh that splits it, or None.

    Args:
        axes: names of axes of the mesh, or None.
        device_mesh: the mesh; a `LayoutMap` gives its own to layouts without one.

    >>> TensorLayout((None, "model")).axes
    (None, 'model')
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self._axes, self._device_mesh = tuple(axes), device_mesh
        self._check_axes()

    @property
    def axes(self) -> tuple[str | None, ...]:
        """The names."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh; it can be set once."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(
                f"Cannot override device mesh value. Existing value is {self._device_mesh}"
            )
        self._device_mesh = device_mesh
        self._check_axes()

    def _check_axes(self) -> None:
        if self._device_mesh is None:
            return
        known, used = set(self._device_mesh.axis_names), set(self._axes) - {None}
        if used - known:
            raise ValueError(
                f"Invalid axis names for Layout. Valid axis names: {known}, Got {used}"
            )

    @functools.cached_property
    def backend_layout(self) -> jax.sharding.NamedSharding:
        """The same layout for JAX."""
        if self._device_mesh is None:
            raise ValueError(
                "Cannot create sharding when device mesh is not set for TensorLayout. "
                f"Received: {self}. Pass `device_mesh`."
            )
        spec = jax.sharding.PartitionSpec(*self._axes)
        return jax.sharding.NamedSharding(self._device_mesh.backend_mesh, spec)

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping[str, Any]):
    """Layouts by the paths of variables; keys are regular expressions for the whole path.

    Args:
        device_mesh: the mesh of all layouts.

    >>> layouts = LayoutMap(DeviceMesh((1,), ("model",), devices=["cpu:0"]))
    >>> layouts[".*dense.*kernel"] = (None, "model")
    >>> layouts["dense_1/kernel"].axes
    (None, 'model')
    >>> layouts["dense_1/bias"] is None
    True
    """

    def __init__(self, device_mesh: DeviceMesh | None) -> None:
        self._layouts: dict[str, TensorLayout] = {}
        self.device_mesh = device_mesh

    def __getitem__(self, key: str) -> TensorLayout | None:
        """The layout of the only key that matches; None where there is none."""
        if key in self._layouts:
            return self._layouts[key]
        found = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(
                f"Path '{key}' matches multiple layout specification keys: {found}. Please make "
                "sure each tensor/variable path only matches at most one layout specification key "
                "in the LayoutMap."
            )
        return self._layouts[found[0]] if found else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(
                f"{key} already exist in the LayoutMap with value {self._layouts[key]}. Please "
                "make sure to not use duplicated keys."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"{layout} should be a TensorLayout type, got {type(layout)}")
        if layout.device_mesh is None and self.device_mesh is not None:
            layout.device_mesh = self.device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """Return the array in another layout: moved now, or inside a compiled function.

    >>> mesh = DeviceMesh((1,), ("batch",), devices=["cpu:0"])
    >>> distribute_tensor(np.ones(2), TensorLayout(("batch",), mesh)).shape
    (2,)
    """
    if isinstance(tensor, KerasTensor):
        return tensor
    sharding = layout.backend_layout if isinstance(layout, TensorLayout) else layout
    if isinstance(tensor, jax.core.Tracer):
        return jax.lax.with_sharding_constraint(tensor, sharding)
    return jax.device_put(tensor, sharding)
