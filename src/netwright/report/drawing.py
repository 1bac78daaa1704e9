"""A drawing of a network from plain data: circles and lines where it is small and dense, boxes otherwise."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.report.canvas import INK, MUTED, SERIES, label
from netwright.report.layout import levels, positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CIRCLE_GAP = 0.34  # inches between circles
BOX = (2.15, 0.56)  # inches
GAP = (0.35, 0.4)
POSITIVE, NEGATIVE = SERIES[0], SERIES[1]
COLOURS = {"input": SERIES[0], "output": SERIES[1]}


def draw(data: dict[str, Any]) -> Figure:
    """A network as it is built.

    Circles: a line's colour is its weight's sign and its width the weight's size among those of its layer; a
    circle's rim tells the bias so. Boxes: data flows along the arrows.

    Arguments:
        data: {"layers": [{"weights": [D, H], "biases": [H]}], "words": [text below each column]} or
            {"boxes": [{"name", "about", "part": "input", "output" or "", "sources": [number of a box]}]}.
    """
    return _circles(data) if "layers" in data else _boxes(data["boxes"])


def _circles(data: dict[str, Any]) -> Figure:
    from matplotlib.collections import LineCollection

    words = data["words"]
    weights = [(np.array(each["weights"]), np.array(each["biases"])) for each in data["layers"]]
    counts = [len(weights[0][0]), *(len(bias) for _, bias in weights)]
    apart = 1.5  # inches between columns
    tall = (max(counts) - 1) * CIRCLE_GAP
    below = 0.34 + 0.16 * max(text.count("\n") for text in words)
    axes = _canvas(1.5 + apart * len(weights), max(tall, 0.7) + 0.75 + below)
    columns = [
        np.stack([np.full(count, apart * place), CIRCLE_GAP * ((count - 1) / 2 - np.arange(count))], axis=1)
        for place, count in enumerate(counts)
    ]
    for (kernel, _), left, right in zip(weights, columns[:-1], columns[1:], strict=True):
        size = np.abs(kernel) / max(np.abs(kernel).max(), 1e-12)
        order = np.argsort(size, axis=None)  # the strongest on top
        ends = [(left[number // len(right)], right[number % len(right)]) for number in order]
        flat = size.ravel()[order]
        axes.add_collection(
            LineCollection(
                ends,
                colors=[_sign(value) for value in kernel.ravel()[order]],
                linewidths=0.3 + 2.5 * flat,
                alpha=0.15 + 0.8 * flat,
                zorder=1,
            )
        )
    for place, column in enumerate(columns):
        bias = np.zeros(len(column)) if place == 0 else weights[place - 1][1]
        size = np.abs(bias) / max(np.abs(bias).max(), 1e-12)
        axes.scatter(
            *column.T,
            s=150,
            facecolors="white",
            edgecolors=[_sign(value) if value else MUTED for value in bias],
            linewidths=0.8 + 1.8 * size,
            zorder=3,
        )
        axes.text(apart * place, -tall / 2 - 0.26, words[place], ha="center", va="top", fontsize=8, color=INK)
    _legend(axes, bool(any(bias.any() for _, bias in weights)))
    axes.set(
        xlim=(-0.75, apart * len(weights) + 0.75),
        ylim=(-max(tall, 0.7) / 2 - 0.2 - below, max(tall, 0.7) / 2 + 0.55),
    )
    return axes.figure  # type: ignore[return-value]


def _sign(value: float) -> str:
    return POSITIVE if value > 0 else NEGATIVE


def _legend(axes: Axes, biases: bool) -> None:
    from matplotlib.lines import Line2D

    rim = " (rims: biases)" if biases else ""
    marks = [
        Line2D([], [], color=POSITIVE, linewidth=2, label="positive"),
        Line2D([], [], color=NEGATIVE, linewidth=2, label=f"negative weight{rim}"),
    ]
    axes.legend(
        handles=marks, loc="upper left", ncols=2, frameon=False, fontsize=8, labelcolor=INK, borderaxespad=0.0
    )


def _boxes(boxes: list[dict[str, Any]]) -> Figure:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    sources = [tuple(each["sources"]) for each in boxes]
    level = levels(sources)
    places, bends = positions(sources, level)
    wide = max(x for x, _ in places.values()) + 1
    deep = max(level) + 1
    step = (BOX[0] + GAP[0], BOX[1] + GAP[1])
    axes = _canvas(wide * step[0] + 0.1, deep * step[1] + 0.1)

    def inches(place: tuple[float, float]) -> tuple[float, float]:
        return (place[0] + 0.5) * step[0], -(place[1] + 0.5) * step[1]

    for (source, target), between in bends.items():
        x, y = inches(places[source])
        points = [(x, y - BOX[1] / 2)]
        for bend in between:
            x, y = inches(bend)
            points += [(x, y + BOX[1] / 2), (x, y - BOX[1] / 2)]
        x, y = inches(places[target])
        shift = _entry(source, sources[target], places) * BOX[0]
        points.append((x + shift, y + BOX[1] / 2 + 0.02))
        vertices, codes = [points[0]], [Path.MOVETO]
        for before, after in pairwise(points):
            middle = (before[1] + after[1]) / 2
            vertices += [(before[0], middle), (after[0], middle), after]
            codes += [Path.CURVE4] * 3
        axes.add_patch(
            FancyArrowPatch(
                path=Path(vertices, codes),
                arrowstyle="-|>",
                mutation_scale=9,
                color=MUTED,
                linewidth=1.0,
                shrinkA=0,
                shrinkB=0,
                zorder=1,
            )
        )
    for place, each in enumerate(boxes):
        _box(axes, inches(places[place]), each)
    axes.set(xlim=(-0.05, wide * step[0] + 0.05), ylim=(-deep * step[1] - 0.05, 0.05))
    return axes.figure  # type: ignore[return-value]


def _entry(source: int, all_sources: tuple[int, ...], places: dict[int, tuple[float, float]]) -> float:
    """Where an arrow meets a box, as a share of its width from the middle: ordered as the arrows start."""
    order = sorted(dict.fromkeys(all_sources), key=lambda each: (places[each][0], each))
    return 0.5 * ((order.index(source) + 1) / (len(order) + 1) - 0.5)


def _box(axes: Axes, middle: tuple[float, float], box: dict[str, Any]) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import FancyBboxPatch

    x, y = middle
    colour = COLOURS.get(box["part"])
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX[0] / 2, y - BOX[1] / 2),
            *BOX,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="none" if colour is None else to_rgba(colour, 0.1),
            edgecolor=colour or MUTED,
            linewidth=0.9,
            zorder=2,
        )
    )
    axes.text(
        x, y + 0.11, label(box["name"], 34), ha="center", va="center", fontsize=8.5, color=INK, zorder=3
    )
    axes.text(
        x, y - 0.13, label(box["about"], 40), ha="center", va="center", fontsize=7.5, color=MUTED, zorder=3
    )


def _canvas(width: float, height: float) -> Axes:
    """An empty panel whose units are inches, over the whole figure."""
    from netwright.report.picture import Picture

    axes = Picture(figsize=(width, height), facecolor="none").add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    return axes
