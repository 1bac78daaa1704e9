"""Training rows whose targets are likely wrong, found by simple models that have not seen them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record

ROWS = 1200
FEW_ROWS = 80
LISTED = 50
SURE = 0.7  # quantile of a model's confidence, within each class, beyond which it is called sure
CLEAN, ENOUGH = 0.03, 50  # fewer of so many rows that a model is sure of: the labels are right
OVERLAP = 0.3  # .5 + .5 * (.56 - errors) is the area of `tells_errors` where classes overlap
WARN = 0.05
BAD = 0.15
FAR = 4.0  # robust standard deviations


@dataclass(frozen=True)
class Noise:
    """What was seen of wrong targets.

    Arguments:
        share: estimate of wrong targets among the rows.
        low: its lower bound, 95 %.
        order: places of the rows that are suspected, the most suspicious first.
        model: the simple model that saw it.
        by_confidence: share of rows that contradict the model, from its least to its most sure fifth; empty
            for numbers.
        certain: whether overlapping classes cannot explain it, by more than chance.
    """

    share: float
    low: float
    order: np.ndarray
    model: str
    by_confidence: list[float]
    certain: bool


def label_errors(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Rows that contradict models which are sure of them, more of them than overlapping classes explain.

    Confident learning (Northcutt, Jiang and Chuang, 2021) lists the rows. How many there are is taken from
    the rows that a model is most sure of: where classes overlap hardly any of them contradicts it, while
    wrong labels are as frequent there as anywhere. For numbers it is the residuals beyond 4 robust
    deviations, of targets whose distribution was made normal, so that heavy tails are none.
    """
    train = plain.known(case).spread(ROWS)
    if case.task == "labels":
        raise CannotTellError("each row has several labels")
    if len(train) < FEW_ROWS:
        raise CannotTellError(f"there are only {len(train)} training rows")
    x = plain.standard(plain.matrix(case, train))
    if x.shape[1] == 0:
        raise CannotTellError("no column varies")
    noise = _of_classes(case, train, x) if plain.is_classes(case.task) else _of_numbers(x, case.wanted(train))
    if noise is None or noise.share < WARN or noise.low < WARN / 2:
        return
    bad = noise.certain and noise.share >= BAD and noise.low >= 2 * WARN
    first = noise.order[:LISTED]
    learnt = _learnt(case, train.at(_index(first)))
    numbers = np.arange(len(train)) if train.numbers is None else train.numbers.cpu().numpy()
    case.notes["suspects"] = numbers[noise.order].tolist()
    yield Diagnosis(
        "label_errors",
        "error" if bad else "warning",
        f"about {100 * noise.share:.0f} % of the training targets look wrong: simple models that have not "
        f"seen these rows are sure of another answer"
        + (
            ""
            if learnt is None
            else f", and the network has learnt {100 * learnt:.0f} % of the worst by heart"
        ),
        {
            "noise": round(noise.share, 4),
            "at_least": round(noise.low, 4),
            "model": noise.model,
            "rows_looked_at": len(train),
            "suspects": numbers[first].tolist(),
            "learnt_by_heart": learnt,
        }
        | ({"series": {"wrong_by_confidence": noise.by_confidence}} if noise.by_confidence else {}),
        "targets were written down, joined or shuffled wrongly",
        Fix(
            "look at the listed rows, the most suspicious first; label smoothing and early stopping make "
            "training less sensitive to the rest",
            {"training.label_smoothing": 0.1} if plain.is_classes(case.task) else {"training.loss": "huber"},
        ),
        member=case.member,
    )


def _index(places: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(places))


def _learnt(case: Case, rows: Rows) -> float | None:
    """The share of some rows that the network answers as they are labelled; None for numbers."""
    if not plain.is_classes(case.task) or not len(rows):
        return None
    return round(float(case.marks(case.answers(rows), rows).mean()), 3)


def _of_classes(case: Case, train: Rows, x: np.ndarray) -> Noise | None:
    wanted = case.wanted(train)
    count = plain.answers_of(case, wanted)
    if np.bincount(wanted).max() > len(wanted) - 10:
        raise CannotTellError("nearly all training rows are of one class")
    folds = plain.folds_of(len(x))
    answers: dict[str, np.ndarray] = {}
    for name, model in plain.models(case.task, ("vicinity", "stiff", "bushes")).items():
        answers[name] = plain.out_of_fold(model, x, wanted, case.task, count, folds)
        said = (answers[name].argmax(1) != wanted)[_sureness(answers[name]) >= SURE]
        if len(said) >= ENOUGH and said.mean() < CLEAN:
            return None  # wrong labels would contradict whoever is sure
    name = max(answers, key=lambda each: float((answers[each].argmax(1) == wanted).mean()))
    found = answers[name]
    guess, sure = found.argmax(1), _sureness(found)
    wrong = guess != wanted
    floor = wrong[sure >= SURE]
    if floor.mean() < WARN:
        return None
    clean = _clean_elsewhere(case, train, x, wanted, name, wrong)
    if not clean and 1 - wrong.mean() <= np.bincount(wanted).max() / len(wanted) + 0.02:
        return None  # it knows nothing, so it knows no wrong labels
    known, error = tells_errors(sure, wrong)
    limit = 0.5 + OVERLAP * max(0.56 - wrong.mean(), 0.0)
    if not clean and known > limit:
        return None
    fifths = [float(wrong[(sure >= low) & (sure < low + 0.2)].mean()) for low in (0, 0.2, 0.4, 0.6, 0.8)]
    order = suspects(found, wanted)
    certain = clean or known + 1.64 * error < limit
    return Noise(
        float(floor.mean()), _lower(floor), order, name, [round(each, 4) for each in fifths], certain
    )


def tells_errors(sure: np.ndarray, wrong: np.ndarray) -> tuple[float, float]:
    """How well sureness tells right from wrong answers: area under the curve, and its standard error.

    Where two normal classes overlap, models that are wrong on 40, 31, 23 and 16 % of the rows have areas of
    .58, .68, .76 and .83; wrong labels are told by nothing, so that their area is .5.
    """
    from scipy.stats import rankdata

    bad, good = int(wrong.sum()), int((~wrong).sum())
    area = (rankdata(sure)[~wrong].sum() - good * (good + 1) / 2) / max(1, bad * good)
    return float(area), float(np.sqrt((bad + good + 1) / (12 * max(1, bad * good))))


def _sureness(answers: np.ndarray) -> np.ndarray:
    """How sure the answers are, as a quantile among the rows with the same answer. [n] in [0, 1)"""
    from scipy.stats import rankdata

    guess, top = answers.argmax(1), answers.max(1)
    sure = np.zeros(len(top))
    for each in np.unique(guess):
        of = guess == each
        sure[of] = (rankdata(top[of], method="ordinal") - 0.5) / of.sum()
    return sure


def suspects(answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rows that confident learning calls mislabelled, the most suspicious first. [s]

    Arguments:
        answers: out-of-fold probabilities. [n, C]
        wanted: the labels given. [n]

    Example:
        >>> answers = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.95, 0.05], [0.2, 0.8]])
        >>> suspects(answers, np.array([0, 0, 1, 1, 1])).tolist()
        [3]
    """
    rows = np.arange(len(wanted))
    threshold = np.array(
        [
            answers[wanted == each, each].mean() if (wanted == each).any() else 2.0
            for each in range(answers.shape[1])
        ]
    )
    beyond = np.where(answers >= threshold, answers, -1.0)
    said = beyond.argmax(1)
    concerned = (beyond.max(1) >= 0) & (said != wanted)
    margin = answers[rows, said] - answers[rows, wanted]
    chosen = rows[concerned]
    return chosen[np.argsort(-margin[chosen], kind="stable")]


def _clean_elsewhere(
    case: Case, train: Rows, x: np.ndarray, wanted: np.ndarray, name: str, wrong: np.ndarray
) -> bool:
    """Whether validation rows contradict the same model far less often: their labels are right."""
    rows = case.validation
    if rows is None or len(rows) < 40:
        return False
    rows = rows.spread(ROWS)
    model = plain.models(case.task, (name,))[name]
    values = plain.standard(plain.matrix(case, rows), plain.matrix(case, train))
    answers = plain.fitted(model, x, wanted, values, case.task, plain.answers_of(case, wanted))
    there = answers.argmax(1) != case.wanted(rows)
    error = np.sqrt(wrong.var() / len(wrong) + max(there.var(), 0.02) / len(there))
    return bool(wrong.mean() - there.mean() > max(WARN, 3 * error) and there.mean() < 0.75 * wrong.mean())


def _lower(wrong: np.ndarray) -> float:
    """Lower bound of a share (Wilson, 1927; two-sided 95 %)."""
    rows, share, z = len(wrong), float(wrong.mean()), 1.96
    middle = share + z * z / (2 * rows)
    return (middle - z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))) / (1 + z * z / rows)


def _of_numbers(x: np.ndarray, wanted: np.ndarray) -> Noise | None:
    from scipy.stats import norm, rankdata

    if wanted.shape[1] > 1:
        raise CannotTellError("each row has several numbers as its target")
    rows = len(wanted)
    goal = norm.ppf((rankdata(wanted[:, 0]) - 0.5) / rows)[:, None]
    folds = plain.folds_of(rows)
    residual: dict[str, np.ndarray] = {}
    for name, model in plain.models("numbers", ("linear", "neighbours", "trees")).items():
        residual[name] = (goal - plain.out_of_fold(model, x, goal, "numbers", 1, folds))[:, 0]
    name = min(residual, key=lambda each: float(np.median(np.abs(residual[each]))))
    found = residual[name] - np.median(residual[name])
    usual = 1.4826 * float(np.median(np.abs(found)))
    if usual > 0.6:
        return None  # it knows too little to know wrong targets
    far = np.abs(found) > max(FAR * usual, 0.5)
    order = np.argsort(-np.abs(found))[: int(far.sum())]
    # A shuffled target lies beyond the bound only if it is far enough from the right one.
    seen = 2 * float(norm.sf(FAR * usual / np.sqrt(2)))
    return Noise(min(1.0, float(far.mean()) / max(seen, 0.05)), _lower(far), order, name, [], True)
