"""Which rows train, which stop the training, and which give the final score.

A split that we make gives every row a random score by its number; there is no other chance in it. Equal rows
(all columns but ids) share the lowest of their scores. Within each class the lowest scores train, the next
validate, and the rest is left for the test. So large groups of equal rows come first and train, the shares of
rows stay near the wished ones, and no change of the test rows' features moves any row.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from netwright.config import DataConfig, SplitConfig
from netwright.data.apportion import divide, divide_in_order
from netwright.data.cells import as_datetime, as_number, as_text, find_date_format
from netwright.data.finding import Finding
from netwright.data.given_split import join_files, split_by_column, split_by_files
from netwright.data.roles import IGNORE, TEST, TRAIN, VALIDATION, Split
from netwright.data.strata import codes_of, equal_row_keys, scores_of, strata_of, targets_of
from netwright.data.table import Table
from netwright.data.target import target_is_classes
from netwright.errors import InputError, suggestion

__all__ = ["IGNORE", "TEST", "TRAIN", "VALIDATION", "Split", "join_files", "make_split"]

GROUP_DRAWS = 16


def make_split(
    table: Table, config: SplitConfig, data: DataConfig, seed: int, roles: np.ndarray | None = None
) -> Split:
    """Divides the rows of a table.

    Arguments:
        table: the rows, each with a target.
        config: the method and the shares.
        data: names the target, by which classes are kept in proportion.
        seed: of the rows' random scores.
        roles: the files' roles from `join_files`, where the user gave files. [N] int8

    Returns:
        The split. The same table, config and seed give the same split.

    Raises:
        InputError: an unknown column, a wrong word in the split column, or too few rows.

    Example:
        >>> table = Table(pl.DataFrame({"x": range(100), "y": ["a", "b"] * 50}), "frame", "frame")
        >>> split = make_split(table, SplitConfig(), DataConfig(target=["y"]), seed=0)
        >>> split.method, len(split.train), len(split.validation), len(split.test)
        ('stratified', 64, 16, 20)
    """
    _check_shares(config)
    if roles is not None:
        return split_by_files(table, config, data, seed, roles)
    method = method_of(table, config, data)
    if method == "column":
        return split_by_column(table, existing(table, config.column, "split.column"), data, seed)
    if method == "time":
        split = _by_time(table, existing(table, config.time, "split.time"), config)
    elif method == "group":
        split = _by_group(table, existing(table, config.group, "split.group"), config, data, seed)
    else:
        split = _at_random(table, config, data, seed, method)
    _check_all_there(split, config, len(table))
    return split


def method_of(table: Table, config: SplitConfig, data: DataConfig) -> str:
    """How the rows are to be divided: random, stratified, group, time or column."""
    if config.method == "files":
        raise InputError(
            "split.method is files, but no file is given", hint="set split.validation_file or split.test_file"
        )
    classes = bool(data.target) and target_is_classes(table, data)
    if config.method == "stratified" and not classes:
        raise InputError(
            "a stratified split needs a target of classes", where="split.method", hint="use random"
        )
    if config.method != "auto":
        return config.method
    for method in ("column", "group", "time"):
        if getattr(config, method) is not None:
            return method
    if not classes:
        return "random"
    # combinations of many targets may be nearly as many as the rows
    rare = len(targets_of(table, data)) > 1 and strata_of(table, data).max() >= len(table) / 10
    return "random" if rare else "stratified"


def existing(table: Table, column: str | None, option: str) -> str:
    """The column that an option names; an error that names the option where there is none."""
    if column is None:
        raise InputError(f"split.method needs {option}", hint=f"name the column with {option}")
    if column not in table.columns:
        raise InputError(
            f"the table has no column {column!r}", where=option, hint=suggestion(column, table.columns)
        )
    return column


def _at_random(table: Table, config: SplitConfig, data: DataConfig, seed: int, method: str) -> Split:
    keys = equal_row_keys(table.comparable, scores_of(table.rows, seed), targets_of(table, data))
    strata = np.zeros(len(table), dtype=np.int64)
    findings: list[Finding] = []
    if method == "stratified":
        strata = strata_of(table, data)
        findings = _rare_classes(table, strata, data)
    role = divide(keys, strata, config.validation, config.test)
    within = ", each class in proportion" if method == "stratified" else ""
    together = len(keys) - len(np.unique(keys))
    equal = f"; equal rows stay on one side ({together} repeat an earlier one)" if together else ""
    return Split(role, method, False, f"Drawn at random with seed {seed}{within}{equal}.", findings)


def _by_group(table: Table, column: str, config: SplitConfig, data: DataConfig, seed: int) -> Split:
    """Of several draws, the one whose shares of rows and classes are nearest to the wished ones."""
    groups = codes_of(table.frame.select(column))
    strata = np.zeros(len(table), dtype=np.int64)
    if data.target and target_is_classes(table, data):
        strata = strata_of(table, data)
    one_stratum = np.zeros(len(table), dtype=np.int64)
    best, best_error = one_stratum.astype(np.int8), np.inf
    for draw in range(GROUP_DRAWS):
        lowest = np.ones(groups.max() + 1)
        np.minimum.at(lowest, groups, scores_of(table.rows, seed, draw))
        role = divide(lowest[groups], one_stratum, config.validation, config.test)
        error = _unevenness(role, strata, config)
        if error < best_error:
            best, best_error = role, error
    note = f"Drawn at random with seed {seed} by {column!r}: the rows of one group stay on one side."
    return Split(best, "group", False, note)


def _by_time(table: Table, column: str, config: SplitConfig) -> Split:
    times = times_of(table, column)
    role = divide_in_order(times, config.validation, config.test)
    if role is None:
        raise InputError(
            f"column {column!r} has {len(np.unique(times))} different times, too few to split by",
            where="split.time",
            hint="give a column with more times, or another split.method",
        )
    return Split(
        role, "time", False, f"In the order of {column!r}: the earliest rows train, the latest test."
    )


def times_of(table: Table, column: str) -> np.ndarray:
    """The column's cells as numbers in the order of time. [N] float64"""
    series = table.frame[column]
    numbers = as_number(series)
    if numbers.null_count() > series.null_count() or series.dtype.is_temporal():
        numbers = as_datetime(series, find_date_format(series) if series.dtype == pl.String else None)
    unread = numbers.is_null()
    if unread.any():
        first = int(unread.arg_max() or 0)
        cell = series[first]
        raise InputError(
            f"the time column {column!r} "
            + ("is empty" if cell is None else f"has {cell!r}, which is no time"),
            where=f"row {table.rows[first]}, counted from 0",
            hint="rows without a time cannot be put in order: fill in the times or remove the rows",
        )
    return numbers.to_numpy()


def _unevenness(role: np.ndarray, strata: np.ndarray, config: SplitConfig) -> float:
    """How far the roles' shares of each stratum are from the wished ones; infinite when a part is empty."""
    wished = {VALIDATION: config.validation, TEST: config.test}
    wished[TRAIN] = 1 - config.validation - config.test
    counts = np.bincount(strata)
    error = 0.0
    for part, share in wished.items():
        has = np.bincount(strata[role == part], minlength=len(counts))
        if share > 0 and not has.any():
            return np.inf
        error += np.abs(has - share * counts).sum()
    return error


def _rare_classes(table: Table, strata: np.ndarray, data: DataConfig) -> list[Finding]:
    """Says which classes have too few rows to be on every side."""
    counts = np.bincount(strata)
    rows = np.flatnonzero(counts[strata] < 3)
    if len(rows) == 0:
        return []
    targets = targets_of(table, data)
    texts = pl.DataFrame([as_text(table.frame[name][rows]) for name in targets])
    names = [" and ".join(map(str, row)) for row in texts.unique(maintain_order=True).iter_rows()]
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    return [
        Finding(
            "rare_class_in_split",
            "warning",
            f"{len(names)} of {len(counts)} classes have too few rows to be on every side: {shown}. "
            "A single row trains; of two, one trains and one tests.",
            "collect more rows of them, or merge them with other classes",
            columns=targets,
            rows=len(rows),
            examples=table.rows[rows[:10]].tolist(),
        )
    ]


def _check_shares(config: SplitConfig) -> None:
    if config.validation + config.test >= 1:
        raise InputError(
            f"split.validation {config.validation} and split.test {config.test} leave no rows to train on",
            hint="their sum must be below 1",
        )


def _check_all_there(split: Split, config: SplitConfig, count: int) -> None:
    parts = {"training": (split.train, 1.0), "validation": (split.validation, config.validation)}
    parts["test"] = (split.test, config.test)
    empty = [name for name, (rows, share) in parts.items() if share > 0 and len(rows) == 0]
    if empty:
        rows = "1 row is" if count == 1 else f"{count} rows are"
        if count < 10:
            raise InputError(f"{rows} too few to train, validate and test", hint="give at least 10 rows")
        kept = "rows of one group stay on one side"
        if split.method != "group":
            kept = "equal rows stay on one side (ids are left aside)"
        raise InputError(
            f"no {' and no '.join(empty)} rows are left of {count}",
            where=f"split.method {split.method}",
            hint=f"{kept}, and too few differ: give more rows, or a split of your own",
        )
