"""Rows that belong together, because they are nearly equal or of one group."""

from __future__ import annotations

import numpy as np

CLOSE = 0.5  # of the usual distance to the nearest row that is no kin


def kin(x: np.ndarray, groups: np.ndarray | None = None, *, close: bool = False) -> np.ndarray:
    """Which rows belong together: numbers from 0, the same for rows of one family. [n]

    Each row belongs to the row that is nearest to it, to those that are half as far as its nearest row beyond
    these usually is, and to its group. So several measurements of one thing stay together; of rows that have
    nothing to do with each other two or three do, which does no harm where families are only kept apart.

    Arguments:
        x: standardised features. [n, F]
        groups: what each row belongs to, if that is known. [n]
        close: only rows that are so close, not whatever is nearest.

    Example:
        >>> once = np.random.default_rng(0).normal(size=(20, 3))
        >>> x = np.repeat(once, 5, axis=0) + 0.01 * np.random.default_rng(1).normal(size=(100, 3))
        >>> families = kin(x)
        >>> all(len({*families[start : start + 5].tolist()}) == 1 for start in range(0, 100, 5))
        True
    """
    square = np.square(x).sum(1)
    distance = np.sqrt(np.maximum(square[:, None] + square - 2.0 * (x @ x.T), 0.0))  # [n, n]
    np.fill_diagonal(distance, np.inf)
    rows = np.arange(len(x))
    families = _joined(rows, distance.argmin(1), len(x))
    strangers = np.where(families[:, None] == families, np.inf, distance).min(1)
    known = strangers[np.isfinite(strangers)]
    first, second = np.nonzero(distance < CLOSE * (float(np.median(known)) if len(known) else 0.0))
    ends = [(first, second)] if close else [(rows, distance.argmin(1)), (first, second)]
    if groups is not None:
        _, codes = np.unique(groups, return_inverse=True)
        ends.append((rows, np.unique(codes, return_index=True)[1][codes]))
    return _joined(np.concatenate([a for a, _ in ends]), np.concatenate([b for _, b in ends]), len(x))


def _joined(first: np.ndarray, second: np.ndarray, rows: int) -> np.ndarray:
    """Numbers of the connected parts of a graph. [n]"""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = coo_array((np.ones(len(first)), (first, second)), shape=(rows, rows))
    return connected_components(edges, directed=False)[1]
