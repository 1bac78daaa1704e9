"""Windows of a look-back and the steps after it, and the part of the data that each belongs to."""

from __future__ import annotations

from typing import Any

import numpy as np

from netwright.data.roles import IGNORE, TEST, TRAIN, VALIDATION

SEEN = {
    TRAIN: (TRAIN, IGNORE),
    VALIDATION: (TRAIN, VALIDATION, IGNORE),
    TEST: (TRAIN, VALIDATION, TEST, IGNORE),
}
"""roles that the look-back of a window may reach into, by the role of its target"""


def window_roles(role: np.ndarray, known: Any, starts: np.ndarray, lookback: int, horizon: int) -> np.ndarray:
    """The part that the window from each step on belongs to.

    A window's targets lie in one part. Its look-back may reach back into earlier parts, never from training
    into validation or test rows; it stays within the series.

    Arguments:
        role: of the steps. [T] int8
        known: which steps have a value of a target. [T] bool
        starts: where series begin, and the end of the last. [S + 1]
        lookback, horizon: steps.

    Returns:
        TRAIN, VALIDATION or TEST of the window whose look-back begins at that step; IGNORE where none
        does, or it takes no part. [T] int8

    Example:
        >>> role = np.array([TRAIN] * 4 + [TEST] * 3, dtype=np.int8)
        >>> window_roles(role, np.ones(7, bool), np.array([0, 7]), lookback=2, horizon=2).tolist()
        [0, 3, 2, 2, 3, 3, 3]
    """
    count, size = len(role), lookback + horizon
    found = np.full(count, IGNORE, dtype=np.int8)
    windows = count - size + 1
    if windows < 1:
        return found
    series = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    whole = series[:windows] == series[size - 1 :]
    some = _sums(known, lookback, horizon, windows) > 0
    for part, seen in SEEN.items():
        target = _sums(role == part, lookback, horizon, windows) == horizon
        back = _sums(np.isin(role, seen), 0, lookback, windows) == lookback
        found[:windows][whole & some & target & back] = part
    return found


def _sums(values: Any, first: int, size: int, windows: int) -> np.ndarray:
    """Sums over `size` steps from `first` after each window's begin on. [windows]"""
    total = np.concatenate([[0], np.cumsum(values)])
    return total[first + size : first + size + windows] - total[first : first + windows]


def thinned(windows: np.ndarray, starts: np.ndarray, stride: int) -> np.ndarray:
    """Every so many steps one window of each series, from its first window on. Ascending. int64"""
    if stride == 1:
        return windows
    series = np.searchsorted(starts, windows, side="right") - 1
    first = np.full(len(starts), -1)
    for place, window in zip(series[::-1], windows[::-1], strict=True):
        first[place] = window
    return windows[(windows - first[series]) % stride == 0]
