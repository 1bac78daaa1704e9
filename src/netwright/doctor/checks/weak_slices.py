"""Whether the network fails on a part of the rows that others manage, or that it has hardly seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import MOST_ROWS, Standing, paired, standing

SHARE = 0.05  # of the validation rows
FEWEST = 20
SIGNIFICANT = 0.01
OF_AVERAGE = 0.8  # of the average marks
BETTER = 0.08  # marks of a simple model above the network's
UNSEEN = 0.5  # share of the training rows over that of the validation rows
MOST_FEATURES = 64
FIFTHS = 5
ELSEWHERE = 0.06  # marks of a simple model above the network's on all other rows
MOST_TOLD = 5


@dataclass(frozen=True)
class Part:
    """Rows that share a value, or a fifth, of a feature."""

    name: str
    inside: np.ndarray  # [v]
    before: np.ndarray  # the same of the training rows [n]


def weak_slice(case: Case, record: Record) -> Iterator[Diagnosis]:
    """A value or a fifth of a feature, with 5 % and 20 of the validation rows, on which the marks are below
    80 % of the average, significant at .01 after Benjamini and Hochberg's correction for all looked at.

    And it is the network: a simple model has marks better by .08 and 2 standard errors there, and by twice
    of what it is elsewhere; or the share of such rows among the training rows is less than half; or the
    answers are worse than the constant's by .08 and 2 standard errors. A part that is hard for all is a note,
    and so is one of a network that is behind elsewhere too.
    """
    stand = standing(case)
    found, own = _weak(case, stand), stand.validation
    if not found:
        return
    blamed = [each for each in found if each[3]]
    told = sorted(blamed or found, key=lambda each: each[0])
    marks, _, part, why = told[0]
    seen = float(part.before.mean())
    yield Diagnosis(
        "weak_slice",
        "warning" if blamed else "note",
        f"where {part.name} ({100 * part.inside.mean():.0f} % of the validation rows) {_marks(case, marks)}, "
        f"against {_marks(case, float(own[~part.inside].mean()))} elsewhere" + (f"; {why}" if why else ""),
        {
            "slices": [
                {
                    "slice": each.name,
                    "rows": int(each.inside.sum()),
                    "train_rows": int(each.before.sum()),
                    "marks": round(mean, 4),
                    "p_value": float(f"{chance:.3g}"),
                    "simple": round(float(stand.references[stand.best][each.inside].mean()), 4),
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


def _weak(case: Case, stand: Standing) -> list[tuple[float, float, Part, str]]:
    """Marks, chance, rows, and why the network is to blame, of all weak parts."""
    if "weak" not in case.notes:
        case.notes["weak"] = _looked_for(case, stand)
    return case.notes["weak"]


def _looked_for(case: Case, stand: Standing) -> list[tuple[float, float, Part, str]]:
    own = stand.validation
    if not len(own) or case.validation is None or case.train is None:
        raise CannotTellError("there are no validation rows whose parts could be compared")
    if len(own) < 4 * FEWEST:
        raise CannotTellError(f"{len(own)} validation rows are too few to compare parts of them")
    parts = parts_of(case)
    if not parts:
        raise CannotTellError("the inputs are no columns whose values mean something, or too many")
    if own.mean() <= stand.references["constant"].mean() + 0.05:
        return []  # it is weak everywhere
    p_values = _corrected(np.array([_chance(own, part.inside) for part in parts]))
    return [
        (float(own[part.inside].mean()), float(p_value), part, _why(case, stand, part))
        for part, p_value in zip(parts, p_values, strict=True)
        if p_value <= SIGNIFICANT and own[part.inside].mean() < OF_AVERAGE * own.mean()
    ]


def explained(case: Case, stand: Standing) -> bool:
    """Whether the network is as good as simple models on all rows but those of one weak part."""
    try:
        return any(why for *_, why in _weak(case, stand))
    except CannotTellError:
        return False


def _why(case: Case, stand: Standing, part: Part) -> str:
    """Why the network is to blame, in words; empty where it is not."""
    own = stand.validation[part.inside]
    for marks in stand.references.values():
        if marks[~part.inside].mean() - stand.validation[~part.inside].mean() > ELSEWHERE:
            return ""
    if part.before.mean() < UNSEEN * part.inside.mean():
        return f"only {100 * part.before.mean():.1f} % of the training rows are such"
    for name in ("linear", "neighbours", "trees"):
        if name not in stand.references:
            continue
        better, error = paired(stand.references[name][part.inside], own)
        overall, _ = paired(stand.references[name], stand.validation)
        if better >= max(BETTER, 2 * error) and better > 2 * overall:
            marks = float(stand.references[name][part.inside].mean())
            return f"of a simple model ({name}): {_marks(case, marks)} there"
    worse, error = paired(stand.references["constant"][part.inside], own)
    return "a constant answer would be better there" if worse > 2 * error and worse > BETTER else ""


def parts_of(case: Case) -> list[Part]:
    """Values of features with few of them, else fifths; those with enough validation rows."""
    assert case.train is not None
    assert case.validation is not None
    rows, train = case.features(case.validation.spread(MOST_ROWS)), case.features(case.train)
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
        if len(different) <= 2 * FIFTHS:
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
        found += [Part(*each) for each in parts if fewest <= each[1].sum() <= len(rows) - fewest]
    return found


def _named(name: str, low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"{name} <= {high:.3g}"
    return f"{name} > {low:.3g}" if not np.isfinite(high) else f"{low:.3g} < {name} <= {high:.3g}"


def _chance(own: np.ndarray, inside: np.ndarray) -> float:
    """Of marks so much lower inside, were there no difference: one-sided, by Welch's test.

    One difference of 1 is added to the spread inside, where marks may all be the same.
    """
    from scipy.special import stdtr

    part, rest = own[inside], own[~inside]
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
