"""Inputs of the validation or test rows that are distributed otherwise than those of the training rows."""

from __future__ import annotations

import math

import numpy as np

from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, figure, listed, percent
from netwright.data.finding import Finding
from netwright.data.schema import Column

FEW_ROWS = 50
SAMPLE = 20_000
LARGE_KS = 0.2
LARGE_V = 0.15
LARGE_MISSING = 0.1
CHANCE = 0.001
UNSEEN = 0.01


def drift(view: View) -> list[Finding]:
    """Columns that differ between the training rows and the validation or test rows. No label is looked at.

    Numbers and dates are compared by the distance of Kolmogorov and Smirnov, categories by Cramér's V (with
    the bias correction of Bergsma, 2013), both by their share of missing values. A difference counts when
    it is large and chance makes one as large in any column less than once in a thousand tables.
    """
    findings = []
    for part, rows in {"validation": view.split.validation, "test": view.split.test}.items():
        if min(len(rows), len(view.split.train)) < FEW_ROWS:
            continue
        before, after = _sample(view.split.train), _sample(rows)
        chance = CHANCE / max(len(view.schema.inputs), 1)
        said = {}
        for column in view.schema.inputs:
            difference = _difference(view, column, before, after, chance)
            if difference:
                said[column.name] = difference
        if said:
            findings.append(_finding(view, part, rows, said))
    return findings


def _finding(view: View, part: str, rows: np.ndarray, said: dict[str, tuple[float, str]]) -> Finding:
    worst_first = sorted(said, key=lambda name: -said[name][0])
    return Finding(
        "drift",
        "warning",
        f"{count(len(said), 'column')} otherwise in the {part} rows than in training: "
        f"{listed([f'{name!r} ({said[name][1]})' for name in worst_first])}.",
        "kept; rows are divided by time, so new data may differ from training as much"
        if view.split.method == "time"
        else "kept; look how the rows were divided, and which of them new data will be like",
        columns=worst_first,
        rows=len(rows),
    )


def _sample(rows: np.ndarray) -> np.ndarray:
    """At most 20,000 of the rows, the same ones each time."""
    if len(rows) <= SAMPLE:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))


def _difference(
    view: View, column: Column, before: np.ndarray, after: np.ndarray, chance: float
) -> tuple[float, str] | None:
    """How far a column differs and in what, or None where it does not."""
    empty = view.table.frame[column.name].is_null().to_numpy()
    missing = float(empty[after].mean() - empty[before].mean())
    if abs(missing) > LARGE_MISSING and _missing_matters(empty[before], empty[after], chance):
        return abs(
            missing
        ), f"{percent(empty[after].mean())} missing, {percent(empty[before].mean())} in training"
    if column.kind in ("number", "date"):
        values = view.number(column)
        a, b = values[before], values[after]
        a, b = a[~np.isnan(a)], b[~np.isnan(b)]
        if min(len(a), len(b)) < FEW_ROWS:
            return None
        distance = ks_distance(a, b)
        if distance > LARGE_KS and distance > _ks_by_chance(len(a), len(b), chance):
            return distance, f"median {_shown(column, b)}, {_shown(column, a)} in training"
    elif column.kind in ("category", "boolean"):
        codes = view.codes(column)
        a, b = codes[before], codes[after]
        strength, probability = cramers_v(a[a >= 0], b[b >= 0])
        if strength > LARGE_V and probability < chance:
            return strength, f"other shares of its values, Cramér's V {figure(strength)}"
    return None


def _shown(column: Column, values: np.ndarray) -> str:
    middle = float(np.median(values))
    if column.kind == "date" and abs(middle) < 1e11:
        return str(np.datetime64(int(middle), "s").astype("datetime64[D]"))
    return figure(middle)


def _missing_matters(before: np.ndarray, after: np.ndarray, chance: float) -> bool:
    _, probability = cramers_v(before.astype(np.int64), after.astype(np.int64))
    return probability < chance


def ks_distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest distance between the shares of two samples that lie below a number.

    Arguments:
        a: a sample without missing values. [n] float64
        b: another one. [m] float64

    Example:
        >>> ks_distance(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
        1.0
    """
    a, b = np.sort(a), np.sort(b)
    both = np.concatenate([a, b])
    below_a = np.searchsorted(a, both, side="right") / len(a)
    below_b = np.searchsorted(b, both, side="right") / len(b)
    return float(np.abs(below_a - below_b).max())


def _ks_by_chance(n: int, m: int, chance: float) -> float:
    """The distance that samples of one distribution exceed with the probability `chance` (Smirnov, 1948)."""
    return math.sqrt(-math.log(chance / 2) / 2 * (n + m) / (n * m))


def cramers_v(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """How strongly a category depends on which of two samples a row is from.

    Arguments:
        a: codes of a sample, from 0. [n] int64
        b: codes of another one. [m] int64

    Returns:
        Cramér's V from 0 to 1, corrected for bias (Bergsma, 2013), and the probability of such a table by
        chance (chi-squared test).
    """
    if len(a) == 0 or len(b) == 0:
        return 0.0, 1.0
    size = int(max(a.max(), b.max())) + 1
    table = np.stack([np.bincount(a, minlength=size), np.bincount(b, minlength=size)]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    total, freedom = table.sum(), table.shape[1] - 1
    if freedom == 0:
        return 0.0, 1.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    phi = max(0.0, statistic / total - freedom / (total - 1))
    columns = freedom + 1 - freedom**2 / (total - 1)
    rows = 2 - 1 / (total - 1)
    return math.sqrt(phi / min(columns - 1, rows - 1)), _chi_squared_tail(statistic, freedom)


def _chi_squared_tail(statistic: float, freedom: int) -> float:
    """The probability of a larger statistic by chance, as Wilson and Hilferty (1931) approximate it."""
    width = 2 / (9 * freedom)
    z = ((statistic / freedom) ** (1 / 3) - (1 - width)) / math.sqrt(width)
    return math.erfc(z / math.sqrt(2)) / 2


def unseen_categories(view: View) -> list[Finding]:
    """Columns in which many validation or test rows have a category that no training row has."""
    found: dict[str, float] = {}
    rows = np.zeros(len(view.table), dtype=bool)
    others = np.sort(np.concatenate([view.split.validation, view.split.test]))
    for column in view.schema.of_kind("category", "boolean"):
        texts = view.text(column.name)
        new = texts.is_not_null() & ~texts.is_in(texts[view.split.train].drop_nulls().unique().implode())
        unseen = new.fill_null(False).to_numpy()[others]
        if unseen.any() and unseen.mean() > UNSEEN:
            found[column.name] = float(unseen.mean())
            rows[others[unseen]] = True
    if not found:
        return []
    worst_first = sorted(found, key=lambda name: -found[name])
    shown = listed([f"{name!r} ({percent(found[name])} of the rows)" for name in worst_first])
    return [
        Finding(
            "unseen_categories",
            "note",
            f"Validation and test rows have categories that no training row has: {shown}.",
            "kept; unseen categories have a place of their own in the network",
            columns=worst_first,
            rows=int(rows.sum()),
            examples=example_rows(view.table, rows),
        )
    ]
