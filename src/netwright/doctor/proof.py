"""The rules by which repairs are tried and kept: shared by all that repair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from netwright.data.finding import Severity
from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import Diagnosis
from netwright.doctor.standing import paired, paired_recalls

SHARE = 0.1  # of the epochs, for each trial
FEWEST = 3  # epochs of a trial, where the training has as many
MOST = 5  # trials; with them a repair costs one and a half trainings
ERRORS = 2.0  # standard errors that a gain must exceed
ERRORS_OF_ERROR = 1.0  # the same where the diagnosis is an error, whose harm is proven already
LEAST = 0.01  # marks (accuracy or R²) that it must exceed too
LOOKED_AT = 3  # diagnoses, the first ones
WORST = -1.0  # the least mark that counts: what is beyond it is as bad, and so is what breaks down

Remedy = TypeVar("Remedy")
Marks = tuple[np.ndarray, np.ndarray | None]
"""of rows, and sharper ones, see `sharp`; None where there are none. Each [v]"""


@dataclass(frozen=True)
class Gain:
    """How much better the second of two networks is on the same rows.

    Arguments:
        before, after: mean marks.
        error: standard error of their difference.
    """

    before: float
    after: float
    error: float

    @property
    def size(self) -> float:
        return self.after - self.before

    @property
    def proven(self) -> bool:
        """Whether it is more than two standard errors, and not too small to matter.

        Example:
            >>> Gain(0.7, 0.8, 0.04).proven, Gain(0.7, 0.8, 0.06).proven, Gain(0.7, 0.705, 0.001).proven
            (True, False, False)
        """
        return self.size > max(ERRORS * self.error, LEAST)


def gain(before: np.ndarray, after: np.ndarray, classes: np.ndarray | None = None) -> Gain:
    """The gain from paired marks [v]; with the rows' classes [v], of the mean recall of the classes."""
    before, after = bounded(before), bounded(after)
    if classes is None:
        _, error = paired(after, before)
        return Gain(float(before.mean()), float(after.mean()), error)
    _, error = paired_recalls(after, before, classes)
    means = [
        np.mean([each[classes == code].mean() for code in np.unique(classes)]) for each in (before, after)
    ]
    return Gain(float(means[0]), float(means[1]), error)


def bounded(marks: np.ndarray) -> np.ndarray:
    """Marks between the worst and the best; what is no number is the worst."""
    return np.clip(np.nan_to_num(marks, nan=WORST, posinf=WORST, neginf=WORST), WORST, 1.0)


def trial_epochs(planned: int) -> int:
    """A tenth of the epochs, three at least."""
    return min(planned, max(FEWEST, math.ceil(SHARE * planned)))


def most_trials(planned: int) -> int:
    """How many trials half of the epochs are enough for, from 2 to 5.

    Example:
        >>> [most_trials(epochs) for epochs in (2, 10, 20, 30, 200)]
        [2, 2, 3, 5, 5]
    """
    return max(2, min(MOST, planned // (2 * trial_epochs(planned))))


def harmful(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """Those that are no mere notes, what to begin with first.

    What is about test rows alone is left out: no choice looks at them.
    """
    return [each for each in diagnoses if each.severity != "note" and each.evidence.get("part") != "test"]


def in_turn(lists: Sequence[Sequence[Remedy]]) -> list[Remedy]:
    """The first of each list, then the second ones, and so on.

    Example:
        >>> in_turn([[1, 2, 3], [], [4]])
        [1, 4, 2, 3]
    """
    longest = max(map(len, lists), default=0)
    return [own[turn] for turn in range(longest) for own in lists if turn < len(own)]


def chosen(trials: Sequence[np.ndarray], before: np.ndarray) -> int | None:
    """Which trial goes on to a whole training; None where it would be clearly worse than the original.

    Trials come in the order of how likely they are to help. A later one goes on only where it is better than
    an earlier one by two standard errors: so short trainings prove little, and what a diagnosis has told
    counts until they do. The proof of a repair is the whole training, not its trial.

    Arguments:
        trials: sharp marks of each, see `sharp`. Each [v]
        before: of the original after as many epochs. [v]

    Example:
        >>> chosen([np.zeros(50), np.full(50, 0.3), np.full(50, 0.31)], np.zeros(50))
        1
    """
    if not trials:
        return None
    best = 0
    for place in range(1, len(trials)):
        found = gain(trials[best], trials[place])
        if found.size > ERRORS * found.error:
            best = place
    last = gain(before, trials[best])
    return None if last.size < -ERRORS * last.error else best


def standing_of(place: int, best: int | None) -> str:
    """What a trial is told, by which of them goes on; see `chosen`.

    Example:
        >>> standing_of(0, 1)
        'no better than the trial that goes on'
    """
    if best is None:
        return "worse than the original after as many epochs"
    if place == best:
        return "the trial that goes on to a whole training"
    return "no better than the trial that goes on"


def sharp(answers: np.ndarray, codes: np.ndarray) -> np.ndarray | None:
    """Marks that tell small differences: how much closer probabilities are to the truth than the classes'
    shares are (Brier's score; 1 is certain and right, 0 as good as the shares). [v]

    Arguments:
        answers: probabilities. [v, C], or [v, 1] of the second class
        codes: of the right classes. [v]

    Returns:
        None where the answers are no probabilities.

    Example:
        >>> sharp(np.array([[0.9], [0.5], [0.1], [0.5]]), np.array([1, 1, 0, 0])).round(2).tolist()
        [0.96, 0.0, 0.96, 0.0]
    """
    if answers.shape[1] == 1:
        answers = np.concatenate([1.0 - answers, answers], 1)
    if not np.isfinite(answers).all() or answers.min() < -1e-6 or np.abs(answers.sum(1) - 1.0).max() > 1e-3:
        return None
    right = np.eye(max(answers.shape[1], int(codes.max()) + 1))[codes]
    answers = np.pad(answers, ((0, 0), (0, right.shape[1] - answers.shape[1])))
    usual = np.square(right - right.mean(0)).sum(1).mean()
    return bounded(1.0 - np.square(answers - right).sum(1) / max(float(usual), 1e-9))


def sharp_of(case: Case, answers: np.ndarray, rows: Rows) -> np.ndarray | None:
    """Sharp marks of a case's answers [n, C] for some rows, see `sharp`; None where they are not of classes,
    or are no probabilities. [n]"""
    return sharp(answers, case.wanted(rows)) if case.task in ("classes", "yes_no") else None


def alike(several: Sequence[Marks]) -> list[np.ndarray]:
    """Marks of one kind, so that networks can be compared: sharper ones where all have them, else the usual.

    Example:
        >>> rough, fine = np.array([1.0, 0.0]), np.array([0.9, 0.2])
        >>> [each.tolist() for each in alike([(rough, fine), (rough, None)])]
        [[1.0, 0.0], [1.0, 0.0]]
    """
    sharper = [each for _, each in several if each is not None]
    return sharper if len(sharper) == len(several) else [marks for marks, _ in several]


def proven_rate(evidence: Mapping[str, Any]) -> float | None:
    """The learning rate that short trainings have shown to be best: the lowest one that comes within a tenth
    of the way to the lowest loss; None where there were none.

    Arguments:
        evidence: of a diagnosis, with the loss that is reached at each rate.

    Example:
        >>> proven_rate({"loss": 0.7, "loss_at_rates": {"0.001": 0.4, "0.01": 0.12, "0.1": 0.1, "1": None}})
        0.01
    """
    losses = evidence.get("loss_at_rates") or {}
    known = {float(rate): loss for rate, loss in losses.items() if loss is not None}
    if not known:
        return None
    lowest = min(known.values())
    now = evidence.get("loss")
    start = max(known.values()) if now is None else max(now, lowest)
    return min(rate for rate, loss in known.items() if loss <= lowest + 0.1 * (start - lowest))


def proven(gain: Gain, severity: Severity, sharper: Gain | None = None) -> bool:
    """Whether a gain is enough to keep a repair: two standard errors, see `Gain.proven`.

    One for a diagnosis that is an error: that the network is worse than it could be, by more than chance, is
    a part of it, so that a remedy for it begins with better odds. One too where sharper marks prove it.

    Arguments:
        gain: in marks.
        severity: of the diagnosis.
        sharper: the gain in sharper marks, see `sharp`; None where they are not known.

    Example:
        >>> proven(Gain(0.7, 0.8, 0.06), "warning"), proven(Gain(0.7, 0.8, 0.06), "error")
        (False, True)
        >>> proven(Gain(0.7, 0.8, 0.06), "warning", Gain(0.5, 0.6, 0.02))
        True
    """
    if severity != "error" and not (sharper is not None and sharper.proven):
        return gain.proven
    return gain.size > max(ERRORS_OF_ERROR * gain.error, LEAST)


def judged(gain: Gain, severity: Severity, sharper: Gain | None = None) -> str:
    """Why a whole training was kept or not."""
    if proven(gain, severity, sharper):
        if gain.proven:
            return "the gain on validation rows is more than two standard errors"
        also = "" if severity == "error" else ", and that of the probabilities' errors more than two"
        return f"the gain on validation rows is more than one standard error{also}"
    if gain.size > 0:
        bar = "one standard error" if severity == "error" else "two standard errors"
        return f"the gain on validation rows is within {bar}, or below a point"
    return "nothing was gained on validation rows"
