"""Training rows whose targets are likely wrong, found by simple models that have not seen them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows
from netwright.doctor.checks.far_targets import far_targets
from netwright.doctor.checks.learning import nobody_learns
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.noise import Contradiction, contradiction, lowest, probabilities, suspects, unrelated
from netwright.doctor.record import Record
from netwright.doctor.standing import standing

ROWS = 1200
FEW_ROWS = 80
LISTED = 50
CLEAR, SURELY = 2.3, 4.0  # standard errors beyond what overlapping classes explain
CODES = 20  # different numbers
BETTER, FAR_BETTER = 0.03, 0.05  # marks of the network above those of simple models
VAGUE = 0.5  # share of the surest answers that contradict, over what guessing gives
WARN = 0.07
BAD = 0.15
LEAST, LIKELIER = 0.08, 8.0  # share of targets that follow nothing, and how much likelier they make all


@dataclass(frozen=True)
class Noise:
    """What was seen of wrong targets.

    Arguments:
        share: estimate of wrong targets among the rows.
        low: its lower bound, 95 %.
        order: places of the rows that are suspected, the most suspicious first.
        model: who saw it.
        certain: whether nothing else explains it, by far more than chance.
        vague: whether it may as well be that the inputs say little of the targets.
    """

    share: float
    low: float
    order: np.ndarray
    model: str
    certain: bool
    vague: bool = False


def label_errors(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Rows that contradict models which are sure of them, more of them than overlapping classes explain.

    Confident learning (Northcutt, Jiang and Chuang, 2021) lists the rows. Whether there are any is told by
    the rows that models are surest of: where classes overlap hardly any of them contradicts (see
    `contradiction`), while wrong labels are as frequent there as anywhere. Asked are simple models of rows
    that they have not seen, unless the network is clearly better on validation rows, and the network where it
    knows more: wrong labels that it has learnt by heart hide, and so it errs on the safe side. For numbers it
    is a part of the targets that does not follow the predictions.

    A warning too where nobody is sure of anything, though the network learns its rows by heart: the surest
    answers are wrong half as often as guesses, or no model is better than a constant.
    """
    train = plain.known(case).spread(ROWS)
    far = list(far_targets(case))
    yield from far
    if any(each.severity != "note" for each in far):
        return
    if case.task == "labels":
        raise CannotTellError("each row has several labels")
    if len(train) < FEW_ROWS:
        raise CannotTellError(f"there are only {len(train)} training rows")
    x = plain.standard(_matrix(case, train))
    if x.shape[1] == 0:
        raise CannotTellError("no column varies")
    noise = _of_classes(case, train, x) if plain.is_classes(case.task) else _of_numbers(case, train, x)
    if noise is None or noise.share < WARN or noise.low < WARN / 2:
        return
    bad = noise.certain and noise.share >= BAD and noise.low >= 2 * WARN
    first = noise.order[:LISTED]
    learnt = _learnt(case, train.at(_index(first)))
    numbers = np.arange(len(train)) if train.numbers is None else train.numbers.cpu().numpy()
    case.notes["suspects"] = numbers[noise.order].tolist()
    if noise.vague:
        message = (
            f"even where {noise.model} surest, {100 * noise.share:.0f} % of the targets are others: "
            "either targets are wrong, or the inputs say little of them"
        )
    else:
        message = (
            f"about {100 * noise.share:.0f} % of the training targets look wrong: even where {noise.model} "
            "surest, so many are others"
        )
    yield Diagnosis(
        "label_errors",
        "error" if bad else "warning",
        message
        + ("" if learnt is None else f"; the network has learnt {100 * learnt:.0f} % of the worst by heart"),
        {
            "noise": round(noise.share, 4),
            "at_least": round(noise.low, 4),
            "seen_by": noise.model,
            "vague": noise.vague,
            "rows_looked_at": len(train),
            "suspects": numbers[first].tolist(),
            "learnt_by_heart": learnt,
        },
        "targets were written down, joined or shuffled wrongly",
        Fix(
            "look at the listed rows, the most suspicious first; label smoothing and early stopping make "
            "training less sensitive to the rest",
            {"training.label_smoothing": 0.1} if plain.is_classes(case.task) else {"training.loss": "huber"},
        ),
        member=case.member,
    )


def _matrix(case: Case, rows: Rows) -> np.ndarray:
    """Features; of texts how often each word is in them. [n, F]"""
    values = list(rows.raw.values())
    if len(values) > 1 or values[0].is_floating_point() or values[0].dim() != 2:
        return plain.matrix(case, rows)
    codes = values[0].long()
    if codes.shape[1] < 4 or int(codes.min()) < 0 or int(codes.max()) >= plain.WIDEST:
        return plain.matrix(case, rows)
    counts = torch.zeros(len(codes), plain.WIDEST, dtype=torch.float64, device=codes.device)
    return counts.scatter_add_(1, codes, torch.ones_like(codes, dtype=torch.float64)).cpu().numpy()


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
    rows = np.bincount(wanted, minlength=count)
    if rows.max() > len(wanted) - 10:
        raise CannotTellError("nearly all training rows are of one class")
    folds = plain.folds_of(len(x))
    models = plain.models(case.task, ("vicinity", "stiff", "bushes")).values()
    answers = np.mean(
        [plain.out_of_fold(each, x, wanted, case.task, count, folds) for each in models], axis=0
    )
    simple, guessing = contradiction(answers, wanted), 1.0 - 1.0 / int((rows > 0).sum())
    own = probabilities(case.answers(train), count)
    judged = None if case.validation is None else probabilities(case.answers(case.validation), count)
    found = [("simple models that have not seen them are", simple, answers)]
    held = None
    if own is not None and judged is not None and case.validation is not None:
        held = contradiction(judged, case.wanted(case.validation))
        stand = standing(case)
        if held.lost < simple.lost - FAR_BETTER and stand.behind < -FAR_BETTER:
            found.clear()  # what they are sure of is no evidence
        if held.lost < simple.lost - BETTER and not stand.bad:
            found.append(("the network is", held + contradiction(own, wanted), own))
    for who, each, said in found:
        knows = each.lost < guessing - max(0.04, 1.5 * np.sqrt(guessing * (1.0 - guessing) / len(wanted)))
        if knows and each.share >= WARN and each.beyond >= CLEAR:
            certain = each.beyond >= SURELY and each.wrong >= 2.0 * each.expected
            return Noise(each.share, lowest(each.wrong, each.rows), suspects(said, wanted), who, certain)
    if held is not None and rows.max() <= 0.85 * rows.sum() and _in_vain(case, simple, held, guessing):
        share = min(simple.share, held.share)
        who, order = "models are", suspects(answers, wanted)
        return Noise(share, lowest(share * simple.rows, simple.rows), order, who, False, vague=True)
    return None


def _in_vain(case: Case, simple: Contradiction, held: Contradiction, guessing: float) -> bool:
    """Whether the network learns its rows by heart, and nobody is sure of others."""
    stand = standing(case)
    if nobody_learns(case, stand):
        return True
    gap = float(stand.train.mean() - stand.validation.mean())
    errors = [each.std() / np.sqrt(max(1, len(each))) for each in (stand.train, stand.validation)]
    if stand.bad or gap < max(0.05, 2.0 * float(np.hypot(*errors))):
        return False
    return min(simple.share, held.share) >= VAGUE * guessing and held.rows >= 20


def _of_numbers(case: Case, train: Rows, x: np.ndarray) -> Noise | None:
    """Targets whose distribution was made normal, so that heavy tails are none."""
    from scipy.stats import norm, rankdata

    wanted = case.wanted(train)
    if wanted.shape[1] > 1:
        raise CannotTellError("each row has several numbers as its target")
    rows = len(wanted)
    if len(np.unique(wanted)) < CODES:
        raise CannotTellError("the targets are a few numbers only, which are rather classes")
    goal = norm.ppf((rankdata(wanted[:, 0]) - 0.5) / rows)[:, None]
    folds = plain.folds_of(rows)
    models = plain.models("numbers", ("linear", "neighbours", "trees")).values()
    predicted = np.mean([plain.out_of_fold(each, x, goal, "numbers", 1, folds) for each in models], axis=0)
    if np.corrcoef(predicted[:, 0], goal[:, 0])[0, 1] < 0.2:
        return None  # they know too little to know wrong targets
    found = unrelated(predicted[:, 0], goal[:, 0])
    if not (found.share >= LEAST and found.likelier >= LIKELIER and found.spread >= 0.85):
        return None
    if found.follows + 1.64 * found.error > 0.7:
        return None
    order = np.argsort(-found.each, kind="stable")[: round(found.share * rows)]
    low = lowest(found.share * rows, rows)
    certain = found.likelier >= 3 * LIKELIER
    return Noise(found.share, low, order, "simple models that have not seen them are", certain)
