"""Training over several devices: which axis of which array is split over which of them."""

from kohort.distribution.layout import LayoutMap, TensorLayout, distribute_tensor
from kohort.distribution.mesh import DeviceMesh, get_device_count, initialize, list_devices
from kohort.distribution.strategy import (
    DataParallel,
    Distribution,
    ModelParallel,
    distribution,
    replicated,
    set_distribution,
)

__all__ = [
    "DataParallel", "DeviceMesh", "Distribution", "LayoutMap", "ModelParallel", "TensorLayout",
    "distribute_tensor", "distribution", "get_device_count", "initialize", "list_devices",
    "replicated", "set_distribution",
]  # fmt: skip
