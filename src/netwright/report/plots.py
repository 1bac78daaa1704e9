"""The pictures of a run, one function each: plain data in, a matplotlib Figure out.

No pyplot, so that nothing is kept in memory and no window opens. Sizes are inches, meant for a page of two
columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.report.canvas import CHARACTER, INK, LINE, MUTED, SERIES, label, legend, name, panels
from netwright.report.class_plots import (
    precision_recall_curves,
    probability_histogram,
    reliability_diagram,
    roc_curves,
)
from netwright.report.words import metric_name

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

__all__ = [
    "confusion_matrix",
    "evidence_lines",
    "importance_bars",
    "precision_recall_curves",
    "probability_histogram",
    "reliability_diagram",
    "residuals",
    "roc_curves",
    "score_comparison",
    "training_curves",
]

BLUE, ORANGE = SERIES[0], SERIES[1]
SCATTER_ROWS = 2000


def training_curves(
    history: pl.DataFrame, metric: str | None = None, best_epoch: Sequence[int] = ()
) -> Figure:
    """Losses, a validation metric and the learning rate by epoch.

    Several members are thin lines; the thick one is their mean, as far as all of them trained.

    Arguments:
        history: columns member, epoch, learning_rate, train_loss, validation_loss, validation_<metric>.
        metric: which metric is shown, without ``validation_``; left out where history lacks it.
        best_epoch: the epoch whose weights were kept, one a member.
    """
    from matplotlib.ticker import MaxNLocator

    column = f"validation_{metric}"
    shown = metric if metric and column in history.columns else None
    figure, axes = panels(9.4, 2.7, columns=3 if shown else 2, gap=0.8)
    _member_lines(axes[0], history, "train_loss", BLUE, "training")
    _member_lines(axes[0], history, "validation_loss", ORANGE, "validation")
    name(axes[0], "Loss", "epoch", "loss")
    _log_where_wide(axes[0])
    if shown:
        _member_lines(axes[1], history, column, ORANGE, "validation")
        name(axes[1], f"Validation {metric_name(shown)}", "epoch", metric_name(shown))
    _member_lines(axes[-1], history, "learning_rate", MUTED, "learning rate")
    name(axes[-1], "Learning rate", "epoch", "learning rate")
    axes[-1].yaxis.set_major_formatter(lambda rate, _: f"{rate:.3g}")
    for panel in axes[:-1]:
        epochs = sorted(set(best_epoch))
        for place, epoch in enumerate(epochs):
            words = ("best epoch" if len(epochs) == 1 else "best epochs") if place == 0 else None
            height = 1.0 if len(epochs) == 1 else 0.1
            panel.axvline(
                epoch, ymax=height, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), alpha=0.7, label=words
            )
    for panel in axes:
        panel.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    legend(axes[0])
    return figure


def _member_lines(axes: Axes, history: pl.DataFrame, column: str, colour: str, words: str) -> None:
    if column not in history.columns:
        return
    lines = []
    for _, rows in history.group_by("member", maintain_order=True):
        values = rows[column].cast(float).to_numpy()
        lines.append((rows["epoch"].to_numpy(), np.where(np.isfinite(values), values, np.nan)))
    dot = "o" if all(len(epochs) == 1 for epochs, _ in lines) else None
    if len(lines) == 1:
        axes.plot(*lines[0], color=colour, linewidth=1.6, label=words, marker=dot, markersize=3)
        return
    for line in lines:
        axes.plot(*line, color=colour, linewidth=0.6, alpha=0.45, marker=dot, markersize=2)
    together = min(len(epochs) for epochs, _ in lines)
    mean = np.mean([values[:together] for _, values in lines], axis=0)
    words = f"{words}, mean of {len(lines)}"
    axes.plot(
        lines[0][0][:together], mean, color=colour, linewidth=1.8, label=words, marker=dot, markersize=3
    )


def _log_where_wide(axes: Axes) -> None:
    values = np.concatenate([np.asarray(line.get_ydata(), float) for line in axes.lines] or [np.ones(1)])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 30 * values.min():
        axes.set_yscale("log")
        axes.grid(visible=False, which="minor")
        axes.tick_params(which="minor", colors=LINE, length=2, labelsize=0)


def evidence_lines(
    series: Mapping[str, Sequence[float | None]], line: float | None, title: str, order: str
) -> Figure:
    """The figures that a diagnosis rests on, in their order, beside the threshold where there is one.

    Arguments:
        series: {name: figures}; gaps where a figure is missing or not finite. Each [T]
        line: the threshold.
        title: what is shown.
        order: what the figures follow, such as ``epoch``.
    """
    from matplotlib.ticker import MaxNLocator

    figure, (axes,) = panels(6.2, 2.3, left=0.75, right=1.75)
    for place, (words, values) in enumerate(series.items()):
        y = np.array([np.nan if each is None else each for each in values], float)
        y = np.where(np.isfinite(y), y, np.nan)
        dot = "o" if len(y) <= 30 else None
        axes.plot(
            np.arange(1, len(y) + 1),
            y,
            color=SERIES[place % len(SERIES)],
            linewidth=1.4,
            marker=dot,
            markersize=3,
            label=label(words.replace("_", " "), 22),
        )
    _log_where_wide(axes)
    if line is not None and (line > 0 or axes.get_yscale() == "linear"):
        axes.axhline(line, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), label="threshold")
    name(axes, label(title, 60), order, "")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    legend(axes, loc="upper left", anchor=(1.0, 1.0))
    return figure


def score_comparison(
    scores: Mapping[str, float], metric: str, interval: Sequence[float] | None = None
) -> Figure:
    """A model's score beside those of its baselines, as dots on one scale.

    Arguments:
        scores: {words: score}; the first is the model's.
        metric: name of the score.
        interval: low and high end of the model's 95 % interval.
    """
    names = [label(each, 22) for each in scores]
    left = 0.3 + CHARACTER * max(map(len, names))
    figure, (axes,) = panels(4.6, 0.95 + 0.27 * len(names), left=left, right=0.3, top=0.34, bottom=0.46)
    axes.grid(visible=False, axis="y")
    for place, score in enumerate(scores.values()):
        colour, size = (BLUE, 7) if place == 0 else (MUTED, 5)
        axes.plot(score, place, "o", color=colour, markersize=size)
    if interval is not None:
        axes.plot(interval, [0, 0], color=BLUE, linewidth=2.4, alpha=0.55, solid_capstyle="round")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.locator_params(axis="x", nbins=4)
    _thousands(axes.xaxis, max(map(abs, scores.values())))
    name(axes, f"{metric_name(metric, capital=True)} on the test rows", metric_name(metric), "")
    return figure


def confusion_matrix(counts: Any, classes: Sequence[str]) -> Figure:
    """How often each true class (rows) was taken for which class (columns).

    Colour is the share of the row. Each cell gives the count, and the share where there is room.

    Arguments:
        counts: rows true, columns predicted. [C, C] int; one row more holds classes that never trained
        classes: names of the columns, in their order.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    counts = np.asarray(counts, dtype=np.int64)
    height, width = counts.shape
    columns = [label(each, 18) for each in classes[:width]]
    rows = [*columns, "not in training"][:height]
    longest = max(map(len, rows))
    turned = width > 5 or longest * width > 42
    cell = 0.62 if width <= 6 else max(0.27, 4.2 / width)
    left = 0.45 + CHARACTER * longest
    bottom = 0.4 + (CHARACTER * max(map(len, columns)) if turned else 0.12)
    top = 0.36
    size_x = max(left + 0.15 + cell * 1.25 * width, 3.4)
    figure, (axes,) = panels(size_x, top + bottom + cell * height, left=left, top=top, bottom=bottom)
    axes.grid(visible=False)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    filled = np.argwhere(counts > 0)
    corners = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])
    squares = filled[:, None, ::-1] + corners  # [cells, 4, (x, y)]
    colours = [to_rgba(BLUE, 0.06 + 0.86 * share[row, column]) for row, column in filled]
    axes.add_collection(PolyCollection(list(squares), facecolors=colours, edgecolors="none"))
    for row, column in filled:
        count, part = counts[row, column], share[row, column]
        words = f"{count:,}\n{part:.0%}" if width <= 8 else _brief(count)
        colour = "#fefefe" if part > 0.55 else INK
        axes.text(
            column, row, words, ha="center", va="center", fontsize=8 if width <= 8 else 6.5, color=colour
        )
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.set_xticks(range(width), columns, rotation=90 if turned else 0)
    axes.set_yticks(range(height), rows)
    axes.tick_params(length=0, labelcolor=INK)
    name(axes, "Confusion matrix", "predicted class", "true class")
    return figure


def _brief(count: int) -> str:
    if count < 10_000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 999_500 else f"{count / 1e6:.1f}M"


def residuals(true: Any, predicted: Any, target: str) -> Figure:
    """Predicted beside true values, and how the errors are spread.

    Arguments:
        true: [N] float
        predicted: [N] float
        target: the target's name.
    """
    from matplotlib.ticker import MaxNLocator

    true, predicted = np.asarray(true, np.float64), np.asarray(predicted, np.float64)
    error = predicted - true
    figure, (scatter, histogram) = panels(9.4, 3.3, columns=2, left=0.85, gap=0.95)
    drawn = np.arange(len(true))
    if len(true) > SCATTER_ROWS:
        drawn = np.random.default_rng(0).choice(len(true), SCATTER_ROWS, replace=False)
    scatter.plot(
        true[drawn], predicted[drawn], "o", color=BLUE, markersize=2.6, alpha=0.35, mew=0, rasterized=True
    )
    ends = [min(true[drawn].min(), predicted[drawn].min()), max(true[drawn].max(), predicted[drawn].max())]
    scatter.plot(ends, ends, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), label="predicted = true")
    sampled = f" ({SCATTER_ROWS:,} of {len(true):,} rows)" if len(drawn) < len(true) else ""
    short = label(target, 24)
    name(scatter, f"{short}: predicted and true", f"true {short}{sampled}", f"predicted {short}")
    legend(scatter, loc="upper left")
    low, high = np.quantile(error, [0.005, 0.995])
    bins = np.histogram_bin_edges(error, bins=40, range=(low, high) if high > low else None)
    histogram.hist(np.clip(error, bins[0], bins[-1]), bins=bins.tolist(), color=BLUE, alpha=0.75)
    histogram.axvline(0.0, color=INK, linewidth=0.8, linestyle=(0, (3, 2)))
    name(histogram, f"{short}: errors", "predicted - true (ends hold the furthest 0.5 %)", "rows")
    for axis in (scatter.xaxis, scatter.yaxis, histogram.xaxis):
        axis.set_major_locator(MaxNLocator(5))
        _thousands(axis, max(map(abs, ends)))
    return figure


def _thousands(axis: Axis, largest: float) -> None:
    """Commas in the labels of large numbers."""
    if 10_000 <= largest < 1e9:
        axis.set_major_formatter("{x:,.0f}")


def importance_bars(columns: Sequence[Mapping[str, Any]], metric: str, most: int = 20) -> Figure:
    """How much worse the score gets when one column's values are shuffled.

    Arguments:
        columns: {"name", "drop", "deviation"} each, in descending order of drop.
        metric: name of the score.
        most: columns drawn.
    """
    shown = [each for each in columns if each["drop"] is not None][:most]
    names = [label(each["name"], 28) for each in shown]
    left = 0.3 + CHARACTER * max(map(len, names), default=0)
    figure, (axes,) = panels(9.4, 0.95 + 0.21 * max(len(names), 2), left=left, top=0.34, bottom=0.48)
    axes.grid(visible=False, axis="y")
    axes.barh(
        range(len(shown)),
        [each["drop"] for each in shown],
        xerr=[each["deviation"] or 0.0 for each in shown],
        height=0.62,
        color=BLUE,
        alpha=0.8,
        error_kw={"ecolor": INK, "elinewidth": 0.9, "capsize": 2},
    )
    axes.axvline(0.0, color=LINE, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    name(axes, "What the network looks at", f"how much worse {metric_name(metric)} gets when shuffled", "")
    return figure
