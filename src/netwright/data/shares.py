"""Shares of rows, drawn at random, each class in proportion."""

from __future__ import annotations

import numpy as np


def draw_share(scores: np.ndarray, strata: np.ndarray, share: float, *, whole: bool = False) -> np.ndarray:
    """Which rows belong to a share of all; the same scores and a larger share give these rows and more.

    Arguments:
        scores: random numbers of the rows; the lowest are drawn. [N]
        strata: codes from 0; the share is that of each stratum, of which one row is there at least. [N] int64
        share: of the rows, above 0 and at most 1.
        whole: whether rows with equal scores, such as those of a group, stay together, whatever their strata.

    Returns:
        Places of the rows, ascending. int64

    Example:
        >>> draw_share(np.array([0.3, 0.1, 0.4, 0.2]), np.zeros(4, dtype=np.int64), 0.5)
        array([1, 3])
    """
    if whole:
        values, sizes = np.unique(scores, return_counts=True)
        last = int(np.searchsorted(np.cumsum(sizes), share * len(scores)))
        return np.flatnonzero(scores <= values[min(last, len(values) - 1)])
    order = np.lexsort((scores, strata))
    counts = np.bincount(strata)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    wanted = np.maximum(1, np.round(share * counts))
    inside = np.arange(len(order)) - starts < wanted[strata[order]]
    return np.sort(order[inside])
