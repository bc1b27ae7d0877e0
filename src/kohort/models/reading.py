"""What the windows of a graph read of the tensors before them.

Pooling leaves out the end of an axis that its windows do not divide, and the convolution before
it need not compute what nobody reads. So images of 28 x 28 pixels, after two convolutions and two
poolings without padding, cost a sixth less than it seems: of the second's 11 rows 10 are read.
"""

from __future__ import annotations

from typing import Any

from kohort.activations import is_pointwise
from kohort.core.graph import Graph
from kohort.core.masks import get_mask
from kohort.core.symbolic import Node
from kohort.layers.activation import ELU, Activation, LeakyReLU, ReLU
from kohort.layers.conv_base import window_counts
from kohort.layers.convolution import Conv1D, Conv2D, Conv3D
from kohort.layers.depthwise import (
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from kohort.layers.pooling_windows import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)

# By class, not by inheritance: a user's subclass may read anything in its `call`.
_WINDOWS = {
    Conv1D, Conv2D, Conv3D, DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D,
    MaxPooling1D, MaxPooling2D, MaxPooling3D, AveragePooling1D, AveragePooling2D, AveragePooling3D,
}  # fmt: skip
_POINTWISE = {Activation, ReLU, LeakyReLU, ELU}


class Reading:
    """For calls of a graph, the layers of windows that read the input, one after another.

    What the last of them gives is read whole. Other layers than these are taken to read all.
    """

    def __init__(self, graph: Graph):
        readers: dict[int, list[Node]] = {}
        for node in graph.order:
            for x in node.input_tensors:
                readers.setdefault(id(x), []).append(node)
        whole = {id(x) for x in graph.outputs}
        self._windows: dict[Node, list[Any]] = {}
        for node in reversed(graph.order):
            layer = node.operation
            is_window = type(layer) in _WINDOWS and layer.padding == "valid"
            if not is_window and type(layer) not in _POINTWISE:
                continue
            (output,) = map(id, node.output_tensors)
            after: list[Any] = []
            if output not in whole and len(readers[output]) == 1 and _keeps_places(layer):
                after = self._windows.get(readers[output][0], [])
            if is_window and after and after[0].data_format != layer.data_format:
                after = []
            self._windows[node] = [layer, *after] if is_window else after

    def cut(self, node: Node, args: tuple) -> tuple:
        """The arguments of a call, the first without the end that no window reaches."""
        windows = self._windows.get(node, [])
        if len(windows) < 2 or not args or get_mask(args[0]) is not None:
            return args
        inputs, *others = args
        axes = windows[0]._axes
        read = map(slice, _read(windows, inputs.shape[axes]))
        return (inputs[(slice(None),) * axes.start + tuple(read)], *others)


def _keeps_places(layer: Any) -> bool:
    """Whether each place of the output is computed, and counted, for itself."""
    function = getattr(layer, "activation", None)
    return layer.activity_regularizer is None and (function is None or is_pointwise(function))


def _read(windows: list[Any], lengths: tuple[int, ...]) -> tuple[int, ...]:
    """How much of each axis the windows cover, all in all; all of it where they do not fit.

    >>> _read([Conv1D(4, 3), MaxPooling1D(2)], (13,))  # pooling reads 10 of 11 outputs
    (12,)
    """
    counts: Any = lengths
    for layer in windows:
        counts = window_counts(counts, layer._reach, layer.strides, layer.padding)
    if min(counts) < 1:
        return lengths
    for layer in reversed(windows):
        moves = zip(counts, layer.strides, layer._reach, strict=True)
        counts = tuple((n - 1) * s + r for n, s, r in moves)
    return counts
