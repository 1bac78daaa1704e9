"""How good forecasts are, and the simple ones that they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

BASELINES = {
    "seasonal_naive": "seasonal-naive",
    "last": "last value",
    "constant": "constant (training mean)",
}
"""names of simple forecasts, and what they are called"""
DRAWS = 1000


def seasonal_naive(
    filled: np.ndarray, windows: np.ndarray, lookback: int, horizon: int, season: int, begins: np.ndarray
) -> np.ndarray:
    """The last season again and again; with a season of 1, the last value.

    Arguments:
        filled: series without missing values. [T, C]
        windows: where look-backs begin. [n] int64
        lookback, horizon, season: steps.
        begins: where the windows' series begin; the last value stands where there is no season before. [n]

    Returns:
        [n, horizon, C]

    Example:
        >>> values = np.arange(6.0)[:, None]
        >>> seasonal_naive(values, np.array([0]), 4, 3, 2, np.array([0]))[0, :, 0].tolist()
        [2.0, 3.0, 2.0]
    """
    ahead = np.arange(1, horizon + 1)
    last = windows[:, None] + lookback - 1
    places = last + ahead - season * -(-ahead // season)
    return filled[np.where(places >= begins[:, None], places, last)]


@dataclass
class Errors:
    """Errors of forecasts, summed up window by window.

    Arguments:
        targets: their names, C.
        horizon: H.
        deviation: of each target on the training rows: scaled errors are in it. [C]
        quantiles: of the distribution that is forecast; none where only a point is.
        windows: squared scaled error of each window, the mean over steps and targets.
    """

    targets: Sequence[str]
    horizon: int
    deviation: np.ndarray
    quantiles: Sequence[float] = ()
    windows: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        shape = (self.horizon, len(self.targets))
        self.count, self.squares, self.sizes, self.shares = (np.zeros(shape) for _ in range(4))
        self.zeros = np.zeros(shape, dtype=bool)
        self.inside = np.zeros(shape)
        self.pinball = np.zeros((*shape, len(self.quantiles)))

    def add(self, truth: np.ndarray, forecast: np.ndarray, quantiles: np.ndarray | None = None) -> None:
        """Takes in windows.

        Arguments:
            truth: NaN where unknown. [n, H, C]
            forecast: [n, H, C]
            quantiles: [n, H, C, Q]
        """
        there = np.isfinite(truth)
        known = np.where(there, truth, 0.0)
        error = np.where(there, truth - forecast, 0.0)
        self.count += there.sum(0)
        self.squares += np.square(error).sum(0)
        self.sizes += np.abs(error).sum(0)
        self.zeros |= (there & (known == 0)).any(0)
        with np.errstate(divide="ignore", invalid="ignore"):
            self.shares += np.where(there & (known != 0), np.abs(error / known), 0.0).sum(0)
        scaled = np.square(error / self.deviation).sum((1, 2)) / np.maximum(there.sum((1, 2)), 1)
        self.windows.append(scaled)
        if quantiles is not None:
            self.inside += (there & (known >= quantiles[..., 0]) & (known <= quantiles[..., -1])).sum(0)
            beyond = known[..., None] - quantiles
            levels = np.asarray(self.quantiles)
            loss = np.maximum(levels * beyond, (levels - 1) * beyond)
            self.pinball += np.where(there[..., None], loss, 0.0).sum(0)

    def scores(self) -> dict[str, Any]:
        """Metrics over all targets: scaled errors, and where there is one target, those in its units.

        Those of each target are under "targets".
        """
        total = self.count.sum()
        if not total:
            return {}
        found: dict[str, Any] = {
            "mse_scaled": float((self.squares / self.deviation**2).sum() / total),
            "mae_scaled": float((self.sizes / self.deviation).sum() / total),
        }
        if len(self.quantiles):
            found["coverage"] = float(self.inside.sum() / total)
            scaled = self.pinball.mean(-1) / self.deviation
            found["pinball_scaled"] = float(2.0 * scaled.sum() / total)
        each = {name: self._of_target(place) for place, name in enumerate(self.targets)}
        if len(self.targets) == 1:
            found |= {name: each[self.targets[0]][name] for name in ("mse", "rmse", "mae", "mape")}
        return found | {"targets": each}

    def _of_target(self, place: int) -> dict[str, float | None]:
        count = self.count[:, place].sum()
        if not count:
            return dict.fromkeys(("mse_scaled", "mae_scaled", "mse", "rmse", "mae", "mape"))
        square, size = self.squares[:, place].sum() / count, self.sizes[:, place].sum() / count
        deviation = self.deviation[place]
        share = None if self.zeros[:, place].any() else float(self.shares[:, place].sum() / count)
        found = {
            "mse_scaled": float(square / deviation**2),
            "mae_scaled": float(size / deviation),
            "mse": float(square),
            "rmse": float(np.sqrt(square)),
            "mae": float(size),
            "mape": share,
        }
        return found | (
            {"coverage": float(self.inside[:, place].sum() / count)} if len(self.quantiles) else {}
        )

    def by_step(self) -> list[float | None]:
        """Scaled mean squared error of each step ahead. H of them"""
        count = self.count.sum(1)
        sums = (self.squares / self.deviation**2).sum(1)
        return [float(value / n) if n else None for value, n in zip(sums, count, strict=True)]

    def by_window(self) -> np.ndarray:
        """Scaled mean squared error of each window. [n]"""
        return np.concatenate(self.windows) if self.windows else np.empty(0)


def interval(by_window: np.ndarray, block: int, seed: int = 0) -> list[float] | None:
    """The 95 % interval of a mean over windows that overlap: whole blocks of neighbours are drawn.

    Arguments:
        by_window: in the order of time. [n]
        block: neighbours that share steps.
        seed: of the draws.

    Returns:
        Low and high end; None with fewer than 3 blocks.

    Source: Künsch 1989, the moving-block bootstrap, here with blocks side by side.
    """
    count = len(by_window) // block
    if count < 3:
        return None
    blocks = np.array_split(by_window, count)
    sums, sizes = np.array([each.sum() for each in blocks]), np.array([len(each) for each in blocks])
    drawn = np.random.default_rng(seed).integers(0, count, (DRAWS, count))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return [float(low), float(high)]
