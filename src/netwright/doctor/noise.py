"""Estimates of how many targets are wrong, from what models answer that have not seen them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SUREST = 0.3  # of the rows that a class is said of
STRICTEST = 0.25  # of these
FEWEST = 10  # rows of a class
MOSTLY = 2 / 3  # of the surest answers of a class
LESS, BY_CHANCE = 0.5, 1.5  # of what is expected of the surest; standard errors


@dataclass(frozen=True)
class Contradiction:
    """How often targets contradict answers where these are surest; see `contradiction`.

    Arguments:
        rows: that were looked at: the surest of those that each class is said of.
        wrong: how many of them have another target.
        expected: how many would, if errors were those of overlapping classes.
        lost: mean over the classes of the share of rows that are taken for others, surely or not.
        few, few_wrong: the same rows and wrong ones, of the surest quarter of them.
    """

    rows: float
    wrong: float
    expected: float
    lost: float
    few: float = 0.0
    few_wrong: float = 0.0

    @property
    def share(self) -> float:
        return self.wrong / max(1.0, self.rows)

    @property
    def beyond(self) -> float:
        """How far beyond what is expected, in standard errors."""
        spread = max(self.share * (1.0 - self.share), 0.02) * self.rows + 0.25 * self.expected
        return float((self.wrong - self.expected) / np.sqrt(max(spread, 1e-9)))

    @property
    def fades(self) -> bool:
        """Whether the surer the answers are, the fewer of them are contradicted: half as many of the surest
        quarter, by more than chance. Wrong labels are as frequent among these as among the others."""
        expected = self.share * self.few
        spread = np.sqrt(max(expected * (1.0 - self.share), 1e-9))
        return bool(self.few_wrong < LESS * expected and expected - self.few_wrong > BY_CHANCE * spread)

    def __add__(self, other: Contradiction) -> Contradiction:
        return Contradiction(
            self.rows + other.rows,
            self.wrong + other.wrong,
            self.expected + other.expected,
            (self.lost + other.lost) / 2.0,
            self.few + other.few,
            self.few_wrong + other.few_wrong,
        )


def contradiction(answers: np.ndarray, wanted: np.ndarray, *, plainly: bool = False) -> Contradiction:
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
        plainly: leave out classes of which two thirds of even the surest answers are contradicted: nobody is
            sure there, only surer of a rare class than elsewhere.

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
    rows = wrong = expected = few = few_wrong = 0.0
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
        if plainly and some_of[others].sum() > MOSTLY * (some_of[each] + some_of[others].sum()):
            continue
        first = np.bincount(wanted[surest[: max(1, round(STRICTEST * len(surest)))]], minlength=size)
        few, few_wrong = few + first[each] + first[others].sum(), few_wrong + first[others].sum()
        expected += float((counts[others] * ndtr(ndtri(strict) - distance)).sum())
        rows += int(some_of[each] + some_of[others].sum())
        wrong += int(some_of[others].sum())
    lost = float(np.mean([(said[wanted == each] != each).mean() for each in np.flatnonzero(counts)]))
    return Contradiction(rows, wrong, expected, lost, float(few), float(few_wrong))


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


def probabilities(answers: np.ndarray, count: int) -> np.ndarray | None:
    """Answers as probabilities of each class; None where they are none. [n, C]"""
    if answers.shape[1] == 1:
        answers = np.concatenate([1.0 - answers, answers], 1)
    known = np.isfinite(answers).all() and (answers >= 0).all() and (answers <= 1 + 1e-6).all()
    return answers if known and answers.shape[1] == count else None


def lowest(wrong: float, rows: float) -> float:
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
