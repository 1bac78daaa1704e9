"""What stands in a look-back where a value is missing. Only earlier values are looked at."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def fill(
    values: np.ndarray,
    starts: np.ndarray,
    how: str,
    season: int = 1,
    before: np.ndarray | float = 0.0,
) -> np.ndarray:
    """Series without missing values.

    Arguments:
        values: NaN where missing. [T, C]
        starts: where series begin, and the end of the last. [S + 1]
        how: "zero"; "season": the value a season before, where there is one, else as forward; all others: the
            last value.
        season: steps of a season.
        before: what stands before a column's first value, where there is nothing to go by; also [C].

    Returns:
        [T, C]

    Example:
        >>> fill(np.array([[np.nan], [1.0], [np.nan], [3.0]]), np.array([0, 4]), "forward").T.tolist()
        [[0.0, 1.0, 1.0, 3.0]]
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
                here, last_one = part[start : start + season], part[start - season : start]
                here[:] = np.where(np.isnan(here), last_one[: len(here)], here)
        _forward(part, before)
    return filled


def _forward(part: np.ndarray, before: np.ndarray | float) -> None:
    """In place. [T, C]"""
    steps = np.arange(len(part))[:, None]
    latest = np.maximum.accumulate(np.where(np.isnan(part), -1, steps), axis=0)
    part[:] = np.where(latest < 0, before, np.take_along_axis(part, latest.clip(min=0), axis=0))
