"""Rows on regular steps: sorted, merged, with gaps; and what fills them."""

from __future__ import annotations

import numpy as np
import pytest

from netwright.data.forecast.fill import fill
from netwright.data.forecast.grid import lay_out, values_on
from netwright.errors import InputError

NAN = np.nan


def ids(grid) -> list[str]:
    return [finding.id for finding in grid.findings]


def test_rows_are_sorted_and_gaps_are_steps_without_a_row():
    grid = lay_out(np.array([3.0, 0, 1]), None, "number", frequency="1")
    assert grid.times.tolist() == [0, 1, 2, 3]
    assert grid.row.tolist() == [1, 2, -1, 0]
    assert grid.place.tolist() == [3, 0, 1]
    assert ids(grid) == ["unsorted_times", "time_gaps"]
    assert "the first of them 2" in grid.findings[1].message


@pytest.mark.parametrize(("how", "value"), [("last", 7.0), ("first", 5.0), ("mean", 6.0)])
def test_rows_of_the_same_time(how, value):
    grid = lay_out(np.array([0.0, 1, 1, 2]), None, "number", duplicates=how)
    values = values_on(grid, np.array([[1.0], [5.0], [7.0], [2.0]]), how)
    assert values[:, 0].tolist() == [1.0, value, 2.0]
    assert ids(grid) == ["duplicate_times"]


def test_a_missing_value_does_not_spoil_a_mean():
    grid = lay_out(np.array([0.0, 1, 1, 2]), None, "number", duplicates="mean")
    values = values_on(grid, np.array([[1.0], [NAN], [7.0], [NAN]]), "mean")
    np.testing.assert_equal(values[:, 0], [1.0, 7.0, NAN])


def test_series_have_grids_of_their_own():
    times, names = np.array([10.0, 0, 12, 2, 4]), ["b", "a", "b", "a", "a"]
    grid = lay_out(times, names, "number")
    assert grid.names == ["a", "b"]
    assert grid.starts.tolist() == [0, 3, 5]
    assert grid.times.tolist() == [0, 2, 4, 10, 12]
    assert grid.row.tolist() == [1, 3, 4, 0, 2]
    assert grid.findings == []


def test_gaps_and_duplicates_are_refused_where_that_is_asked_for():
    with pytest.raises(InputError, match="1 times lack a row, the first of them 2"):
        lay_out(np.array([0.0, 1, 3, 4]), None, "number", gaps="error")
    with pytest.raises(InputError, match=r"1 rows repeat a time.*row 2"):
        lay_out(np.array([0.0, 1, 1]), None, "number", duplicates="error")


def test_rows_taken_as_they_follow_each_other():
    grid = lay_out(np.array([0.0, 1, 4, 5]), None, "number", gaps="ignore")
    assert grid.times.tolist() == [0, 1, 4, 5]
    assert (grid.row >= 0).all()


def test_irregular_times_are_refused_and_a_few_are_moved():
    with pytest.raises(InputError, match="not regular"):
        lay_out(np.cumsum(np.random.default_rng(0).random(50)), None, "number")
    times = np.arange(100.0)
    times[7] = 7.1
    grid = lay_out(times, None, "number")
    assert grid.times.tolist() == list(range(100))
    assert ids(grid) == ["irregular_times"]


def test_one_wrong_year_does_not_fill_the_memory():
    times = np.append(np.arange(100.0), 1e9)
    with pytest.raises(InputError, match="101 rows span"):
        lay_out(times, None, "number")


def test_filling_looks_at_earlier_values_only_and_stays_within_a_series():
    values = np.array([[1.0], [NAN], [3.0], [NAN], [NAN], [9.0]])
    starts = np.array([0, 4, 6])
    assert fill(values, starts, "forward")[:, 0].tolist() == [1, 1, 3, 3, 0, 9]
    assert fill(values, starts, "zero")[:, 0].tolist() == [1, 0, 3, 0, 0, 9]
    changed = values.copy()
    changed[2] = 100.0
    before = fill(changed, starts, "forward")[:2]
    assert before.tolist() == fill(values, starts, "forward")[:2].tolist()


def test_filling_with_the_season_before():
    values = np.array([1.0, 2, 3, NAN, NAN, 6, NAN, NAN, NAN])[:, None]
    filled = fill(values, np.array([0, 9]), "season", 3)
    assert filled[:, 0].tolist() == [1, 2, 3, 1, 2, 6, 1, 2, 6]


def test_before_the_first_value_stands_what_is_given():
    values = np.array([[NAN, NAN], [NAN, 4.0], [NAN, NAN]])
    starts, before = np.array([0, 3]), np.array([7.0, 8.0])
    assert fill(values, starts, "forward", before=before).tolist() == [[7, 8], [7, 4], [7, 4]]
    assert fill(values, starts, "forward").tolist() == [[0, 0], [0, 4], [0, 4]]
    assert fill(values, starts, "season", 2, before).tolist() == [[7, 8], [7, 4], [7, 4]]
