"""Repairs of a training: tried beside the original on a part of the budget, kept when they prove to help.

The protocol: train and examine; for the diagnoses that do harm, try remedies from the first weights and the
same seed for a tenth of the epochs; train the best of them for all epochs; keep it when it gains more than
two standard errors on the validation rows, or one where the diagnosis is an error, whose harm is proven
already, or where sharper marks prove it. Where it is not kept, or the network is still clearly worse than a
simple model, the next best trial gets a whole training too, if it is clearly better than the original was
after as many epochs; what is kept gets more units, where it has next to none. What is kept is examined too,
and where harm is left, there is a second round from it. Test rows are never looked at, and without a
diagnosis nothing is tried or changed. What makes a score unbelievable, such as a column that gives
the target away, is taken out whatever becomes of the score.
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
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Examination
from netwright.doctor.proof import (
    LOOKED_AT,
    Marks,
    alike,
    bounded,
    gain,
    harmful,
    in_turn,
    judged,
    most_trials,
    proven,
    trial_epochs,
)
from netwright.doctor.standing import standing
from netwright.errors import NetwrightError
from netwright.trainer.course import Again, Course, Judge, Outcome, can_be_marked, follow, steering, watched
from netwright.trainer.remedies.network import as_classes
from netwright.trainer.remedies.patient import Patient, Remedy, both
from netwright.trainer.remedies.table import CLEANING, REMEDIES, everything
from netwright.trainer.rounds import Bar, Candidate, Kept, Round, attempt, like, words_of

ROUNDS = 2
LEARNT_BY_HEART = ("overfitting", "label_errors")  # whose harm comes late in a training


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
        left: the examination of what is kept; that of the original where nothing was.
        attempts: all that was tried.
        epochs: of all trials and trainings beside the original.
        planned: epochs of the original.
        failure: why the kept training broke down; None when it did not.
    """

    module: nn.Module
    accepted: tuple[str, ...]
    before: float
    after: float
    examination: Examination
    course: Course
    left: Examination
    attempts: list[Attempt] = field(default_factory=list)
    epochs: int = 0
    planned: int = 1
    failure: NetwrightError | None = None

    @property
    def cost(self) -> float:
        """Epochs of all trials and trainings, in epochs of the original."""
        return self.epochs / self.planned

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
    case = original.case
    if original.failure is None and case is not None and not can_be_marked(case):
        judge = Judge.of(course.loss, case)
        course, original = replace(course, judge=judge), original.judged_by(judge)
    result = Repair(
        *(original.module, (), original.score, original.score, original.examination, course),
        left=original.examination,
        planned=course.epochs,
        failure=original.failure,
    )
    found = harmful(original.examination.diagnoses)
    clean = _cleaned(course, original, asked, found)
    if clean is not None:
        asked = like(asked)
        before, course = original, clean.course
        original = follow(course, doctor=asked, at=at)
        result.epochs += original.epochs
        why = "the score before was not to be believed"
        made = attempt(clean, gain(before.marks, original.marks), original.epochs, why)
        result.attempts.append(replace(made, accepted=True))
        _keep(result, Kept(clean, original.module, original, original.all_marks, asked))
        result.before = result.after  # what it really was
        found = harmful(original.examination.diagnoses)
    told = next((each for each in found if each.id == "wrong_head"), None)
    coded = None if told is None else as_classes(course, Patient(_case(original, asked), told))
    if told is not None and coded is not None:
        course, original, found = coded, original.as_codes(), [told]
        result.before = result.after = original.score
    marks = _with_best(result, original, found)
    aim = _aim(original, asked) if found and not original.coded else None
    for _ in range(ROUNDS):
        candidates = _candidates(course, _case(original, asked), original, found)
        if told is not None and original.coded:
            candidates = [Candidate(course, told), *candidates][: most_trials(course.epochs)]
        if not candidates:
            break
        turn = Round(course, original, marks, aim, asked)
        turn.try_out(candidates)
        result.attempts += turn.attempts
        result.epochs += turn.epochs
        if turn.kept is None:
            break
        _keep(result, turn.kept)
        course, original, marks = turn.kept.candidate.course, turn.kept.outcome, turn.kept.marks
        asked, found = turn.kept.doctor or asked, harmful(turn.kept.examination.diagnoses)
    return result


def _keep(result: Repair, kept: Kept) -> None:
    result.module, result.course, result.after = kept.module, kept.candidate.course, kept.score
    result.accepted, result.failure = kept.candidate.course.changes, kept.outcome.failure
    result.left = kept.examination


def _aim(original: Outcome, doctor: Doctor) -> np.ndarray | None:
    """Marks of the best simple model on the validation rows. [v] or None"""
    case = doctor.seen or original.case
    try:
        stand = None if case is None else standing(case)
    except CannotTellError:
        return None
    if stand is None or len(stand.references[stand.best]) != len(original.marks):
        return None
    return bounded(stand.references[stand.best])


def _with_best(result: Repair, original: Outcome, found: Sequence[Diagnosis]) -> Marks:
    """Marks of what is kept so far: the original's, or those of its best epoch, which cost nothing, where the
    network has learnt its rows by heart."""
    memory, last = original.memory, original.all_marks
    network = memory.network("best")
    told = next((each for each in found if each.id in LEARNT_BY_HEART), None)
    if network is None or original.failure or told is None:
        return last
    best = original.kept("best")
    gained = gain(last[0], best[0])
    bar: Bar = told.severity, gain(*alike([last, best]))
    words = words_of(memory)
    figures, accepted = (gained.before, gained.after, gained.error), proven(gained, *bar)
    result.attempts.append(Attempt(told.id, (words,), *figures, 0, accepted, judged(gained, *bar)))
    if not accepted:
        return last
    result.module, result.after = network.owned[0], gained.after
    result.accepted = (*result.accepted, words)
    return best


def _cleaned(
    course: Course, original: Outcome, doctor: Doctor, found: Sequence[Diagnosis]
) -> Candidate | None:
    for each in found:
        if each.severity == "error" and each.id in CLEANING:
            changed = CLEANING[each.id](course, Patient(_case(original, doctor), each))
            if changed is not None:
                return Candidate(changed, each)
    return None


def _case(original: Outcome, doctor: Doctor) -> Any:
    """What remedies may look at: what the doctor has seen, without test rows."""
    seen = doctor.seen or original.case
    return None if seen is None else replace(seen, test=None)


def _candidates(course: Course, case: Any, original: Outcome, found: Sequence[Diagnosis]) -> list[Candidate]:
    """Changed courses in the order to try them: the first for each diagnosis, then the second ones; and last
    a usual training, with what the first one changes of the network, its loss or its rows."""
    found = [each for each in found if each.id in REMEDIES][:LOOKED_AT]
    network = original.memory.network("last") if original.failure is not None else None
    last = None if network is None else network.owned[0]

    def changed(course: Course, diagnosis: Diagnosis, *remedies: Remedy) -> list[Candidate]:
        made = [both(each)(course, Patient(case, diagnosis, last)) for each in remedies]
        return [Candidate(each, diagnosis) for each in made if each is not None]

    turns = in_turn([changed(course, each, *REMEDIES[each.id]) for each in found])
    if found and found[0].id not in LEARNT_BY_HEART:
        own = [each.course for each in turns if each.diagnosis is found[0]][:1]
        turns += changed(
            own[0] if own and _is_of_more_than_steps(own[0], course) else course, found[0], everything
        )
    made: list[Candidate] = []
    for each in turns:
        if all(each.course.changes != other.course.changes for other in made):
            made.append(each)
    most = most_trials(course.epochs)
    return made if len(made) <= most else [*made[: most - 1], made[-1]]


def _is_of_more_than_steps(course: Course, before: Course) -> bool:
    """Whether the network, its loss or its rows are others than before."""
    names = ("module", "loss", "x", "y", "weight")
    return any(getattr(course, name) is not getattr(before, name) for name in names)


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
