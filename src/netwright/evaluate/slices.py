"""The parts of the data where predictions are worst."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import polars as pl

from netwright.data.schema import Task
from netwright.evaluate.scorers import decided

FEWEST_ROWS = 20
QUANTILES = 5
PAIRED_COLUMNS = 6
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Slice:
    """Rows that share a value, or two, and how well they are predicted.

    Arguments:
        description: what the rows have in common (``age <= 25 and sex = male``).
        rows: how many there are.
        score: accuracy or mean absolute error on them.
        overall: the same on all rows.
        p_value: chance of a difference to the rest as large as this, were there none; corrected for the
            number of slices looked at.
    """

    description: str
    rows: int
    score: float
    overall: float
    p_value: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class _Levels:
    """A column cut into levels: each row's level (-1 for none) and the levels' descriptions."""

    code: np.ndarray
    names: list[str]


@dataclass(frozen=True)
class _Candidate:
    names: tuple[str, ...]
    rows: int
    mean: float
    error: float  # standard error of the mean
    p_value: float


def metric_name(task: Task) -> str:
    """The metric that slices are measured by: mae for regression, else accuracy."""
    return "mae" if task == "regression" else "accuracy"


def weakest(
    features: pl.DataFrame,
    target: np.ndarray,
    output: np.ndarray,
    task: Task,
    *,
    minimum_share: float = 0.05,
    most: int = 10,
    dates: Collection[str] = (),
    threshold: float = 0.5,
) -> list[Slice]:
    """The slices that are predicted worse than the whole.

    A slice is a value of a column, a fifth of a column of numbers, its missing values, or a pair of such of
    two of the six columns with the largest differences. A pair counts only if it is worse than both its
    parts by two standard errors. Differences to the rest are tested one-sided (pooled z test of two shares;
    Welch's t test of mean absolute errors) and corrected for the number of slices tested (Benjamini and
    Hochberg 1995).

    Arguments:
        features: the rows' inputs: numbers and dates (seconds since 1970) as Float64, the rest as String.
        target: as for `score`. [N], [N, L] or [N, T]
        output: as for `score`; a row of labels is right in the share of labels that are.
        task: binary, multiclass, multilabel or regression.
        minimum_share: of the rows that a slice must have, beside at least 20 rows.
        most: at most so many slices are returned.
        dates: names of the columns that are dates.
        threshold: as for `score`.

    Returns:
        Slices, the worst score first, those with p <= 0.05 before the others.

    Example:
        >>> rows = pl.DataFrame({"sex": ["f", "m"] * 50})
        >>> found = weakest(rows, np.zeros(100, int), np.tile([[0.9, 0.1], [0.1, 0.9]], (50, 1)), "binary")
        >>> found[0].description, found[0].score
        ('sex = m', 0.0)
    """
    loss = _row_loss(task, target, output, threshold)
    fewest = max(FEWEST_ROWS, math.ceil(minimum_share * len(loss)))
    if len(loss) < 2 * FEWEST_ROWS:
        return []
    columns = [_levels(features[name], date=name in dates) for name in features.columns]
    columns = [column for column in columns if len(column.names) > 1]
    single = [_tested([column], loss, fewest, exact=task == "regression") for column in columns]
    strongest = sorted(
        (place for place, found in enumerate(single) if found),
        key=lambda place: min(each.p_value for each in single[place]),
    )[:PAIRED_COLUMNS]
    alone = {each.names[0]: each.mean for found in single for each in found}
    found = [each for candidates in single for each in candidates]
    for first, second in combinations(sorted(strongest), 2):
        found += _tested([columns[first], columns[second]], loss, fewest, exact=task == "regression")
    return _chosen(found, alone, float(loss.mean()), task, most)


def _row_loss(task: Task, target: np.ndarray, output: np.ndarray, threshold: float) -> np.ndarray:
    """What is wrong with each row: 0 or 1 for classes, absolute error for numbers. [N]"""
    if task in ("binary", "multiclass"):
        return (decided(output, threshold) != target).astype(np.float64)
    if task == "multilabel":
        return ((output > 0.5) != (target == 1)).mean(axis=1)
    error = np.abs(target - output)
    return error if error.ndim == 1 else np.nanmean(error, axis=1)


def _levels(column: pl.Series, *, date: bool) -> _Levels:
    name = column.name
    if column.dtype != pl.String:
        return _number_levels(column.cast(pl.Float64).fill_null(np.nan).to_numpy(), name, date=date)
    values = column.fill_null("\0")
    order = values.unique().sort()
    code = values.cast(pl.Enum(order)).to_physical().to_numpy().astype(np.int64)
    return _Levels(code, [f"{name} is missing" if each == "\0" else f"{name} = {each}" for each in order])


def _number_levels(values: np.ndarray, name: str, *, date: bool) -> _Levels:
    """Few different numbers are levels of their own; many are cut into fifths."""
    known = np.isfinite(values)
    if not known.any():
        return _Levels(np.full(len(values), -1), [])

    def shown(value: float) -> str:
        if date:
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d}"
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"

    different = np.unique(values[known])
    if len(different) <= 2 * QUANTILES:
        code = np.searchsorted(different, values)
        names = [f"{name} = {shown(each)}" for each in different]
    else:
        edges = np.unique(np.quantile(values[known], np.arange(1, QUANTILES) / QUANTILES))
        code = np.searchsorted(edges, values)
        middle = [f"{shown(low)} < {name} <= {shown(high)}" for low, high in pairwise(edges)]
        names = [f"{name} <= {shown(edges[0])}", *middle, f"{name} > {shown(edges[-1])}"]
    return _Levels(np.where(known, code, len(names)), [*names, f"{name} is missing"])


def _tested(columns: list[_Levels], loss: np.ndarray, fewest: int, *, exact: bool) -> list[_Candidate]:
    """Every large enough level of a column, or pair of levels of two, with its one-sided p value."""
    sizes = [len(column.names) for column in columns]
    code = np.ravel_multi_index([column.code for column in columns], sizes)
    cells = math.prod(sizes)
    rows = np.bincount(code, minlength=cells)
    large = np.flatnonzero((rows >= fewest) & (len(loss) - rows >= fewest))
    sums, squares = np.bincount(code, loss, cells)[large], np.bincount(code, loss**2, cells)[large]
    inside, outside = rows[large], len(loss) - rows[large]
    test = _welch if exact else _two_shares
    p_values = test(inside, sums, squares, outside, loss.sum() - sums, (loss**2).sum() - squares)
    means = sums / inside
    errors = np.sqrt(np.maximum(squares / inside - means**2, 0.0) / inside)
    places = [np.unravel_index(cell, sizes) for cell in large]
    return [
        _Candidate(
            tuple(column.names[level] for column, level in zip(columns, place, strict=True)),
            int(count),
            float(mean),
            float(error),
            float(p_value),
        )
        for place, count, mean, error, p_value in zip(places, inside, means, errors, p_values, strict=True)
    ]


def _two_shares(
    rows: np.ndarray, sums: np.ndarray, _: np.ndarray, rest: np.ndarray, rest_sums: np.ndarray, __: np.ndarray
) -> np.ndarray:
    from scipy.special import ndtr

    pooled = (sums + rest_sums) / (rows + rest)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / rows + 1.0 / rest))
    return ndtr(-_quotient(sums / rows - rest_sums / rest, error))


def _welch(
    rows: np.ndarray,
    sums: np.ndarray,
    squares: np.ndarray,
    rest: np.ndarray,
    rest_sums: np.ndarray,
    rest_squares: np.ndarray,
) -> np.ndarray:
    from scipy.special import stdtr

    first = np.maximum(squares - sums**2 / rows, 0.0) / (rows - 1) / rows
    second = np.maximum(rest_squares - rest_sums**2 / rest, 0.0) / (rest - 1) / rest
    freedom = _quotient((first + second) ** 2, first**2 / (rows - 1) + second**2 / (rest - 1))
    t = _quotient(sums / rows - rest_sums / rest, np.sqrt(first + second))
    return stdtr(np.maximum(freedom, 1.0), -t)


def _quotient(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, and 0 where nothing varies."""
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)


def _corrected(p_values: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's p values."""
    order = np.argsort(p_values)
    scaled = p_values[order] * len(p_values) / np.arange(1, len(p_values) + 1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return corrected


def _worse_than_parts(pair: _Candidate, alone: dict[str, float], overall: float) -> bool:
    worst = max(alone.get(name, overall) for name in pair.names)
    return pair.mean > worst + 2.0 * pair.error


def _chosen(
    found: list[_Candidate], alone: dict[str, float], overall: float, task: Task, most: int
) -> list[Slice]:
    corrected = _corrected(np.array([each.p_value for each in found]))
    rated = [
        (p_value, each)
        for p_value, each in zip(corrected.tolist(), found, strict=True)
        if each.mean > overall and (len(each.names) == 1 or _worse_than_parts(each, alone, overall))
    ]
    rated.sort(key=lambda item: (item[0] > SIGNIFICANT, -item[1].mean))
    # Twin columns (a name and its code) give the same rows twice.
    different = {(each.rows, each.mean): (p_value, each) for p_value, each in reversed(rated)}
    turn = (lambda loss: loss) if task == "regression" else (lambda loss: 1.0 - loss)
    return [
        Slice(" and ".join(each.names), each.rows, turn(each.mean), turn(overall), p_value)
        for p_value, each in reversed(different.values())
    ][:most]
