"""Networks that are trained up to earlier times, all together, and scored on what came after each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.forecast.times import as_texts
from netwright.errors import InputError
from netwright.nn.forecast.network import ForecastNetwork
from netwright.pipeline.forecast.prepare import Prepared
from netwright.runs.forecast import ForecastBundle, ForecastModel, build
from netwright.training.callbacks import Callback
from netwright.training.population import Member, Population

FIRST = 0.5  # share of the time before the test that the first of them trains on


def backtest(
    prepared: Prepared,
    config: Config,
    data: Dataset,
    epochs: int,
    callbacks: Sequence[Callback] = (),
    deadline: float | None = None,
) -> list[dict[str, Any]]:
    """Scores of networks of the same kind, each trained on all windows before its time.

    The second half of the training and validation time is cut into as many blocks as there are networks; each
    is scored on one block, by windows whose targets lie in it. Test rows are left alone. Without rows that
    could stop a training, each goes on for the epochs that were best for the run's own network. The members'
    scaling is of their own training steps; errors are scaled by the run's, so that they can be compared.

    Arguments:
        prepared: series and windows.
        config: resolved; `forecast.backtest` networks.
        data: all windows, on the device.
        epochs: of each training.
        callbacks: watch the training.
        deadline: when it must be over, by `time.monotonic`.

    Returns:
        For each: until (when its training ended), from and to (when its forecasts were made), windows, and
        the scaled squared errors of the network and of the seasonal-naive forecast.

    Raises:
        InputError: there are too few windows for so many networks.
    """
    count, schema, grid = config.forecast.backtest, prepared.schema, prepared.series.grid
    windows = prepared.windows["development"]
    size = schema.lookback + schema.horizon
    first_target, last_target = grid.times[windows + schema.lookback], grid.times[windows + size - 1]
    kinds = np.unique(grid.times[np.isin(prepared.role, (0, 1))])
    edges = kinds[np.linspace(FIRST * (len(kinds) - 1), len(kinds) - 1, count + 1).round().astype(int)]
    train = [windows[last_target < edge] for edge in edges[:-1]]
    judged = [windows[(first_target >= begin) & (last_target <= end)] for begin, end in pairwise(edges)]
    if any(not len(each) for each in train + judged):
        raise InputError(
            f"the rows before the test are too few for {count} networks of a backtest",
            where="forecast.backtest",
            hint="give fewer, a shorter --horizon, or more rows",
        )
    network = _fit(prepared, config, data, train, epochs, callbacks, deadline)
    found = []
    for place, (edge, own) in enumerate(zip(edges, judged, strict=False)):
        alone = network.select([place])
        assert isinstance(alone, ForecastNetwork)
        alone.point = config.forecast.point if config.forecast.point != "auto" else "mean"
        saved = ForecastBundle(
            alone, schema, config.forecast, config.network, "auto", prepared.mean, prepared.deviation
        )
        errors, naive = ForecastModel(saved).errors(prepared.series, own)
        now = grid.times[own + schema.lookback - 1]
        until, first, last = as_texts(np.array([edge, now.min(), now.max()]), schema.times)
        scores = {"network": errors.scores()["mse_scaled"], "seasonal_naive": naive.scores()["mse_scaled"]}
        found.append({"until": until, "from": first, "to": last, "windows": len(own), **scores})
    return found


def _fit(
    prepared: Prepared,
    config: Config,
    data: Dataset,
    train: list[np.ndarray],
    epochs: int,
    callbacks: Sequence[Callback],
    deadline: float | None,
) -> ForecastNetwork:
    """A population with a member for each set of training windows."""
    training = config.training.model_copy(update={"epochs": epochs, "patience": None, "stop_step": None})
    rows = [torch.from_numpy(each) for each in train]
    network = build(prepared.schema, config.forecast, config.network, len(rows)).to(data.target.device)
    members = [Member.of(training, each, each[:0], config.training.seed) for each in rows]
    Population(network, data, members, training, callbacks).fit(deadline)
    return network
