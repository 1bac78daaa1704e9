"""Repairs of a run: settings tried side by side with the original, kept only when they prove to help.

For the diagnoses that do harm, changed configs train from the first weights for a tenth of the epochs, the
original beside them, as one program where their shapes agree. The best that gains more than two standard
errors on the validation rows trains anew for all epochs, and is kept when it gains there too. Test rows are
never looked at. Where nothing is found nothing is tried, and nothing changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from netwright.config import Config, set_key
from netwright.data.dataset import Dataset
from netwright.doctor.diagnosis import Diagnosis, Examination
from netwright.errors import InputError, NetwrightError
from netwright.nn.network import Network
from netwright.pipeline.crowd import Plan, single, train_crowd
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import Prepared
from netwright.pipeline.remedies import CLEANING, Attempt, Changes, changes_for
from netwright.pipeline.watch import Watch
from netwright.training.history import History

if TYPE_CHECKING:
    from netwright.pipeline.train import Fitted

SHARE = 0.1  # of the epochs, for each trial
FEWEST = 3
MOST_TRIALS = 5
ERRORS = 2.0  # standard errors that a gain must exceed
LEAST = 0.01  # marks (accuracy or R²) that it must exceed too


@dataclass
class Repaired:
    """What a repair leaves.

    Arguments:
        network, history, config: those that are kept: the original ones, or the repaired ones.
        attempts: all that was tried.
    """

    network: Network
    history: History
    config: Config
    attempts: list[Attempt] = field(default_factory=list)


def repair(
    prepared: Prepared,
    config: Config,
    data: Dataset,
    network: Network,
    history: History,
    examination: Examination,
    watch: Watch,
    deadline: float | None,
) -> Repaired:
    """Tries what may help a trained network, and keeps what does.

    Arguments:
        prepared: rows, split, schema.
        config: resolved, as it was trained.
        data: raw tensors on the network's device.
        network, history: of the original training.
        examination: what the doctor said of it.
        watch: is told how it goes on.
        deadline: when all must be over, by `time.monotonic`.
    """
    result = Repaired(network, history, config)
    harmful = [each for each in examination.diagnoses if each.severity != "note"]
    candidates = _candidates(harmful, config)
    if not candidates or not len(prepared.split.validation):
        return result
    watch.stage("trying repairs")
    epochs = min(int(config.training.epochs), max(FEWEST, math.ceil(SHARE * int(config.training.epochs))))
    rows = prepared.split.validation
    plans = [
        Plan(_changed(each, {"training.epochs": epochs}), prepared.split.train, rows)
        for each in [config, *(changed for changed, _, _ in candidates)]
    ]
    trained = train_crowd(prepared.schema, data, plans, deadline=deadline)
    if len(trained) < len(plans):
        return result  # the time is over, or the user stopped it
    marks = [_marks(single(prepared.schema, each), data, prepared, rows) for each in trained]
    found = []
    for (changed, changes, diagnosis), after in zip(candidates, marks[1:], strict=True):
        attempt = _attempt(diagnosis, changes, marks[0], after, epochs)
        result.attempts.append(attempt)
        if attempt.accepted:
            found.append((attempt.after - attempt.before, changed, changes, diagnosis))
    if not found:
        return result
    _, best, changes, diagnosis = max(found, key=lambda each: each[0])
    watch.stage("training the repaired network")
    again = prepared.config.model_copy(deep=True)
    again.training.precision = config.training.precision
    whole = Prepared(**{**prepared.__dict__, "config": again})
    try:
        new_network, new_history, new_config = fit(whole, best, data, watch.callbacks, deadline)
    except NetwrightError:
        return result
    before, after = (_marks(each, data, prepared, rows) for each in (network, new_network))
    attempt = _attempt(diagnosis, changes, before, after, int(config.training.epochs))
    result.attempts.append(attempt)
    if attempt.accepted:
        result.network, result.history, result.config = new_network, new_history, new_config
    return result


@dataclass(frozen=True)
class Cleaned:
    """A config without what makes a score unbelievable, and why.

    Arguments:
        config: as the user gave it, but for the changes.
        diagnosis: id.
        changes: by dotted key.
    """

    config: Config
    diagnosis: str
    changes: Changes

    def attempt(self, before: Fitted, after: Fitted) -> Attempt:
        """What the change did to the score: it is kept all the same."""
        old, new = (
            _marks(each.network, each.data, each.prepared, each.prepared.split.validation)
            for each in (before, after)
        )
        why = "the score before was not to be believed"
        epochs = after.history.epochs
        return Attempt(
            self.diagnosis, self.changes, float(old.mean()), float(new.mean()), 0.0, epochs, True, why
        )


def cleaned(config: Config, examination: Examination) -> Cleaned | None:
    """What has to be done before any score counts; None when there is nothing."""
    for each in examination.diagnoses:
        changes = CLEANING.get(each.id)
        if changes is not None and each.severity == "error":
            return Cleaned(_changed(config, changes), each.id, changes)
    return None


def _attempt(diagnosis: str, changes: Changes, before: np.ndarray, after: np.ndarray, epochs: int) -> Attempt:
    gain = after - before
    error = float(gain.std() / math.sqrt(len(gain)))
    accepted = float(gain.mean()) > max(ERRORS * error, LEAST)
    why = "the gain is more than two standard errors" if accepted else "the gain is within its error"
    return Attempt(
        diagnosis, changes, float(before.mean()), float(after.mean()), error, epochs, accepted, why
    )


def _candidates(harmful: Sequence[Diagnosis], config: Config) -> list[tuple[Config, Changes, str]]:
    """Changed configs in the order to try them: the first change for each diagnosis, then the second ones."""
    lists = [[(changes, each.id) for changes in changes_for(each, config)] for each in harmful[:3]]
    turns = [own[turn] for turn in range(max(map(len, lists), default=0)) for own in lists if turn < len(own)]
    made: list[tuple[Config, Changes, str]] = []
    for changes, diagnosis in turns:
        try:
            changed = _changed(config, changes)
        except InputError:
            continue  # a setting that this network does not have
        if changed != config and all(changed != other for other, _, _ in made):
            made.append((changed, changes, diagnosis))
    return made[:MOST_TRIALS]


def _changed(config: Config, changes: Changes) -> Config:
    values = config.model_dump(mode="json")
    for key, value in changes.items():
        set_key(values, key, value, where="repair")
    return Config.parse(values, where="repair")


def _marks(network: Network, data: Dataset, prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """How good each answer is: right or wrong; for numbers 1 - squared error / variance. [v]"""
    index = torch.from_numpy(rows).to(data.weight.device)
    answers = network.predict_mean(data.raw, index).double().cpu().numpy()
    wanted = prepared.target[rows]
    task = prepared.schema.target.task
    if task in ("binary", "multiclass"):
        return (answers.argmax(1) == wanted).astype(np.float64)
    wanted = wanted.reshape(len(rows), -1)
    if task == "multilabel":
        return ((answers > 0.5) == (wanted > 0.5)).mean(1)
    fitted = prepared.target[prepared.split.train].reshape(len(prepared.split.train), -1)
    marks = 1.0 - (np.square(answers - wanted) / (np.nanvar(fitted, axis=0) + 1e-12)).mean(1)
    return np.clip(np.nan_to_num(marks, nan=-1.0), -1.0, 1.0)
