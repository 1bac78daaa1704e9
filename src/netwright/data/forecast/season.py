"""How long a season is: the length whose repetition forecasts the training rows best."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from netwright.data.forecast.schema import Step

CALENDAR = {
    "second": (3600, 86400, 604800, 31557600),
    "month": (3, 12),
}
"""lengths of hours, days, weeks and years, in seconds; of quarters and years in months"""
PEAKS = 3
LONGEST = 2000
WORTH = 0.98
"""a longer season must lower the error to that share of a shorter one's"""


def find_season(values: np.ndarray, starts: np.ndarray, step: Step, horizon: int, longest: int) -> int:
    """Steps of a season; 1 where repeating the last value is as good.

    Arguments:
        values: filled training values. [T, C]
        starts: where series begin, and the end of the last. [S + 1]
        step: from one time to the next.
        horizon: steps ahead that the forecast is judged on.
        longest: the longest season that can be seen.

    Example:
        >>> wave = np.sin(np.arange(400) * 2 * np.pi / 7)[:, None]
        >>> find_season(wave, np.array([0, 400]), Step(unit="number", count=1), 14, 100)
        7
    """
    lengths = np.diff(starts)
    longest = int(min(longest, LONGEST, lengths.max() // 2))
    spread = values.std(0)
    scaled = values / np.where(spread > 0, spread, 1.0)
    parts = [scaled[a:b] for a, b in pairwise(starts.tolist())]
    fixed = {round(each / step.count) for each in CALENDAR.get(step.unit, ()) if each / step.count >= 2}
    wanted = sorted(each for each in fixed | set(_peaks(parts, longest)) if 2 <= each <= longest)
    found, least = 1, seasonal_error(parts, 1, horizon)
    for season in wanted:
        error = seasonal_error(parts, season, horizon)
        if error < WORTH * least:
            found, least = season, error
    return found


def seasonal_error(parts: list[np.ndarray], season: int, horizon: int) -> float:
    """The mean squared error of repeating the last season over a horizon, in all places of the series."""
    lags = season * -(-np.arange(1, horizon + 1) // season)  # [H]
    kinds, counts = np.unique(lags, return_counts=True)
    total, weight = 0.0, 0
    for lag, count in zip(kinds.tolist(), counts.tolist(), strict=True):
        errors = [np.square(part[lag:] - part[:-lag]).mean(1) for part in parts if len(part) > lag]
        if errors:
            total += count * float(np.concatenate(errors).mean())
            weight += count
    return total / weight if weight else float("inf")


def _peaks(parts: list[np.ndarray], longest: int) -> list[int]:
    """The lags at which the differences of the series are most like themselves."""
    likeness = np.zeros(longest + 2)
    for part in parts:
        change = np.diff(part, axis=0)
        if len(change) < 8:
            continue
        change = change - change.mean(0)
        size = 2 * len(change)
        power = np.square(np.abs(np.fft.rfft(change, size, axis=0))).sum(1)
        found = np.fft.irfft(power, size)[: longest + 2]
        likeness[: len(found)] += found
    if likeness[0] <= 0:
        return []
    inner = likeness[1:-1]
    top = (inner > likeness[:-2]) & (inner >= likeness[2:]) & (inner > 0.1 * likeness[0])
    lags = np.flatnonzero(top) + 1
    return lags[np.argsort(-likeness[lags], kind="stable")][:PEAKS].tolist()
