"""Repairs of a training: tried beside the original on a part of the budget, kept when they prove to help.

The protocol: train and examine; for the diagnoses that do harm, try remedies from the first weights for a
small share of the epochs, and the original beside them; make the best of those that gain more than two
standard errors on the validation rows anew for all epochs; keep it when it gains there too. Test rows are
never looked at, and without a diagnosis nothing is tried or changed.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from netwright.doctor.callback import Doctor
from netwright.doctor.diagnosis import Diagnosis, Examination
from netwright.trainer.course import Course, Outcome, follow
from netwright.trainer.remedies import REMEDIES, Patient, everything

SHARE = 0.1  # of the epochs, for each trial
FEWEST = 3  # epochs of a trial, where the course has as many
MOST_TRIALS = 5  # beside the original: with them a repair costs about one and a half trainings
ERRORS = 2.0  # standard errors that a gain must exceed
LEAST = 0.01  # marks that it must exceed too


@dataclass(frozen=True)
class Attempt:
    """One remedy that was tried.

    Arguments:
        diagnosis: id of what it is for.
        changes: what was changed, in words.
        before: mean mark of the original course on validation rows, after as many epochs.
        after: that of the changed one.
        error: standard error of the gain, of paired rows.
        epochs: of the trial.
        accepted: whether it was kept in the end.
        why: in words.
    """

    diagnosis: str
    changes: tuple[str, ...]
    before: float
    after: float
    error: float
    epochs: int
    accepted: bool
    why: str

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "changes": list(self.changes)}


@dataclass
class Repair:
    """What a repair has led to.

    Arguments:
        module: the trained module: the repaired one, or that of the original course.
        accepted: what was changed, in words; empty where nothing was.
        before, after: mean mark (accuracy or R²) on validation rows of the original and of what is kept.
        attempts: all that was tried.
        examination: of the original training.
        course: the course that is kept.
        cost: epochs of all trials and of the second training, in epochs of the original.
    """

    module: nn.Module
    accepted: tuple[str, ...]
    before: float
    after: float
    examination: Examination
    course: Course
    attempts: list[Attempt] = field(default_factory=list)
    cost: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """For a file, beside the diagnoses."""
        return {
            "accepted": list(self.accepted),
            "before": self.before,
            "after": self.after,
            "cost": self.cost,
            "attempts": [each.as_dict() for each in self.attempts],
        }


def repair(course: Course, doctor: Doctor | None = None) -> Repair:
    """Trains, examines, and repairs what is wrong where that can be proved to help.

    Arguments:
        course: the training as it was planned.
        doctor: asked about the original training; a new one unless given.
    """
    asked = doctor or Doctor(verbose=0)
    original = follow(course, doctor=asked)
    found = [each for each in original.examination.diagnoses if each.severity != "note"]
    result = Repair(original.module, (), original.score, original.score, original.examination, course)
    candidates = _candidates(course, original, found)
    if not candidates:
        return result
    epochs = min(course.epochs, max(FEWEST, math.ceil(SHARE * course.epochs)))
    beside = follow(course, epochs)
    spent = beside.epochs
    trials: list[tuple[float, Course, str, Outcome]] = []
    for changed, diagnosis in candidates:
        trial = follow(changed, epochs)
        spent += trial.epochs
        gain, error = _gain(beside, trial)
        enough = gain > max(ERRORS * error, LEAST)
        why = "the gain is within its error" if not enough else "another one gained more"
        result.attempts.append(
            Attempt(diagnosis, changed.changes, beside.score, trial.score, error, epochs, False, why)
        )
        if enough:
            trials.append((gain, changed, diagnosis, trial))
    result.cost = spent / course.epochs
    if not trials:
        return result
    _, best, diagnosis, _ = max(trials, key=lambda each: each[0])
    whole = follow(best)
    result.cost += whole.epochs / course.epochs
    gain, error = _gain(original, whole)
    accepted = gain > max(ERRORS * error, LEAST)
    why = "the gain holds after all epochs" if accepted else "after all epochs the gain is within its error"
    result.attempts.append(
        Attempt(diagnosis, best.changes, original.score, whole.score, error, course.epochs, accepted, why)
    )
    if accepted:
        result.module, result.accepted, result.after = whole.module, best.changes, whole.score
        result.course = best
    return result


def _gain(before: Outcome, after: Outcome) -> tuple[float, float]:
    """How much better the second is on the same validation rows, and the standard error of that."""
    difference = after.marks - before.marks
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))


def _candidates(course: Course, original: Outcome, found: list[Diagnosis]) -> list[tuple[Course, str]]:
    """Changed courses in the order to try them: each diagnosis' first remedy, then second ones, then all."""
    if not found:
        return []
    lists = [[(each, remedy) for remedy in REMEDIES.get(each.id, ())] for each in found[:3]]
    turns = [own[turn] for turn in range(max(map(len, lists), default=0)) for own in lists if turn < len(own)]
    turns = turns[:MOST_TRIALS]
    made: list[tuple[Course, str]] = []
    seen: set[tuple[str, ...]] = set()
    for diagnosis, remedy in turns:
        changed = remedy(course, Patient(original.case, diagnosis))
        if changed is not None and changed.changes not in seen:
            seen.add(changed.changes)
            made.append((changed, diagnosis.id))
    whole = everything(course, Patient(original.case, found[0]))
    made = made[: MOST_TRIALS - 1]
    if whole is not None and any(lists):
        made.append((whole, found[0].id))
    return made


def course_of(trainer: Any, x: Any, y: Any, validation: tuple[Any, Any], **plan: Any) -> Course:
    """The course that a trainer would follow from its module's weights as they are.

    Arguments:
        trainer: a `Trainer`.
        x, y: training rows.
        validation: (x, y).
        plan: epochs, batch_size, weight.
    """
    return Course(
        copy.deepcopy(trainer.module),
        trainer.goal.given,
        _optimizer(trainer.optimizer),
        trainer.learning_rate,
        trainer.schedule,
        trainer.clip_norm,
        plan["epochs"],
        plan["batch_size"],
        x,
        y,
        plan.get("weight"),
        validation,
        trainer.seed if trainer.seed is not None else 0,
        tuple((lambda each=each: copy.deepcopy(each)) for each in trainer.callbacks),
    )


def _optimizer(given: Any) -> Any:
    """An optimiser that can be made anew for a copy of the module."""
    if not isinstance(given, torch.optim.Optimizer):
        return given
    kind, settings = type(given), dict(given.defaults)

    class Again(kind):  # type: ignore[misc, valid-type]
        def __init__(self, parameters: Any, **more: Any) -> None:
            super().__init__(parameters, **{**settings, **more})

    Again.__name__ = kind.__name__
    return Again
