"""Where the boxes of a layered graph stand, and how its edges run between them.

Coordinates: `along` counts down the ranks (the way data flows), `across` runs within a rank.
Source: K. Sugiyama, S. Tagawa, M. Toda, Methods for Visual Understanding of Hierarchical System
Structures, 1981.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

GAP = 16.0  # between boxes of a rank
CHANNEL = 26.0  # between ranks, for edges that run straight on
TRACK = 7.0  # more room for each edge that runs across beside another


@dataclass
class Item:
    """A thing to be placed, of a size (along, across); a point of a long edge has none."""

    along: float = 0.0
    across: float = 0.0
    at: np.ndarray = field(default_factory=lambda: np.zeros(2))  # the centre


@dataclass
class Edge:
    """From item to item, leaving and arriving this far beside the centres; `points` is its way."""

    source: int
    target: int
    leaves: float = 0.0
    arrives: float = 0.0
    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))


def place(items: list[Item], edges: list[Edge]) -> tuple[float, float]:
    """Place the items and lead the edges, in place; returns the size (along, across).

    >>> items = [Item(10, 40), Item(10, 20), Item(10, 20)]
    >>> place(items, [Edge(0, 1), Edge(0, 2)])
    (46.0, 56.0)
    >>> [item.at.tolist() for item in items]
    [[5.0, 28.0], [41.0, 10.0], [41.0, 46.0]]
    """
    forward = _without_cycles(len(items), edges)
    ranks = _ranks(len(items), forward)
    chains, everything, rank_of = _with_points(items, forward, ranks)
    links = [(a, b) for chain in chains for a, b in zip(chain, chain[1:], strict=False)]
    order = _ordered(len(everything), rank_of, links)
    _across(everything, order, links, len(items))
    _lead(everything, order, list(zip(forward, chains, strict=True)))
    low = min(item.at[1] - item.across / 2 for item in everything)
    high = max(item.at[1] + item.across / 2 for item in everything)
    for item in everything:
        item.at[1] -= low
    for edge in edges:
        edge.points[:, 1] -= low
    end = max(item.at[0] + item.along / 2 for item in items)
    return float(end), float(high - low)


def _without_cycles(count: int, edges: list[Edge]) -> list[Edge]:
    """The edges but those that lead back (a layer that is called twice)."""
    followers: dict[int, list[int]] = {i: [] for i in range(count)}
    kept = []
    for edge in edges:
        if not _reaches(followers, edge.target, edge.source):
            followers[edge.source].append(edge.target)
            kept.append(edge)
    return kept


def _reaches(followers: dict[int, list[int]], start: int, goal: int) -> bool:
    stack, seen = [start], {start}
    while stack:
        here = stack.pop()
        if here == goal:
            return True
        new = [i for i in followers[here] if i not in seen]
        seen.update(new)
        stack += new
    return False


def _ranks(count: int, edges: list[Edge]) -> list[int]:
    """The longest way from a beginning; beginnings stand just before what they lead to."""
    ranks, begins = [0] * count, set(range(count)) - {edge.target for edge in edges}
    for _ in range(count):
        before = list(ranks)
        for edge in edges:
            ranks[edge.target] = max(ranks[edge.target], ranks[edge.source] + 1)
        if ranks == before:
            break
    for i in begins:
        after = [ranks[edge.target] for edge in edges if edge.source == i]
        ranks[i] = min(after, default=1) - 1
    return ranks


def _with_points(
    items: list[Item], edges: list[Edge], ranks: list[int]
) -> tuple[list[list[int]], list[Item], list[int]]:
    """Each edge as a chain of items, one a rank: points stand in for it between its ends."""
    everything, rank_of, chains = list(items), list(ranks), []
    for edge in edges:
        chain = [edge.source]
        for rank in range(ranks[edge.source] + 1, ranks[edge.target]):
            chain.append(len(everything))
            everything.append(Item())
            rank_of.append(rank)
        chains.append([*chain, edge.target])
    return chains, everything, rank_of


def _ordered(count: int, rank_of: list[int], links: list[tuple[int, int]]) -> list[list[int]]:
    """The items of each rank in an order with few crossings (barycentres, up and down)."""
    order: list[list[int]] = [[] for _ in range(max(rank_of) + 1)]
    for i in range(count):
        order[rank_of[i]].append(i)
    before: dict[int, list[int]] = {i: [] for i in range(count)}
    after: dict[int, list[int]] = {i: [] for i in range(count)}
    for a, b in links:
        before[b].append(a)
        after[a].append(b)
    best, fewest = [list(rank) for rank in order], _crossings(order, after)
    for sweep in range(8):
        if not fewest:
            break
        down = sweep % 2 == 0
        for rank in order[1:] if down else order[-2::-1]:
            near = order[rank_of[rank[0]] + (-1 if down else 1)]
            place_of = {i: place for place, i in enumerate(near)}
            beside = before if down else after
            wish = {
                i: np.mean([place_of[j] for j in beside[i]]) if beside[i] else place
                for place, i in enumerate(rank)
            }
            rank.sort(key=lambda i: wish[i])
        now = _crossings(order, after)
        if now < fewest:
            best, fewest = [list(rank) for rank in order], now
    return best


def _crossings(order: list[list[int]], after: dict[int, list[int]]) -> int:
    total = 0
    for rank, below in zip(order, order[1:], strict=False):
        place_of = {i: place for place, i in enumerate(below)}
        ends = [place_of[j] for i in rank for j in sorted(after[i], key=lambda j: place_of[j])]
        values = np.array(ends)
        total += sum(int(np.sum(values[:i] > values[i])) for i in range(1, len(values)))
    return total


def _across(
    items: list[Item], order: list[list[int]], links: list[tuple[int, int]], real: int
) -> None:
    """Put each item as near to its neighbours' middle as the order and the gaps allow."""
    from scipy.optimize import isotonic_regression

    near: dict[int, list[int]] = {i: [] for i in range(len(items))}
    for a, b in links:
        near[a].append(b)
        near[b].append(a)
    rank_of = {i: place for place, rank in enumerate(order) for i in rank}
    starts = []
    for rank in order:
        widths = np.array([items[i].across for i in rank])
        steps = (widths[1:] + widths[:-1]) / 2 + GAP
        starts.append(np.concatenate([[0.0], np.cumsum(steps)]))
        for i, start in zip(rank, starts[-1] - starts[-1][-1] / 2, strict=True):
            items[i].at[1] = start
    for sweep in range(12):
        down = sweep % 2 == 0
        for place in range(len(order)) if down else range(len(order) - 1, -1, -1):
            rank, start = order[place], starts[place]
            wishes = []
            for i in rank:
                sides = [j for j in near[i] if (rank_of[j] < place) == down] or near[i]
                wishes.append(np.mean([items[j].at[1] for j in sides]) if sides else 0.0)
            weights = [1.0 if i < real else 4.0 for i in rank]  # long edges run straight
            spread = isotonic_regression(np.array(wishes) - start, weights=weights).x
            for i, value in zip(rank, spread + start, strict=True):
                items[i].at[1] = value


def _lead(items: list[Item], order: list[list[int]], routes: list[tuple[Edge, list[int]]]) -> None:
    """Set the ranks' places along the flow, and the edges' points in the channels between them."""
    rank_of = {i: place for place, rank in enumerate(order) for i in rank}
    spans: list[list[tuple[int, float, float]]] = [[] for _ in order]
    for edge, chain in routes:
        for a, b in zip(chain, chain[1:], strict=False):
            start, end = _port(items, edge, a), _port(items, edge, b)
            spans[rank_of[a]].append((edge.source, start, end))
    tracks = [_tracks(span) for span in spans]
    edge_of_rank, here = [], 0.0
    for place, rank in enumerate(order):
        depth = max(items[i].along for i in rank)
        for i in rank:
            items[i].at[0] = here + depth / 2
        edge_of_rank.append(here + depth)
        here += depth + CHANNEL + TRACK * max(0, max(tracks[place].values(), default=0))
    for edge, chain in routes:
        points = [(items[chain[0]].at[0] + items[chain[0]].along / 2, _port(items, edge, chain[0]))]
        for a, b in zip(chain, chain[1:], strict=False):
            start, end = _port(items, edge, a), _port(items, edge, b)
            if abs(start - end) > 0.5:
                place = rank_of[a]
                turn = edge_of_rank[place] + CHANNEL / 2.4 + TRACK * tracks[place][edge.source]
                points += [(turn, start), (turn, end)]
            points.append((items[b].at[0] - items[b].along / 2, end))
        edge.points = np.array(points)


def _port(items: list[Item], edge: Edge, i: int) -> float:
    beside = {edge.source: edge.leaves, edge.target: edge.arrives}.get(i, 0.0)
    return float(items[i].at[1] + beside)


def _tracks(spans: list[tuple[int, float, float]]) -> dict[int, int]:
    """A track for the edges of each source, so that edges of two sources never lie together."""
    reach: dict[int, tuple[float, float]] = {}
    for source, start, end in spans:
        low, high = reach.get(source, (start, start))
        reach[source] = min(low, start, end), max(high, start, end)
    found: dict[int, int] = {}
    for source, (low, high) in sorted(reach.items(), key=lambda item: item[1]):
        taken = {
            found[other]
            for other in found
            if high - low > 0.5 and reach[other][1] >= low and reach[other][0] <= high
        }
        found[source] = next(track for track in range(len(found) + 1) if track not in taken)
    return found
