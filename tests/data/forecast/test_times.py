"""Times in one column or several, the step between them, and times to come."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from netwright.data.forecast.schema import Step, Times
from netwright.data.forecast.times import (
    as_texts,
    find_step,
    find_times,
    parse_step,
    position,
    read_times,
    time_at,
)
from netwright.data.table import Table
from netwright.errors import InputError


def table(**columns: object) -> Table:
    return Table(pl.DataFrame(columns), "frame", "frame")


def seconds(*moments: datetime) -> list[float]:
    return [(moment - datetime(1970, 1, 1)).total_seconds() for moment in moments]


def test_dates_as_text_are_seconds_and_are_written_as_they_were_read():
    rows = table(when=["31.12.2023 23:00", "01.01.2024 00:00"])
    times = find_times(rows, "when")
    assert (times.form, times.format) == ("date", "%d.%m.%Y %H:%M")
    read = read_times(rows, times)
    assert read.tolist() == seconds(datetime(2023, 12, 31, 23), datetime(2024, 1, 1))
    assert as_texts(read, times) == rows.frame["when"].to_list()


def test_a_time_of_several_columns():
    rows = table(Year=["2010", "2010"], month=["1", "2"], day=["31", "1"], hour=["23", "0"])
    times = find_times(rows, "Year,month,day, hour")
    assert (times.form, times.name) == ("parts", "time")
    assert read_times(rows, times).tolist() == seconds(datetime(2010, 1, 31, 23), datetime(2010, 2, 1))


def test_a_date_and_a_time_of_day_in_two_columns():
    rows = table(day=["2024-01-31", "2024-02-01"], clock=["23:30", "00:30"])
    read = read_times(rows, find_times(rows, "day,clock"))
    assert read.tolist() == seconds(datetime(2024, 1, 31, 23, 30), datetime(2024, 2, 1, 0, 30))


def test_typed_dates_and_plain_numbers():
    assert find_times(table(t=[date(2024, 1, 1)]), "t").form == "date"
    numbers = table(t=[3, 1, 2])
    assert find_times(numbers, "t").form == "number"
    assert read_times(numbers, find_times(numbers, "t")).tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("columns", "text", "said"),
    [
        ({"date": ["2024-01-01"]}, "dat", "did you mean 'date'"),
        ({"date": ["2024-01-01"]}, None, "--time"),
        ({"date": ["2024-01-01", "soon", "2024-01-03"]}, "date", "'soon', which is no time.*row 1"),
        ({"date": [None, None]}, "date", "is empty"),
        ({"month": ["1"], "day": ["2"]}, "month,day", "no year"),
    ],
)
def test_what_is_no_time_is_refused(columns, text, said):
    with pytest.raises(InputError, match=said):
        find_times(table(**columns), text)


def test_a_row_without_a_time_is_named():
    rows = table(date=["2024-01-01", None])
    with pytest.raises(InputError, match=r"'date' is empty.*row 1"):
        read_times(rows, find_times(rows, "date"))
    rows = table(year=["2024", "2024"], month=["2", "2"], day=["29", "30"])
    with pytest.raises(InputError, match=r"'2024 2 30', which is no time.*row 1"):
        read_times(rows, find_times(rows, "year,month,day"))


def test_the_most_frequent_step_and_months_of_the_calendar():
    hours = np.array([0.0, 1, 2, 5, 6]) * 3600
    assert find_step(hours, np.array([0, 5]), "date", "auto") == Step(unit="second", count=3600)
    months = np.array(seconds(*(datetime(2023 + k // 12, k % 12 + 1, 1) for k in range(20))))
    step = find_step(months, np.array([0, 20]), "date", "auto")
    assert (step, str(step)) == (Step(unit="month", count=1), "1 month")
    assert position(months, months[0], step).tolist() == list(range(20))
    assert time_at(np.arange(20), float(months[0]), step).tolist() == months.tolist()


def test_series_do_not_count_as_steps_between_each_other():
    times = np.array([0.0, 2, 4, 5, 7, 9])
    assert find_step(times, np.array([0, 3, 6]), "number", "auto").count == 2


@pytest.mark.parametrize("wrong", ["fortnight", "1x", "h1", "-1h", "0d", "5"])
def test_a_step_that_means_nothing_is_refused(wrong):
    with pytest.raises(InputError, match=r"forecast\.frequency"):
        parse_step(wrong, "date")


def test_the_last_days_of_months_stay_the_last():
    january = seconds(datetime(2024, 1, 31, 6))[0]
    ahead = time_at(np.arange(3), january, Step(unit="month", count=1))
    assert ahead.tolist() == seconds(
        datetime(2024, 1, 31, 6), datetime(2024, 2, 29, 6), datetime(2024, 3, 31, 6)
    )
    assert as_texts(ahead[:1], Times(columns=["t"], form="date")) == ["2024-01-31 06:00:00"]
