"""A drawing of a network: circles and lines where it is small and dense, boxes and arrows otherwise."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import InputError
from netwright.plots.layout import levels, positions
from netwright.report.canvas import INK, LINE, MUTED, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_UNITS = 16  # in a column of circles
MOST_LINES = 800
CIRCLE_GAP = 0.34  # inches between circles
BOX = (2.15, 0.56)  # inches
GAP = (0.35, 0.4)
POSITIVE, NEGATIVE = SERIES[0], SERIES[1]


def network(model: Any) -> Figure:
    """A model of layers by hand as it is built.

    Small chains of dense layers are circles and lines: a line's colour is its weight's sign and its width the
    weight's size among those of its layer; a circle's rim tells the bias so. All other models are boxes with
    names, outputs' shapes and numbers of parameters; data flows along the arrows.

    Arguments:
        model: a `Sequential` or `Model`.

    Raises:
        InputError: it is another kind of model, or has no shape yet.

    Example:
        >>> import netwright as nw
        >>> figure = network(nw.Sequential([nw.layers.Dense(4, "relu", input_dim=2), nw.layers.Dense(1)]))
    """
    if not hasattr(model, "get_weights") or not hasattr(model, "network"):
        hint = "give a Sequential or a Model"
        raise InputError(f"a {type(model).__name__} cannot be drawn", where="network", hint=hint)
    if model.network is None:
        raise InputError("the model has no shape yet", where="network", hint="build it, or fit it first")
    dense = _dense(model)
    return _boxes(model.network) if dense is None else _circles(*dense)


def _dense(model: Any) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[str]] | None:
    """Weights and biases of small dense layers, and words under each column; None where they are not all."""
    chain, graph = model.network.graph.chain(), model.network.graph
    if not chain or len(graph.shapes[0]) != 1 or graph.shapes[0][0] is None:
        return None
    values = {name: value[0].float().cpu().numpy() for name, value in model.network.named_values().items()}
    weights, words = [], [f"{graph.shapes[0][0]} inputs"]
    names = {layer: name for name, layer in graph.layers.items()}
    for layer in chain:
        kind = type(layer).__name__
        place = f"graph.layers.{names[layer]}"
        if kind == "Dense":
            kernel = values[f"{place}.kernel"]
            weights.append((kernel, values.get(f"{place}.bias", np.zeros(kernel.shape[1]))))
            activation = layer.activation_name
            words.append(f"{layer.name}\n{'' if activation == 'linear' else activation}".rstrip())
        elif kind in ("Dropout", "GaussianNoise", "GaussianDropout"):
            words[-1] += f"\n{layer.name} {layer.arguments.get('rate', layer.arguments.get('stddev'))}"
        elif kind in ("Activation", "ReLU", "Softmax"):
            words[-1] += f"\n{layer.arguments.get('activation', kind.lower())}"
        else:
            return None
    sizes = [size for kernel, _ in weights for size in kernel.shape]
    lines = sum(kernel.size for kernel, _ in weights)
    small = weights and max(sizes) <= MOST_UNITS and lines <= MOST_LINES
    return (weights, words) if small else None


def _circles(weights: list[tuple[np.ndarray, np.ndarray]], words: list[str]) -> Figure:
    from matplotlib.collections import LineCollection

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


def _boxes(made: Any) -> Figure:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    graph = made.graph
    inputs = len(graph.inputs)
    sources: list[tuple[int, ...]] = [()] * inputs + [node.sources for node in graph.nodes]
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
    ends = set(graph.ends)
    for place in range(len(sources)):
        _box(
            axes,
            inches(places[place]),
            *_words(made, place),
            look="input" if place < inputs else "",
            end=place in ends,
        )
    axes.set(xlim=(-0.05, wide * step[0] + 0.05), ylim=(-deep * step[1] - 0.05, 0.05))
    return axes.figure  # type: ignore[return-value]


def _entry(source: int, all_sources: tuple[int, ...], places: dict[int, tuple[float, float]]) -> float:
    """Where an arrow meets a box, as a share of its width from the middle: ordered as the arrows start."""
    order = sorted(dict.fromkeys(all_sources), key=lambda each: (places[each][0], each))
    return 0.5 * ((order.index(source) + 1) / (len(order) + 1) - 0.5)


def _words(made: Any, place: int) -> tuple[str, str]:
    """The two lines of a box."""
    graph = made.graph
    shape = "(" + ", ".join("any" if size is None else str(size) for size in graph.shapes[place]) + ")"
    if place < len(graph.inputs):
        return made.input_names[place], f"input {shape}"
    layer = graph.nodes[place - len(graph.inputs)].layer
    count = sum(
        declared.size for module in layer.modules() for declared in getattr(module, "declared", {}).values()
    )
    kind = type(layer).__name__
    activation = getattr(layer, "activation_name", "")
    head = layer.name if layer.name.rstrip("_0123456789") == _plain(kind) else f"{layer.name}: {kind}"
    if activation not in ("", "linear") and kind != "Activation":
        head += f", {activation}"
    if kind == "Activation":
        head = f"{layer.name}: {activation}"
    return head, shape + (f"  {count:,} parameters" if count else "")


def _plain(kind: str) -> str:
    from netwright.layers.base import snake_case

    return snake_case(kind).rstrip("_0123456789")


def _box(axes: Axes, middle: tuple[float, float], head: str, below: str, *, look: str, end: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    from netwright.report.canvas import label

    x, y = middle
    axes.add_patch(
        FancyBboxPatch(
            (x - BOX[0] / 2, y - BOX[1] / 2),
            *BOX,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="#eaf2f8" if look == "input" else "#fdf0e6" if end else "white",
            edgecolor=SERIES[0] if look == "input" else SERIES[1] if end else LINE,
            linewidth=1.0,
            zorder=2,
        )
    )
    axes.text(x, y + 0.11, label(head, 34), ha="center", va="center", fontsize=8.5, color=INK, zorder=3)
    axes.text(x, y - 0.13, label(below, 40), ha="center", va="center", fontsize=7.5, color=MUTED, zorder=3)


def _canvas(width: float, height: float) -> Axes:
    """An empty panel whose units are inches, over the whole figure."""
    from netwright.report.picture import Picture

    axes = Picture(figsize=(width, height), facecolor="none").add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    return axes
