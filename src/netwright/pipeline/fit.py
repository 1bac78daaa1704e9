"""From prepared data to a trained network."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import suppress

import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.nn.network import Network
from netwright.pipeline.decide import check_decisions, decide
from netwright.pipeline.precision import Finer, tried_precision
from netwright.pipeline.prepare import Prepared
from netwright.pipeline.resume import REFIT, Unfinished
from netwright.pipeline.start import starting
from netwright.pipeline.unfreeze import Unfreeze
from netwright.runs.network import build
from netwright.training.callbacks import Callback
from netwright.training.history import History
from netwright.training.population import Diverged, Member, Population

TRIAL_SECONDS = 0.5


def fit(
    prepared: Prepared,
    config: Config,
    data: Dataset,
    callbacks: Sequence[Callback],
    deadline: float | None,
    doctor: Callback | None = None,
    kept: Unfinished | None = None,
) -> tuple[Network, History, Config]:
    """Trains the members, and fits again on training and validation rows where that is asked for.

    Arguments:
        prepared: rows and schema.
        config: resolved.
        data: raw tensors on the device.
        callbacks: watch the training.
        deadline: when training must be over, by `time.monotonic`.
        doctor: watches the training that has validation rows, and none after it.
        kept: what saves the training in case it is broken off, and where an earlier one goes on; None for a
            training that begins and ends here.

    Returns:
        The network with its best weights (its first ones where it diverged before any epoch was a success),
        what happened, and the config with the epochs that a deadline left and the step at which the training
        was cut off.
    """
    config = config.model_copy(deep=True)
    split = prepared.split
    train, validation = torch.from_numpy(split.train), torch.from_numpy(split.validation)
    refit = config.training.refit
    check_decisions(config, split.validation)
    known = {} if kept is None else kept.found(config)
    if "precision" in known:
        config.training.precision = known["precision"]
    elif prepared.config.training.precision == "auto":
        found = tried_precision(prepared.schema, config, data, train)
        config.training.precision = found  # type: ignore[assignment]
    watching = callbacks if doctor is None else [*callbacks, doctor]
    if "epochs" in known:
        config.training.epochs = known["epochs"]
    elif deadline is not None:
        trial = _population(prepared, config, data, train, validation, watching)
        config.training.epochs = epochs_in_time(trial, deadline, halve=refit)
    last = [] if kept is None else [kept.callback(config)]
    population = _population(prepared, config, data, train, validation, watching, last)
    history = population.history
    with suppress(Diverged):  # the history says so, and the network has its first weights
        population.fit(deadline)
    network = _network(population)
    decide(network, data, prepared.schema.target.task, config, split.validation)
    config.training.stop_step = history.stop_step
    if refit and history.stop_step is None and history.stopped != "diverged":
        done, cut_at = population.state.step, prepared.config.training.stop_step
        again = config.model_copy(deep=True)
        again.training.stop_step = None if cut_at is None else cut_at - done
        again.training.epochs = max(1, round(sum(history.best_epoch) / len(history.best_epoch)))
        rows = torch.from_numpy(split.development)
        last = [] if kept is None else [kept.callback(config, REFIT)]
        population = _population(prepared, again, data, rows, rows[:0], callbacks, last)
        history.best_epoch = [int(again.training.epochs)] * len(history.best_epoch)
        second = population.fit(deadline)
        if second.stop_step is not None:
            config.training.stop_step = done + second.stop_step  # steps of both trainings
        # Both were chosen on rows that the members had not seen, which now there are none of.
        weights, threshold = network.member_weights, network.threshold
        network = _network(population)
        network.member_weights, network.threshold = weights, threshold
    return network, history, config


def _network(population: Population) -> Network:
    assert isinstance(population.network, Network)
    return population.network


def _population(
    prepared: Prepared,
    config: Config,
    data: Dataset,
    train: torch.Tensor,
    validation: torch.Tensor,
    callbacks: Sequence[Callback],
    last: Sequence[Callback] = (),
) -> Population:
    count = int(config.training.members)
    seed = config.training.seed
    network = build(prepared.schema, config.inputs, config.network, count).to(data.target.device)
    members = [Member.of(config.training, train, validation, seed + place) for place in range(count)]
    return Population(
        network,
        data,
        members,
        config.training,
        [*callbacks, Finer(), Unfreeze(), *last],
        leave=True,
        start=starting(config, prepared.schema),
    )


def epochs_in_time(population: Population, deadline: float, *, halve: bool) -> int:
    """How many epochs the time left is enough for, by a short trial that leaves no trace."""
    epoch = population.measure(TRIAL_SECONDS)
    left = deadline - time.monotonic()
    if halve:
        left /= 2
    return max(1, min(population.epochs, math.floor(left / epoch)))
