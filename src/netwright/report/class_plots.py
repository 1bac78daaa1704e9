"""The pictures of predicted probabilities: curves over thresholds, calibration, spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.report.canvas import MUTED, SERIES, label, legend, name, panels
from netwright.report.curves import Curve, precision_recall, roc, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE = SERIES[0], SERIES[1]
FEW_CURVES = 3


def roc_curves(truth: Any, scores: Any, names: Sequence[str]) -> Figure:
    """ROC curves, one a class against the rest; of many classes the 8 with the smallest areas.

    Arguments:
        truth: whether a row is of the class. [N, C] bool
        scores: probability of the class. [N, C] float
        names: names of the classes.
    """
    figure, axes = _curves(truth, scores, names, roc, "area")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    name(axes, "ROC curve", "false positive rate", "true positive rate")
    _beside(axes, "lower right")
    return figure


def precision_recall_curves(truth: Any, scores: Any, names: Sequence[str]) -> Figure:
    """Precision-recall curves, one a class against the rest; of many classes the 8 with the smallest areas.

    Arguments:
        truth: whether a row is of the class. [N, C] bool
        scores: probability of the class. [N, C] float
        names: names of the classes.
    """
    figure, axes = _curves(truth, scores, names, precision_recall, "average precision")
    name(axes, "Precision and recall", "recall", "precision")
    _beside(axes, "lower left")
    return figure


def _curves(truth: Any, scores: Any, names: Sequence[str], points: Any, area: str) -> tuple[Figure, Axes]:
    truth, scores = np.asarray(truth, bool), np.asarray(scores, np.float64)
    curves: list[tuple[str, Curve]] = []
    for place, each in enumerate(names):
        curve = points(truth[:, place], scores[:, place])
        if curve is not None:
            curves.append((each, curve))
    if len(curves) > len(SERIES):
        curves = sorted(curves, key=lambda item: item[1][2])[: len(SERIES)]
    few = len(curves) <= FEW_CURVES
    figure, (axes,) = panels(4.6, 3.5, right=0.14 if few else 1.76)
    for colour, (each, (x, y, value)) in zip(SERIES, curves, strict=False):
        words = f"{label(each, 15)}: {f'{area} ' if few else ''}{value:.3f}"
        axes.plot(*thinned(x, y), color=colour, linewidth=1.6 if few else 1.1, label=words)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    return figure, axes


def _beside(axes: Axes, corner: str) -> None:
    """The legend in a free corner, or of many curves to the right of the panel."""
    if len(axes.get_legend_handles_labels()[0]) <= FEW_CURVES:
        legend(axes, corner)
    else:
        legend(axes, "upper left", anchor=(1.0, 1.03))


def probability_histogram(truth: Any, scores: Any, positive: str) -> Figure:
    """How the predicted probabilities of the positive class are spread, by the true class.

    Arguments:
        truth: whether a row is positive. [N] bool
        scores: probability of the positive class. [N] float
        positive: name of the positive class.
    """
    truth, scores = np.asarray(truth, bool), np.asarray(scores, np.float64)
    figure, (axes,) = panels(4.6, 3.5)
    bins = np.linspace(0.0, 1.0, 41)
    short = label(positive, 18)
    for colour, rows, words in ((ORANGE, ~truth, f"not {short}"), (BLUE, truth, short)):
        counts = np.histogram(scores[rows], bins)[0] / max(rows.sum(), 1)
        axes.stairs(counts, bins, color=colour, fill=True, alpha=0.22)
        axes.stairs(counts, bins, color=colour, linewidth=1.3, label=words)
    axes.set_xlim(-0.02, 1.02)
    name(axes, "Predicted probabilities by true class", f"probability of {short}", "share of the class")
    legend(axes, "upper center")
    return figure


def reliability_diagram(bins: Sequence[Mapping[str, Any]]) -> Figure:
    """How often a prediction came true, by the probability that was given to it.

    Arguments:
        bins: {"low", "high", "confidence", "observed", "rows"} each; empty ones may have nulls.
    """
    figure, (axes, below) = panels(4.6, 3.5, rows=2, left=0.74, heights=[3.2, 1.0], gap=0.14)
    filled = [each for each in bins if each["rows"]]
    confidence = [each["confidence"] for each in filled]
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), label="perfect")
    axes.plot(
        confidence, [each["observed"] for each in filled], "o-", color=BLUE, linewidth=1.4, markersize=4.5
    )
    edges, widths = [each["low"] for each in bins], [each["high"] - each["low"] for each in bins]
    below.bar(
        edges, [each["rows"] for each in bins], widths, align="edge", color=BLUE, alpha=0.6, linewidth=0
    )
    for panel in (axes, below):
        panel.set_xlim(min(edges, default=0.0) - 0.02, 1.02)
    axes.tick_params(labelbottom=False)
    below.locator_params(axis="y", nbins=2)
    name(axes, "Calibration", "", "share that came true")
    name(below, "", "predicted probability", "rows")
    legend(axes, loc="upper left")
    return figure
