"""The network of a forecast, and the windows that it takes."""

from __future__ import annotations

import numpy as np
import torch

from netwright.config import ForecastConfig, NetworkConfig
from netwright.data.dataset import Dataset
from netwright.data.forecast.schema import ForecastSchema
from netwright.data.forecast.series import Series
from netwright.data.forecast.windows import thinned
from netwright.encoders.forecast import GRUBody, PatchBody
from netwright.nn.forecast.bodies import Body, Residual, TrendAndRest, Whole
from netwright.nn.forecast.network import ForecastNetwork


def build(
    schema: ForecastSchema, config: ForecastConfig, trunk: NetworkConfig, members: int = 1
) -> ForecastNetwork:
    """A forecasting network with all weights at zero. All "auto" settings must be resolved before.

    Arguments:
        schema: the columns and steps.
        config: network, normalization, patch, trend and quantiles.
        trunk: width, depth and dropout.
        members: M.
    """
    lookback, width, depth = schema.lookback, int(trunk.width), int(trunk.depth)
    dropout = float(trunk.dropout)
    body: Body
    if config.network == "nlinear":
        body = Whole(lookback)
    elif config.network == "dlinear":
        body = TrendAndRest(lookback, int(config.trend))
    elif config.network == "mlp":
        body = Residual(lookback, width, depth, dropout, members)
    elif config.network == "patch":
        body = PatchBody(lookback, int(config.patch), width, depth, dropout, members)
    else:
        body = GRUBody(lookback, int(config.patch), width, depth, dropout, members)
    known = len(schema.known_features)
    return ForecastNetwork(
        len(schema.targets), known, schema.horizon, config.quantiles, config.normalization, body, members
    )


def windows_of(series: Series, schema: ForecastSchema, device: torch.device | None = None) -> Dataset:
    """All windows of some series as views of the series: nothing is copied.

    The window number n begins at step n; those that run over the end of a series are there too, and not to
    be used. Raw tensors: past [N, C, L], known [N, K, L + H]; target [N, H, C].
    """
    lookback, horizon = schema.lookback, schema.horizon
    count = len(series.grid) - lookback - horizon + 1
    past = torch.tensor(series.filled, device=device).unfold(0, lookback, 1)[:count]
    raw = {"past": past}
    if schema.known_features:
        raw["known"] = torch.tensor(series.known, device=device).unfold(0, lookback + horizon, 1)
    values = torch.tensor(series.values, device=device)
    target = values[lookback:].unfold(0, horizon, 1).transpose(1, 2)
    return Dataset(raw, target, torch.ones(count, device=device))


def apart(windows: np.ndarray, series: Series, horizon: int) -> np.ndarray:
    """Windows whose targets do not overlap: every `horizon` steps one of each series."""
    return thinned(windows, series.grid.starts, horizon)
