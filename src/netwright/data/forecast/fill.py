"""What stands in a look-back where a value is missing. Only earlier values are looked at."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def fill(values: np.ndarray, starts: np.ndarray, how: str, season: int = 1) -> np.ndarray:
    """Series without missing values.

    Arguments:
        values: NaN where missing. [T, C]
        starts: where series begin, and the end of the last. [S + 1]
        how: "zero"; "season": the value a season before, where there is one, else as forward; all others: the
            last value. Before a column's first value there is nothing to go by, and that value stands.
        season: steps of a season.

    Returns:
        [T, C]; 0 in columns without any value.

    Example:
        >>> fill(np.array([[np.nan], [1.0], [np.nan], [3.0]]), np.array([0, 4]), "forward").T.tolist()
        [[1.0, 1.0, 1.0, 3.0]]
    """
    if how == "zero":
        return np.nan_to_num(values)
    filled = values.copy()
    for first, last in pairwise(starts.tolist()):
        part = filled[first:last]
        if not np.isnan(part).any():
            continue
        if how == "season" and season > 1:
            for start in range(season, len(part), season):  # a season at a time, so that one fills the next
                here, before = part[start : start + season], part[start - season : start]
                here[:] = np.where(np.isnan(here), before[: len(here)], here)
        _forward(part)
    return filled


def _forward(part: np.ndarray) -> None:
    """In place. [T, C]"""
    there = ~np.isnan(part)
    steps = np.arange(len(part))[:, None]
    latest = np.maximum.accumulate(np.where(there, steps, -1), axis=0)
    earliest = np.where(there.any(0), there.argmax(0), 0)
    part[:] = np.take_along_axis(part, np.where(latest < 0, earliest, latest), axis=0)
    np.nan_to_num(part, copy=False)
