"""tensorboardX, loaded when something is first written."""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any


@functools.cache
def tensorboardx(module: str) -> Any:
    """Return a module of tensorboardX.

    For the sake of a type hint it imports PyTorch where that is installed, which takes seconds: it
    is told that there is none, as long as nobody has loaded it.

    >>> tensorboardx("record_writer").RecordWriter.__name__
    'RecordWriter'
    """
    hidden = "torch" not in sys.modules and "tensorboardX" not in sys.modules
    if hidden:
        sys.modules["torch"] = None  # type: ignore[assignment]  # import's sign for "there is none"
    try:
        return importlib.import_module(f"tensorboardX.{module}")
    finally:
        if hidden:
            del sys.modules["torch"]


def message(name: str, /, **fields: Any) -> Any:
    """Make one of TensorBoard's messages, of a class such as `"Event"` or `"Summary.Value"`.

    >>> message("HistogramProto", min=1, max=2).max
    2.0
    """
    outer, _, _ = name.partition(".")
    made = tensorboardx(f"proto.{_MODULES.get(outer, 'summary')}_pb2")
    return functools.reduce(getattr, name.split("."), made)(**fields)


_MODULES = {  # of all messages that are not in `summary`
    "AttrValue": "attr_value",
    "Event": "event",
    "Experiment": "api",
    "GraphDef": "graph",
    "HParamInfo": "api",
    "HParamsPluginData": "plugin_hparams",
    "MetricInfo": "api",
    "MetricName": "api",
    "NodeDef": "node_def",
    "SessionEndInfo": "plugin_hparams",
    "SessionStartInfo": "plugin_hparams",
    "TensorProto": "tensor",
    "TensorShapeProto": "tensor_shape",
    "VersionDef": "versions",
}
