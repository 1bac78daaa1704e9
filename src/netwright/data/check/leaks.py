"""Columns that give the target away: one that answers it alone, or a sum or difference that does.

Everything is measured on development rows only, each row by a rule learnt on other rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netwright.data.check.sums import combinations_for_classes, combinations_for_numbers
from netwright.data.check.view import View
from netwright.data.check.words import names, percent
from netwright.data.finding import Finding
from netwright.data.schema import Column

SAMPLE = 20_000
FOLDS = 5
BINS = 256
FEW_ROWS = 40
FEW_ERRORS = 20
ERROR_LEFT = 0.02
EXPLAINED = 0.99


@dataclass(frozen=True)
class Leak:
    """Columns that give a target away, and by what that was seen."""

    columns: list[str]
    target: str
    evidence: str


def find_leaks(view: View) -> list[Leak]:
    """All columns, and sums and differences of 2 or 3, that tell the target nearly perfectly.

    A class counts as given away when the rule "each value, or bin of numbers, has its most frequent class"
    leaves at most 2 % of the errors that the most frequent class makes; a number when the means of bins, or
    a line, explain over 99 % of its variance on rows that they were not learnt from.
    """
    target = view.schema.target
    development = view.split.development
    if len(development) < FEW_ROWS or target.task == "multilabel":
        return []
    places = _sample(len(development))
    rows, labels = development[places], view.target_codes[places]
    if view.is_classes:
        known = labels >= 0
        return _for_classes(view, rows[known], labels[known])
    leaks = []
    for place, name in enumerate(target.columns):
        values = labels.reshape(len(rows), -1)[:, place]
        known = np.isfinite(values)
        leaks += _for_numbers(view, rows[known], values[known], name)
    return leaks


def _sample(total: int) -> np.ndarray:
    """Places of at most 20,000 rows, in random but repeatable order: folds of sorted rows are then alike."""
    return np.random.default_rng(0).permutation(total)[:SAMPLE]


# -------------------------------------------------------------------------------------------- classes


def _for_classes(view: View, rows: np.ndarray, labels: np.ndarray) -> list[Leak]:
    target = view.schema.target
    leaks = []
    for column in view.schema.inputs:
        right = class_score(_bins_of(view, column, rows), labels, ordered=_is_ordered(column))
        if right is not None:
            said = f"{column.name!r} alone tells the class right in {percent(right)} of the rows"
            leaks.append(Leak([column.name], target.columns[0], said))
    if target.task == "binary":
        numbers = _numbers_left(view, leaks)
        values = [view.number(column)[rows] for column in numbers]
        for found in combinations_for_classes(values, labels.astype(np.float64)):
            right = class_score(quantile_bins(found.values(values)), labels, ordered=True)
            if right is not None:
                columns = [numbers[place].name for place in found.places]
                said = f"{found.formula(columns)} tells the class right in {percent(right)} of the rows"
                leaks.append(Leak(columns, target.columns[0], said))
                break
    return leaks


def class_score(bins: np.ndarray, labels: np.ndarray, *, ordered: bool) -> float | None:
    """How often the most frequent class of a row's bin is right, where that is nearly always.

    Arguments:
        bins: the bin that each row falls into, from 0. [n] int64
        labels: the classes, from 0. [n] int64
        ordered: whether a bin that no row is learnt from is like the next lower one.

    Returns:
        The share of rows that are right, by 5-fold cross-fitting; None where more than 2 % of the errors of
        the most frequent class are left, or where it makes too few errors to tell.
    """
    classes = int(labels.max()) + 1
    constant = len(labels) - int(np.bincount(labels).max())
    if constant < FEW_ERRORS:
        return None
    total = np.bincount(bins * classes + labels, minlength=(int(bins.max()) + 1) * classes)
    total = total.reshape(-1, classes)
    if len(labels) - total.max(axis=1).sum() > ERROR_LEFT * constant:
        return None  # not even on the rows that the rule is learnt from
    fold = np.arange(len(labels)) % FOLDS
    wrong = 0
    for each in range(FOLDS):
        held = fold == each
        inside = np.bincount(bins[held] * classes + labels[held], minlength=total.size).reshape(total.shape)
        learnt = total - inside
        source = _learnt_from(learnt.sum(axis=1), bins[held], ordered)
        guess = np.where(source >= 0, learnt.argmax(axis=1)[source], learnt.sum(axis=0).argmax())
        wrong += int(np.count_nonzero(guess != labels[held]))
        if wrong > ERROR_LEFT * constant:
            return None
    return 1 - wrong / len(labels)


# -------------------------------------------------------------------------------------------- numbers


def _for_numbers(view: View, rows: np.ndarray, target: np.ndarray, name: str) -> list[Leak]:
    if len(target) < FEW_ROWS or target.std() == 0:
        return []
    leaks = []
    for column in view.schema.inputs:
        explained = bin_score(_bins_of(view, column, rows), target, ordered=_is_ordered(column))
        if column.kind == "number":
            explained = max(explained, line_score(view.number(column)[rows], target))
        if explained > EXPLAINED:
            said = f"{column.name!r} alone explains {percent(explained)} of the variance"
            leaks.append(Leak([column.name], name, said))
    numbers = _numbers_left(view, leaks)
    values = [view.number(column)[rows] for column in numbers]
    for found in combinations_for_numbers(values, target):
        columns = [numbers[place].name for place in found.places]
        leaks.append(Leak(columns, name, f"{found.formula(columns)} gives it exactly"))
    return leaks


def bin_score(bins: np.ndarray, target: np.ndarray, *, ordered: bool) -> float:
    """R² of the mean target of a row's bin, by 5-fold cross-fitting.

    Arguments:
        bins: the bin that each row falls into, from 0. [n] int64
        target: the numbers to tell. [n] float64
        ordered: whether a bin that no row is learnt from is like the next lower one.
    """
    size = int(bins.max()) + 1
    fold = np.arange(len(target)) % FOLDS
    residual = 0.0
    for each in range(FOLDS):
        held = fold == each
        times = np.bincount(bins[~held], minlength=size)
        sums = np.bincount(bins[~held], weights=target[~held], minlength=size)
        source = _learnt_from(times, bins[held], ordered)
        means = np.where(source >= 0, (sums / np.maximum(times, 1))[source], target[~held].mean())
        residual += float(((target[held] - means) ** 2).sum())
    return 1 - residual / float(((target - target.mean()) ** 2).sum())


def line_score(values: np.ndarray, target: np.ndarray) -> float:
    """R² of a straight line through the finite values, 0 where many are missing."""
    finite = np.isfinite(values)
    if finite.sum() < max(FEW_ROWS, 0.5 * len(values)):
        return 0.0
    x, y = values[finite], target[finite]
    if x.std() == 0 or y.std() == 0:
        return 0.0
    return float(np.corrcoef(x, y)[0, 1] ** 2)


# ---------------------------------------------------------------------------------------------- shared


def _learnt_from(times: np.ndarray, bins: np.ndarray, ordered: bool) -> np.ndarray:
    """For each row's bin the bin whose rule it takes, -1 for none. [n] int64

    Arguments:
        times: how many rows each bin's rule was learnt from. [B]
        bins: the bins of the rows to tell. [n] int64
        ordered: whether an empty bin takes the rule of the next lower one, or of the lowest.
    """
    source = np.where(times > 0, np.arange(len(times)), -1)
    if ordered:
        present = np.flatnonzero(times[1:] > 0) + 1  # bin 0 is the one for missing
        if len(present):
            source[1:] = np.maximum(np.maximum.accumulate(source[1:]), present[0])
    return source[bins]


def _is_ordered(column: Column) -> bool:
    return column.kind in ("number", "date")


def _bins_of(view: View, column: Column, rows: np.ndarray) -> np.ndarray:
    """The bins of a column: quantiles of numbers and dates, the values of anything else; missing is one."""
    if _is_ordered(column):
        return quantile_bins(view.number(column)[rows])
    return view.codes(column)[rows] + 1


def quantile_bins(values: np.ndarray) -> np.ndarray:
    """Up to 256 bins of about as many rows each, and bin 0 for missing values. [n] int64

    Where there are no more than 256 different values, each has its own bin.
    """
    present = values[~np.isnan(values)]
    different = np.unique(present)
    if len(different) > BINS:
        different = different[np.linspace(0, len(different) - 1, BINS).astype(np.int64)]
        by_rows = np.quantile(present, np.linspace(0, 1, BINS), method="lower")
        different = np.unique(np.concatenate([different, by_rows]))
    bins = np.searchsorted(different, values, side="right").astype(np.int64)
    return np.where(np.isnan(values), 0, bins)


def _numbers_left(view: View, leaks: list[Leak]) -> list[Column]:
    told = {name for leak in leaks for name in leak.columns}
    return [column for column in view.schema.of_kind("number", "boolean") if column.name not in told]


def target_leak(view: View) -> list[Finding]:
    """One finding for each column, or few columns, that give the target away."""
    dropping = view.config.clean.leaks == "drop"
    return [
        Finding(
            "target_leak",
            "error",
            f"{names(leak.columns)} {'gives' if len(leak.columns) == 1 else 'together give'} the target "
            f"{leak.target!r} away: {leak.evidence} (test rows left out).",
            "dropped from the inputs (data.clean.leaks: drop)"
            if dropping
            else "kept; what is not known before the target must be left out: data.clean.leaks: drop, or "
            "data.clean.drop_columns",
            columns=leak.columns,
        )
        for leak in find_leaks(view)
    ]
