"""Whether the network fails on a part of the rows that others manage, or that it has hardly seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import MOST_ROWS, Standing, finite, paired, standing

SHARE = 0.05  # of the validation rows
FEWEST = 20
SIGNIFICANT, OF_VALUES = 0.01, 0.05  # of fifths, of which there are many, and of values
OF_AVERAGE = 0.8  # of the average marks
BETTER = 0.08  # marks of a simple model above the network's
UNSEEN = 0.5  # share of the training rows over that of the validation rows
MOST_FEATURES = 64
FIFTHS = 5
ELSEWHERE = 0.06  # marks of a simple model above the network's on all other rows
MOST_TOLD = 5
NOTHING, MUCH = 0.2, 0.3  # share of what a constant leaves that is gained inside and elsewhere


@dataclass(frozen=True)
class Judged:
    """Marks by which parts are compared: of validation rows, and of test rows where there are any.

    Arguments:
        own: of the network. [j]
        constant: of the best constant answer. [j]
        features: [j, F]
        validation: how many of the first are validation rows.
    """

    own: np.ndarray
    constant: np.ndarray
    features: np.ndarray
    validation: int


@dataclass(frozen=True)
class Part:
    """Rows that share a value, or a fifth, of a feature."""

    name: str
    inside: np.ndarray  # [j]
    before: np.ndarray  # the same of the training rows [n]
    value: bool = False  # whether it is a value, and no fifth


def weak_slice(case: Case, record: Record) -> Iterator[Diagnosis]:
    """A value or a fifth of a feature, with 5 % and 20 of the validation and test rows, on which the marks
    are below 80 % of the average, significant after Benjamini and Hochberg's correction for all looked at: at
    .01 of fifths, at .05 of values, which are few.

    And it is the network: a simple model has marks better by .08 and 2 standard errors there, and by twice
    of what it is elsewhere; or the share of such rows among the training rows is less than half; or the
    answers are worse than the constant's by .08 and 2 standard errors. Or nobody knows anything where a
    column has a certain value: neither the network nor a simple model gains a fifth of what a constant
    leaves, while the network gains a third elsewhere. A part that is merely harder for all is a note, as the
    fifth of a range in which classes meet always is; and so is one of a network that is behind elsewhere too.
    """
    stand = standing(case)
    judged = _judged(case, stand, report_only=True)
    found = _weak(case, stand, judged)
    own = judged.own
    if not found:
        return
    blamed = [each for each in found if each[3]]
    told = sorted(blamed or found, key=lambda each: each[0])
    marks, _, part, why = told[0]
    seen = float(part.before.mean())
    yield Diagnosis(
        "weak_slice",
        "warning" if blamed else "note",
        f"where {part.name} ({100 * part.inside.mean():.0f} % of the rows) {_marks(case, marks)}, "
        f"against {_marks(case, float(own[~part.inside].mean()))} elsewhere" + (f"; {why}" if why else ""),
        {
            "slices": [
                {
                    "slice": each.name,
                    "rows": int(each.inside.sum()),
                    "train_rows": int(each.before.sum()),
                    "marks": round(mean, 4),
                    "p_value": float(f"{chance:.3g}"),
                    "simple": _short(stand.references[stand.best][each.inside[: judged.validation]]),
                }
                for mean, chance, each, _ in told[:MOST_TOLD]
            ],
            "average": round(float(own.mean()), 4),
        },
        f"{100 * seen:.1f} % of the training rows are such rows: too few to learn what is different there"
        if seen < UNSEEN * part.inside.mean()
        else "another rule holds there than elsewhere, or the targets of these training rows are wrong"
        if why
        else "these rows are harder; simple models fail there too",
        Fix("look at these rows' targets; collect more such rows, or give them more weight"),
        member=case.member,
    )


def _judged(case: Case, stand: Standing, *, report_only: bool) -> Judged:
    """The validation rows' marks; and those of test rows, which make chance smaller, where nothing but a
    report depends on them."""
    if not len(stand.validation) or case.validation is None or case.train is None:
        raise CannotTellError("there are no validation rows whose parts could be compared")
    rows = [case.validation.spread(MOST_ROWS)]
    own, constant = [stand.validation], [stand.references["constant"]]
    if report_only and case.test is not None and len(case.test) >= FEWEST:
        rows.append(case.test.spread(MOST_ROWS))
        level = case.wanted(case.train)
        answer = np.bincount(level) / len(level) if level.ndim == 1 else level.mean(0)
        wide = max(case.classes or 0, len(answer))
        answer = np.pad(answer, (0, wide - len(answer)))
        own.append(finite(case.marks(case.answers(rows[1]), rows[1])))
        constant.append(case.marks(np.broadcast_to(answer, (len(rows[1]), wide)), rows[1]))
    features = np.concatenate([case.features(each) for each in rows])
    return Judged(np.concatenate(own), np.concatenate(constant), features, len(stand.validation))


def _weak(case: Case, stand: Standing, judged: Judged) -> list[tuple[float, float, Part, str]]:
    """Marks, chance, rows, and why the network is to blame, of all weak parts."""
    own = judged.own
    if len(own) < 4 * FEWEST:
        raise CannotTellError(f"{len(own)} validation rows are too few to compare parts of them")
    parts = parts_of(case, judged.features)
    if not parts:
        raise CannotTellError("the inputs are no columns whose values mean something, or too many")
    if own.mean() <= judged.constant.mean() + 0.05:
        return []  # it is weak everywhere
    found = []
    for value, significant in ((True, OF_VALUES), (False, SIGNIFICANT)):
        some = [part for part in parts if part.value == value]
        chances = np.array([_chance(case, own, part.inside) for part in some])
        for part, chance in zip(some, _corrected(chances) if some else [], strict=True):
            mean = float(own[part.inside].mean())
            if chance <= significant and mean < OF_AVERAGE * own.mean():
                found.append((mean, float(chance), part, _why(case, stand, judged, part)))
    return found


def explained(case: Case, stand: Standing) -> bool:
    """Whether the network is as good as simple models on all rows but those of one weak part.

    What else is said, and with it what is repaired, depends on this: validation rows alone are asked.
    Computed once for each case.
    """
    if "weak" not in case.notes:
        try:
            judged = _judged(case, stand, report_only=False)
            case.notes["weak"] = any(why for *_, why in _weak(case, stand, judged))
        except CannotTellError:
            case.notes["weak"] = False
    return case.notes["weak"]


def _why(case: Case, stand: Standing, judged: Judged, part: Part) -> str:
    """Why the network is to blame, in words; empty where it is not."""
    inside = part.inside[: judged.validation]
    for marks in stand.references.values():
        if marks[~inside].mean() - stand.validation[~inside].mean() > ELSEWHERE:
            return ""
    usual = part.inside.mean() * len(part.before)
    if part.before.sum() < min(UNSEEN * usual, usual - 3 * np.sqrt(usual)):
        return f"only {100 * part.before.mean():.1f} % of the training rows are such"
    for name in ("linear", "neighbours", "trees"):
        if name not in stand.references or not inside.any():
            continue
        better, error = paired(stand.references[name][inside], stand.validation[inside])
        overall, _ = paired(stand.references[name], stand.validation)
        if better >= max(BETTER, 2 * error) and better > 2 * overall:
            marks = float(stand.references[name][inside].mean())
            return f"of a simple model ({name}): {_marks(case, marks)} there"
    worse, error = paired(judged.constant[part.inside], judged.own[part.inside])
    if worse > 2 * error and worse > BETTER:
        return "a constant answer would be better there"
    return "no model knows more than a constant there" if part.value and _is_void(stand, judged, part) else ""


def _is_void(stand: Standing, judged: Judged, part: Part) -> bool:
    """Whether inputs say nothing in this part, to anybody, while they say much elsewhere."""

    def gained(marks: np.ndarray, constant: np.ndarray, rows: np.ndarray) -> float:
        left = 1.0 - constant[rows].mean()
        return float((marks[rows] - constant[rows]).mean() / left) if left > 0.05 else 1.0

    first = slice(judged.validation)
    inside, constant = part.inside[first], judged.constant[first]
    for marks in stand.references.values() if inside.any() else ():
        better, error = paired(marks[inside], constant[inside])
        if gained(marks, constant, inside) >= NOTHING and better > 2 * error:
            return False
    own, level = judged.own, judged.constant
    return gained(own, level, part.inside) < NOTHING and gained(own, level, ~part.inside) > MUCH


def parts_of(case: Case, rows: np.ndarray) -> list[Part]:
    """Values of features with few of them, else fifths; those with enough of the rows.

    Arguments:
        case: whose training rows they are compared with.
        rows: features of the rows that are judged. [j, F]
    """
    assert case.train is not None
    assert case.validation is not None
    train = case.features(case.train)
    if rows.shape[1] > MOST_FEATURES and case.names is None:
        return []
    if any(each.dim() > 2 for each in case.validation.raw.values()):
        return []  # pictures and series: a place in them is no property of the row
    names = case.names or [f"input {n}" for n in range(rows.shape[1])]
    fewest = max(FEWEST, SHARE * len(rows))
    found = []
    for n in range(min(rows.shape[1], 4 * MOST_FEATURES)):
        values, before = rows[:, n], train[:, n]
        name = names[n] if n < len(names) else f"input {n}"
        different = np.unique(values[np.isfinite(values)])
        if len(different) < 2:
            continue
        few = len(different) <= 2 * FIFTHS
        if few:
            parts = [(f"{name} = {each:.4g}", values == each, before == each) for each in different]
        else:
            edges = np.unique(np.nanquantile(values, np.linspace(0, 1, FIFTHS + 1)))
            edges[0], edges[-1] = -np.inf, np.inf
            parts = [
                (
                    _named(name, low, high),
                    (values > low) & (values <= high),
                    (before > low) & (before <= high),
                )
                for low, high in pairwise(edges)
            ]
        parts.append((f"{name} is missing", ~np.isfinite(values), ~np.isfinite(before)))
        found += [Part(*each, few) for each in parts if fewest <= each[1].sum() <= len(rows) - fewest]
    return found


def _named(name: str, low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"{name} <= {high:.3g}"
    return f"{name} > {low:.3g}" if not np.isfinite(high) else f"{low:.3g} < {name} <= {high:.3g}"


def _chance(case: Case, own: np.ndarray, inside: np.ndarray) -> float:
    """Of marks so much lower inside, were there no difference: one-sided, by Welch's test; for numbers, whose
    squared errors have long tails, by that of Mann and Whitney.

    One difference of 1 is added to the spread inside, where marks may all be the same.
    """
    from scipy.special import stdtr
    from scipy.stats import mannwhitneyu

    part, rest = own[inside], own[~inside]
    if case.task == "numbers":
        return float(mannwhitneyu(part, rest, alternative="less").pvalue)
    first = (np.square(part - part.mean()).sum() + 1.0) / len(part) / len(part)
    second = rest.var(ddof=1) / len(rest)
    freedom = (first + second) ** 2 / (first**2 / (len(part) - 1) + second**2 / (len(rest) - 1))
    return float(stdtr(freedom, (part.mean() - rest.mean()) / np.sqrt(first + second)))


def _corrected(p_values: np.ndarray) -> np.ndarray:
    from scipy import stats

    return stats.false_discovery_control(np.clip(np.nan_to_num(p_values, nan=1.0), 0.0, 1.0))


def _marks(case: Case, marks: float) -> str:
    if case.task in ("classes", "yes_no", "labels"):
        return f"{100 * marks:.0f} % are right"
    return f"R² is {marks:.2f}"


def _short(marks: np.ndarray) -> float | None:
    return round(float(marks.mean()), 4) if len(marks) else None
