"""Files that carry types: Parquet, Arrow (Feather) and JSON lines; and the types that a table may have."""

from __future__ import annotations

import io
import json

import polars as pl

from netwright.errors import InputError


def read_typed(data: bytes, format: str, where: str) -> pl.DataFrame:
    """Reads Parquet, an Arrow IPC file or stream, or JSON lines.

    Arguments:
        data: the file's bytes, decompressed.
        format: parquet, arrow or jsonl.
        where: the source, for messages.

    Raises:
        InputError: the file is cut short or damaged; for JSON lines with the line.
    """
    if format == "jsonl":
        return _json_lines(data, where)
    try:
        if format == "parquet":
            return pl.read_parquet(io.BytesIO(data))
        if data.startswith(b"ARROW1"):
            return pl.read_ipc(io.BytesIO(data))
        return pl.read_ipc_stream(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError):
        what = {"parquet": "Parquet", "arrow": "Arrow"}[format]
        raise InputError(
            f"the {what} file is cut short or damaged", where=where, hint="fetch or write it again"
        ) from None


def _json_lines(data: bytes, where: str) -> pl.DataFrame:
    """Each line is one row: an object of column names and values."""
    names: dict[str, None] = {}
    rows = []
    for number, line in enumerate(data.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InputError(
                f"the line is no JSON object: {error.args[0]}",
                where=f"{where}, line {number}",
                hint="JSON lines have one whole object in each line",
            ) from None
        if not isinstance(row, dict):
            raise InputError(
                "the line is JSON but no object of names and values", where=f"{where}, line {number}"
            )
        names.update(dict.fromkeys(row))
        rows.append(row)
    return pl.DataFrame([column(name, [row.get(name) for row in rows]) for name in names])


def column(name: str, values: list) -> pl.Series:
    """One column of Python values: of their own type, float where all are numbers, else text."""
    kinds = {type(value) for value in values} - {type(None)}
    if kinds & {dict, list, tuple, set, bytes}:
        raise _nested(name, ", ".join(sorted(kind.__name__ for kind in kinds)))
    if kinds == {int, float}:
        values = [None if value is None else float(value) for value in values]
    elif len(kinds) > 1:
        values = [None if value is None else as_word(value) for value in values]
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(
            name, [None if value is None else as_word(value) for value in values], dtype=pl.String
        )


def as_word(value: object) -> str:
    """The text of a value in a column of mixed types."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def plain_types(frame: pl.DataFrame) -> pl.DataFrame:
    """Brings a frame to the types that a table has: numbers, booleans, dates and times, text.

    Arguments:
        frame: any frame.

    Returns:
        Categories as text, decimals and 128-bit numbers as float, durations as seconds, NaN as null.

    Raises:
        InputError: a column holds lists, structures, bytes or Python objects.
    """
    if frame.width == 0:
        return frame
    plain = pl.DataFrame([_plain(series) for series in frame.get_columns()])
    floats = [name for name, dtype in plain.schema.items() if dtype.is_float()]
    return plain.with_columns(pl.col(floats).fill_nan(None))


def _plain(series: pl.Series) -> pl.Series:
    dtype = series.dtype
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        raise _nested(series.name, str(dtype))
    if dtype in (pl.Categorical, pl.Enum, pl.Null):
        return series.cast(pl.String)
    if dtype.is_decimal() or dtype == pl.Int128:
        return series.cast(pl.Float64)
    if dtype == pl.Duration:
        return series.dt.total_microseconds() / 1e6
    return series


def _nested(name: str, kind: str) -> InputError:
    return InputError(
        f"column {name!r} holds more than one value in a cell ({kind})",
        hint="spread it over columns of numbers, dates or text, or leave it out",
    )
