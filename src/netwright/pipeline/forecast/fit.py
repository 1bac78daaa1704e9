"""From windows to a trained forecasting network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.nn.forecast.network import ForecastNetwork
from netwright.nn.forecast.quantiles import median_of
from netwright.pipeline.fit import epochs_in_time
from netwright.pipeline.forecast.prepare import Prepared
from netwright.pipeline.resume import REFIT, Unfinished
from netwright.runs.forecast import build
from netwright.training.callbacks import Callback
from netwright.training.history import History
from netwright.training.population import Member, Population


def fit(
    prepared: Prepared,
    config: Config,
    data: Dataset,
    callbacks: Sequence[Callback],
    deadline: float | None,
    kept: Unfinished | None = None,
) -> tuple[ForecastNetwork, History, Config]:
    """Trains the members, and fits again on training and validation windows where that is asked for.

    Arguments:
        prepared: windows and schema.
        config: resolved.
        data: all windows, on the device.
        callbacks: watch the training.
        deadline: when training must be over, by `time.monotonic`.
        kept: what saves the training in case it is broken off, and where an earlier one goes on.

    Returns:
        The network with its best weights, what happened, and the config with the epochs that a deadline left.
    """
    config = config.model_copy(deep=True)
    train, validation = (torch.from_numpy(prepared.windows[part]) for part in ("train", "validation"))
    refit = config.training.refit and len(validation) > 0
    known = {} if kept is None else kept.found(config)
    if "epochs" in known:
        config.training.epochs = known["epochs"]
    elif deadline is not None:
        trial = _population(prepared, config, data, train, validation, callbacks)
        config.training.epochs = epochs_in_time(trial, deadline, halve=refit)
    watching = callbacks if kept is None else [*callbacks, kept.callback(config)]
    population = _population(prepared, config, data, train, validation, watching)
    history = population.fit(deadline)
    network = _network(population)
    network.point = best_point(network, data, prepared, config)
    config.forecast.point = network.point
    config.training.stop_step = history.stop_step
    if refit and history.stop_step is None:
        again = config.model_copy(deep=True)
        again.training.epochs = max(1, round(sum(history.best_epoch) / len(history.best_epoch)))
        rows = torch.from_numpy(prepared.windows["development"])
        watching = callbacks if kept is None else [*callbacks, kept.callback(config, REFIT)]
        population = _population(prepared, again, data, rows, rows[:0], watching)
        history.best_epoch = [int(again.training.epochs)] * len(history.best_epoch)
        population.fit(deadline)
        point = network.point
        network = _network(population)
        network.point = point
    return network, history, config


def _network(population: Population) -> ForecastNetwork:
    assert isinstance(population.network, ForecastNetwork)
    return population.network


def _population(
    prepared: Prepared,
    config: Config,
    data: Dataset,
    train: torch.Tensor,
    validation: torch.Tensor,
    callbacks: Sequence[Callback],
) -> Population:
    count, seed = int(config.training.members), config.training.seed
    network = build(prepared.schema, config.forecast, config.network, count).to(data.target.device)
    members = [Member.of(config.training, train, validation, seed + place) for place in range(count)]
    return Population(network, data, members, config.training, callbacks, leave=True)


def best_point(
    network: ForecastNetwork, data: Dataset, prepared: Prepared, config: Config
) -> Literal["mean", "median"]:
    """The output with the lower squared error on validation windows; the mean where there are none."""
    wanted = config.forecast.point
    if wanted != "auto":
        return wanted
    windows = prepared.windows["validation"]
    if 0.5 not in network.quantiles or not len(windows):
        return "mean"
    places = [0, 1 + median_of(network.quantiles)]
    scale = torch.from_numpy(prepared.deviation).to(data.target.device)
    sums = torch.zeros(2, dtype=torch.float64, device=data.target.device)
    for rows in torch.from_numpy(windows).to(data.target.device).split(512):
        output = network.predict(data.raw, rows)[..., places]  # [n, H, C, 2]
        error = (output - data.target[rows][..., None]) / scale[:, None]
        sums += error.nan_to_num().square().sum((0, 1, 2))
    return "median" if bool(sums[1] < sums[0]) else "mean"
