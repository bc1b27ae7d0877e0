"""`rearrange`: reshape, transpose and reshape again, written as a pattern.

Source: Rogozhnikov, 2022 (Einops).
"""

from __future__ import annotations

import math
import re
from typing import Any

import jax

from kohort.core.symbolic import op
from kohort.ops._base import array


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> jax.Array:
    """Reorder, split and join axes: `"b h w c -> b (h w) c"`.

    Args:
        tensor: an array.
        pattern: names of axes before and after; a group in brackets is one axis.
        axes_lengths: sizes of axes in groups that cannot be told from the shape.

    >>> rearrange([[1, 2], [3, 4]], "a b -> (b a)")
    Array([1, 3, 2, 4], dtype=int32)
    """
    x = array(tensor)
    before, after = (_groups(side) for side in re.split(r"\s*->\s*", pattern))
    if len(before) != x.ndim:
        raise ValueError(
            f"The pattern '{pattern}' names {len(before)} axes. Received: shape={x.shape}"
        )
    sizes = dict(axes_lengths)
    for group, size in zip(before, x.shape, strict=True):
        unknown = [name for name in group if name not in sizes]
        if unknown:
            known = math.prod(sizes[name] for name in group if name in sizes)
            sizes[unknown[0]] = size // known
    names = [name for group in before for name in group]
    order = [names.index(name) for group in after for name in group]
    x = x.reshape([sizes[name] for name in names]).transpose(order)
    return x.reshape([math.prod(sizes[name] for name in group) for group in after])


def _groups(side: str) -> list[list[str]]:
    return [re.findall(r"\w+", group) for group in re.findall(r"\([^)]*\)|\w+", side)]
