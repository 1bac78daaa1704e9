"""The probability above which the positive one of two classes is predicted."""

from __future__ import annotations

import numpy as np

METRICS = ("f1", "balanced_accuracy", "accuracy")
"""what a threshold can be chosen for"""


def choose(target: np.ndarray, probability: np.ndarray, metric: str) -> float:
    """The threshold with the best metric on some rows.

    Between two neighbouring probabilities it is their middle. Of equally good ones it is the one nearest to
    one half, which also stands where one class is absent.

    Arguments:
        target: codes, 1 for the positive class; -1 for unknown classes, which are left out. [N]
        probability: of the positive class. [N]
        metric: f1, balanced_accuracy or accuracy.

    Returns:
        A number between 0 and 1.

    Example:
        >>> choose(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.9]), "accuracy")
        0.25
    """
    known = target >= 0
    truth, probability = target[known] == 1, np.asarray(probability, dtype=np.float64)[known]
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return 0.5
    order = np.argsort(-probability, kind="stable")
    ordered = probability[order]
    last = np.append(np.flatnonzero(ordered[:-1] > ordered[1:]), len(ordered) - 1)  # of equal ones
    hits = np.append(0, np.cumsum(truth[order])[last]).astype(np.float64)  # none selected, then more and more
    alarms = np.append(0, np.cumsum(~truth[order])[last]).astype(np.float64)
    ends = np.concatenate([[1.0], ordered[last], [0.0]])
    thresholds = (ends[:-1] + ends[1:]) / 2
    values = {
        "f1": 2 * hits / (hits + alarms + positive),
        "balanced_accuracy": (hits / positive + (negative - alarms) / negative) / 2,
        "accuracy": (hits + negative - alarms) / (positive + negative),
    }[metric]
    # Nothing lies between one half and its neighbours, so one half itself is as good as the middle there.
    around = (ends[1:] <= 0.5) & (ends[:-1] > 0.5)
    thresholds = np.where(around, 0.5, thresholds)
    inside = np.flatnonzero((thresholds > 0.0) & (thresholds < 1.0))
    best = inside[values[inside] >= values[inside].max() - 1e-12] if len(inside) else inside
    return float(thresholds[best[np.argmin(np.abs(thresholds[best] - 0.5))]]) if len(best) else 0.5
