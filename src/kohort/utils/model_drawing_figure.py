"""A model's graph drawn with matplotlib: boxes as Keras draws them, no program outside pip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kohort.utils.model_drawing_graph import Box, Drawing
from kohort.utils.model_drawing_layout import Edge, Item, place

TITLE, TEXT = 12.0, 10.0  # points
PAD = 8.0
MARGIN = 12.0
HEADER = 20.0  # above the boxes of a nested model, for its name
MOST_PIXELS = 2**16 - 1  # a side that matplotlib can draw

# A piece of text: (words, bold).
Words = list[tuple[str, bool]]


@dataclass
class Field:
    """A rectangle of a box, from its upper left corner, with its words."""

    x: float
    y: float
    width: float
    height: float
    words: Words
    fill: str
    ink: str
    size: float


@dataclass
class Placed:
    """A box or a nested model with its size, and where its upper left corner lies."""

    width: float
    height: float
    at: tuple[float, float] = (0.0, 0.0)
    fields: list[Field] | None = None
    inside: Scene | None = None


@dataclass
class Scene:
    """A drawing that has been laid out: sizes, children by key, the ways of the edges (x, y)."""

    name: str
    width: float
    height: float
    children: dict[str, Placed]
    ways: list[np.ndarray]

    def boxes(self, x: float = 0.0, y: float = 0.0) -> Iterator[tuple[str, float, float, Placed]]:
        """All boxes, those of nested models too: (key, x, y, box) of the upper left corners."""
        for key, child in self.children.items():
            left, top = x + child.at[0], y + child.at[1]
            if child.inside is None:
                yield key, left, top, child
            else:
                yield from child.inside.boxes(left, top)


def lay_out(drawing: Drawing, rankdir: str) -> Scene:
    """Give everything its place; `rankdir` is the way data flows: TB, BT, LR or RL."""
    children = {child.key: _placed(child, rankdir) for child in drawing.children}
    keys, home = list(children), {}
    for number, child in enumerate(drawing.children):
        inner = child.keys() if isinstance(child, Drawing) else [child.key]
        home.update(dict.fromkeys(inner, number))
    sideways = rankdir in ("LR", "RL")
    items = [
        Item(p.width, p.height) if sideways else Item(p.height, p.width) for p in children.values()
    ]
    edges = [
        Edge(
            home[a], home[b],
            _beside(children[keys[home[a]]], a, sideways),
            _beside(children[keys[home[b]]], b, sideways),
        )
        for a, b in drawing.edges
    ]  # fmt: skip
    along, across = place(items, edges)
    top = HEADER if drawing.key != "cluster_0" else 0.0

    def turned(points: np.ndarray) -> np.ndarray:
        flow = along - points[:, 0] if rankdir in ("BT", "RL") else points[:, 0]
        pair = (flow, points[:, 1] + top) if sideways else (points[:, 1], flow + top)
        return np.column_stack(pair)

    for item, placed in zip(items, children.values(), strict=True):
        middle = turned(item.at[None])[0]
        placed.at = (middle[0] - placed.width / 2, middle[1] - placed.height / 2)
    width, height = (along, across) if sideways else (across, along)
    scene = Scene(drawing.name, width, height + top, children, [])
    ends = {key: (x, y, box) for key, x, y, box in scene.boxes()}
    for (a, b), edge in zip(drawing.edges, edges, strict=True):
        if len(edge.points):
            way = turned(edge.points)
            first, last = _end(ends[a], rankdir, True), _end(ends[b], rankdir, False)
            scene.ways.append(np.vstack([first, way, last]))
        else:
            scene.ways.append(_way_back(ends[a], ends[b]))
    return scene


def _placed(child: Box | Drawing, rankdir: str) -> Placed:
    if isinstance(child, Box):
        return _box(child)
    scene = lay_out(child, rankdir)
    for inner in scene.children.values():
        inner.at = (inner.at[0] + PAD, inner.at[1] + PAD)
    scene.ways = [way + PAD for way in scene.ways]
    return Placed(scene.width + 2 * PAD, scene.height + 2 * PAD, inside=scene)


def _beside(child: Placed, key: str, sideways: bool) -> float:
    """How far a box lies beside the middle of the nested model that holds it."""
    if child.inside is None:
        return 0.0
    found = {k: (x + b.width / 2, y + b.height / 2) for k, x, y, b in child.inside.boxes()}
    x, y = found[key]
    return y - child.height / 2 if sideways else x - child.width / 2


def _end(found: tuple[float, float, Placed], rankdir: str, leaves: bool) -> tuple[float, float]:
    """The middle of the side of a box where edges leave, or arrive."""
    x, y, box = found
    after = leaves == (rankdir in ("TB", "LR"))
    if rankdir in ("TB", "BT"):
        return x + box.width / 2, y + (box.height if after else 0)
    return x + (box.width if after else 0), y + box.height / 2


def _way_back(
    source: tuple[float, float, Placed], target: tuple[float, float, Placed]
) -> np.ndarray:
    """Round the right side, for a layer that is called again on what follows from it."""
    (x1, y1, one), (x2, y2, two) = source, target
    start, end = x1 + one.width, x2 + two.width
    low, high, out = y1 + 0.75 * one.height, y2 + 0.25 * two.height, max(start, end) + PAD
    return np.array([(start, low), (out, low), (out, high), (end, high)])


def _box(box: Box) -> Placed:
    title: Words = [(box.kind, True)]
    if box.name is not None:
        title = [(box.name, True), (f" ({box.kind})", False)]
    cells: list[Words] = [
        [(f"{c.name}: ", False), (c.value, True)] if c.name else [(c.value, True)]
        for c in box.cells
    ]
    activation: Words = [("Activation: ", False), (box.activation or "", True)]
    widths = [_width(words, TEXT) + 2 * PAD for words in cells]
    whole = max(sum(widths), _width(title, TITLE) + 2 * PAD, 60.0)
    if box.activation is not None:
        whole = max(whole, _width(activation, TEXT) + 2 * PAD)
    fields = [Field(0, 0, whole, TITLE + 1.6 * PAD, title, "black", "white", TITLE)]
    y = fields[0].height
    if box.activation is not None:
        fields.append(Field(0, y, whole, TEXT + 1.6 * PAD, activation, "white", "black", TEXT))
        y += fields[-1].height
    x, more = 0.0, (whole - sum(widths)) / max(1, len(widths))
    for words, width, cell in zip(cells, widths, box.cells, strict=True):
        fill, ink = (cell.color, "white") if cell.color else ("white", "black")
        fields.append(Field(x, y, width + more, TEXT + 1.6 * PAD, words, fill, ink, TEXT))
        x += width + more
    return Placed(whole, y + (TEXT + 1.6 * PAD if cells else 0.0), fields=fields)


def _width(words: Words, size: float) -> float:
    return sum(_advance(text, bold) * size / 10 for text, bold in words)


@lru_cache(maxsize=4096)
def _advance(text: str, bold: bool) -> float:
    """How wide a text is, in points at size 10; spaces at the ends count."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextToPath

    font = FontProperties(weight="bold" if bold else "normal", size=10)
    return TextToPath().get_text_width_height_descent(text, font, False)[0]


def draw(scene: Scene, splines: str = "ortho") -> Any:
    """The figure of a scene; one unit is a point."""
    from matplotlib.figure import Figure

    width, height = scene.width + 2 * MARGIN, scene.height + 2 * MARGIN
    figure = Figure(figsize=(width / 72, height / 72))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-MARGIN, scene.width + MARGIN), ylim=(scene.height + MARGIN, -MARGIN))
    ax.set_axis_off()
    _draw_scene(ax, scene, 0.0, 0.0, splines)
    return figure


def _draw_scene(ax: Any, scene: Scene, x: float, y: float, splines: str) -> None:
    for child in scene.children.values():
        left, top = x + child.at[0], y + child.at[1]
        if child.inside is not None:
            _rectangle(ax, left, top, child.width, child.height, "none", linestyle="--")
            name = child.inside.name
            ax.text(left + PAD, top + PAD / 2, name, size=TITLE, va="top", color="black")
            _draw_scene(ax, child.inside, left, top, splines)
        for part in child.fields or []:
            at = left + part.x, top + part.y
            _rectangle(ax, *at, part.width, part.height, part.fill)
            start = at[0] + (part.width - _width(part.words, part.size)) / 2
            for text, bold in part.words:
                ax.text(
                    start, at[1] + part.height / 2, text, size=part.size, color=part.ink,
                    weight="bold" if bold else "normal", va="center_baseline", parse_math=False,
                )  # fmt: skip
                start += _width([(text, bold)], part.size)
    for way in scene.ways:
        _arrow(ax, way + (x, y), splines)


def _rectangle(
    ax: Any, x: float, y: float, width: float, height: float, fill: str, **style: Any
) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor="black", **style))


def _arrow(ax: Any, way: np.ndarray, splines: str) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    points = [way[0], *(b for a, b in zip(way, way[1:], strict=False) if np.any(abs(b - a) > 0.1))]
    codes: Any = None
    if splines in ("line", "false"):
        points = [points[0], points[-1]]
    elif splines in ("curved", "spline", "true") and len(points) > 2:
        # A quadratic curve with each corner as its control point, joined midway between corners.
        corners = points[1:-1]
        curve = [points[0]]
        for i, corner in enumerate(corners):
            last = i == len(corners) - 1
            curve += [corner, points[-1] if last else (corner + corners[i + 1]) / 2]
        points, codes = curve, [Path.MOVETO] + [Path.CURVE3] * (2 * len(corners))
    ax.add_patch(
        FancyArrowPatch(
            path=Path(np.array(points), codes),
            arrowstyle="-|>",
            mutation_scale=10,
            color="black",
            linewidth=1.2,
            shrinkA=0,
            shrinkB=0,
            joinstyle="miter",
        )  # fmt: skip
    )
