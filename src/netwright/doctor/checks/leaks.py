"""One column that gives the target away, and scores that are too good because of it or of shared rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from netwright.doctor import plain
from netwright.doctor.case import Case
from netwright.doctor.checks.hidden_targets import hidden_targets
from netwright.doctor.checks.scales import sentinels
from netwright.doctor.checks.totals import totals
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.findings import told
from netwright.doctor.record import Record
from netwright.doctor.standing import standing

ROWS = 1000
FEW_COLUMNS = 1
FEW_ROWS = 40
LOOKED_AT = 40  # columns, those that go most with the target
LIKELY = 0.7  # of a rule that is told by the rows it was learnt from: below, a fair one cannot be strong
STRONG = 0.85
PERFECT = 0.98
OF_ALL = 0.98
LOST = 0.2
LOST_OF_PERFECT = 0.02
CLEAR, CLEAR_NUMBER = 3.5, 2.0  # standard errors; columns that look like numbers of rows are no features
EVEN = 0.1  # distance of Kolmogorov and Smirnov


@dataclass(frozen=True)
class Leak:
    """What one column tells.

    Arguments:
        place: of the column.
        alone: what a rule of thresholds on it alone gains of what a constant leaves; 1 is all. Out of fold
        everything: the same of all columns together.
        rest: the same of the other columns.
        sure: whether it is as good as a copy, not only a very good column.
        number: whether it looks like a number of the row.
    """

    place: int
    alone: float
    everything: float
    rest: float
    sure: bool
    number: bool


def leaking_column(case: Case) -> Iterator[Diagnosis]:
    """One column reaches what all together reach, nearly everything, and the others are far behind.

    Healthy columns are below: the best alone gains .76 in breast_cancer, .94 in iris (where the others gain
    nearly as much: .75 of 120 rows), .66 in wine, .35 in diabetes, .3 in digits. Tables have been looked
    through before.
    """
    known = told(case, "leaking_column")
    if known is not None:
        yield from known
        return
    found = leaks(case)
    if not found:
        hidden = list(hidden_targets(case))
        yield from hidden or totals(case)
        return
    # Where hardly another column is there, what tells the target is the task itself.
    if case.features(plain.known(case).spread(2)).shape[1] < len(found) + FEW_COLUMNS:
        return
    first = found[0]
    names = " and ".join(plain.column(case, leak.place) for leak in found)
    number = " (it looks like a number of the row)" if first.number else ""
    yield Diagnosis(
        "leaking_column",
        "error" if any(leak.sure for leak in found) else "warning",
        f"{names} alone tell{'s' if len(found) == 1 else ''} {100 * first.alone:.0f} % of what a constant "
        f"answer leaves open{number}; all the other columns together tell {100 * max(0.0, first.rest):.0f} %",
        {
            "columns": [plain.column(case, leak.place).strip("'") for leak in found],
            "places": [leak.place for leak in found],
            "alone": round(first.alone, 4),
            "all_columns": round(first.everything, 4),
            "other_columns": round(first.rest, 4),
        },
        "rows are sorted by their targets and numbered"
        if first.number
        else "the column is a result of what is to be told, or another name of it, and will not be known "
        "when the network is used",
        Fix("leave it out and train again", {"data.clean.leaks": "drop"}),
    )


def leaks(case: Case) -> list[Leak]:
    """Columns that give the target away. Computed once for the same rows.

    Raises:
        CannotTellError: rows or targets are not known, or too few.
    """
    return case.fact("leaks", lambda: _leaks(case))


def _leaks(case: Case) -> list[Leak]:
    rows = plain.known(case).spread(ROWS)
    x, wanted, task = _filled(plain.matrix(case, rows)), case.wanted(rows), case.task
    if len(x) < FEW_ROWS:
        raise CannotTellError(f"there are only {len(x)} training rows")
    base = plain.constant(wanted, task)
    if x.shape[1] < 2 or (1 - base) * len(x) < 20:
        return []
    count, folds = plain.answers_of(case, wanted), plain.folds_of(len(x))

    def gained(columns: list[int] | np.ndarray, names: tuple[str, ...]) -> tuple[float, np.ndarray]:
        """What the best model gains from some columns, and its marks."""
        chosen = plain.standard(x[:, columns])
        best = -np.inf, np.zeros(len(x))
        if chosen.shape[1] == 0:
            return 0.0, np.full(len(x), base)
        for model in plain.models(task, names).values():
            marks = plain.marks(plain.out_of_fold(model, chosen, wanted, task, count, folds), wanted, task)
            best = max(best, ((marks.mean() - base) / (1 - base), marks), key=lambda each: each[0])
        return best

    likely = [place for place in _strongest(x, wanted, task) if _at_most(x[:, place], wanted, task) >= LIKELY]
    alone = {place: gained([place], ("stump",)) for place in likely}
    strong = sorted((p for p in alone if alone[p][0] >= STRONG), key=lambda p: -alone[p][0])
    if not strong:
        return []
    everything, _ = gained(np.arange(x.shape[1]), ("linear", "trees"))
    perfect = [place for place in strong if alone[place][0] >= PERFECT]
    found = []
    for place in strong[:3]:
        score, marks = alone[place]
        everything = max(everything, score)
        if score < OF_ALL * everything:
            continue
        others = [p for p in range(x.shape[1]) if p != place and p not in perfect]
        rest, rest_marks = gained(others, ("linear", "trees")) if others else (0.0, np.full(len(x), base))
        difference = marks - rest_marks
        error = difference.std() / np.sqrt(len(x)) / (1 - base)
        values = np.unique(x[:, place])
        copied = score > 0.999 and (len(values) <= 2 * count or not plain.is_classes(task))
        lost = LOST_OF_PERFECT if score >= PERFECT else LOST
        # Of many columns the best of a small table is better than the others by chance too.
        clear = CLEAR_NUMBER if score >= PERFECT and _is_even(values, len(x)) else CLEAR
        if score - rest < max(lost, 0 if copied else clear * error):
            continue
        sure = copied or (x.shape[1] > 3 and score >= PERFECT - 0.03)
        found.append(Leak(place, score, everything, rest, sure, _is_number(values, len(x))))
    return found


def _filled(x: np.ndarray) -> np.ndarray:
    """With the median in the place of values that stand for missing ones. [n, F]"""
    x = x.copy()
    for place, value in sentinels(x).items():
        gone = x[:, place] == value
        x[gone, place] = np.median(x[~gone, place])
    return x


def _at_most(values: np.ndarray, wanted: np.ndarray, task: str) -> float:
    """What a rule of one column gains on the very rows that it was learnt from, bin by bin.

    More than the same rule gains on others, less only by bins that lie across a threshold.
    """
    different, bins = np.unique(values, return_inverse=True)
    most = max(16, len(values) // 8)
    if len(different) > most:
        bins = np.searchsorted(np.quantile(values, np.linspace(0, 1, most + 1)[1:-1]), values, side="right")
    size = int(bins.max()) + 1
    if plain.is_classes(task):  # type: ignore[arg-type]
        classes = int(wanted.max()) + 1
        counts = np.bincount(bins * classes + wanted, minlength=size * classes).reshape(size, classes)
        right, base = counts.max(1).sum() / len(values), np.bincount(wanted).max() / len(values)
        return float((right - base) / (1 - base))
    times = np.maximum(np.bincount(bins, minlength=size), 1)
    means = np.stack([np.bincount(bins, each, minlength=size) / times for each in wanted.T], 1)  # [size, T]
    left = np.square(wanted - means[bins]).mean(0) / (wanted.var(0) + 1e-12)
    return float(1 - left.mean())


def _strongest(x: np.ndarray, wanted: np.ndarray, task: str) -> list[int]:
    """The columns whose ranks go most with the target. At most 40"""
    if x.shape[1] <= LOOKED_AT:
        return list(range(x.shape[1]))
    from scipy.stats import rankdata

    ranks = rankdata(x, axis=0)
    ranks = (ranks - ranks.mean(0)) / np.maximum(ranks.std(0), 1e-9)
    if task in ("classes", "yes_no"):
        told = np.zeros(x.shape[1])
        for each in np.unique(wanted):
            of = wanted == each
            told += of.mean() * np.square(ranks[of].mean(0))
    else:
        goal = rankdata(wanted, axis=0)
        goal = (goal - goal.mean(0)) / np.maximum(goal.std(0), 1e-9)
        told = np.abs(ranks.T @ goal).max(1)
    return np.argsort(-told)[:LOOKED_AT].tolist()


def _is_number(values: np.ndarray, rows: int) -> bool:
    """Whether values are all different and as far from each other as numbers of rows are."""
    if len(values) < rows:
        return False
    gaps = np.diff(values)
    return bool(gaps.max() < 3 * np.median(gaps) and gaps.min() > np.median(gaps) / 3)


def _is_even(values: np.ndarray, rows: int) -> bool:
    """Whether values are all different and evenly spread, as some of many numbers of rows are."""
    if len(values) < rows:
        return False
    place = (values - values[0]) / (values[-1] - values[0])
    return float(np.abs(place - np.linspace(0.0, 1.0, len(values))).max()) < EVEN


def too_good(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Nearly all validation rows are answered rightly, and a leak or shared rows are why."""
    from netwright.doctor.checks.copies import shared_rows

    reasons = [
        each for check in (leaking_column, shared_rows) for each in check(case) if each.severity == "error"
    ]
    if not reasons:
        return
    stand = standing(case)
    if not len(stand.validation):
        raise CannotTellError("there are no validation rows")
    base = float(stand.references["constant"].mean())
    score = float(stand.validation.mean())
    if (score - base) / max(1 - base, 1e-9) < 0.95:
        return
    yield Diagnosis(
        "too_good",
        "warning",
        f"a validation score of {score:.3f} is not what new rows will get: {reasons[0].message}",
        {"score": round(score, 4), "because": [each.id for each in reasons]},
        reasons[0].cause,
        reasons[0].fix,
        member=case.member,
    )
