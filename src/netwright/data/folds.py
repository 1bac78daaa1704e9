"""Rows in folds: each fold is scored once a repeat, by a network that other rows have trained.

Like a split, folds follow from the rows' numbers and one seed: the order of the rows changes nothing. Equal
rows (all columns but ids) stay in one fold, and so do the rows of a group. Rows in the order of time are cut
into blocks; each block but the first is scored by a network of all earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from netwright.config import DataConfig, SplitConfig
from netwright.data.apportion import borders
from netwright.data.cells import as_text
from netwright.data.roles import IGNORE, TEST, TRAIN, VALIDATION, Split
from netwright.data.split import existing, method_of, times_of
from netwright.data.strata import codes_of, equal_row_keys, scores_of, strata_of, targets_of
from netwright.data.table import Table
from netwright.data.target import target_is_classes
from netwright.errors import InputError

FIRST_DRAW = 1_000  # of the rows' random scores; the draws before are those of the split
VALIDATION_DRAW = 500_000


@dataclass(frozen=True)
class Fold:
    """Which rows train, stop the training and are scored in one fold of one repeat.

    Arguments:
        repeat, number: which one it is, both from 1.
        train, validation, scored: numbers of the rows in the table, ascending. int64
    """

    repeat: int
    number: int
    train: np.ndarray
    validation: np.ndarray
    scored: np.ndarray

    def as_split(self, split: Split) -> Split:
        """The fold as roles, in which the scored rows are the test rows and all others are ignored."""
        role = np.full(len(split.role), IGNORE, dtype=np.int8)
        for part, rows in ((TRAIN, self.train), (VALIDATION, self.validation), (TEST, self.scored)):
            role[rows] = part
        return replace(split, role=role)


def make_folds(
    table: Table,
    rows: np.ndarray,
    config: SplitConfig,
    data: DataConfig,
    *,
    folds: int,
    repeats: int = 1,
    validation: float = 0.2,
    seed: int = 0,
) -> list[Fold]:
    """Divides rows into folds, as often as there are repeats.

    How follows from the same settings as for a split: by group where `config.group` is given, in the order
    of `config.time` where that is, else in proportion for classes, else at random.

    Each fold needs rows that stop its training and are not scored. They are a share of its training rows,
    drawn in the same way: equal rows and groups stay together, classes are in proportion, and in the order of
    time they are the latest ones before the scored rows. Where the training rows are of a single group or
    time, rows are drawn from it.

    Arguments:
        table: all rows.
        rows: numbers of those to divide, such as all but the test rows. int64
        config: the method and its column.
        data: names the target, by which classes are kept in proportion.
        folds: K, 2 or more.
        repeats: how often the rows are divided anew.
        validation: share of a fold's training rows that stop its training.
        seed: of all draws.

    Returns:
        K x repeats folds, repeat by repeat.

    Raises:
        InputError: fewer than 2 folds; more folds than rows, than different rows, than rows of a class, than
            groups or times; repeats in the order of time.

    Example:
        >>> import polars as pl
        >>> table = Table(pl.DataFrame({"x": range(10), "y": ["a", "b"] * 5}), "frame", "frame")
        >>> made = make_folds(table, np.arange(10), SplitConfig(), DataConfig(target=["y"]), folds=5)
        >>> [len(fold.scored) for fold in made], made[0].train.tolist(), made[0].scored.tolist()
        ([2, 2, 2, 2, 2], [1, 2, 4, 5, 6, 7, 8], [0, 3])
    """
    if folds < 2:
        raise InputError(f"{folds} folds: there must be 2 or more", where="cv.folds")
    if len(rows) < folds:
        raise InputError(f"{folds} folds of {len(rows)} rows", where="cv.folds", hint="give fewer folds")
    part = replace(table, frame=table.frame[rows], rows=table.rows[rows])
    if config.column is not None and config.column in part.columns:
        part = replace(part, frame=part.frame.drop(config.column))  # equal rows may have other words in it
    method = method_of(part, _without_roles(config), data)
    if method == "time":
        if repeats > 1:
            hint = "there is only one order of time: leave the repeats out"
            raise InputError(f"{repeats} repeats in the order of time", where="cv.repeats", hint=hint)
        made = _in_order(part, config, folds, validation, seed)
    else:
        made = _at_random(part, config, data, method, folds, repeats, validation, seed)
    return [replace(each, **{key: rows[getattr(each, key)] for key in PARTS}) for each in made]


PARTS = ("train", "validation", "scored")


def method_of_folds(table: Table, config: SplitConfig, data: DataConfig) -> str:
    """How `make_folds` divides: random, stratified, group or time."""
    return method_of(table, _without_roles(config), data)


def _without_roles(config: SplitConfig) -> SplitConfig:
    """A split that columns or files give says nothing of how folds are made."""
    if config.method not in ("column", "files"):
        return config.model_copy(update={"column": None})
    return config.model_copy(update={"method": "auto", "column": None})


# ------------------------------------------------------------------------------------------ at random


def _at_random(
    table: Table,
    config: SplitConfig,
    data: DataConfig,
    method: str,
    folds: int,
    repeats: int,
    share: float,
    seed: int,
) -> list[Fold]:
    strata = np.zeros(len(table), dtype=np.int64)
    if method == "stratified" or (method == "group" and target_is_classes(table, data)):
        strata = strata_of(table, data)
    groups = None
    if method == "group":
        groups = codes_of(table.frame.select(existing(table, config.group, "split.group")))
        count = int(groups.max()) + 1
        if count < folds:
            what = f"{folds} folds, but the column {config.group!r} has {count} groups"
            raise InputError(what, where="cv.folds", hint="give fewer folds, or another column")
    if method == "stratified":
        _check_classes(table, strata, data, folds)
    made = []
    for repeat in range(repeats):
        keys = _keys(table, data, groups, scores_of(table.rows, seed, FIRST_DRAW + repeat))
        if (different := len(np.unique(keys))) < folds:
            what = f"{folds} folds of {different} different rows (ids are left aside)"
            raise InputError(what, where="cv.folds", hint="equal rows stay in one fold: give fewer folds")
        number = deal(keys, strata, folds, whole=groups is not None)
        for each in range(folds):
            others = np.flatnonzero(number != each)
            draw = scores_of(table.rows, seed, VALIDATION_DRAW + repeat * folds + each)[others]
            inside = _drawn(keys[others], strata[others], draw, share, whole=groups is not None)
            scored = np.flatnonzero(number == each)
            made.append(Fold(repeat + 1, each + 1, others[~inside], others[inside], scored))
    return made


def _keys(table: Table, data: DataConfig, groups: np.ndarray | None, scores: np.ndarray) -> np.ndarray:
    """A random number for each row; rows that stay together have the same. [N]"""
    if groups is None:
        return equal_row_keys(table.comparable, scores, targets_of(table, data))
    lowest = np.ones(groups.max() + 1)
    np.minimum.at(lowest, groups, scores)
    return lowest[groups]


def _drawn(
    keys: np.ndarray, strata: np.ndarray, scores: np.ndarray, share: float, *, whole: bool
) -> np.ndarray:
    """Which rows are drawn as a share of all. [N] bool

    Arguments:
        keys: rows with equal keys stay together.
        strata: the share is that of each stratum; one that would lose all its rows keeps them.
        scores: random numbers of the rows.
        share: of the rows.
        whole: whether a key may be of several strata.
    """
    if share <= 0:
        return np.zeros(len(keys), dtype=bool)
    unit = np.unique(keys, return_inverse=True)[1]
    if unit.max() == 0:
        unit = np.arange(len(keys))
    lowest = np.ones(unit.max() + 1)
    np.minimum.at(lowest, unit, scores)
    parts = max(2, round(1 / share))
    drawn = deal(lowest[unit], strata, parts, whole=whole) == min(parts, len(lowest)) - 1
    if whole:
        return drawn
    left = np.bincount(strata[~drawn], minlength=int(strata.max()) + 1)
    return drawn & (left[strata] > 0)


def _check_classes(table: Table, strata: np.ndarray, data: DataConfig, folds: int) -> None:
    counts = np.bincount(strata)
    few = int(np.argmin(counts))
    if counts[few] >= folds:
        return
    row = int(np.argmax(strata == few))
    names = [str(as_text(table.frame[name][[row]])[0]) for name in targets_of(table, data)]
    more = int((counts < folds).sum()) - 1
    also = f", and {more} more classes have fewer than {folds}" if more else ""
    has = f"{counts[few]} row" + ("s" if counts[few] > 1 else "")
    raise InputError(
        f"{folds} folds, but the class {' and '.join(names)!r} has only {has}{also}",
        where="cv.folds",
        hint="give fewer folds, or merge rare classes, or set split.method=random",
    )


# ------------------------------------------------------------------------------------------ by dealing


def deal(keys: np.ndarray, strata: np.ndarray, parts: int, *, whole: bool = False) -> np.ndarray:
    """Deals rows into parts that are as even as can be, in all and within each stratum.

    Rows with different keys are at most one apart, within each stratum and in all. Where rows share a key,
    the largest lots are dealt first, each to the part that has the fewest rows of its stratum.

    Arguments:
        keys: random numbers; rows with equal keys stay together. [N]
        strata: codes of the strata, from 0. [N] int64
        parts: how many.
        whole: whether a key may be of several strata, such as that of a group.

    Returns:
        The part of each row, from 0. [N] int64

    Example:
        >>> deal(np.array([0.3, 0.1, 0.4, 0.2, 0.5]), np.zeros(5, dtype=np.int64), 2)
        array([0, 0, 1, 0, 1])
    """
    return _deal_whole(keys, strata, parts) if whole else _deal_rows(keys, strata, parts)


def _deal_rows(keys: np.ndarray, strata: np.ndarray, parts: int) -> np.ndarray:
    part = np.empty(len(keys), dtype=np.int64)
    totals = np.zeros(parts, dtype=np.int64)
    order = np.lexsort((keys, strata))
    for rows in np.split(order, np.cumsum(np.bincount(strata))[:-1]):
        starts = np.append(0, np.flatnonzero(np.diff(keys[rows])) + 1)
        sizes = np.diff(np.append(starts, len(rows)))
        counts = np.zeros(parts, dtype=np.int64)
        for lot in np.argsort(-sizes, kind="stable")[: int((sizes > 1).sum())]:
            to = np.lexsort((totals + counts, counts))[0]
            part[rows[starts[lot] : starts[lot] + sizes[lot]]] = to
            counts[to] += sizes[lot]
        single = rows[starts[sizes == 1]]
        quotas = _fill(counts, totals, len(single))
        part[single] = np.repeat(np.arange(parts), quotas)
        totals += counts + quotas
    return part


def _fill(counts: np.ndarray, totals: np.ndarray, rows: int) -> np.ndarray:
    """How many of the rows go to each part, so that counts become even, and then the totals. [parts]"""
    ascending = np.sort(counts)
    levels = (rows + np.cumsum(ascending)) // np.arange(1, len(counts) + 1)
    level = int(levels[levels >= ascending][-1])
    quotas = np.maximum(level - counts, 0)
    low = np.flatnonzero(counts + quotas == level)
    first = low[np.argsort((totals + counts + quotas)[low], kind="stable")]
    quotas[first[: rows - int(quotas.sum())]] += 1
    return quotas


def _deal_whole(keys: np.ndarray, strata: np.ndarray, parts: int) -> np.ndarray:
    """Groups, the largest first, each to the part where the strata's shares become the most even.

    Groups of about one size (within a factor of 2) are dealt in the order of their keys, so that another
    seed gives other parts.
    """
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    count = len(first)
    pairs, inside = np.unique(group * (int(strata.max()) + 1) + strata, return_counts=True)
    of, stratum = np.divmod(pairs, int(strata.max()) + 1)
    ends = np.searchsorted(of, np.arange(count + 1))
    weight = 1.0 / np.bincount(strata) ** 2.0
    sizes = np.bincount(group)
    order = np.lexsort((np.arange(count), -np.floor(np.log2(sizes))))
    has = np.zeros((parts, int(strata.max()) + 1))
    totals = np.zeros(parts)
    part = np.empty(count, dtype=np.int64)
    for each in order:
        its, rows = stratum[ends[each] : ends[each + 1]], inside[ends[each] : ends[each + 1]]
        # what the sum of squared shares grows by, but for what is the same in all parts
        cost = has[:, its] @ (weight[its] * rows) + totals * sizes[each] / len(keys) ** 2.0
        to = int(np.argmin(cost))
        part[each] = to
        has[to, its] += rows
        totals[to] += sizes[each]
    return part[group]


# ------------------------------------------------------------------------------------- in order of time


def _in_order(table: Table, config: SplitConfig, folds: int, share: float, seed: int) -> list[Fold]:
    """Blocks of the same number of rows, as near as equal times allow; the first holds the rest too."""
    column = existing(table, config.time, "split.time")
    times = times_of(table, column)
    order = np.lexsort((table.rows, times))
    size = len(table) // (folds + 1)
    starts = borders(times[order], [len(table) - size * (folds - each) for each in range(folds)])
    if starts is None:
        raise InputError(
            f"{folds} folds need {folds + 1} different times, and column {column!r} has "
            f"{len(np.unique(times))}",
            where="cv.folds",
            hint="give fewer folds, or another column",
        )
    made = []
    for place, (start, end) in enumerate(zip(starts, [*starts[1:], len(table)], strict=True)):
        before = order[:start]
        border = [start] if share <= 0 else borders(times[before], [max(1.0, start * (1 - share))])
        if border is None:  # all of one time
            scores = scores_of(table.rows, seed, VALIDATION_DRAW + place)[before]
            before = before[np.argsort(scores, kind="stable")]
            border = [start - int(start * share)]
        train, validation = before[: border[0]], before[border[0] :]
        made.append(Fold(1, place + 1, np.sort(train), np.sort(validation), np.sort(order[start:end])))
    return made
