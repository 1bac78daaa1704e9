"""Training rows whose targets are likely wrong, found by simple models that have not seen them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from netwright.doctor import plain
from netwright.doctor.case import Case, Rows
from netwright.doctor.checks.learning import nobody_learns
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import standing

ROWS = 1200
FEW_ROWS = 80
LISTED = 50
SUREST = 0.3  # of the rows that a class is said of
FEWEST = 10  # rows of a class
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


@dataclass(frozen=True)
class Contradiction:
    """How often targets contradict answers where these are surest; see `contradiction`.

    Arguments:
        rows: that were looked at: the surest of those that each class is said of.
        wrong: how many of them have another target.
        expected: how many would, if errors were those of overlapping classes.
        lost: mean over the classes of the share of rows that are taken for others, surely or not.
    """

    rows: float
    wrong: float
    expected: float
    lost: float

    @property
    def share(self) -> float:
        return self.wrong / max(1.0, self.rows)

    @property
    def beyond(self) -> float:
        """How far beyond what is expected, in standard errors."""
        spread = max(self.share * (1.0 - self.share), 0.02) * self.rows + 0.25 * self.expected
        return float((self.wrong - self.expected) / np.sqrt(max(spread, 1e-9)))

    def __add__(self, other: Contradiction) -> Contradiction:
        return Contradiction(
            self.rows + other.rows,
            self.wrong + other.wrong,
            self.expected + other.expected,
            (self.lost + other.lost) / 2.0,
        )


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
            return Noise(each.share, _lower(each.wrong, each.rows), suspects(said, wanted), who, certain)
    if held is not None and rows.max() <= 0.85 * rows.sum() and _in_vain(case, simple, held, guessing):
        share = min(simple.share, held.share)
        who, order = "models are", suspects(answers, wanted)
        return Noise(share, _lower(share * simple.rows, simple.rows), order, who, False, vague=True)
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


def probabilities(answers: np.ndarray, count: int) -> np.ndarray | None:
    """Answers as probabilities of each class; None where they are none. [n, C]"""
    if answers.shape[1] == 1:
        answers = np.concatenate([1.0 - answers, answers], 1)
    known = np.isfinite(answers).all() and (answers >= 0).all() and (answers <= 1 + 1e-6).all()
    return answers if known and answers.shape[1] == count else None


def contradiction(answers: np.ndarray, wanted: np.ndarray) -> Contradiction:
    """How many of the surest answers contradict the targets, and how many would if classes overlapped.

    Each row is said to be of the class whose probability is highest over its share. Of two classes whose
    scores are normal and equally spread, the share of the one that is taken for the other, Phi(-t), and of
    that rightly known, Phi(d - t), give d; a stricter bound that leaves the surest 30 % of a class then
    leaves Phi(Phi^-1(right) - d) of the other: of two classes that are told apart for 75 and 60 % of the rows
    8 and 31 % of the surest answers are wrong. Of labels that are wrong by chance as many are left as of
    right ones: 25 and 40 %.

    Measured: at most 1.2 standard errors beyond on 90 healthy trainings (2.4 with 2 % of wrong labels, which
    are too few to be told); 2 to 6 where 20 % of 90 labels, 40 % of 400 of two classes, or 45 % of one
    class are wrong; 7 and more with several classes.

    Arguments:
        answers: probabilities for rows that are not learnt by heart. [n, C]
        wanted: the labels given. [n]

    Example:
        >>> draws = np.random.default_rng(0)
        >>> wanted = np.arange(2000) % 2
        >>> x = draws.normal(size=2000) + 2.5 * wanted
        >>> apart = 1 / (1 + np.exp(-2.5 * (x - 1.25)))
        >>> abs(contradiction(np.stack([1 - apart, apart], 1), wanted).beyond) < 2
        True
        >>> flipped = np.where(draws.random(2000) < 0.2, 1 - wanted, wanted)
        >>> contradiction(np.stack([1 - apart, apart], 1), flipped).beyond > 4
        True
    """
    from scipy.special import ndtr, ndtri

    size = answers.shape[1]
    counts = np.bincount(wanted, minlength=size)
    scores = answers / np.maximum(counts, 1)
    scores = scores / np.maximum(scores.sum(1, keepdims=True), 1e-12)
    said, sure = scores.argmax(1), scores.max(1)
    rows = wrong = expected = 0.0
    for each in np.flatnonzero(counts >= FEWEST):
        order = np.flatnonzero(said == each)
        if len(order) < FEWEST:
            continue
        surest = order[np.argsort(-sure[order], kind="stable")][: max(1, round(SUREST * len(order)))]
        all_of, some_of = (np.bincount(wanted[part], minlength=size) for part in (order, surest))
        right, strict = ((of[each] + 0.5) / (counts[each] + 1) for of in (all_of, some_of))
        others = (all_of > 0) & (np.arange(size) != each) & (counts >= FEWEST)  # rare ones are passed over
        taken = np.minimum(all_of[others] / counts[others], 1.0 - 0.5 / (counts[others] + 1))
        distance = np.maximum(ndtri(right) - ndtri(taken), 0.0)
        expected += float((counts[others] * ndtr(ndtri(strict) - distance)).sum())
        rows += int(some_of[each] + some_of[others].sum())
        wrong += int(some_of[others].sum())
    lost = float(np.mean([(said[wanted == each] != each).mean() for each in np.flatnonzero(counts)]))
    return Contradiction(rows, wrong, expected, lost)


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


def _lower(wrong: float, rows: float) -> float:
    """Lower bound of a share (Wilson, 1927; two-sided 95 %)."""
    if rows < 1:
        return 0.0
    share, z = wrong / rows, 1.96
    middle = share + z * z / (2 * rows)
    spread = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return float((middle - spread) / (1 + z * z / rows))


@dataclass(frozen=True)
class Unrelated:
    """Targets of two kinds; see `unrelated`.

    Arguments:
        share: of those that do not follow the predictions.
        follows: how much of the others' slope they have: 0 is nothing.
        error: its standard error.
        spread: of them.
        likelier: logarithm of how much likelier both kinds make all of the targets than one kind.
        each: how likely each row is one of them. [n]
    """

    share: float
    follows: float
    error: float
    spread: float
    likelier: float
    each: np.ndarray


def unrelated(predicted: np.ndarray, wanted: np.ndarray) -> Unrelated:
    """Divides targets into those that follow predictions and a rest that is more widely spread.

    Two normal distributions around two lines, by expectation and maximisation (Dempster, Laird and Rubin,
    1977; Quandt, 1972). Residuals with heavy tails follow the same line; targets of other rows follow none.

    Arguments:
        predicted: out of fold. [n]
        wanted: standardised. [n]

    Example:
        >>> draws = np.random.default_rng(0)
        >>> predicted = draws.normal(size=500)
        >>> wanted = predicted + 0.5 * draws.normal(size=500)
        >>> wanted[:100] = 1.4 * draws.normal(size=100)
        >>> found = unrelated(predicted, wanted)
        >>> 0.1 < found.share < 0.3, found.follows + 2 * found.error < 0.7, found.likelier > 8
        (True, True, True)
    """
    from scipy.stats import norm

    slope, level, spread, _ = _line(predicted, wanted, np.ones(len(wanted)))
    alone = norm.logpdf(wanted, level + slope * predicted, spread).sum()
    rest = wanted - level - slope * predicted
    spread = max(1.4826 * float(np.median(np.abs(rest))), 0.02)
    share, other, at, wide, moment = 0.2, 0.0, 0.0, max(1.2, 1.3 * spread), 1.0
    likely, weight = alone, np.zeros(len(wanted))
    for _ in range(100):
        first = (1 - share) * norm.pdf(wanted, level + slope * predicted, spread)
        second = share * norm.pdf(wanted, at + other * predicted, wide)
        likely = np.log(first + second + 1e-300).sum()
        weight = second / (first + second + 1e-300)
        share = float(weight.mean())
        if share < 1e-3:
            break
        slope, level, spread, _ = _line(predicted, wanted, 1 - weight)
        other, at, wide, moment = _line(predicted, wanted, weight)
        spread = max(spread, 0.02)
        wide = max(wide, 1.2 * spread)
    size = max(abs(slope), 1e-6)
    return Unrelated(
        share, other / size, float(wide / np.sqrt(moment) / size), wide, float(likely - alone), weight
    )


def _line(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> tuple[float, float, float, float]:
    """Slope, level, spread around it, and the weighted squares of x, by weighted least squares."""
    total = weight.sum() + 1e-9
    middle, level = (weight * x).sum() / total, (weight * y).sum() / total
    moment = float((weight * np.square(x - middle)).sum()) + 1e-9
    slope = float((weight * (x - middle) * (y - level)).sum()) / moment
    level = float(level - slope * middle)
    spread = float(np.sqrt((weight * np.square(y - level - slope * x)).sum() / total))
    return slope, level, spread, moment


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
    low = _lower(found.share * rows, rows)
    certain = found.likelier >= 3 * LIKELIER
    return Noise(found.share, low, order, "simple models that have not seen them are", certain)
