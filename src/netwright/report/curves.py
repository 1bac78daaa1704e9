"""The points of ROC and precision-recall curves, with the areas under them."""

from __future__ import annotations

import numpy as np

Curve = tuple[np.ndarray, np.ndarray, float]


def roc(truth: np.ndarray, score: np.ndarray) -> Curve | None:
    """False and true positive rate at each threshold, and the area under the curve.

    Arguments:
        truth: whether a row is positive. [N] bool
        score: higher means more likely positive. [N] float

    Returns:
        False positive rates and true positive rates from (0, 0) to (1, 1), and the area; None where only
        one of the two classes is there.
    """
    true, false = _counts(truth, score)
    if true[-1] == 0 or false[-1] == 0:
        return None
    x, y = np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1])
    return x, y, float(np.trapezoid(y, x))


def precision_recall(truth: np.ndarray, score: np.ndarray) -> Curve | None:
    """Recall and precision at each threshold, and the average precision.

    The average is the sum of precision times the step in recall, without interpolation: interpolating
    between points of this curve is too kind (Davis and Goadrich, 2006).

    Arguments:
        truth: whether a row is positive. [N] bool
        score: higher means more likely positive. [N] float

    Returns:
        Recalls (ascending), precisions and the average; None where no row is positive.
    """
    true, false = _counts(truth, score)
    if true[-1] == 0:
        return None
    recall, precision = true / true[-1], true / (true + false)
    average = float(np.sum(np.diff(recall, prepend=0.0) * precision))
    return np.append(0.0, recall), np.append(precision[0], precision), average


def thinned(x: np.ndarray, y: np.ndarray, most: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """At most about `most` points of a curve in [0, 1] x [0, 1], evenly along its length."""
    if len(x) <= most:
        return x, y
    length = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    kept = np.unique(np.searchsorted(length, np.linspace(0.0, length[-1], most)))
    kept = np.unique(np.append(kept, len(x) - 1))
    return x[kept], y[kept]


def _counts(truth: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at each distinct threshold, from the highest down."""
    order = np.argsort(-score, kind="stable")
    truth, score = truth[order].astype(np.float64), score[order]
    ends = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    true = np.cumsum(truth)[ends]
    return true, ends + 1 - true
