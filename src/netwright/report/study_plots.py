"""The pictures of a search: its history, what mattered, and how values and scores go together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.report.canvas import CHARACTER, INK, MUTED, SERIES, label, legend, name, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Trials = Sequence[Mapping[str, Any]]
BLUE, ORANGE, GREY = SERIES[0], SERIES[1], SERIES[7]
LOOKS = {"complete": (BLUE, "o"), "pruned": (GREY, "o"), "stopped": (SERIES[4], "s")}
MOST_LINES = 150
MOST_AXES = 8


def search_history(trials: Trials) -> Figure:
    """Each trial's score, and the best so far.

    Arguments:
        trials: rows of trials.csv; lower scores are better.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = panels(9.4, 2.9, left=0.75)
    low, high = _window([each["score"] for each in trials])
    for state, (colour, marker) in LOOKS.items():
        own = [each for each in trials if each["state"] == state and each["score"] is not None]
        inside = [each for each in own if each["score"] <= high]
        axes.scatter(
            [each["trial"] for each in inside],
            [each["score"] for each in inside],
            s=18,
            color=colour,
            marker=marker,
            linewidths=0,
            alpha=0.8,
            label=_counted(state, len(own)) if own else None,
        )
    above = [each["trial"] for each in trials if each["score"] is None or each["score"] > high]
    if above:
        axes.scatter(
            above, [high] * len(above), s=26, marker="^", color=ORANGE, linewidths=0, label="off the scale"
        )
    over = [each for each in trials if each["state"] == "complete" and each["score"] is not None]
    if over:
        best = np.minimum.accumulate([each["score"] for each in over])
        numbers = [each["trial"] for each in over] + [trials[-1]["trial"]]
        axes.step(numbers, [*best, best[-1]], where="post", color=INK, linewidth=1.2, label="best so far")
    axes.set_ylim(low, high + 0.04 * (high - low))
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    name(axes, "History", "trial", "validation loss")
    legend(axes, "upper right")
    return figure


def importance_shares(importance: Mapping[str, float]) -> Figure:
    """Each key's share of the scores' variance.

    Arguments:
        importance: shares by config key, highest first.
    """
    names = [label(key, 36) for key in importance]
    left = 0.3 + CHARACTER * max(map(len, names), default=0)
    figure, (axes,) = panels(9.4, 0.95 + 0.24 * max(len(names), 2), left=left, top=0.34, bottom=0.48)
    axes.grid(visible=False, axis="y")
    axes.barh(range(len(names)), list(importance.values()), height=0.62, color=BLUE, alpha=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value * 100:.0f} %")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    name(axes, "What mattered", "share of the variance of the scores (fANOVA)", "")
    return figure


def parallel_coordinates(trials: Trials, space: Mapping[str, Any], keys: Sequence[str]) -> Figure:
    """A line through the values of each trial; the better, the darker. The best one stands out.

    Arguments:
        trials: rows of trials.csv.
        space: as in study.json.
        keys: the axes, from left to right; the score comes last.
    """
    keys = list(keys)[:MOST_AXES]
    shown = sorted((each for each in trials if each["score"] is not None), key=lambda each: each["score"])
    shown = shown[:MOST_LINES]
    scores = [each["score"] for each in shown]
    low, high = _window(scores)
    figure, (axes,) = panels(9.4, 3.0, left=0.7, right=0.7, top=0.5, bottom=0.15)
    axes.set_axis_off()
    places = np.arange(len(keys) + 1)
    scales = [_Scale(space[key], [each[key] for each in shown]) for key in keys]
    for rank in reversed(range(len(shown))):
        each = shown[rank]
        heights = [scale(each[key]) for scale, key in zip(scales, keys, strict=True)]
        heights.append(min(1.0, (each["score"] - low) / (high - low)) if high > low else 0.5)
        shade = 1 - rank / max(len(shown) - 1, 1)
        look = {"color": ORANGE, "linewidth": 2.2} if rank == 0 else {"color": BLUE, "linewidth": 0.9}
        axes.plot(places, heights, alpha=1.0 if rank == 0 else 0.12 + 0.5 * shade**2, **look)
    for place, (key, scale) in enumerate(zip(keys, scales, strict=True)):
        _axis(axes, place, label(key.partition(".")[2], 18), scale.ticks())
    ends = (
        []
        if not scores
        else [(0.0, f"{low:.4g}"), (1.0, f"{high:.4g}" + ("+" if max(scores) > high else ""))]
    )
    _axis(axes, len(keys), "score", ends)
    axes.set_xlim(-0.15, len(keys) + 0.15)
    axes.set_ylim(-0.02, 1.02)
    return figure


def slices(trials: Trials, space: Mapping[str, Any], keys: Sequence[str]) -> Figure:
    """Scores by the value of each key, side by side."""
    keys = list(keys)[:MOST_AXES]
    columns = 3 if len(keys) in (3, 5, 6) else 4
    rows = math.ceil(len(keys) / columns)
    figure, axes = panels(9.4, 0.3 + 1.85 * rows, rows=rows, columns=columns, left=0.7, gap=0.66, bottom=0.45)
    shown = [each for each in trials if each["score"] is not None]
    low, high = _window([each["score"] for each in shown])
    for place, panel in enumerate(axes):
        if place >= len(keys):
            panel.set_axis_off()
            continue
        key = keys[place]
        scale = _Scale(space[key], [each[key] for each in shown])
        inside = [each for each in shown if each["score"] <= high]
        for state, (colour, marker) in LOOKS.items():
            own = [each for each in inside if each["state"] == state]
            heights = [each["score"] for each in own]
            panel.scatter(
                [scale(each[key]) for each in own],
                heights,
                s=12,
                color=colour,
                marker=marker,
                linewidths=0,
                alpha=0.7,
            )
        panel.set_xlim(-0.08, 1.08)
        panel.set_ylim(low, high)
        panel.set_xticks([at for at, _ in scale.ticks()], [words for _, words in scale.ticks()])
        name(panel, label(key.partition(".")[2], 20), "", "validation loss" if place % columns == 0 else "")
    return figure


class _Scale:
    """Puts the values of a key on 0 to 1."""

    def __init__(self, part: Any, values: list[Any]) -> None:
        self.choices = None
        if isinstance(part, list):
            known = [_shown(value) for value in part]
            self.choices = known + sorted({_shown(value) for value in values} - set(known))
            return
        self.log = bool(part.get("log"))
        self.low, self.high = self._of(part["low"]), self._of(part["high"])

    def __call__(self, value: Any) -> float:
        if self.choices is not None:
            return (self.choices.index(_shown(value)) + 0.5) / len(self.choices)
        span = self.high - self.low
        return (self._of(value) - self.low) / span if span else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Heights and their words."""
        if self.choices is not None:
            return [(self(each), label(each, 8)) for each in self.choices]
        middle = (self.low + self.high) / 2
        ends = [self.low, middle, self.high]
        values = [math.exp(end) if self.log else end for end in ends]
        return [(place / 2, f"{value:.2g}") for place, value in enumerate(values)]

    def _of(self, value: Any) -> float:
        return math.log(float(value)) if self.log else float(value)


def _axis(axes: Axes, place: int, words: str, ticks: list[tuple[float, str]]) -> None:
    axes.plot([place, place], [0, 1], color=MUTED, linewidth=0.9)
    axes.text(place, 1.07, words, ha="center", fontsize=8.5, color=INK)
    for height, tick in ticks:
        axes.plot([place - 0.02, place + 0.02], [height, height], color=MUTED, linewidth=0.9)
        axes.text(
            place + 0.04, height, tick, va="center", fontsize=7.5, color=MUTED,
            bbox={"facecolor": "none", "edgecolor": "none", "pad": 0.5},
        )  # fmt: skip


def _shown(value: Any) -> str:
    """A value as trials.csv has it: numbers by their worth, all else as text."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        import json

        return value if isinstance(value, str) else json.dumps(value)


def _window(scores: Sequence[float | None]) -> tuple[float, float]:
    """The range of scores that is worth looking at: far outliers above are left outside."""
    values = np.array([each for each in scores if each is not None], dtype=float)
    if not len(values):
        return 0.0, 1.0
    low, middle = float(values.min()), float(np.median(values))
    high = min(float(values.max()), middle + 3 * (middle - low)) if middle > low else float(values.max())
    if high <= low:
        high = low + max(abs(low) * 0.01, 1e-9)
    return low - 0.04 * (high - low), high


def _counted(state: str, number: int) -> str:
    return f"{state} ({number})"
