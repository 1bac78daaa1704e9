"""A batch of trials: from their values to plans, through one population, to their scores."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.errors import InputError
from netwright.nn.objective import SETTINGS
from netwright.pipeline.crowd import Plan, Trained, train_crowd
from netwright.pipeline.prepare import Prepared
from netwright.pipeline.resolve import resolve
from netwright.training.callbacks import Callback
from netwright.tuning.halving import Halving
from netwright.tuning.search import Trial
from netwright.tuning.spaces import config_with

OWN_LOSS = tuple(
    f"training.{name}" for name in ("loss", "logit_adjustment", "sampling", "class_weights", *SETTINGS)
)
CUT = ("time limit", "interrupted")
Rows = tuple[np.ndarray, np.ndarray]


@dataclass
class Batch:
    """What a batch of trials gave.

    Arguments:
        trials: with their states and scores.
        trained: the networks of each trial that was trained, one a fold.
        interrupted: whether Ctrl-C ended it.
    """

    trials: list[Trial]
    trained: dict[int, list[Trained]] = field(default_factory=dict)
    interrupted: bool = False


def run_batch(
    prepared: Prepared,
    data: Dataset,
    folds: list[Rows],
    trials: list[Trial],
    halving: Halving,
    callbacks: Sequence[Callback] = (),
    deadline: float | None = None,
    told: Callable[[str], None] = lambda text: None,
) -> Batch:
    """Trains a batch of trials as one population and scores them on validation rows.

    Arguments:
        prepared: its config holds what the trials do not say.
        data: raw tensors of all rows on the device.
        folds: training and validation rows; each trial trains one network for each pair.
        trials: asked.
        halving: gives trials up.
        callbacks: watch the training.
        deadline: when it must be over, by `time.monotonic`.
        told: is told what happened on the way.
    """
    began = time.monotonic()
    batch = Batch(trials)
    configs: dict[int, Config] = {}
    threads = torch.get_num_threads()
    for trial in trials:
        try:
            configs[trial.number] = resolved(prepared, trial, len(folds[0][0]))
        except InputError as error:
            trial.state, trial.note = "failed", str(error)
    if prepared.config.training.threads is None:
        torch.set_num_threads(threads)  # found for one network; a crowd has use for more
    steps = 0
    for numbers, weighted in _by_weights(prepared, data, configs):
        plans = [
            Plan(configs[number], train, validation, f"trial {number}")
            for number in numbers
            for train, validation in folds
        ]
        places = [number for number in numbers for _ in folds]
        prune = None if halving.kind == "none" else _Prune(halving, places, configs, len(folds))
        trained = train_crowd(
            prepared.schema,
            weighted,
            plans,
            callbacks=callbacks,
            deadline=deadline,
            prune=prune,
            told=told,
        )
        number_of = {id(plan): number for plan, number in zip(plans, places, strict=True)}
        for each in trained:  # fewer than the plans when the work was cut off
            batch.trained.setdefault(number_of[id(each.plan)], []).append(each)
            steps += len(each.rows)
        if prune is not None:
            for trial in trials:
                trial.rungs |= prune.rungs.get(trial.number, {})
    seconds = time.monotonic() - began
    for trial in trials:
        networks = batch.trained.get(trial.number, [])
        if trial.number in configs and len(networks) < len(folds):
            trial.state, trial.note = "stopped", "the time was over, or it was interrupted"
        elif networks:
            trial.seconds = seconds * sum(len(each.rows) for each in networks) / max(steps, 1)
            _score(trial, networks)
    batch.interrupted = any(
        each.ending == "interrupted" for networks in batch.trained.values() for each in networks
    )
    return batch


def resolved(prepared: Prepared, trial: Trial, rows: int) -> Config:
    """The whole config of a trial."""
    return resolve(config_with(prepared.config, trial.values), prepared.schema, rows)[0]


def _by_weights(
    prepared: Prepared, data: Dataset, configs: dict[int, Config]
) -> list[tuple[list[int], Dataset]]:
    """The trials' numbers by their class weights, each with the data so weighted."""
    groups: dict[str, list[int]] = {}
    for number, config in configs.items():
        groups.setdefault(json.dumps(config.training.class_weights), []).append(number)
    given = json.dumps(prepared.config.training.class_weights)
    found = []
    for weights, numbers in groups.items():
        weighted = data
        if weights != given:
            other = replace(prepared, config=configs[numbers[0]]).weights()
            weighted = Dataset(data.raw, data.target, torch.from_numpy(other).to(data.target.device))
        found.append((numbers, weighted))
    return found


class _Prune:
    """Tells a crowd which of its networks are given up.

    Arguments:
        halving: decides.
        places: the number of the trial that each network belongs to.
        configs: of the trials.
        folds: networks of a trial.
    """

    def __init__(self, halving: Halving, places: list[int], configs: dict[int, Config], folds: int) -> None:
        self.halving, self.places, self.folds = halving, places, folds
        epochs = {number: int(config.training.epochs) for number, config in configs.items()}
        self.ahead = {number: halving.rungs(number, epochs[number]) for number in set(places)}
        self.passed = dict.fromkeys(self.ahead, 0)
        self.latest: dict[int, dict[int, float]] = {number: {} for number in self.ahead}
        self.rungs: dict[int, dict[int, float]] = {number: {} for number in self.ahead}

    def __call__(self, epoch: int, scores: dict[int, float]) -> set[int]:
        for place, score in scores.items():
            self.latest[self.places[place]][place] = score
        arrived: dict[int, dict[int, float]] = {}  # by rung
        for number in {self.places[place] for place in scores}:
            known = self.latest[number]
            # All of a trial's folds must have come there; they may be in different pieces of the crowd.
            if self.ahead[number] and epoch >= self.ahead[number][0] and len(known) == self.folds:
                self.ahead[number].pop(0)
                score = sum(known.values()) / self.folds
                self.rungs[number][epoch] = score if math.isfinite(score) else math.inf
                arrived.setdefault(self.passed[number], {})[number] = score
                self.passed[number] += 1
        given_up: set[int] = set()
        for place, found in arrived.items():
            given_up |= self.halving.judge(found, place)
        return {place for place, number in enumerate(self.places) if number in given_up}


def own_losses(keys: Iterable[str]) -> str:
    """Those of the keys, as a text, that change what a loss means, so that losses cannot be compared."""
    return ", ".join(key for key in keys if key in OWN_LOSS)


def _comparable(trained: Trained) -> float:
    """The log loss, or the root of the mean square error, of the best epoch's validation rows."""
    best = next((row for row in trained.rows if row["epoch"] == trained.best_epoch), {})
    names = ("validation_log_loss", "validation_rmse", "validation_loss")
    return next((float(best[name]) for name in names if name in best), math.nan)


def _score(trial: Trial, networks: list[Trained]) -> None:
    """Fills in what became of a trial, from its networks."""
    endings = {each.ending for each in networks}
    own = own_losses(trial.values)
    scores = [_comparable(each) if own else each.score for each in networks]
    trial.score = sum(scores) / len(scores)
    trial.epoch = max(each.best_epoch for each in networks)
    if "pruned" in endings:
        trial.state = "pruned"
    elif endings & set(CUT):
        trial.state = "stopped"
        trial.note = "the time was over" if "time limit" in endings else "interrupted"
    elif "diverged" in endings or not math.isfinite(trial.score):
        trial.state, trial.score = "diverged", math.nan
        trial.note = "the loss was not a finite number"
    else:
        trial.state = "complete"
    best = [row for each in networks for row in each.rows if row["epoch"] == each.best_epoch]
    names = [name for name in (best[0] if best else {}) if name.startswith("validation_")]
    if len(best) == len(networks):
        trial.metrics = {
            name: sum(float(row[name]) for row in best) / len(best)
            for name in names
            if name != "validation_loss"
        }
