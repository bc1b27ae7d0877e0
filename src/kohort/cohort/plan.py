"""How a group runs: how many members in one call, and in which form.

Members computed together (`vmap`) share the overhead of every operation, which is most of the time
of a small dense network. What no longer fits into a core's cache loses more than that: a pack is
as wide as the cache, which for large matrices is one member, the form "each". Convolutions on a CPU
are slower together than one after the other: where the work is worth it, both are measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kohort.data.adapt import device_memory

_WIDEST = 8
"""Members a pack on a CPU: wider packs save no more overhead."""
_CACHE = 3 * 2**19
"""Bytes that the steps of a pack may walk over on a CPU: most of a core's second-level cache."""
_MEMORY_SHARE = 0.5
_WORTH_MEASURING = 8.0  # times the compilation: so much work pays for compiling another form
_CLEARLY = 0.95


def pack_width(count: int, widest: int, workers: int) -> int:
    """Members a pack, so that the packs are equally wide and keep all workers busy.

    >>> [pack_width(count, widest=8, workers=2) for count in (1, 5, 16, 20, 100)]
    [1, 3, 8, 5, 8]
    """
    packs = -(-count // widest)
    if packs % workers and packs < 4 * workers:
        packs = -(-packs // workers) * workers
    return -(-count // min(packs, count))


def widest_on(platform: str, step_bytes: int) -> int:
    """The widest pack before memory is asked: an accelerator takes all members at once.

    >>> [widest_on("cpu", step_bytes) for step_bytes in (60_000, 400_000, 5_000_000)]
    [8, 3, 1]
    """
    return min(_WIDEST, max(1, _CACHE // step_bytes)) if platform == "cpu" else 2**30


def settle(group: Any, make_pack: Callable[[], Any], workers: int, is_free: bool) -> None:
    """Give a group the width that fits into memory, and the faster form.

    Args:
        make_pack: returns a pack of the group as it is then.
        workers: how many packs run at a time.
        is_free: whether the form may be chosen.
    """
    begun = time.perf_counter()
    pack = _fitting(group, make_pack, workers)
    compilation = max(1.0, time.perf_counter() - begun)
    if not is_free or group.width == 1:
        return
    together = _seconds_a_step(pack, workers)
    packs = -(-len(group.members) // group.width)
    rounds = -(-packs // workers) * max(m.epochs for m in group.members)
    if together * rounds * pack.steps < _WORTH_MEASURING * compilation:
        return
    width, group.width, group.form = group.width, 1, "each"
    alone = _seconds_a_step(make_pack(), workers) * width
    if alone > together * _CLEARLY:
        group.width, group.form = width, "vmap"


def _fitting(group: Any, make_pack: Callable[[], Any], workers: int) -> Any:
    """A compiled pack of the widest kind that fits into memory."""
    limit = device_memory() * _MEMORY_SHARE / workers
    while True:
        pack = make_pack()
        need = pack.compile()
        if need <= limit or group.width == 1:
            return pack
        group.width = max(1, min(group.width - 1, int(group.width * limit / need)))


def _seconds_a_step(pack: Any, workers: int) -> float:
    """Seconds a training step of a pack takes while all workers are busy."""
    pack.compile()
    with ThreadPoolExecutor(workers) as pool:

        def timed(steps: int) -> float:
            begun = time.perf_counter()
            list(pool.map(lambda _: pack.try_steps(steps), range(workers)))
            return time.perf_counter() - begun

        timed(1)
        steps = max(1, min(pack.steps, int(0.05 / max(timed(1), 1e-5))))
        return min(timed(steps), timed(steps)) / steps
