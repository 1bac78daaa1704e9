"""What a cell says as text, as a number and as a point in time.

Each conversion looks at one cell at a time, so that no row can change how another is read, and gives the same
whether a column came as text or with a type: "3.0", 3.0 and 3 are one category and one number.
"""

from __future__ import annotations

from itertools import product

import polars as pl

ISO_FORMATS = (
    *("%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"),
    *("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z"),
)
DAYS = (
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
)
TIMES = ("", " %H:%M", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p")
NAMED = (
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"),
    *("%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%a, %d %b %Y %H:%M:%S %z"),
)
COMPACT = "%Y%m%d"
DATE_FORMATS = (*ISO_FORMATS, *map("".join, product(DAYS, TIMES)), *NAMED, "%Y-%m", "%Y/%m", COMPACT)
"""The formats of dates in text that are tried, in this order; where two fit as well, the first is taken."""

INTEGRAL = r"^(-?\d+)\.0+$"
CURRENCY = "$€£¥"
GROUPED = r"^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$"
COMMA_NUMBER = r"^[-+]?(?:(?:\d{1,3}(?:\.\d{3})+|\d+)(?:,\d*)?|,\d+)(?:[eE][-+]?\d+)?$"
EXACT = 2**53  # floats hold every integer below it


def as_text(series: pl.Series) -> pl.Series:
    """The canonical text of each cell, for use as a category.

    Arguments:
        series: a column of any type that a table has. [N]

    Returns:
        Strings [N]: integral numbers without ".0", other numbers in their shortest form, true and false in
        lower case, dates as ISO 8601 (without the time at midnight), text stripped. Null stays null.

    Example:
        >>> as_text(pl.Series([3.0, 0.5, None])).to_list(), as_text(pl.Series([" 3.00", "three"])).to_list()
        (['3', '0.5', None], ['3', 'three'])
    """
    dtype = series.dtype
    if dtype == pl.String:
        stripped = series.str.strip_chars().str.replace(INTEGRAL, "${1}").str.replace("^-(0+)$", "${1}")
        return stripped.str.replace("^(?i:true)$", "true").str.replace("^(?i:false)$", "false")
    if dtype.is_float():
        return _float_text(series)
    if dtype == pl.Date:
        return series.dt.to_string("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        utc = series.dt.convert_time_zone("UTC") if dtype.time_zone else series
        return utc.dt.to_string("%Y-%m-%dT%H:%M:%S%.f").str.strip_suffix("T00:00:00")
    if dtype == pl.Time:
        return series.dt.to_string("%H:%M:%S%.f")
    return series.cast(pl.String)


def as_number(series: pl.Series, decimal_comma: bool = False) -> pl.Series:
    """The number in each cell.

    Arguments:
        series: a column of any type that a table has. [N]
        decimal_comma: whether text has a comma before the decimals (1.234,5) rather than a point (1,234.5).

    Returns:
        Float64 [N], null where a cell holds no number. Understood in text: thousands separators between
        strict groups of three, a sign of currency or percent (45 % is 45), the words for infinity.

    Example:
        >>> as_number(pl.Series(["1,234.5", "$3", "7 %", "x"])).to_list()
        [1234.5, 3.0, 7.0, None]
    """
    dtype = series.dtype
    if dtype == pl.String:
        return _parsed_number(series, decimal_comma)
    if dtype.is_float():
        return _exact(series).fill_nan(None)
    if dtype.is_numeric() or dtype == pl.Boolean:
        return series.cast(pl.Float64)
    return pl.Series(series.name, [None], dtype=pl.Float64).new_from_index(0, len(series))


def as_datetime(series: pl.Series, format: str | None) -> pl.Series:
    """The point in time in each cell, in seconds since 1970 (UTC where no time zone is given).

    Arguments:
        series: text, dates, datetimes, or times of day (seconds since midnight). [N]
        format: how text is written, one of `DATE_FORMATS`; None reads any ISO 8601 form.

    Returns:
        Float64 [N], null where a cell holds no date of that format.

    Example:
        >>> as_datetime(pl.Series(["02/01/1970", "soon"]), "%d/%m/%Y").to_list()
        [86400.0, None]
    """
    dtype = series.dtype
    if dtype == pl.String:
        stripped = series.str.strip_chars()
        parsed = _seconds(_strptime(stripped, format or ISO_FORMATS[0]))
        for other in () if format else ISO_FORMATS[1:]:
            parsed = parsed.zip_with(parsed.is_not_null(), _seconds(_strptime(stripped, other)))
        return parsed
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return _seconds(series)
    if dtype == pl.Time:
        return series.cast(pl.Int64) / 1e9
    return pl.Series(series.name, [None], dtype=pl.Float64).new_from_index(0, len(series))


def find_date_format(series: pl.Series, share: float = 0.99) -> str | None:
    """The format in which the cells of a column of text are dates.

    Arguments:
        series: a column of any type; only text is looked at. [N]
        share: how many of the cells that are not null must fit. Default .99

    Returns:
        The first of `DATE_FORMATS` that fits most cells, None if none fits enough of them. Numbers are no
        dates, but for eight digits that read as a day between 1900 and 2100.

    Example:
        >>> find_date_format(pl.Series(["25/12/2020", "01/02/2021"]))
        '%d/%m/%Y'
    """
    if series.dtype != pl.String:
        return None
    cells = series.str.strip_chars().drop_nulls().alias("cell").to_frame()
    counted = cells.group_by("cell", maintain_order=True).len(name="cells")
    sample = counted.head(200)
    if not len(counted) or not _may_be_dates(sample["cell"]):
        return None
    likely = [each for each in DATE_FORMATS if _fitting(sample, each) >= min(share, 0.9)]
    shares = {each: _fitting(counted, each) for each in likely}
    best = max(shares, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] >= share else None


def _float_text(series: pl.Series) -> pl.Series:
    exact = _exact(series).fill_nan(None)
    integral = (exact == exact.floor()) & (exact.abs() < EXACT)
    whole = exact.set(~integral.fill_null(False), 0).cast(pl.Int64).cast(pl.String)
    return whole.zip_with(integral.fill_null(False), exact.cast(pl.String))


def _exact(series: pl.Series) -> pl.Series:
    """As Float64; 32-bit numbers through their shortest text, for their 0.1 is the 0.1 of a text file."""
    if series.dtype == pl.Float64:
        return series
    return series.cast(pl.String).cast(pl.Float64)


def _parsed_number(series: pl.Series, decimal_comma: bool) -> pl.Series:
    stripped = series.str.strip_chars()
    if not decimal_comma:
        plain = stripped.cast(pl.Float64, strict=False)
        if plain.null_count() == stripped.null_count():
            return plain.fill_nan(None)
    bare = stripped.str.replace(rf"^([-+]?)\s*[{CURRENCY}]\s*", "${1}").str.replace(rf"\s*[%{CURRENCY}]$", "")
    return (_with_comma(bare) if decimal_comma else _with_point(bare)).fill_nan(None)


def _with_point(bare: pl.Series) -> pl.Series:
    joined = bare.str.replace_all(",", "", literal=True)
    grouped = bare.str.contains(GROUPED).fill_null(False)
    return joined.zip_with(grouped, bare).cast(pl.Float64, strict=False)


def _with_comma(bare: pl.Series) -> pl.Series:
    pointed = bare.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    number = bare.str.contains(COMMA_NUMBER).fill_null(False)
    infinite = bare.str.contains(r"^[-+]?(?i:inf|infinity)$").fill_null(False)
    nothing = pl.Series(bare.name, [None], dtype=pl.String).new_from_index(0, len(bare))
    return pointed.zip_with(number | infinite, nothing).cast(pl.Float64, strict=False)


def _strptime(series: pl.Series, format: str) -> pl.Series:
    parsed = series.str.strptime(pl.Datetime("us"), format, strict=False)
    if format == COMPACT:
        return parsed.set(~series.str.contains(r"^\d{8}$").fill_null(False), None)
    return parsed


def _seconds(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Date:
        return series.cast(pl.Int64) * 86400.0
    return series.dt.timestamp("us") / 1e6


def _may_be_dates(cells: pl.Series) -> bool:
    """A quick look that spares trying all formats on columns of numbers, names and texts."""
    shaped = cells.str.contains(r"^\d{8}$|\d[-/.T ]\d|\d[-/ ][A-Za-z]{3}|[A-Za-z]{3,9}\.? \d")
    number = as_number(cells).is_not_null() & ~cells.str.contains(r"^\d{8}$")
    return (shaped & ~number & (cells.str.len_chars() <= 40)).sum() >= 0.9 * len(cells)


def _fitting(counted: pl.DataFrame, format: str) -> float:
    """The share of cells that are dates of a format, in a plausible year."""
    years = _strptime(counted["cell"], format).dt.year()
    low, high = (1900, 2100) if format == COMPACT else (1000, 2999)
    fits = years.is_between(low, high).fill_null(False)
    cells = counted["cells"].to_numpy()
    return float(cells[fits.to_numpy()].sum() / cells.sum())
