"""Areas under the ROC and precision-recall curves, from one sort that serves any weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Ranking:
    """Rows in descending order of their score.

    Arguments:
        order: the rows' numbers. [N]
        positive: 1.0 where the row at that place is positive. [N]
        last: places of the last row of each run of equal scores. [T]
    """

    order: np.ndarray
    positive: np.ndarray
    last: np.ndarray


def rank(positive: np.ndarray, score: np.ndarray) -> Ranking:
    """Sorts rows by `score` ([N]), remembering which are positive ([N] bool) and where scores are equal."""
    order = np.argsort(-score, kind="stable")
    falls = np.flatnonzero(np.diff(score[order]))
    return Ranking(order, positive[order].astype(np.float64), np.append(falls, len(order) - 1))


def cumulated(ranking: Ranking, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight of the positives, and of all rows, at or above each different score. [T], [T]"""
    sorted_weight = weight[ranking.order]
    positives = np.cumsum(sorted_weight * ranking.positive)
    return positives[ranking.last], np.cumsum(sorted_weight)[ranking.last]


def areas(ranking: Ranking, weight: np.ndarray) -> tuple[float, float]:
    """ROC AUC and average precision; NaN where positives or (ROC AUC) negatives are absent.

    Average precision is the sum of precision times the step in recall (no interpolation), as in
    scikit-learn; equal scores are one threshold in both.
    """
    true, chosen = cumulated(ranking, weight)
    false = chosen - true
    if true[-1] == 0.0:
        return np.nan, np.nan
    # Rows of weight 0 may stand on top, where nothing is chosen yet and precision does not count.
    precision = true / np.maximum(chosen, np.finfo(np.float64).tiny)
    average_precision = np.diff(true, prepend=0.0) @ precision / true[-1]
    if false[-1] == 0.0:
        return np.nan, float(average_precision)
    heights = true + np.append(0.0, true[:-1])
    area = np.diff(false, prepend=0.0) @ heights / 2.0
    return float(area / (true[-1] * false[-1])), float(average_precision)
