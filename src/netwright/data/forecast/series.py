"""A table's rows as regular series of targets and of inputs that are known ahead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from netwright.data.cells import as_number, as_text
from netwright.data.finding import Finding
from netwright.data.forecast.fill import fill
from netwright.data.forecast.grid import Grid, lay_out, values_on
from netwright.data.forecast.known import calendar_values, known_values
from netwright.data.forecast.schema import ForecastSchema, Step, Times
from netwright.data.forecast.times import read_times
from netwright.data.table import Table
from netwright.errors import InputError, suggestion

NUMBERS = 0.5
"""share of a target's cells that must be numbers"""


@dataclass(frozen=True)
class Series:
    """Regular series one after another, T steps in all.

    Arguments:
        grid: the steps.
        values: targets, NaN where missing. [T, C]
        filled: the same without missing values, as look-backs have them. [T, C]
        known: inputs that are known ahead, NaN where missing. [T, K]
    """

    grid: Grid
    values: np.ndarray
    filled: np.ndarray
    known: np.ndarray


def grid_of(
    table: Table,
    times: Times,
    series: str | None,
    *,
    frequency: str = "auto",
    step: Step | None = None,
    gaps: str = "forward",
    duplicates: str = "last",
) -> Grid:
    """The regular steps that a table's rows lie on; see `lay_out`.

    Raises:
        InputError: a column is not there, a row has no time or no series, or the times are not regular.
    """
    names = None
    if series is not None:
        existing(table, series, "forecast.series")
        texts = as_text(table.frame[series])
        if texts.null_count():
            first = int(texts.is_null().arg_max() or 0)
            raise InputError(
                f"the column {series!r} is empty",
                where=f"row {table.rows[first]}, counted from 0",
                hint="each row belongs to a series: fill in its name or remove the row",
            )
        names = texts.to_list()
    return lay_out(
        read_times(table, times),
        names,
        times.form,
        frequency=frequency,
        step=step,
        gaps=gaps,
        duplicates=duplicates,
        numbers=table.rows,
    )


def series_of(table: Table, schema: ForecastSchema, grid: Grid | None = None) -> Series:
    """The series of a table, by a schema.

    Arguments:
        table: the rows.
        schema: what the columns are.
        grid: the rows' steps, where they are known.

    Raises:
        InputError: a column is not there or holds something else.
    """
    if grid is None:
        grid = grid_of(
            table,
            schema.times,
            schema.series,
            step=schema.step,
            gaps=schema.gaps,
            duplicates=schema.duplicates,
        )
    values = values_on(grid, targets_of(table, schema.targets)[0], schema.duplicates)
    for column in schema.known:
        existing(table, column.name, table.source)
    known = values_on(grid, known_values(table.frame, schema.known), schema.duplicates)
    known = fill_known(known, grid)
    known = np.concatenate([known, calendar_values(grid.times, schema.calendar)], axis=1)
    before = np.array(schema.before) if schema.before else 0.0
    return Series(grid, values, fill(values, grid.starts, schema.gaps, schema.season, before), known)


def fill_known(known: np.ndarray, grid: Grid) -> np.ndarray:
    """Known inputs where a cell is missing: the last value; before the first one, nothing. [T, K]"""
    return fill(known, grid.starts, "forward", before=np.nan)


def targets_of(table: Table, names: list[str]) -> tuple[np.ndarray, list[Finding]]:
    """The targets as numbers, NaN where a cell is missing or none, and what was noticed. [N, C]

    Raises:
        InputError: a target is not there, or most of it is no numbers.
    """
    columns, findings = [], []
    for name in names:
        series = existing(table, name, table.source)
        numbers = as_number(series)
        numbers = numbers.set(numbers.is_infinite().fill_null(value=False), None)
        there, lost = series.is_not_null(), series.is_not_null() & numbers.is_null()
        if not there.any():
            raise InputError(f"the target {name!r} has no value in any row", where=table.source)
        if lost.any():
            first = int(lost.arg_max() or 0)
            where = f"row {table.rows[first]}, counted from 0"
            if int(lost.sum()) > (1 - NUMBERS) * int(there.sum()):
                hint = "a forecast is of numbers; name a column of numbers with --target"
                raise InputError(
                    f"the target {name!r} is not numeric: it has {series[first]!r}", where=where, hint=hint
                )
            message = f"{lost.sum():,} cells of {name!r} are no numbers, such as {series[first]!r}"
            examples = table.rows[np.flatnonzero(lost.to_numpy())[:5]].tolist()
            findings.append(
                Finding(
                    "unknown_values",
                    "warning",
                    message,
                    "treated as missing",
                    [name],
                    int(lost.sum()),
                    examples,
                )
            )
        columns.append(numbers.fill_null(np.nan).to_numpy())
    return np.column_stack(columns).astype(np.float64), findings


def existing(table: Table, name: str, where: str) -> pl.Series:
    """The column of that name. Raises InputError where there is none."""
    if name not in table.columns:
        hint = suggestion(name, table.columns)
        raise InputError(f"the table has no column {name!r}", where=where, hint=hint)
    return table.frame[name]
