"""The times of rows: how they are written, what they are, and how far one lies from the next."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import polars as pl

from netwright.data.cells import as_datetime, as_number, find_date_format
from netwright.data.forecast.schema import Step, Times
from netwright.data.table import Table
from netwright.errors import InputError, suggestion

PARTS = ("year", "month", "day", "hour", "minute", "second")
UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
MONTHS = {"mo": 1, "q": 3, "y": 12}
DAY = 86400.0
OPTION = "split.time"


def find_times(table: Table, text: str | None) -> Times:
    """How the times of a table are written.

    Arguments:
        table: the rows.
        text: a column's name, or several with commas: year, month, day, hour, or a date and a time of day.

    Raises:
        InputError: no such column, or its cells are no times.
    """
    if not text:
        hint = "name the column of times with --time, such as --time date"
        raise InputError("a forecast needs a column of times", where=OPTION, hint=hint)
    names = [text] if text in table.columns else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in table.columns:
            hint = suggestion(name, table.columns)
            raise InputError(f"the table has no column {name!r}", where=OPTION, hint=hint)
    if len(names) > 1 and {name.lower() for name in names} <= set(PARTS):
        if "year" not in {name.lower() for name in names}:
            raise InputError("the times have no year", where=OPTION, hint="add the column of years")
        return Times(columns=names, form="parts")
    series = _joined(table.frame, names)
    if series.null_count() == len(series):
        raise InputError(f"the time column {text!r} is empty", where=OPTION)
    form = find_date_format(series)
    if series.dtype.is_temporal() or form is not None:
        return Times(columns=names, form="date", format=form)
    if as_number(series).null_count() == series.null_count():
        return Times(columns=names, form="number")
    first = _first_unread(series)
    raise InputError(
        f"the time column {text!r} has {series[first]!r}, which is no time",
        where=f"row {table.rows[first]}, counted from 0",
        hint="write times as 2024-01-31 13:00, or name several columns: --time year,month,day,hour",
    )


def _first_unread(series: pl.Series, most: int = 2000) -> int:
    """The first cell that is neither a date nor a number by itself; else the first of all."""
    there = series.is_not_null().arg_true().head(most)
    for place in there:
        cell = series[place : place + 1]
        if find_date_format(cell) is None and as_number(cell).null_count():
            return place
    return int(there[0])


def read_times(table: Table, times: Times) -> np.ndarray:
    """The rows' times: seconds since 1970, or numbers. [N] float64

    Raises:
        InputError: a column is not there, or a row has no time.
    """
    for name in times.columns:
        if name not in table.columns:
            hint = suggestion(name, table.columns)
            raise InputError(f"the table has no column {name!r}", where=table.source, hint=hint)
    if times.form == "parts":
        read = _from_parts(table, times.columns)
    else:
        series = _joined(table.frame, times.columns)
        read = as_number(series) if times.form == "number" else as_datetime(series, times.format)
    unread = read.is_null() | read.is_infinite()
    if unread.any():
        first = int(unread.arg_max() or 0)
        cells = [table.frame[name][first] for name in times.columns]
        said = "is empty" if None in cells else f"has {' '.join(map(str, cells))!r}, which is no time"
        raise InputError(
            f"the time column {','.join(times.columns)!r} {said}",
            where=f"row {table.rows[first]}, counted from 0",
            hint="a row without a time has no place in a series: fill in the time or remove the row",
        )
    return read.to_numpy().astype(np.float64)


def _joined(frame: pl.DataFrame, names: list[str]) -> pl.Series:
    """One column, or the texts of several with a blank between them."""
    if len(names) == 1:
        return frame[names[0]]
    return frame.select(
        pl.concat_str([pl.col(name).cast(pl.String).str.strip_chars() for name in names], separator=" ")
    ).to_series()


def _from_parts(table: Table, names: list[str]) -> pl.Series:
    """Seconds since 1970 from columns of year, month, day, ...; null where there is no such day."""
    start = {"year": 1970.0, "month": 1.0, "day": 1.0, "hour": 0.0, "minute": 0.0, "second": 0.0}
    height = table.frame.height
    part = {name: pl.Series(name, [value]).new_from_index(0, height) for name, value in start.items()}
    part |= {name.lower(): as_number(table.frame[name]) for name in names}
    days = pl.select(
        pl.format(
            "{}-{}-{}",
            *(pl.lit(part[name].cast(pl.Int64, strict=False)) for name in ("year", "month", "day")),
        ).str.strptime(pl.Date, "%Y-%m-%d", strict=False)
    ).to_series()
    inside = part["hour"] * 3600.0 + part["minute"] * 60.0 + part["second"]
    return days.cast(pl.Int64) * DAY + inside


def find_step(times: np.ndarray, starts: np.ndarray, form: str, frequency: str) -> Step:
    """What lies between one time and the next.

    Arguments:
        times: ascending within each series, without repeats. [N] float64
        starts: where series begin, and the end of the last. [S + 1]
        form: of the times, see `Times`.
        frequency: as the user gave it, or "auto": the most frequent.

    Raises:
        InputError: the frequency means nothing, or no series has two times.
    """
    if frequency != "auto":
        return parse_step(frequency, form)
    inside = np.ones(len(times), dtype=bool)
    inside[starts[:-1][starts[:-1] < len(times)]] = False
    differences = np.diff(times, prepend=times[:1])[inside]
    if not len(differences):
        raise InputError(
            "no series has two rows of different times",
            where=OPTION,
            hint="--series names a column of which each value has several rows",
        )
    if form != "number" and np.median(differences) >= 27 * DAY:
        months = month_of(times)
        steps = np.diff(months, prepend=months[:1])[inside]
        days = day_of(times)
        if (steps > 0).all() and (np.ptp(days) == 0 or (days >= 28).all()):
            return Step(unit="month", count=float(_most_frequent(steps)))
    return Step(unit="number" if form == "number" else "second", count=float(_most_frequent(differences)))


def parse_step(frequency: str, form: str) -> Step:
    """A step from text: a number, or 15m, 1h, 1d, 1w, 1mo, 1q, 1y.

    Example:
        >>> str(parse_step("15m", "date")), str(parse_step("1q", "date"))
        ('15 minutes', '3 months')
    """
    found = re.fullmatch(r"\s*(\d*\.?\d+)?\s*([a-z]*)\s*", frequency.lower())
    where, hint = (
        "forecast.frequency",
        "such as 15m, 1h, 1d, 1w, 1mo, 1q, 1y; a number where times are numbers",
    )
    if found is None or not any(found.groups()):
        raise InputError(f"{frequency!r} is no step of time", where=where, hint=hint)
    count, unit = float(found[1] or 1), found[2]
    if count <= 0 or (form == "number") != (unit == ""):
        raise InputError(f"{frequency!r} does not fit the times", where=where, hint=hint)
    if unit == "":
        return Step(unit="number", count=count)
    if unit in MONTHS:
        return Step(unit="month", count=count * MONTHS[unit])
    if unit not in UNITS:
        raise InputError(f"{frequency!r} is no step of time", where=where, hint=hint)
    return Step(unit="second", count=count * UNITS[unit])


def _most_frequent(values: np.ndarray) -> float:
    """The most frequent value, to the thousandth; the smaller of two."""
    kept, counts = np.unique(np.round(values, 3), return_counts=True)
    return kept[counts.argmax()]


def month_of(times: np.ndarray) -> np.ndarray:
    """Months since the year 0 of seconds since 1970. int64"""
    return np.floor(times / DAY).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) + 1970 * 12


def day_of(times: np.ndarray) -> np.ndarray:
    """Days of the month, from 1. int64"""
    days = np.floor(times / DAY).astype("datetime64[D]")
    return (days - days.astype("datetime64[M]")).astype(np.int64) + 1


def position(times: np.ndarray, first: float, step: Step) -> np.ndarray:
    """How many steps after `first` times lie. [N] float64

    Example:
        >>> position(np.array([0.0, 31 * 86400.0]), 0.0, Step(unit="month", count=1)).tolist()
        [0.0, 1.0]
    """
    if step.unit == "month":
        return (month_of(times) - month_of(np.array([first]))) / step.count
    return (times - first) / step.count


def time_at(places: np.ndarray, first: float, step: Step) -> np.ndarray:
    """The times so many steps after `first`. [N] float64

    Example:
        >>> january_31 = 30 * 86400.0
        >>> (time_at(np.array([0, 1, 2]), january_31, Step(unit="month", count=1)) / 86400).tolist()
        [30.0, 58.0, 89.0]
    """
    if step.unit != "month":
        return first + places * step.count
    whole, inside = np.floor(first / DAY), first % DAY
    day = day_of(np.array([first]))[0]
    months = (month_of(np.array([whole * DAY])) - 1970 * 12 + places * int(step.count)).astype(
        "datetime64[M]"
    )
    last = ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    return (months.astype("datetime64[D]").astype(np.int64) + np.minimum(day, last) - 1) * DAY + inside


def as_texts(times: np.ndarray, written: Times) -> list[str]:
    """Times as they are written into tables: numbers, dates in the format that they were read in, or as days
    with or without the time of day.

    Example:
        >>> hours = Times(columns=["hour"], form="date")
        >>> as_texts(np.array([0.0, 86400.0]), hours), as_texts(np.array([0.0, 5400.0]), hours)
        (['1970-01-01', '1970-01-02'], ['1970-01-01 00:00:00', '1970-01-01 01:30:00'])
    """
    if written.form == "number":
        return [f"{time:.15g}" for time in times]
    whole = bool((times % DAY == 0).all())
    format = (written.format or "").replace("%.f", "")  # what only Polars knows
    if not format or "%#z" in format:
        format = "%Y-%m-%d" if whole else "%Y-%m-%d %H:%M:%S"
    return [datetime.fromtimestamp(time, UTC).strftime(format) for time in times]
