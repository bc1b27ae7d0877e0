"""How a group is cut into packs."""

from __future__ import annotations

_WIDEST = 8
"""Members a pack on a CPU: wider packs save no more overhead and leave the cache."""


def pack_width(count: int, widest: int, workers: int) -> int:
    """Members a pack, so that the packs are equally wide and keep all workers busy.

    >>> [pack_width(count, widest=8, workers=2) for count in (1, 5, 16, 20, 100)]
    [1, 3, 8, 5, 8]
    """
    packs = -(-count // widest)
    if packs % workers and packs < 4 * workers:
        packs = -(-packs // workers) * workers
    return -(-count // min(packs, count))


def widest_on(platform: str) -> int:
    """The widest pack before memory is asked: an accelerator takes all members at once."""
    return _WIDEST if platform == "cpu" else 2**30
