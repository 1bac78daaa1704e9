"""One round of a repair: trials beside a training, and the whole training of the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

from netwright.data.finding import Severity
from netwright.doctor.attempt import Attempt
from netwright.doctor.callback import Doctor
from netwright.doctor.diagnosis import Diagnosis, Examination
from netwright.doctor.proof import (
    ERRORS,
    WORST,
    Gain,
    Marks,
    alike,
    chosen,
    gain,
    judged,
    proven,
    standing_of,
    trial_epochs,
)
from netwright.trainer.course import Course, Memory, Outcome, follow
from netwright.trainer.remedies.network import thick
from netwright.trainer.remedies.patient import Patient, both
from netwright.trainer.remedies.steps import usual_optimizer

roomy = both(thick, usual_optimizer, first=True)

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


@dataclass(frozen=True)
class Kept:
    """A candidate whose whole training is kept.

    Arguments:
        candidate: itself; its course tells where the weights of the best epoch are kept.
        module: trained.
        outcome: of the whole training.
        marks: of the module.
        doctor: who has examined the whole training; None where nobody has.
    """

    candidate: Candidate
    module: nn.Module
    outcome: Outcome
    marks: Marks
    doctor: Doctor | None = None

    @property
    def score(self) -> float:
        """The mean mark on validation rows."""
        return float(self.marks[0].mean())

    @property
    def examination(self) -> Examination:
        return Examination() if self.doctor is None else self.doctor.examination


@dataclass
class Round:
    """What the trials beside a training have led to.

    What is kept and has a layer of next to no units trains once more with more of them: what a network of
    four units could not show may be all that is left.

    Arguments:
        course: of that training.
        original: what it led to.
        beaten: marks of what is kept so far, which the next has to be better than.
        aim: marks of the best simple model; None where there is none. [v]
        doctor: another one like it examines whole trainings; nobody unless given.
        attempts: all that was tried.
        epochs: of all trials and trainings.
        kept: the best that was proven to be better; None where nothing was.
    """

    course: Course
    original: Outcome
    beaten: Marks
    aim: np.ndarray | None = None
    doctor: Doctor | None = None
    attempts: list[Attempt] = field(default_factory=list)
    epochs: int = 0
    kept: Kept | None = None

    def try_out(self, candidates: Sequence[Candidate]) -> None:
        """Trials, then the whole training of the best; of one more where that is not kept, or is still worse
        than a simple model."""
        trials, before = self._trials(candidates)
        order = finalists(trials, before)
        for place, trial in enumerate(trials):
            why = standing_of(place, order[0] if order else None)
            self.attempts.append(attempt(trial.candidate, trial.gain, trial.outcome.epochs, why))
        for place in order:
            if self.whole(trials[place].candidate, trials[place].outcome) and not self._is_behind():
                break
        if self.kept is not None:
            candidate = self.kept.candidate
            more = roomy(candidate.course, Patient(None, candidate.diagnosis))
            if more is not None:
                self.whole(replace(candidate, course=more))

    def whole(self, candidate: Candidate, outcome: Outcome | None = None) -> bool:
        """The whole training of a candidate; whether it is kept.

        Arguments:
            outcome: of its trial, which is the whole training already where that is as short.
        """
        doctor = None
        if outcome is None or outcome.epochs < candidate.course.epochs:
            doctor = None if self.doctor is None else like(self.doctor)
            at = trial_epochs(candidate.course.epochs)
            try:
                outcome = follow(candidate.course, doctor=doctor, at=at)
            except Exception as error:  # of a user's own module that is given what it is not made for
                self.attempts.append(untrained(candidate, self.beaten, error))
                return False
            self.epochs += outcome.epochs
        candidate, module, marks = _best_of(candidate, outcome)
        found = gain(self.beaten[0], marks[0], classes_of(outcome, candidate.diagnosis))
        bar: Bar = candidate.diagnosis.severity, gain(*alike([self.beaten, marks]))
        accepted = proven(found, *bar) and outcome.failure is None
        made = attempt(candidate, found, outcome.epochs, judged(found, *bar))
        self.attempts.append(replace(made, accepted=accepted))
        if accepted:
            self.kept, self.beaten = Kept(candidate, module, outcome, marks, doctor), marks
        return accepted

    def _trials(self, candidates: Sequence[Candidate]) -> tuple[list[Trial], Marks]:
        """Short trainings, and marks of the original after as many epochs."""
        original = self.original
        before = original.kept("at")
        if original.failure is not None and original.epochs < trial_epochs(self.course.epochs):
            worst = np.full_like(original.marks, WORST)
            before = worst, worst
        trials: list[Trial] = []
        for each in candidates:
            try:
                outcome = follow(each.course, trial_epochs(each.course.epochs))
            except Exception as error:
                self.attempts.append(untrained(each, before, error))
                continue
            self.epochs += outcome.epochs
            found = gain(before[0], outcome.marks, classes_of(outcome, each.diagnosis))
            trials.append(Trial(each, outcome, found))
        return trials, before

    def _is_behind(self) -> bool:
        """Whether what is kept is still clearly worse than a simple model."""
        return self.aim is not None and gain(self.beaten[0], self.aim).proven


def finalists(trials: Sequence[Trial], before: Marks) -> list[int]:
    """Places of the best trial, where it is not clearly worse than the original after as many epochs, and of
    the next best one, where it is clearly better than that, or for an error, whose harm is proven."""
    original, *marks = alike([before, *(each.outcome.all_marks for each in trials)])
    first = chosen(marks, original)
    if first is None:
        return []
    left = [place for place in range(len(trials)) if place != first]
    second = chosen([marks[place] for place in left], original)
    if second is None:
        return [first]
    second = left[second]
    found, severity = gain(original, marks[second]), trials[second].candidate.diagnosis.severity
    worth = severity == "error" or found.size > ERRORS * found.error
    return [first, second] if worth else [first]


def _best_of(candidate: Candidate, whole: Outcome) -> tuple[Candidate, nn.Module, Marks]:
    """What to keep of a whole training: the network after its last epoch, or after the one with the lowest
    validation loss where that is clearly better, which is a change too; and its marks."""
    network, last = whole.memory.network("best"), whole.all_marks
    if network is not None and whole.failure is None:
        best = whole.kept("best")
        found = gain(*alike([last, best]))
        if found.size > ERRORS * found.error:
            course = candidate.course.changed(words_of(whole.memory))
            return replace(candidate, course=course), network.owned[0], best
    return candidate, whole.module, last


def words_of(memory: Memory) -> str:
    """That weights of an earlier epoch are kept."""
    return f"the weights of epoch {memory.best_epoch}, which had the lowest validation loss"


def like(doctor: Doctor) -> Doctor:
    """Another doctor who knows what this one was told, but for test rows and names: columns may be gone."""
    return Doctor(preflight=doctor.preflight, groups=doctor.groups, verbose=0)


def classes_of(after: Outcome, diagnosis: Diagnosis) -> np.ndarray | None:
    """Of the validation rows where classes are rare, so that their mean recall counts. [v] or None"""
    return after.classes if diagnosis.id == "class_imbalance" else None


def attempt(candidate: Candidate, found: Gain, epochs: int, why: str = "") -> Attempt:
    """What is told of it; not accepted."""
    figures = (found.before, found.after, found.error)
    return Attempt(candidate.diagnosis.id, candidate.course.changes, *figures, epochs, False, why)


def untrained(candidate: Candidate, before: Marks, error: Exception) -> Attempt:
    """Of a candidate that cannot be trained."""
    nothing = Gain(float(before[0].mean()), WORST, 0.0)
    return attempt(candidate, nothing, 0, f"it cannot be trained: {error}")
