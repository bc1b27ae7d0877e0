"""Weights in several files (`.weights.json` names them), each at most so many gigabytes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from kohort.saving.atomic import atomic_file
from kohort.saving.h5 import Store, find_group, open_h5, write_h5
from kohort.saving.state import Entry


def write_shards(path: Any, state: Mapping[str, Entry], max_shard_size: float) -> None:
    """Write a state in files of at most `max_shard_size` gigabytes; the index comes last."""
    index = Path(path)
    base = index.name.removesuffix(index.suffix).replace(".weights", "")
    shards = _split(state, max_shard_size * 2**30)
    weight_map: dict[str, Any] = {}
    for number, shard in enumerate(shards):
        name = f"{base}_{number:05}.weights.h5"
        for place, entry in shard.items():
            if entry.arrays:
                weight_map.setdefault(f"/{place}/vars".replace("//", "/"), []).append(name)
        with atomic_file(index.with_name(name)) as draft:
            write_h5(draft, shard)
    total = sum(a.nbytes for entry in state.values() for a in entry.arrays.values())
    flat = {place: names[0] if len(names) == 1 else names for place, names in weight_map.items()}
    with atomic_file(index) as draft:
        draft.write_text(
            json.dumps({"metadata": {"total_size": total}, "weight_map": flat}, indent=4)
        )


def _split(state: Mapping[str, Entry], limit: float) -> list[dict[str, Entry]]:
    """Fill one file after another, in order."""
    shards: list[dict[str, Entry]] = [{}]
    room = limit
    for place, entry in state.items():
        shards[-1][place] = Entry(entry.name)
        for key, array in entry.arrays.items():
            if array.nbytes > limit:
                raise ValueError(
                    f"The size of {key} is {array.nbytes:,} bytes which exceeds the maximum shard "
                    f"size {limit:,.0f} bytes. You can increase the `max_shard_size` parameter to "
                    "accommodate the size."
                )
            if array.nbytes > room:
                shards.append({place: Entry(entry.name)})
                room = limit
            shards[-1][place].arrays[key] = array
            room -= array.nbytes
    return shards


class ShardSource:
    """Several files as one source of stores by path."""

    def __init__(self, files: Mapping[str, Any], weight_map: Mapping[str, list[str]]):
        self.files, self.weight_map = files, weight_map

    def get(self, path: str) -> Store:
        """The arrays of the object at a path, from all files that hold some of them."""
        place = f"/{path}/vars" if path else "/vars"
        names = self.weight_map.get(place, [])
        groups = (find_group(self.files[name], place[1:]) for name in names)
        return Store(*(group for group in groups if group is not None))

    def has(self, path: str) -> bool:
        """Whether anything is stored at or below a path."""
        return any(place.startswith(f"/{path}/") for place in self.weight_map)


@contextmanager
def open_shards(path: Any) -> Iterator[ShardSource]:
    """Open the files that an index names; they must lie beside it.

    Raises:
        ValueError: where the index is damaged or names a file elsewhere.
    """
    index = Path(path)
    try:
        found = json.loads(index.read_bytes())["weight_map"]
        weight_map = {k: [v] if isinstance(v, str) else list(v) for k, v in found.items()}
        names = sorted({str(name) for names in weight_map.values() for name in names})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{index} is no index of weights: {what}") from None
    for name in names:
        if os.path.basename(name) != name or "\\" in name or name in ("", ".", ".."):
            raise ValueError(f"Not allowed: {index} names a file in another folder: '{name}'")
    with ExitStack() as stack:
        files = {name: stack.enter_context(open_h5(index.with_name(name))) for name in names}
        yield ShardSource(files, weight_map)


__all__ = ["ShardSource", "open_shards", "write_shards"]
