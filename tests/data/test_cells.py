"""Each conversion is checked against Python's own reading of the same cell."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.data.cells import DATE_FORMATS, as_datetime, as_number, as_text, find_date_format

floats = st.floats(allow_nan=False)


def text(*cells: str | None) -> pl.Series:
    return pl.Series("cell", list(cells), dtype=pl.String)


class TestAsText:
    @pytest.mark.parametrize(
        ("cells", "dtype", "expected"),
        [
            ([True, False, None], pl.Boolean, ["true", "false", None]),
            ([3, -7, None], pl.Int8, ["3", "-7", None]),
            ([3.0, -0.0, 0.5, math.nan, math.inf], pl.Float64, ["3", "0", "0.5", None, "inf"]),
            ([0.1, 3.0], pl.Float32, ["0.1", "3"]),
            (
                [" x ", "3.00", "-3.0", "-0.0", "3.10", "v1.0", None],
                pl.String,
                ["x", "3", "-3", "0", "3.10", "v1.0", None],
            ),
            (["True", "FALSE", "truest"], pl.String, ["true", "false", "truest"]),
            ([dt.date(2020, 1, 31)], pl.Date, ["2020-01-31"]),
            ([dt.time(5, 30)], pl.Time, ["05:30:00"]),
        ],
    )
    def test_values(self, cells: list, dtype: pl.DataType, expected: list) -> None:
        assert as_text(pl.Series(cells, dtype=dtype)).to_list() == expected

    def test_datetimes_lose_the_time_at_midnight_only(self) -> None:
        cells = pl.Series([dt.datetime(2020, 1, 31), dt.datetime(2020, 1, 31, 5, 0, 1)])
        assert as_text(cells).to_list() == ["2020-01-31", "2020-01-31T05:00:01"]

    def test_time_zones_are_brought_to_utc(self) -> None:
        cells = pl.Series([dt.datetime(2020, 6, 1, 12)]).dt.replace_time_zone("Europe/Berlin")
        assert as_text(cells).to_list() == ["2020-06-01T10:00:00"]

    @given(st.lists(st.integers(-(2**53) + 1, 2**53 - 1), max_size=20))
    @settings(deadline=None, derandomize=True, max_examples=30)
    def test_integers_are_the_same_category_whatever_their_type(self, values: list[int]) -> None:
        integers = pl.Series("cell", values, dtype=pl.Int64)
        expected = [str(value) for value in values]
        assert as_text(integers).to_list() == expected
        assert as_text(integers.cast(pl.Float64)).to_list() == expected
        assert as_text(text(*(f"{value}.0" for value in values))).to_list() == expected


class TestAsNumber:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            (" 5 ", 5.0),
            ("-1e3", -1000.0),
            ("1,234", 1234.0),
            ("1,234,567.5", 1234567.5),
            ("1,23", None),
            ("12,34,567", None),
            ("$1,000", 1000.0),
            ("-$5", -5.0),
            ("€ 3", 3.0),
            ("3 €", 3.0),
            ("45%", 45.0),
            ("45 %", 45.0),
            ("inf", math.inf),
            ("-Infinity", -math.inf),
            ("nan", None),
            ("1_000", None),
            ("0x10", None),
            ("twelve", None),
            ("", None),
            (None, None),
        ],
    )
    def test_text(self, cell: str | None, expected: float | None) -> None:
        assert as_number(text(cell)).to_list() == [expected]

    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("1,5", 1.5),
            ("1.234,5", 1234.5),
            ("1.234", 1234.0),
            ("1.5", None),
            ("12", 12.0),
            ("-3,5 %", -3.5),
            ("inf", math.inf),
        ],
    )
    def test_decimal_comma(self, cell: str, expected: float | None) -> None:
        assert as_number(text(cell), decimal_comma=True).to_list() == [expected]

    def test_other_types(self) -> None:
        assert as_number(pl.Series([True, False, None])).to_list() == [1.0, 0.0, None]
        assert as_number(pl.Series([dt.date(2020, 1, 1), None])).to_list() == [None, None]
        assert as_number(pl.Series([1.5, math.nan])).to_list() == [1.5, None]

    @given(st.lists(floats, max_size=20))
    @settings(deadline=None, derandomize=True, max_examples=50)
    def test_text_gives_the_same_number_as_a_float(self, values: list[float]) -> None:
        typed = as_number(pl.Series("cell", values, dtype=pl.Float64)).to_list()
        assert as_number(text(*map(repr, values))).to_list() == typed == values

    @given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
    @settings(deadline=None, derandomize=True, max_examples=30)
    def test_32_bit_floats_are_the_numbers_that_a_text_file_would_hold(self, values: list[float]) -> None:
        typed = pl.Series("cell", values, dtype=pl.Float32)
        assert as_number(typed).to_list() == as_number(typed.cast(pl.String)).to_list()

    @given(st.lists(st.text(max_size=12), max_size=10), st.booleans())
    @settings(deadline=None, derandomize=True, max_examples=50)
    def test_no_cell_changes_how_another_is_read(self, cells: list[str], comma: bool) -> None:
        together = as_number(text(*cells, "1,5", "$1"), decimal_comma=comma).to_list()[: len(cells)]
        assert together == [as_number(text(cell), decimal_comma=comma).item() for cell in cells]

    @given(st.floats(-1e12, 1e12).map(lambda value: round(value, 2)))
    @settings(deadline=None, derandomize=True, max_examples=50)
    def test_thousands_in_both_notations(self, value: float) -> None:
        english = f"{value:,.2f}"
        german = english.translate(str.maketrans(",.", ".,"))
        assert as_number(text(english)).item() == value
        assert as_number(text(german), decimal_comma=True).item() == value


class TestDates:
    moments = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0)
    )

    @pytest.mark.parametrize(
        ("cells", "expected"),
        [
            (["2020-01-31", "2020-02-01"], "%Y-%m-%d"),
            (["2020-01-31 10:00:05", "2020-02-01 11:00:00.25"], "%Y-%m-%d %H:%M:%S%.f"),
            (["2020-01-31T10:00:05Z", "2020-01-31T10:00:05+02:00"], "%Y-%m-%dT%H:%M:%S%.f%#z"),
            (["25/2/2020", "1/2/2020"], "%d/%m/%Y"),
            (["2/25/2020", "1/2/2020"], "%m/%d/%Y"),
            (["1/2/2020", "3/4/2020"], "%m/%d/%Y"),
            (["25/2/20", "1/2/20"], "%d/%m/%y"),
            (["31.12.2020"], "%d.%m.%Y"),
            (["01 Jan 2020", "2 Feb 2021"], "%d %b %Y"),
            (["Jan 01, 2020"], "%b %d, %Y"),
            (["1949-01", "1950-12"], "%Y-%m"),
            (["20200131", "19991231"], "%Y%m%d"),
            (["1/31/2020 10:00 PM"], "%m/%d/%Y %I:%M %p"),
        ],
    )
    def test_formats(self, cells: list[str], expected: str) -> None:
        assert find_date_format(text(*cells, None)) == expected

    @pytest.mark.parametrize(
        "cells",
        [
            ["2008", "2009"],
            ["3.14", "1.5"],
            ["12345678", "87654321"],
            ["10-12", "11-13"],
            ["A/5 21171", "PC 17599"],
            ["Braund, Mr. Owen"],
            [None],
            [],
        ],
    )
    def test_no_dates(self, cells: list[str | None]) -> None:
        assert find_date_format(text(*cells)) is None

    def test_only_text_has_a_format(self) -> None:
        assert find_date_format(pl.Series([dt.date(2020, 1, 1)])) is None

    def test_one_cell_in_a_hundred_may_be_wrong(self) -> None:
        days = [f"2020-01-{day:02}" for day in range(1, 29)] * 4
        assert find_date_format(text(*days, "soon")) == "%Y-%m-%d"
        assert find_date_format(text(*days, "soon", "later")) is None

    @given(st.lists(moments, min_size=1, max_size=10))
    @settings(deadline=None, derandomize=True, max_examples=20)
    @pytest.mark.parametrize(
        "format", [each for each in DATE_FORMATS if each.startswith(("%Y/%m/%d %H:%M:", "%d.%m.%Y %H:%M:"))]
    )
    def test_text_gives_the_same_seconds_as_python(self, format: str, moments: list[dt.datetime]) -> None:
        written = [moment.strftime(format.replace("%.f", "")) for moment in moments]
        expected = [moment.replace(tzinfo=dt.UTC).timestamp() for moment in moments]
        assert as_datetime(text(*written), format).to_list() == expected
        assert as_datetime(pl.Series(moments), None).to_list() == expected

    def test_without_a_format_every_iso_form_is_read(self) -> None:
        cells = text(
            "1970-01-02", "1970-01-01T00:00:01.5Z", "1970-01-01 00:01", "1970-01-01T02:00:00+02:00", "x", None
        )
        assert as_datetime(cells, None).to_list() == [86400.0, 1.5, 60.0, 0.0, None, None]

    def test_typed_columns(self) -> None:
        assert as_datetime(pl.Series([dt.date(1970, 1, 2), None]), "%d/%m/%Y").to_list() == [86400.0, None]
        assert as_datetime(pl.Series([dt.time(1, 0, 0, 500000)]), None).to_list() == [3600.5]
        zoned = pl.Series([dt.datetime(1970, 1, 1, 1)]).dt.replace_time_zone("Europe/Berlin")
        assert as_datetime(zoned, None).to_list() == [0.0]
        for unit in ("ms", "us", "ns"):
            cells = pl.Series([dt.datetime(1970, 1, 1, 0, 0, 1, 500000)], dtype=pl.Datetime(unit))
            assert as_datetime(cells, None).to_list() == [1.5]

    def test_numbers_are_no_points_in_time(self) -> None:
        assert as_datetime(pl.Series([2020.0, 1.5]), None).to_list() == [None, None]
