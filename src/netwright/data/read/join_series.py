"""Whole series out of tables: the columns of one row, or the rows of one id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np
import polars as pl

from netwright.config import SeriesTableConfig
from netwright.data.cells import as_datetime, as_number, as_text, find_date_format
from netwright.data.finding import Finding
from netwright.data.media import Arrays
from netwright.data.table import Table
from netwright.errors import InputError, suggestion

SERIES = "series"
MOST_CELLS = 0.9  # a column is of numbers when that many of its cells are
UNEVEN = 1.5  # a step that many times as long as another: more than months differ


def join_series(table: Table, config: SeriesTableConfig, target: Iterable[str] = ()) -> Table:
    """A table with one row for each series, whose column "series" holds their names.

    Arguments:
        table: as read.
        config: which columns are values, or which column says what belongs together; the table stays as it is
            when it says neither. Whether numbers have a decimal comma is filled in where it is left open,
            so that later tables are read in the same way, however few rows they have.
        target: names of target columns, where there are any.

    Returns:
        The series as `media["series"]`, and all other columns that are the same in all rows of a series.

    Raises:
        InputError: a column that is not there or holds no numbers, or a target that differs within a series.

    Example:
        >>> columns = {"id": ["a", "a", "b"], "t": [2, 1, 1], "v": [5.0, 4.0, 3.0], "y": [1, 1, 0]}
        >>> table = Table(pl.DataFrame(columns), "frame", "frame")
        >>> joined = join_series(table, SeriesTableConfig(id="id", time="t", values=["v"]), ["y"])
        >>> joined.frame.rows(), joined.media["series"].content("a").tolist()
        ([('a', 1), ('b', 0)], [[4.0], [5.0]])
    """
    if config.wide and config.id is not None:
        raise InputError(
            "a table is either wide or long",
            where="data.series",
            hint="give wide (columns of one row), or id, time and values (rows of one series)",
        )
    if config.decimal_comma == "auto" and (config.wide or config.id is not None):
        given = {config.id, config.time, *target}
        config.decimal_comma = _has_commas([cells for cells in table.frame if cells.name not in given])
    if config.wide:
        return _from_wide(table, config, set(target))
    if config.id is not None:
        return _from_long(table, config, list(target))
    if config.time is not None or config.values:
        hint = "add id, the column that says which series a row belongs to"
        raise InputError("data.series has no id", where="data.series", hint=hint)
    return table


# ---------------------------------------------------------------------------------------------- wide


def _from_wide(table: Table, config: SeriesTableConfig, target: set[str]) -> Table:
    """Each name that is no pattern is a step of the one channel; each pattern is a channel."""
    candidates = [name for name in table.columns if name not in target]
    plain = [name for name in config.wide if name in candidates]
    patterns = [name for name in config.wide if name not in candidates]
    channels = {"value": plain} if plain else {}
    for pattern in patterns:
        found = [name for name in candidates if fnmatchcase(name, pattern)]
        if not found:
            hint = suggestion(pattern, candidates)
            raise InputError(f"no column {pattern!r}", where="data.series.wide", hint=hint)
        channels[pattern.strip("*_-. ") or "value"] = found
    used = [name for names in channels.values() for name in names]
    if len(set(used)) != len(used):
        again = next(name for name in used if used.count(name) > 1)
        raise InputError(f"column {again!r} is meant twice", where="data.series.wide")
    steps = max(len(names) for names in channels.values())
    values = np.full((len(table), steps, len(channels)), np.nan, dtype=np.float32)
    findings = list(table.findings)
    for channel, names in enumerate(channels.values()):
        for step, name in enumerate(names):
            values[:, step, channel] = _numbers(table.frame[name], config, findings)
    keys: list[str | None] = [str(row) for row in table.rows]
    arrays = {}
    for place, key in enumerate(keys):
        there = np.flatnonzero(~np.isnan(values[place]).all(1))
        if len(there):
            arrays[key] = values[place, : there[-1] + 1]
        else:
            keys[place] = None
    kept = [each for each in table.columns if each not in used]
    name = _free(SERIES, kept)
    frame = table.frame.select(pl.Series(name, keys, dtype=pl.String), *kept)
    return _joined(table, frame, name, Arrays("series", arrays, list(channels)), findings, table.rows)


# ---------------------------------------------------------------------------------------------- long


def _from_long(table: Table, config: SeriesTableConfig, target: list[str]) -> Table:
    assert config.id is not None
    _check_names(table, config)
    findings = list(table.findings)
    table = _keep(table, as_text(table.frame[config.id]).is_not_null(), config.id, "id", findings)
    stamps = None
    if config.time is not None:
        stamps = _stamps(table.frame[config.time], config.time)
        table = _keep(table, stamps.is_not_null(), config.time, "time stamp", findings)
        stamps = stamps.drop_nulls().to_numpy()
    keys, code = _codes(as_text(table.frame[config.id]))
    order = np.argsort(code, kind="stable")
    if stamps is not None:
        order = _by_time(code, stamps, table, config.time or "", findings)
    code = code[order]
    starts = np.flatnonzero(np.diff(code, prepend=-1))  # where each series begins, once in order
    frame = table.frame[order]
    if stamps is not None:
        _even_or_said(code, stamps[order], config.time or "", findings)
    given = {config.id, config.time, *config.values}
    constant, varying = _divide(frame, code, [name for name in frame.columns if name not in given])
    _check_targets(target, varying, frame, code, keys)
    names = config.values or [name for name in varying if _is_numeric(frame[name], config)]
    if not names:
        hint = "name them with data.series.values"
        raise InputError("no column of numbers changes within a series", where=table.source, hint=hint)
    left = [name for name in varying if name not in names]
    if left:
        what = f"{', '.join(map(repr, left))} changed within series and could not be kept as columns."
        findings.append(Finding("series_columns", "note", what, "left out", left))
    values = np.stack([_numbers(frame[name], config, findings) for name in names], axis=1)  # [rows, C]
    arrays = dict(zip(keys, np.split(values, starts[1:]), strict=True))
    name = _free(SERIES, constant)
    joined = frame[starts].select(pl.Series(name, keys, dtype=pl.String), *constant)
    table = replace(table, names=_names_by_row(pl.Series(config.id, keys), table.rows[order][starts]))
    return _joined(table, joined, name, Arrays("series", arrays, names), findings, table.rows[order][starts])


def _names_by_row(names: pl.Series, rows: np.ndarray) -> pl.Series:
    """The series' names at the places of their first rows in the source."""
    placed = np.full(rows.max() + 1, None, dtype=object)
    placed[rows] = names.to_list()
    return pl.Series(names.name, placed.tolist(), dtype=pl.String)


def _check_names(table: Table, config: SeriesTableConfig) -> None:
    for key, names in (("id", [config.id]), ("time", [config.time]), ("values", config.values)):
        for name in names:
            if name is not None and name not in table.columns:
                hint = suggestion(name, table.columns)
                raise InputError(f"no column {name!r}", where=f"data.series.{key}", hint=hint)


def _keep(table: Table, there: pl.Series, name: str, what: str, findings: list[Finding]) -> Table:
    """The rows that have an id or a time stamp."""
    mask = there.to_numpy()
    if mask.all():
        return table
    if not mask.any():
        raise InputError(f"no row has {_a(what)}", where=f"column {name!r}")
    lost = np.flatnonzero(~mask)
    message = f"{len(lost)} rows have no {what} in {name!r}."
    findings.append(
        Finding("series_rows", "warning", message, "left out", [name], len(lost), _rows(table, lost))
    )
    return table.keep(mask)


def _stamps(cells: pl.Series, name: str) -> pl.Series:
    """Numbers, or seconds since 1970."""
    if cells.dtype == pl.String:
        numbers = as_number(cells)
        if numbers.null_count() == cells.null_count():
            return numbers
        format = find_date_format(cells)
        if format is None:
            hint = "write dates as 2024-01-31 10:00:00"
            raise InputError(
                "the time stamps are neither numbers nor dates", where=f"column {name!r}", hint=hint
            )
        return as_datetime(cells, format)
    return cells.cast(pl.Float64) if cells.dtype.is_numeric() else as_datetime(cells, None)


def _codes(ids: pl.Series) -> tuple[list[str], np.ndarray]:
    """The different ids in the order in which they first come, and each row's number among them."""
    keys = ids.unique(maintain_order=True).to_list()
    places = ids.replace_strict(keys, list(range(len(keys))), return_dtype=pl.Int64)
    return keys, places.to_numpy()


def _by_time(
    code: np.ndarray, stamps: np.ndarray, table: Table, time: str, findings: list[Finding]
) -> np.ndarray:
    """Rows by series and time, one for each time stamp. Says what was out of order or came twice."""
    back = np.argsort(code, kind="stable")
    falls = (np.diff(stamps[back]) < 0) & (np.diff(code[back]) == 0)
    if falls.any():
        number = len(np.unique(code[back][1:][falls]))
        message = f"{number} series are not in the order of {time!r}."
        found = Finding("series_unsorted", "note", message, "sorted", [time], int(falls.sum()))
        findings.append(found)
    order = np.lexsort((stamps, code))
    again = np.concatenate([[False], (np.diff(stamps[order]) == 0) & (np.diff(code[order]) == 0)])
    if again.any():
        lost = order[again]
        message = f"{len(lost)} rows repeat a time stamp of their series in {time!r}."
        action = "the first of each was kept; look where the others come from"
        examples = _rows(table, lost)
        findings.append(Finding("series_duplicates", "warning", message, action, [time], len(lost), examples))
    return order[~again]


def _even_or_said(code: np.ndarray, stamps: np.ndarray, time: str, findings: list[Finding]) -> None:
    """A network sees steps, and no time between them."""
    steps = np.diff(stamps)[np.diff(code) == 0]
    if len(steps) and steps.max() > UNEVEN * steps.min():
        message = f"The time stamps in {time!r} lie between {steps.min():g} and {steps.max():g} apart."
        action = "each row was taken for one step; fill gaps with rows of missing values if they matter"
        findings.append(Finding("series_uneven", "note", message, action, [time]))


def _divide(frame: pl.DataFrame, code: np.ndarray, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which columns are the same in all rows of each series, and which are not."""
    if not names:
        return [], []
    grouped = frame.select(names).with_columns(pl.Series("\0code", code)).group_by("\0code")
    most = grouped.agg(pl.col(name).n_unique() for name in names).drop("\0code").max()
    varying = [name for name in names if most[name][0] > 1]
    return [name for name in names if name not in varying], varying


def _check_targets(
    target: list[str], varying: list[str], frame: pl.DataFrame, code: np.ndarray, keys: list[str]
) -> None:
    for name in target:
        if name not in varying:
            continue
        cells, numbers = as_text(frame[name]), pl.Series(code)
        table = pl.DataFrame({"code": numbers, "cell": cells}).group_by("code").agg(pl.col("cell").unique())
        row = next(row for row in table.sort("code").rows() if len(row[1]) > 1)
        shown = " and ".join(repr(each) for each in sorted(map(str, row[1]))[:2])
        raise InputError(
            f"the target {name!r} differs within series {keys[row[0]]!r}: {shown}",
            where="data.series.id",
            hint="a whole series has one target; to predict values to come, forecast instead",
        )


# ------------------------------------------------------------------------------------------- helpers


def _joined(
    table: Table, frame: pl.DataFrame, name: str, media: Arrays, findings: list[Finding], rows: np.ndarray
) -> Table:
    media_of_all = {**table.media, name: media}
    return replace(table, frame=frame, findings=findings, media=media_of_all, rows=rows)


def _is_numeric(cells: pl.Series, config: SeriesTableConfig) -> bool:
    there = len(cells) - cells.null_count()
    return there > 0 and len(_parsed(cells, config).drop_nulls()) >= MOST_CELLS * there


def _numbers(cells: pl.Series, config: SeriesTableConfig, findings: list[Finding]) -> np.ndarray:
    """Values of a column, NaN where there are none. Says how many cells are no numbers."""
    numbers = _parsed(cells, config)
    there, read = len(cells) - cells.null_count(), len(numbers) - numbers.null_count()
    if there and read < MOST_CELLS * there:
        example = cells.filter(cells.is_not_null() & numbers.is_null())[0]
        raise InputError(
            f"the values of a series are no numbers: {example!r}", where=f"column {cells.name!r}"
        )
    if read < there:
        message = f"{there - read} cells of {cells.name!r} are no numbers."
        findings.append(
            Finding(
                "series_values", "warning", message, "taken for missing values", [cells.name], there - read
            )
        )
    with np.errstate(over="ignore"):
        return numbers.fill_null(np.nan).to_numpy().astype(np.float32)


def _has_commas(columns: list[pl.Series]) -> bool:
    """Whether cells are numbers with a decimal comma: clearly more of them are read so than with a point.

    A few cells of another country's hand must not make thousands of the others' decimals.
    """
    texts = [cells for cells in columns if cells.dtype == pl.String]
    point, comma = (
        sum(len(cells) - as_number(cells, decimal_comma=each).null_count() for cells in texts)
        for each in (False, True)
    )
    return point < MOST_CELLS * comma


def _parsed(cells: pl.Series, config: SeriesTableConfig) -> pl.Series:
    if cells.dtype != pl.String and not cells.dtype.is_numeric() and cells.dtype != pl.Boolean:
        return pl.Series(cells.name, [None] * len(cells), dtype=pl.Float64)
    return as_number(cells, decimal_comma=config.decimal_comma is True)


def _free(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _rows(table: Table, places: np.ndarray) -> list[int]:
    return [int(row) for row in table.rows[places[:5]]]


def _a(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"
