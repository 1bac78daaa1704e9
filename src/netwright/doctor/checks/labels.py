"""Training rows whose targets are likely wrong, found by simple models that have not seen them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import Tensor

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows, Task
from netwright.doctor.checks.far_targets import far_targets
from netwright.doctor.checks.late_rows import late_rows
from netwright.doctor.checks.learning import nobody_learns
from netwright.doctor.checks.shifts import shifts
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.noise import (
    Contradiction,
    Unrelated,
    contradiction,
    lowest,
    probabilities,
    suspects,
    unrelated,
)
from netwright.doctor.record import Record
from netwright.doctor.standing import standing, unseen

ROWS = 1200
FEW_ROWS = 80
LISTED = 50
CLEAR, SURELY = 2.3, 4.0  # standard errors beyond what overlapping classes explain
BOTH = 1.0  # the same of simple models and of the network, before both are taken together
CODES = 20  # different numbers
BETTER, FAR_BETTER = 0.03, 0.05  # marks of the network above those of simple models
USUAL, ENOUGH = 1.0, 50  # standard errors beyond of the network on validation rows; rows it is sure of
VAGUE = 0.5  # share of the surest answers that contradict, over what guessing gives
WARN = 0.07
BAD = 0.15
LEAST, LIKELIER = 0.08, 8.0  # share of targets that follow nothing, and how much likelier they make all
MOST_LABELS = 3  # of several labels that are looked at
NOISIER, MUCH_NOISIER = 4.0, 6.0  # standard errors between training rows and the others
LESS = 0.2  # share of what can be told of the others that cannot be told of the training rows


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
        said: the sentence, where it is not about what somebody is sure of.
    """

    share: float
    low: float
    order: np.ndarray
    model: str
    certain: bool
    vague: bool = False
    said: str = ""


def label_errors(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Rows that contradict models which are sure of them, more of them than overlapping classes explain.

    Confident learning (Northcutt, Jiang and Chuang, 2021) lists the rows. Whether there are any is told by
    the rows that models are surest of: where classes overlap hardly any of them contradicts (see
    `contradiction`), while wrong labels are as frequent there as anywhere. Asked are simple models of rows
    that they have not seen, unless the network is clearly better on validation rows, and the network where it
    knows more: wrong labels that it has learnt by heart hide, and so it errs on the safe side. Of several
    labels for each row each is asked about alone. For numbers it is a part of the targets that does not
    follow the predictions, of one target or of most of several.

    A warning too where nobody is sure of anything, though the network learns its rows by heart: the surest
    answers are wrong half as often as guesses, or no model is better than a constant. And where simple models
    tell a fifth less of training rows, which they have not seen, than of all other parts, by 4 standard
    errors: of 182 healthy trainings the most is 2.6.
    """
    whole = plain.known(case)
    train = whole.spread(ROWS)
    known = [
        *far_targets(case),
        *case.fact("late_rows", lambda: [*late_rows(case, _matrix(case, whole), whole)]),
    ]
    yield from known
    if any(each.severity != "note" for each in known):
        return
    if len(train) < FEW_ROWS:
        raise CannotTellError(f"there are only {len(train)} training rows")
    x = plain.standard(_matrix(case, train))
    if x.shape[1] == 0:
        raise CannotTellError("no column varies")
    noise = (
        _of_classes(case, train, x)
        if plain.is_classes(case.task)
        else _of_labels(case, train, x)
        if case.task == "labels"
        else _of_numbers(case, train, x)
    )
    noise = noise or _beside_others(case, train, x)
    if noise is None or noise.share < WARN or noise.low < WARN / 2:
        return
    bad = noise.certain and noise.share >= BAD and noise.low >= 2 * WARN
    first = noise.order[:LISTED]
    learnt = _learnt(case, train.at(_index(first)))
    numbers = np.arange(len(train)) if train.numbers is None else train.numbers.cpu().numpy()
    case.notes["suspects"] = numbers[noise.order].tolist()
    if noise.said:
        message = noise.said
    elif noise.vague:
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
    answers = _unseen(x, wanted, case.task, count)
    guessing = 1.0 - 1.0 / int((rows > 0).sum())
    own = probabilities(case.answers(train), count)
    judged = None if case.validation is None else probabilities(case.answers(case.validation), count)
    given = [(answers, wanted)]
    if own is not None and judged is not None and case.validation is not None:
        given += [(judged, case.wanted(case.validation)), (own, wanted)]
    several = [contradiction(*each) for each in given]
    sure = [contradiction(*each, plainly=True) for each in given]
    orders = suspects(answers, wanted), suspects(answers if own is None else own, wanted)
    usual = rows.max() / rows.sum()
    return _weighed(case, Told(several, sure, guessing, float(usual)), orders)


def _of_labels(case: Case, train: Rows, x: np.ndarray) -> Noise | None:
    """Of at most three labels, together. What is beyond chance counts as that of one: rows are the same."""
    if case.validation is None:
        raise CannotTellError("each row has several labels, and there are no validation rows")
    wanted, asked = case.wanted(train) > 0.5, case.wanted(case.validation) > 0.5  # [n, K], [v, K]
    own, judged = case.answers(train), case.answers(case.validation)
    few = np.minimum(wanted.sum(0), len(wanted) - wanted.sum(0))
    places = np.argsort(-few, kind="stable")[:MOST_LABELS]
    places = places[few[places] >= 0.1 * len(wanted)]
    if not len(places) or own.shape != wanted.shape:
        raise CannotTellError("no label is there in a tenth of the rows and lacking in another")
    sums: list[list[Contradiction]] = [[], [], []]
    simple = np.zeros((len(train), len(places)))  # how improbable the labels given are
    known = simple.copy()
    for number, place in enumerate(places):
        codes, others = wanted[:, place].astype(np.int64), asked[:, place].astype(np.int64)
        answers = _unseen(x, codes, "yes_no", 2)
        given = [
            (answers, codes),
            (probabilities(judged[:, [place]], 2), others),
            (probabilities(own[:, [place]], 2), codes),
        ]
        for into, (each, of) in zip(sums, given, strict=True):
            if each is None:
                raise CannotTellError("the network's answers are no probabilities")
            into.append(contradiction(each, of))
        simple[:, number] = 1.0 - answers[np.arange(len(codes)), codes]
        known[:, number] = np.abs(own[:, place] - codes)
    first, second = (
        np.argsort(-each, kind="stable")[: int((each > 0.5).sum())]
        for each in (simple.mean(1), known.mean(1))
    )
    usual = float(np.max(1.0 - few[places] / len(wanted)))
    several = [_mean(each) for each in sums]
    return _weighed(case, Told(several, several, 0.5, usual), (first, second))


def _mean(several: list[Contradiction]) -> Contradiction:
    parts = [astuple(each) for each in several]
    return Contradiction(*(float(each) for each in np.mean(parts, axis=0)))


def _unseen(x: np.ndarray, wanted: np.ndarray, task: Task, count: int) -> np.ndarray:
    """Probabilities from simple models that have not seen the rows. [n, C]"""
    folds = plain.folds_of(len(x))
    models = plain.models(task, ("vicinity", "stiff", "bushes")).values()
    return np.mean([plain.out_of_fold(each, x, wanted, task, count, folds) for each in models], axis=0)


@dataclass(frozen=True)
class Told:
    """How often targets contradict those who are sure.

    Arguments:
        several: models that have not seen the rows; the network on validation rows and on training rows where
            its answers are probabilities. 1 or 3
        sure: the same without classes that nobody is sure of. 1 or 3
        guessing: share of wrong guesses.
        usual: share of the most frequent class.
    """

    several: list[Contradiction]
    sure: list[Contradiction]
    guessing: float
    usual: float


def _weighed(case: Case, told: Told, orders: tuple[np.ndarray, np.ndarray]) -> Noise | None:
    """Whom of both to believe, and what follows.

    Arguments:
        orders: the rows that simple models and that the network suspect.
    """
    guessing, rows = told.guessing, min(case.counts.get("train") or 1, ROWS)
    least = guessing - max(0.04, 1.5 * np.sqrt(guessing * (1.0 - guessing) / rows))
    simple, *own = told.sure
    found = [("simple models that have not seen them are", simple, orders[0])]
    stand = standing(case)
    if own:
        held, seen = own
        if min(simple.beyond, held.beyond) >= BOTH and held.lost < least and not stand.bad:
            both = simple + held  # of other rows each
            found.append(("simple models and the network are", both, orders[0]))
        if held.lost < simple.lost - FAR_BETTER and stand.behind < -FAR_BETTER:
            found.clear()  # what they are sure of is no evidence
        if held.beyond < USUAL and held.rows >= ENOUGH and stand.behind < 0:
            found.clear()  # who knows more contradicts no validation row that was labelled likewise
        if held.lost < simple.lost - BETTER and not stand.bad:
            found.append(("the network is", held + seen, orders[1]))
    elif stand.behind < -FAR_BETTER:
        found.clear()
    for who, each, order in found:
        if each.lost < least and each.share >= WARN and each.beyond >= CLEAR and not each.fades:
            certain = each.beyond >= SURELY and each.wrong >= 2.0 * each.expected
            return Noise(each.share, lowest(each.wrong, each.rows), order, who, certain)
    simple, *own = told.several
    if own and told.usual <= 0.85 and _in_vain(case, simple, own[0], guessing):
        share = min(simple.share, own[0].share)
        low = lowest(share * simple.rows, simple.rows)
        return Noise(share, low, orders[0], "models are", False, vague=True)
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

    wanted = case.wanted(train)  # [n, T]
    rows = len(wanted)
    places = [place for place, each in enumerate(wanted.T) if len(np.unique(each)) >= CODES]
    if not places:
        raise CannotTellError("the targets are a few numbers only, which are rather classes")
    goal = norm.ppf((rankdata(wanted[:, places], axis=0) - 0.5) / rows)
    folds, size = plain.folds_of(rows), len(places)
    models = plain.models("numbers", ("linear", "neighbours", "trees")).values()
    predicted = np.mean(
        [plain.out_of_fold(each, x, goal, "numbers", size, folds) for each in models], axis=0
    )  # [n, T]
    found = [each for each in (_apart(*both) for both in zip(predicted.T, goal.T, strict=True)) if each]
    if 2 * len(found) <= size:
        return None  # of one target of two it is something else
    share = float(np.median([each.share for each in found]))
    likely = np.mean([each.each for each in found], axis=0)
    order = np.argsort(-likely, kind="stable")[: round(share * rows)]
    certain = max(each.likelier for each in found) >= 3 * LIKELIER
    low = lowest(share * rows, rows)
    return Noise(share, low, order, "simple models that have not seen them are", certain)


def _apart(predicted: np.ndarray, goal: np.ndarray) -> Unrelated | None:
    """Targets of which a part clearly follows nothing; None where there is no such part. Each [n]"""
    if np.corrcoef(predicted, goal)[0, 1] < 0.2:
        return None  # they know too little to know wrong targets
    found = unrelated(predicted, goal)
    clear = found.share >= LEAST and found.likelier >= LIKELIER and found.spread >= 0.85
    return found if clear and found.follows + 1.64 * found.error <= 0.7 else None


def _beside_others(case: Case, train: Rows, x: np.ndarray) -> Noise | None:
    """Training rows of which simple models tell less than of all other parts, though these are like them."""
    if not plain.parts(case) or shifts(case):
        return None
    known = unseen(case)
    wanted = case.wanted(train)
    base = plain.constant(wanted, case.task) if plain.is_classes(case.task) else 0.0
    best = 0.0, ""
    for name, marks in known.train.items():
        own = np.clip(marks, -1.0, 1.0)
        others = [np.clip(part[name], -1.0, 1.0) for part in known.parts.values()]
        every = np.concatenate(others)
        clear = _difference(every, own)
        if clear > max(NOISIER, best[0]) and min(_difference(each, own) for each in others) > NOISIER / 2:
            best = clear, name
    clear, name = best
    if not name:
        return None
    own, every = (
        float(np.clip(each, -1.0, 1.0).mean())
        for each in (known.train[name], np.concatenate([part[name] for part in known.parts.values()]))
    )
    share = 1.0 - max(0.0, own - base) / max(every - base, 1e-9)
    if case.task == "labels" or every - base < 0.05 or share < LESS:
        return None
    said = (
        f"simple models that have not seen them are right less often on training rows than on others "
        f"({name}: {own:.2f}, against {every:.2f}): some {100 * share:.0f} % of the training targets tell "
        "nothing"
    )
    if plain.is_classes(case.task):
        order = suspects(_unseen(x, wanted, case.task, plain.answers_of(case, wanted)), wanted)
    else:
        model = plain.models("numbers", ("trees",))["trees"]
        told = plain.out_of_fold(model, x, wanted, "numbers", wanted.shape[1], plain.folds_of(len(x)))
        order = np.argsort(plain.marks(told, wanted, "numbers"), kind="stable")
    low = share * (1.0 - 2.0 / clear)
    return Noise(share, low, order[: round(share * len(x))], name, clear >= MUCH_NOISIER, said=said)


def _difference(others: np.ndarray, own: np.ndarray) -> float:
    """Of two means, in standard errors."""
    error = np.sqrt((others.var() + 0.01) / len(others) + (own.var() + 0.01) / len(own))
    return float((others.mean() - own.mean()) / error)
