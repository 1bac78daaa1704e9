"""Repairs of a training: tried beside the original on a part of the budget, kept when they prove to help.

The protocol: train and examine; for the diagnoses that do harm, try remedies from the first weights and the
same seed for a tenth of the epochs; train the best of them for all epochs; keep it when it gains more than
two standard errors on the validation rows, or one where the diagnosis is an error, whose harm is proven
already, or where sharper marks prove it. Where it is not kept, or the network is still clearly worse than a
simple model, the next best trial gets a whole training too, if it is clearly better than the original was
after as many epochs; what is kept and still worse gets more units, where it has few. Test rows are never
looked at, and without a diagnosis nothing is tried or changed. What makes a score unbelievable, such as a
column that gives the target away, is taken out whatever becomes of the score.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from netwright.data.finding import Severity
from netwright.doctor.attempt import Attempt
from netwright.doctor.callback import Doctor
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Examination
from netwright.doctor.proof import (
    ERRORS,
    LOOKED_AT,
    WORST,
    Gain,
    Marks,
    alike,
    bounded,
    chosen,
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
from netwright.trainer.course import Again, Course, Memory, Outcome, follow, steering, watched
from netwright.trainer.remedies.network import as_classes, thick
from netwright.trainer.remedies.patient import Patient
from netwright.trainer.remedies.table import CLEANING, REMEDIES, everything

LEARNT_BY_HEART = ("overfitting", "label_errors")  # whose harm comes late in a training
UNFIT = (NetwrightError, RuntimeError)  # what a changed module raises whose parts do not fit together

Bar = tuple[Severity, Gain]
"""of a diagnosis, and the gain in sharper marks; see `proof.proven`"""


@dataclass(frozen=True)
class Candidate:
    """A changed course, and the diagnosis that it is for."""

    course: Course
    diagnosis: Diagnosis


@dataclass
class Trial:
    """What a short training of a candidate has led to.

    Arguments:
        candidate: itself.
        outcome: of the short training.
        gain: beside the original after as many epochs.
    """

    candidate: Candidate
    outcome: Outcome
    gain: Gain


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
        course = clean.course
        asked = _like(asked)
        before, original = original, follow(course, doctor=asked, at=at)
        result.cost += original.epochs / course.epochs
        attempt = _attempt(clean, _gain(before, original), original.epochs)
        attempt = replace(attempt, accepted=True, why="the score before was not to be believed")
        _keep(result, attempt, course, original.module, original)
        result.before = result.after  # what it really was
        found = harmful(original.examination.diagnoses)
    told = next((each for each in found if each.id == "wrong_head"), None)
    coded = None if told is None else as_classes(course, Patient(_case(original, asked), told))
    if told is not None and coded is not None:
        course, original, found = coded, original.as_codes(), [told]
        result.before = result.after = original.score
    marks = _with_best(result, original, found)
    candidates = _candidates(course, _case(original, asked), original, found)
    if told is not None and coded is not None:
        candidates = [Candidate(course, told), *candidates][: most_trials(course.epochs)]
    if candidates:
        aim = None if original.coded else _aim(original, asked)
        _tried(result, course, original, candidates, marks, aim)
    return result


def _tried(
    result: Repair,
    course: Course,
    original: Outcome,
    candidates: Sequence[Candidate],
    beaten: Marks,
    aim: np.ndarray | None,
) -> None:
    """Trials, then the whole training of the best, whose marks have to be above those that are to be beaten;
    of one more where that is not kept, or is still worse than a simple model. All goes into the result.

    Arguments:
        beaten: marks of what is kept so far.
        aim: marks of the best simple model; None where there is none. [v]
    """
    trials, before = _trials(result, course, original, candidates)
    order = _finalists(trials, before)
    for place, trial in enumerate(trials):
        why = "no better than the trial that goes on"
        if not order:
            why = "worse than the original after as many epochs"
        elif place == order[0]:
            why = "the trial that goes on to a whole training"
        candidate, epochs = trial.candidate, trial.outcome.epochs
        result.attempts.append(_attempt(candidate, trial.gain, epochs, why))
    kept = None
    for place in order:
        candidate, whole = trials[place].candidate, trials[place].outcome
        found = _whole(result, course, candidate, beaten, whole)
        if found is not None:
            kept, beaten = candidate, found
            if not _behind(aim, beaten[0]):
                return
    if kept is not None:  # and still behind: what is left may be that there are too few units
        more = thick(kept.course, Patient(None, kept.diagnosis))
        if more is not None:
            _whole(result, course, replace(kept, course=more), beaten)


def _whole(
    result: Repair, course: Course, candidate: Candidate, beaten: Marks, whole: Outcome | None = None
) -> Marks | None:
    """The whole training of a candidate goes into the result; its marks where it is kept.

    Arguments:
        beaten: marks of what is kept so far.
        whole: its trial, which is the whole training already where that is as short.
    """
    if whole is None or whole.epochs < candidate.course.epochs:
        try:
            whole = follow(candidate.course)
        except UNFIT as error:
            result.attempts.append(_untrained(candidate, beaten, error))
            return None
        result.cost += whole.epochs / course.epochs
    candidate, module, marks = _best_of(candidate, whole)
    found = gain(beaten[0], marks[0], _classes(whole, candidate.diagnosis))
    bar: Bar = candidate.diagnosis.severity, gain(*alike([beaten, marks]))
    accepted = proven(found, *bar) and whole.failure is None
    attempt = replace(_attempt(candidate, found, whole.epochs, judged(found, *bar)), accepted=accepted)
    _keep(result, attempt, candidate.course, module, whole, float(marks[0].mean()))
    return marks if accepted else None


def _trials(
    result: Repair, course: Course, original: Outcome, candidates: Sequence[Candidate]
) -> tuple[list[Trial], Marks]:
    """Short trainings, and marks of the original after as many epochs."""
    marks, sharper = original.kept("at")
    if original.failure is not None and original.epochs < trial_epochs(course.epochs):
        marks = sharper = np.full_like(original.marks, WORST)
    trials: list[Trial] = []
    for each in candidates:
        try:
            outcome = follow(each.course, trial_epochs(each.course.epochs))
        except UNFIT as error:
            result.attempts.append(_untrained(each, (marks, sharper), error))
            continue
        result.cost += outcome.epochs / course.epochs
        found = gain(marks, outcome.marks, _classes(outcome, each.diagnosis))
        trials.append(Trial(each, outcome, found))
    return trials, (marks, sharper)


def _finalists(trials: Sequence[Trial], before: Marks) -> list[int]:
    """Places of the best trial, where it is not clearly worse than the original after as many epochs, and of
    the next best one, where it is clearly better than that."""
    original, *marks = alike([before, *(each.outcome.all_marks for each in trials)])
    first = chosen(marks, original)
    if first is None:
        return []
    left = [place for place in range(len(trials)) if place != first]
    second = chosen([marks[place] for place in left], original)
    if second is None:
        return [first]
    found = gain(original, marks[left[second]])
    return [first, left[second]] if found.size > ERRORS * found.error else [first]


def _best_of(candidate: Candidate, whole: Outcome) -> tuple[Candidate, nn.Module, Marks]:
    """What to keep of a whole training: the network after its last epoch, or after the one with the lowest
    validation loss where that is clearly better, which is a change too; and its marks."""
    network, last = whole.memory.network("best"), whole.all_marks
    if network is not None and whole.failure is None:
        best = whole.kept("best")
        found = gain(*alike([last, best]))
        if found.size > ERRORS * found.error:
            course = candidate.course.changed(_words_of(whole.memory))
            return replace(candidate, course=course), network.owned[0], best
    return candidate, whole.module, last


def _words_of(memory: Memory) -> str:
    return f"the weights of epoch {memory.best_epoch}, which had the lowest validation loss"


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


def _behind(aim: np.ndarray | None, marks: np.ndarray) -> bool:
    """Whether marks [v] are still clearly worse than those of a simple model."""
    return aim is not None and gain(marks, aim).proven


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
    words = _words_of(memory)
    figures, accepted = (gained.before, gained.after, gained.error), proven(gained, *bar)
    result.attempts.append(Attempt(told.id, (words,), *figures, 0, accepted, judged(gained, *bar)))
    if not accepted:
        return last
    result.module, result.after = network.owned[0], gained.after
    result.accepted = (*result.accepted, words)
    return best


def _keep(
    result: Repair,
    attempt: Attempt,
    course: Course,
    module: nn.Module,
    outcome: Outcome,
    score: float | None = None,
) -> None:
    """Notes an attempt, and what it has led to where it is accepted."""
    result.attempts.append(attempt)
    if attempt.accepted:
        result.module, result.course = module, course
        result.after = outcome.score if score is None else score
        result.accepted, result.failure = course.changes, outcome.failure


def _gain(before: Outcome, after: Outcome) -> Gain:
    return gain(before.marks, after.marks)


def _classes(after: Outcome, diagnosis: Diagnosis) -> np.ndarray | None:
    """Of the validation rows where classes are rare, so that their mean recall counts. [v] or None"""
    return after.classes if diagnosis.id == "class_imbalance" else None


def _attempt(candidate: Candidate, found: Gain, epochs: int, why: str = "") -> Attempt:
    figures = (found.before, found.after, found.error)
    return Attempt(candidate.diagnosis.id, candidate.course.changes, *figures, epochs, False, why)


def _untrained(candidate: Candidate, before: Marks, error: Exception) -> Attempt:
    nothing = Gain(float(before[0].mean()), WORST, 0.0)
    return _attempt(candidate, nothing, 0, f"it cannot be trained: {error}")


def _cleaned(
    course: Course, original: Outcome, doctor: Doctor, found: Sequence[Diagnosis]
) -> Candidate | None:
    for each in found:
        if each.severity == "error" and each.id in CLEANING:
            changed = CLEANING[each.id](course, Patient(_case(original, doctor), each))
            if changed is not None:
                return Candidate(changed, each)
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
    turns = in_turn(lists)
    if found[0].id not in LEARNT_BY_HEART:
        turns.append((found[0], everything))
    for diagnosis, remedy in turns:
        changed = remedy(course, Patient(case, diagnosis, last))
        if changed is not None and all(changed.changes != other.course.changes for other in made):
            made.append(Candidate(changed, diagnosis))
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
