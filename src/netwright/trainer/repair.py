"""Repairs of a training: tried beside the original on a part of the budget, kept when they prove to help.

The protocol: train and examine; for the diagnoses that do harm, try remedies from the first weights and the
same seed for a tenth of the epochs; train the best of them for all epochs; keep it when it gains more than
two standard errors on the validation rows. Test rows are never looked at, and without a diagnosis nothing is
tried or changed. What makes a score unbelievable, such as a column that gives the target away, is taken out
whatever becomes of the score.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from netwright.doctor.attempt import Attempt
from netwright.doctor.callback import Doctor
from netwright.doctor.diagnosis import Diagnosis, Examination
from netwright.doctor.proof import (
    LOOKED_AT,
    WORST,
    Gain,
    chosen,
    gain,
    harmful,
    in_turn,
    judged,
    most_trials,
    trial_epochs,
)
from netwright.errors import NetwrightError
from netwright.trainer.course import Again, Course, Outcome, follow, marks_of, steering, watched
from netwright.trainer.remedies import CLEANING, REMEDIES, Patient, everything

Candidate = tuple[Course, str]
"""a changed course, and the diagnosis that it is for"""


@dataclass
class Repair:
    """What a repair has led to.

    Arguments:
        module: the trained module: the repaired one, or that of the original course.
        accepted: what was changed, in words; empty where nothing was.
        before, after: mean mark (accuracy or R²) on validation rows of the original and of what is kept; -1
            of a training that broke down.
        examination: of the original training.
        course: the course that is kept.
        attempts: all that was tried.
        cost: epochs of all trials and of the second training, in epochs of the original.
        failure: why the kept training broke down; None when it did not.
    """

    module: nn.Module
    accepted: tuple[str, ...]
    before: float
    after: float
    examination: Examination
    course: Course
    attempts: list[Attempt] = field(default_factory=list)
    cost: float = 0.0
    failure: NetwrightError | None = None

    def as_dict(self) -> dict[str, Any]:
        """For a file, beside the diagnoses."""
        return {
            "accepted": list(self.accepted),
            "before": self.before,
            "after": self.after,
            "cost": self.cost,
            "repairs": [each.as_dict() for each in self.attempts],
        }


def repair(trainer: Any, course: Course, doctor: Doctor | None = None, *, verbose: int = 0) -> Repair:
    """Trains, examines, and repairs what is wrong where that can be proved to help.

    Arguments:
        trainer: a `Trainer`, which makes the original training itself.
        course: the same training as a value; see `course_of`.
        doctor: asked about the original training; the trainer's own or a new one unless given.
        verbose: of the original training.
    """
    own = next((each for each in trainer.callbacks if isinstance(each, Doctor)), None)
    asked = doctor or own or Doctor(verbose=0)
    at = trial_epochs(course.epochs)
    original = watched(trainer, course, course.epochs, doctor=asked, at=at, verbose=verbose)
    course = replace(course, seed=original.memory.seed)
    result = Repair(original.module, (), original.score, original.score, original.examination, course)
    result.failure = original.failure
    found = harmful(original.examination.diagnoses)
    clean = _cleaned(course, original, asked, found)
    if clean is not None:
        course, diagnosis = clean
        asked = _like(asked)
        before, original = original, follow(course, doctor=asked, at=at)
        result.cost += original.epochs / course.epochs
        attempt = _attempt(diagnosis, course, _gain(before, original), original.epochs)
        attempt = replace(attempt, accepted=True, why="the score before was not to be believed")
        _keep(result, attempt, course, original)
        result.before = result.after  # what it really was
        found = harmful(original.examination.diagnoses)
    marks = _with_best(result, original, found)
    candidates = _candidates(course, _case(original, asked), original, found)
    if not candidates:
        return result
    _tried(result, course, original, candidates, marks)
    return result


def _tried(
    result: Repair,
    course: Course,
    original: Outcome,
    candidates: Sequence[Candidate],
    beaten: np.ndarray,
) -> None:
    """Trials, then the whole training of the best, whose marks have to be above those that are to be beaten;
    all goes into the result."""
    marks, sharper = original.kept("at")
    if original.failure is not None and original.epochs < trial_epochs(course.epochs):
        marks = sharper = np.full_like(original.marks, WORST)
    tried: list[tuple[Gain, Course, str, Outcome]] = []
    for changed, diagnosis in candidates:
        epochs = trial_epochs(changed.epochs)
        try:
            trial = follow(changed, epochs)
        except NetwrightError as error:
            nothing = Gain(float(marks.mean()), WORST, 0.0)
            result.attempts.append(_attempt(diagnosis, changed, nothing, 0, f"it cannot be trained: {error}"))
            continue
        result.cost += trial.epochs / course.epochs
        tried.append((_gain_of(marks, trial, diagnosis), changed, diagnosis, trial))
    best = chosen([trial.sharp for *_, trial in tried], sharper)
    for place, (found, changed, diagnosis, trial) in enumerate(tried):
        if best is None:
            why = "worse than the original after as many epochs"
        elif place == best:
            why = "the trial that goes on to a whole training"
        else:
            why = "no better than the trial that goes on"
        result.attempts.append(_attempt(diagnosis, changed, found, trial.epochs, why))
    if best is None:
        return
    _, changed, diagnosis, trial = tried[best]
    whole = trial
    if trial_epochs(changed.epochs) < changed.epochs:
        whole = follow(changed)
        result.cost += whole.epochs / course.epochs
    found = _gain_of(beaten, whole, diagnosis)
    attempt = _attempt(diagnosis, changed, found, whole.epochs, judged(found))
    attempt = replace(attempt, accepted=found.proven and whole.failure is None)
    _keep(result, attempt, changed, whole)


def _with_best(result: Repair, original: Outcome, found: Sequence[Diagnosis]) -> np.ndarray:
    """Marks of what is kept so far: the original's, or those of its best epoch, which cost nothing, where the
    network has learnt its rows by heart. [v]"""
    memory = original.memory
    network = memory.network("best")
    if network is None or original.failure or all(each.id != "overfitting" for each in found):
        return original.marks
    marks, _ = marks_of(memory.case, network)
    gained = gain(original.marks, marks)
    words = f"the weights of epoch {memory.best_epoch}, which had the lowest validation loss"
    figures = (gained.before, gained.after, gained.error)
    result.attempts.append(Attempt("overfitting", (words,), *figures, 0, gained.proven, judged(gained)))
    if not gained.proven:
        return original.marks
    result.module, result.after = network.owned[0], gained.after
    result.accepted = (*result.accepted, words)
    return marks


def _keep(result: Repair, attempt: Attempt, course: Course, outcome: Outcome) -> None:
    """Notes an attempt, and what it has led to where it is accepted."""
    result.attempts.append(attempt)
    if attempt.accepted:
        result.module, result.course, result.after = outcome.module, course, outcome.score
        result.accepted, result.failure = course.changes, outcome.failure


def _gain(before: Outcome, after: Outcome) -> Gain:
    return gain(before.marks, after.marks)


def _gain_of(before: np.ndarray, after: Outcome, diagnosis: str) -> Gain:
    """The gain in marks; where classes are rare, in the mean recall of the classes."""
    return gain(before, after.marks, after.classes if diagnosis == "class_imbalance" else None)


def _attempt(diagnosis: str, course: Course, found: Gain, epochs: int, why: str = "") -> Attempt:
    return Attempt(diagnosis, course.changes, found.before, found.after, found.error, epochs, False, why)


def _cleaned(
    course: Course, original: Outcome, doctor: Doctor, found: Sequence[Diagnosis]
) -> Candidate | None:
    for each in found:
        if each.severity == "error" and each.id in CLEANING:
            changed = CLEANING[each.id](course, Patient(_case(original, doctor), each))
            if changed is not None:
                return changed, each.id
    return None


def _like(doctor: Doctor) -> Doctor:
    """Another doctor who knows what this one was told, but for test rows and names: columns may be gone."""
    return Doctor(preflight=doctor.preflight, groups=doctor.groups, verbose=0)


def _case(original: Outcome, doctor: Doctor) -> Any:
    """What remedies may look at: what the doctor has seen, without test rows."""
    seen = doctor.seen or original.case
    return None if seen is None else replace(seen, test=None)


def _candidates(course: Course, case: Any, original: Outcome, found: Sequence[Diagnosis]) -> list[Candidate]:
    """Changed courses in the order to try them: each diagnosis' first remedy, then second ones; and last a
    usual training."""
    found = [each for each in found if each.id in REMEDIES][:LOOKED_AT]
    if not found:
        return []
    lists = [[(each, remedy) for remedy in REMEDIES[each.id]] for each in found]
    network = original.memory.network("last") if original.failure is not None else None
    last = None if network is None else network.owned[0]
    made: list[Candidate] = []
    turns = [*in_turn(lists), (found[0], everything)]
    for diagnosis, remedy in turns:
        changed = remedy(course, Patient(case, diagnosis, last))
        if changed is not None and all(changed.changes != other.changes for other, _ in made):
            made.append((changed, diagnosis.id))
    most = most_trials(course.epochs)
    return made if len(made) <= most else [*made[: most - 1], made[-1]]


def course_of(trainer: Any, x: Any, y: Any, validation: tuple[Any, Any], **plan: Any) -> Course:
    """The course that a trainer is about to follow, from its module's weights as they are.

    Arguments:
        trainer: a `Trainer`.
        x, y: training rows.
        validation: (x, y).
        plan: epochs, batch_size, weight, shuffle.
    """
    own = trainer.optimizer
    return Course(
        copy.deepcopy(trainer.module),
        trainer.goal.given,
        Again.of(own, trainer.module) if isinstance(own, torch.optim.Optimizer) else copy.deepcopy(own),
        trainer.learning_rate,
        trainer.schedule,
        trainer.clip_norm,
        plan["epochs"],
        plan["batch_size"],
        x,
        y,
        plan["weight"],
        validation,
        callbacks=steering(trainer.callbacks),
        options={
            "metrics": trainer.goal.named,
            "precision": trainer.precision,
            "device": trainer.device.type,
            "accumulate": trainer.accumulate,
        },
        shuffle=plan["shuffle"],
    )
