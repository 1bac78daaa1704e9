"""How good the forecasts are, beside simple ones. The values of test rows are looked at here, and once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.forecast.times import as_texts
from netwright.evaluate.forecast import BASELINES, Errors, interval, seasonal_naive
from netwright.pipeline.forecast.prepare import PARTS, Prepared
from netwright.runs.forecast import ForecastModel, apart

MOST_TRAINING_WINDOWS = 3_000  # scored; more tell nothing new
EXAMPLES = 3
EXAMPLE_TARGETS = 4
MOST_PREDICTED = 200_000  # rows of predictions.csv


@dataclass
class Assessment:
    """Scores for metrics.json, parts of the report, and forecasts of test windows."""

    metrics: dict[str, Any]
    evaluation: dict[str, Any]
    predictions: pl.DataFrame


def assess(prepared: Prepared, config: Config, data: Dataset, model: ForecastModel) -> Assessment:
    """Scores the network on all parts of the data.

    Arguments:
        prepared: series, windows and schema.
        config: resolved.
        data: all windows, on the network's device.
        model: trained.
    """
    windows = {part: prepared.windows[part] for part in PARTS}
    drawn = np.random.default_rng(0).permutation(windows["train"])[:MOST_TRAINING_WINDOWS]
    windows["train"] = np.sort(drawn)
    errors = {part: _errors(prepared, data, model, each) for part, each in windows.items()}
    test = errors["test"]
    metrics: dict[str, Any] = {part: each["network"].scores() for part, each in errors.items()}
    metrics["baseline"] = {name: test[name].scores() for name in BASELINES}
    by_window = {name: each.by_window() for name, each in test.items()}
    block = -(-prepared.schema.horizon // config.forecast.stride)
    metrics["intervals"] = {"mse_scaled": interval(by_window["network"], block, config.training.seed)}
    metrics["windows"] = {part: len(prepared.windows[part]) for part in PARTS}
    metrics["point"] = model.network.point
    evaluation = {
        "version": 1,
        "headline": "mse_scaled",
        "forecast": {
            "horizon": prepared.schema.horizon,
            "lookback": prepared.schema.lookback,
            "season": prepared.schema.season,
            "step": str(prepared.schema.step),
            "quantiles": model.network.quantiles,
            "point": model.network.point,
            "by_step": {name: test[name].by_step() for name in ("network", "seasonal_naive")},
            "origins": _origins(prepared, windows["test"], by_window, config.forecast.origins),
            "examples": _examples(prepared, data, model, windows["test"]),
        },
    }
    return Assessment(metrics, evaluation, _predictions(prepared, data, model))


def simple(prepared: Prepared, windows: np.ndarray, name: str) -> np.ndarray:
    """A baseline's forecasts. [n, H, C]"""
    schema = prepared.schema
    if name == "constant":
        return np.broadcast_to(prepared.mean, (len(windows), schema.horizon, len(schema.targets)))
    season = schema.season if name == "seasonal_naive" else 1
    begins = prepared.begins(windows)
    return seasonal_naive(prepared.series.filled, windows, schema.lookback, schema.horizon, season, begins)


def _outputs(model: ForecastModel, data: Dataset, windows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Truth [n, H, C], forecast [n, H, C] and quantiles [n, H, C, Q] of some windows."""
    index = torch.from_numpy(windows).to(data.target.device)
    output = model.network.predict(data.raw, index)
    point = model.network.forecast(output)
    return tuple(each.cpu().numpy() for each in (data.target[index], point, output[..., 1:]))


def _errors(
    prepared: Prepared, data: Dataset, model: ForecastModel, windows: np.ndarray
) -> dict[str, Errors]:
    """Errors of the network and of the baselines in some windows."""
    targets, horizon = prepared.schema.targets, prepared.schema.horizon
    found = {"network": Errors(targets, horizon, prepared.deviation, model.network.quantiles)}
    found |= {name: Errors(targets, horizon, prepared.deviation) for name in BASELINES}
    for start in range(0, len(windows), 512):
        piece = windows[start : start + 512]
        truth, point, quantiles = _outputs(model, data, piece)
        found["network"].add(truth, point, quantiles)
        for name in BASELINES:
            found[name].add(truth, simple(prepared, piece, name))
    return found


def _origins(
    prepared: Prepared, windows: np.ndarray, by_window: dict[str, np.ndarray], count: int
) -> list[dict[str, Any]]:
    """Scores of the test time piece by piece."""
    schema, grid = prepared.schema, prepared.series.grid
    now = grid.times[windows + schema.lookback - 1]
    kinds = np.unique(now)
    edges = np.array_split(kinds, min(count, len(kinds)))
    found = []
    for piece in edges:
        inside = (now >= piece[0]) & (now <= piece[-1])
        first, last = as_texts(piece[[0, -1]], schema.times)
        scores = {name: float(by_window[name][inside].mean()) for name in ("network", "seasonal_naive")}
        found.append({"from": first, "to": last, "windows": int(inside.sum()), **scores})
    return found


def _examples(
    prepared: Prepared, data: Dataset, model: ForecastModel, windows: np.ndarray
) -> list[dict[str, Any]]:
    """Some test windows, early to late, as they are drawn."""
    schema, grid = prepared.schema, prepared.series.grid
    places = np.unique(np.linspace(0, len(windows) - 1, EXAMPLES + 2)[1:-1].round().astype(int))
    chosen = windows[places]
    truth, point, quantiles = _outputs(model, data, chosen)
    naive = simple(prepared, chosen, "seasonal_naive")
    found = []
    for place, window in enumerate(chosen.tolist()):
        now = window + schema.lookback
        times = as_texts(grid.times[window : now + schema.horizon], schema.times)
        for target, name in enumerate(schema.targets[:EXAMPLE_TARGETS]):
            found.append(
                {
                    "target": name,
                    "series": grid.names[int(grid.series[window])],
                    "origin": times[schema.lookback - 1],
                    "first": times[0],
                    "last": times[-1],
                    "past": _plain(prepared.series.values[window:now, target]),
                    "truth": _plain(truth[place, :, target]),
                    "forecast": _plain(point[place, :, target]),
                    "low": _plain(quantiles[place, :, target, 0]),
                    "high": _plain(quantiles[place, :, target, -1]),
                    "seasonal_naive": _plain(naive[place, :, target]),
                }
            )
    return found


def _plain(values: np.ndarray) -> list[float | None]:
    """Six digits that matter; None where a value is missing."""
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in values]


def _predictions(prepared: Prepared, data: Dataset, model: ForecastModel) -> pl.DataFrame:
    """Forecasts of test windows whose targets do not overlap, beside what came."""
    schema, grid = prepared.schema, prepared.series.grid
    horizon = schema.horizon
    windows = apart(prepared.windows["test"], prepared.series, horizon)
    windows = windows[: max(1, MOST_PREDICTED // horizon)]
    truth, _, _ = _outputs(model, data, windows)
    output = model.network.predict(data.raw, torch.from_numpy(windows).to(data.target.device))
    steps = (windows + schema.lookback)[:, None] + np.arange(horizon)  # [n, H]
    texts = as_texts(grid.times, schema.times)
    rows = grid.row[steps.reshape(-1)]
    numbers = np.where(rows >= 0, prepared.table.rows[rows], -1)
    columns = [pl.Series("row", numbers).replace(-1, None)]
    if schema.series is not None:
        columns.append(
            pl.Series(schema.series, [grid.names[each] for each in grid.series[steps.reshape(-1)]])
        )
    origins = np.repeat(windows + schema.lookback - 1, horizon)
    columns.append(pl.Series("origin", [texts[each] for each in origins]))
    columns.append(pl.Series(schema.times.name, [texts[each] for each in steps.reshape(-1)]))
    columns.append(pl.Series("step", np.tile(np.arange(1, horizon + 1), len(windows))))
    flat = truth.reshape(-1, len(schema.targets))
    columns += [pl.Series(name, flat[:, place]).fill_nan(None) for place, name in enumerate(schema.targets)]
    return pl.DataFrame(columns + model.columns(output.flatten(0, 1), "_predicted"))
