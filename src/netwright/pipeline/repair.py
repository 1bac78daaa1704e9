"""Repairs of a run: settings tried side by side with the original, kept only when they prove to help.

For the diagnoses that do harm, changed configs train from the first weights for a tenth of the epochs, the
original beside them, as one program where their shapes agree. The best of them trains anew for all epochs,
and is kept when it gains more than two standard errors on the validation rows, or one where the diagnosis is
an error. Test rows are never looked at. Where nothing is found nothing is tried, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from netwright.config import Config, set_key
from netwright.data.dataset import Dataset
from netwright.data.finding import Severity
from netwright.doctor.attempt import Attempt
from netwright.doctor.diagnosis import Diagnosis, Examination
from netwright.doctor.proof import (
    LOOKED_AT,
    WORST,
    Gain,
    bounded,
    chosen,
    gain,
    harmful,
    in_turn,
    judged,
    most_trials,
    proven,
    sharp,
    standing_of,
    trial_epochs,
)
from netwright.errors import InputError, NetwrightError
from netwright.nn.network import Network
from netwright.pipeline.crowd import Plan, Trained, single, train_crowd
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import Prepared
from netwright.pipeline.remedies import CLEANING, REMEDIES, Changes, changes_for
from netwright.pipeline.watch import Watch
from netwright.training.history import History

if TYPE_CHECKING:
    from netwright.pipeline.train import Fitted

CUT_OFF = ("time limit", "interrupted")


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
    candidates = _candidates(harmful(examination.diagnoses), config)
    rows = prepared.split.validation
    if not candidates or not len(rows) or history.stopped in CUT_OFF:
        return result
    watch.stage("trying repairs")
    epochs = trial_epochs(int(config.training.epochs))
    plans = [
        Plan(_changed(each, {"training.epochs": epochs}), prepared.split.train, rows)
        for each in [config, *(each.config for each in candidates)]
    ]
    trained = train_crowd(prepared.schema, data, plans, deadline=deadline)
    if len(trained) < len(plans) or any(each.ending in CUT_OFF for each in trained):
        return result  # the time is over, or the user stopped it
    before, *tried = [_marks_of(each, data, prepared) for each in trained]
    found = [
        _gain(prepared, each.diagnosis, before[0], after[0])
        for each, after in zip(candidates, tried, strict=True)
    ]
    best = chosen([after[1] for after in tried], before[1])
    proven_early = best is not None and found[best].proven
    for place, each in enumerate(candidates):
        result.attempts.append(each.attempt(found[place], epochs, False, standing_of(place, best)))
    # With `refit` the whole training has seen the validation rows: then the trial has to be the proof.
    if best is None or (config.training.refit and not proven_early):
        return result
    watch.stage("training the repaired network")
    again = prepared.config.model_copy(deep=True)
    again.training.precision = config.training.precision
    whole = Prepared(**{**prepared.__dict__, "config": again})
    first = candidates[best]
    try:
        made, new_history, new_config = fit(whole, first.config, data, watch.callbacks, deadline)
    except NetwrightError as error:
        nothing = Gain(found[best].before, WORST, 0.0)
        result.attempts.append(first.attempt(nothing, 0, False, f"it cannot be trained: {error}"))
        return result
    old, new = (
        np.full(len(rows), WORST) if each.failure else _marks(one, data, prepared)[0]
        for one, each in ((network, history), (made, new_history))
    )
    last = _gain(prepared, first.diagnosis, old, new)
    kept = proven_early if config.training.refit else proven(last, first.severity)
    accepted = not new_history.failure and kept
    why = "its trial has proven it" if config.training.refit else judged(last, first.severity)
    result.attempts.append(first.attempt(last, new_history.epochs, accepted, why))
    if accepted:
        result.network, result.history, result.config = made, new_history, new_config
    return result


@dataclass(frozen=True)
class _Candidate:
    """A changed config.

    Arguments:
        config: itself.
        changes: by dotted key.
        diagnosis: id of what it is for.
        severity: of that diagnosis.
    """

    config: Config
    changes: Changes
    diagnosis: str
    severity: Severity

    def attempt(self, found: Gain, epochs: int, accepted: bool, why: str) -> Attempt:
        figures = (found.before, found.after, found.error)
        words = tuple(f"{key}={_shown(value)}" for key, value in self.changes.items())
        return Attempt(self.diagnosis, words, *figures, epochs, accepted, why, self.changes)


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
        old, new = (_marks(each.network, each.data, each.prepared)[0] for each in (before, after))
        made = _Candidate(self.config, self.changes, self.diagnosis, "error")
        found = Gain(float(old.mean()), float(new.mean()), 0.0)
        return made.attempt(found, after.history.epochs, True, "the score before was not to be believed")


def cleaned(config: Config, examination: Examination) -> Cleaned | None:
    """What has to be done before any score counts; None when there is nothing."""
    for each in examination.diagnoses:
        changes = CLEANING.get(each.id)
        if changes is not None and each.severity == "error":
            return Cleaned(_changed(config, changes), each.id, changes)
    return None


def _gain(prepared: Prepared, diagnosis: str, before: np.ndarray, after: np.ndarray) -> Gain:
    """The gain in marks; where classes are rare, in the mean recall of the classes."""
    rare = diagnosis == "class_imbalance" and prepared.schema.target.task in ("binary", "multiclass")
    return gain(before, after, prepared.target[prepared.split.validation] if rare else None)


def _candidates(found: Sequence[Diagnosis], config: Config) -> list[_Candidate]:
    """Changed configs in the order to try them: the first change for each diagnosis, then the second ones."""
    found = [each for each in found if each.id in REMEDIES][:LOOKED_AT]
    lists = [[(changes, each) for changes in changes_for(each, config)] for each in found]
    made: list[_Candidate] = []
    for changes, diagnosis in in_turn(lists):
        try:
            changed = _changed(config, changes)
        except InputError:
            continue  # a setting that this network does not have
        if changed != config and all(changed != other.config for other in made):
            made.append(_Candidate(changed, changes, diagnosis.id, diagnosis.severity))
    return made[: most_trials(int(config.training.epochs))]


def _shown(value: object) -> str:
    return (
        f"{value:.3g}" if isinstance(value, float) else "changed" if isinstance(value, list) else str(value)
    )


def _changed(config: Config, changes: Changes) -> Config:
    values = config.model_dump(mode="json")
    for key, value in changes.items():
        set_key(values, key, value, where="repair")
    return Config.parse(values, where="repair")


def _marks_of(trained: Trained, data: Dataset, prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    if trained.ending == "diverged":
        worst = np.full(len(prepared.split.validation), WORST)
        return worst, worst
    return _marks(single(prepared.schema, trained), data, prepared)


def _marks(network: Network, data: Dataset, prepared: Prepared) -> tuple[np.ndarray, np.ndarray]:
    """How good each answer for the validation rows is: right or wrong; for numbers 1 - squared error /
    variance; and sharper marks, see `proof.sharp`. Each [v]"""
    rows, task = prepared.split.validation, prepared.schema.target.task
    index = torch.from_numpy(rows).to(data.weight.device)
    answers = network.predict_mean(data.raw, index).double().cpu().numpy()
    wanted = prepared.target[rows]
    if task in ("binary", "multiclass"):
        marks = (answers.argmax(1) == wanted).astype(np.float64)
        found = sharp(answers, wanted.astype(np.int64))
        return marks, marks if found is None else found
    wanted = wanted.reshape(len(rows), -1)
    if task == "multilabel":
        marks = ((answers > 0.5) == (wanted > 0.5)).mean(1)
        return marks, marks
    fitted = prepared.target[prepared.split.train].reshape(len(prepared.split.train), -1)
    marks = bounded(1.0 - (np.square(answers - wanted) / (np.nanvar(fitted, axis=0) + 1e-12)).mean(1))
    return marks, marks
