"""Series out of wide and long tables."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.config import SeriesTableConfig
from netwright.data.read.join_series import join_series
from netwright.data.table import Table
from netwright.errors import InputError


def table_of(columns: dict) -> Table:
    return Table(pl.DataFrame(columns), "small", "small.csv")


def ids(table: Table) -> list[str]:
    return [finding.id for finding in table.findings]


def test_nothing_asked_changes_nothing():
    table = table_of({"x": [1, 2]})
    assert join_series(table, SeriesTableConfig()) is table


def test_wide_names_are_one_channel():
    table = table_of({"y": ["a", "b"], "t2": ["3", None], "t1": ["1", "2"], "age": [7, 8]})
    joined = join_series(table, SeriesTableConfig(wide=["t1", "t2"]), ["y"])
    assert joined.frame.columns == ["series", "y", "age"]
    media = joined.media["series"]
    assert [media.content(key).tolist() for key in joined.frame["series"]] == [[[1.0], [3.0]], [[2.0]]]


def test_wide_patterns_are_channels():
    table = table_of({"x_0": [1.0], "x_1": [2.0], "y_0": [3.0], "y_1": [4.0], "y_label": ["q"]})
    joined = join_series(table, SeriesTableConfig(wide=["x_*", "y_[0-9]"]), ["y_label"])
    assert joined.media["series"].content("0").tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert joined.media["series"].channels[0] == "x"
    assert joined.columns == ["series", "y_label"]


def test_a_decimal_comma_is_found_once_and_holds_for_later_tables():
    config = SeriesTableConfig(wide=["t_*"])
    table = Table(pl.DataFrame({"t_1": ["1,25", "0,5"], "t_2": ["2,5", "1.000,5"]}), "a", "a")
    found = join_series(table, config).media["series"]
    assert config.decimal_comma is True
    assert found.content("1").tolist() == [[0.5], [1000.5]]
    later = Table(pl.DataFrame({"t_1": ["1,234"], "t_2": ["5,678"]}), "b", "b")  # by itself: thousands
    assert join_series(later, config).media["series"].content("0")[:, 0] == pytest.approx([1.234, 5.678])


def test_a_few_commas_leave_all_other_numbers_as_they_are():
    cells = ["0.125"] * 19
    for last in ("0.5", "0,5"):
        table = Table(pl.DataFrame({"t_1": [*cells, last], "t_2": [*cells, "0.25"]}), "a", "a")
        found = join_series(table, SeriesTableConfig(wide=["t_*"])).media["series"]
        assert found.content("0").tolist() == [[0.125], [0.125]]


def test_a_wide_row_without_values_is_missing():
    joined = join_series(table_of({"t1": [None, 2.0], "t2": [None, 1.0]}), SeriesTableConfig(wide=["t*"]))
    assert joined.frame["series"].to_list() == [None, "1"]


def test_long_is_sorted_and_says_so():
    table = table_of(
        {
            "who": ["b", "a", "b", "a", "b"],
            "when": ["2024-01-03", "2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02"],
            "v": [3.0, 10.0, 1.0, 20.0, 2.0],
            "w": [30, 0, 10, 1, 20],
            "y": ["no", "yes", "no", "yes", "no"],
        }
    )
    joined = join_series(table, SeriesTableConfig(id="who", time="when", values=["w", "v"]), ["y"])
    assert joined.frame.rows() == [("b", "no"), ("a", "yes")]
    media = joined.media["series"]
    assert media.channels == ["w", "v"]
    assert media.content("b").tolist() == [[10, 1], [20, 2], [30, 3]]
    assert media.content("a").tolist() == [[0, 10], [1, 20]]
    assert ids(joined) == ["series_unsorted"]
    assert joined.rows.tolist() == [2, 1]


def test_values_are_the_numbers_that_change_and_the_rest_is_kept_or_said():
    table = table_of(
        {"id": [1, 1, 2, 2], "v": ["1", "2", "3", "4"], "age": ["7", "7", "8", "8"], "note": list("abcd")}
    )
    joined = join_series(table, SeriesTableConfig(id="id"))
    assert joined.frame.rows() == [("1", "7"), ("2", "8")]
    assert joined.media["series"].content("2").ravel().tolist() == [3.0, 4.0]
    assert ids(joined) == ["series_columns"]
    assert joined.findings[0].columns == ["note"]


def test_duplicated_stamps_are_said_and_the_first_is_kept():
    table = table_of({"id": ["a"] * 3, "t": [1, 1, 2], "v": [5.0, 6.0, 7.0]})
    joined = join_series(table, SeriesTableConfig(id="id", time="t", values=["v"]))
    assert joined.media["series"].content("a").ravel().tolist() == [5.0, 7.0]
    assert ids(joined) == ["series_duplicates"]
    assert (joined.findings[0].rows, joined.findings[0].examples) == (1, [1])


def test_uneven_and_missing_stamps_are_said():
    table = table_of({"id": ["a"] * 4, "t": [1.0, 2.0, 9.0, None], "v": [5.0, 6.0, 7.0, 8.0]})
    joined = join_series(table, SeriesTableConfig(id="id", time="t", values=["v"]))
    assert sorted(ids(joined)) == ["series_rows", "series_uneven"]
    assert len(joined.media["series"].content("a")) == 3


@pytest.mark.parametrize(
    ("columns", "config", "what"),
    [
        (
            {"id": [1, 1], "v": [1, 2], "y": ["a", "b"]},
            {"id": "id", "values": "v"},
            "differs within series '1'",
        ),
        ({"id": [1], "v": [1]}, {"id": "ids"}, "no column 'ids'"),
        ({"id": [1], "v": [1]}, {"id": "id", "time": "t"}, "no column 't'"),
        ({"id": [1], "v": [1]}, {"id": "id", "values": "w"}, "no column 'w'"),
        ({"id": [1], "v": [1]}, {"wide": "w*"}, r"no column 'w\*'"),
        ({"id": [1], "v": [1]}, {"wide": "v", "id": "id"}, "either wide or long"),
        ({"id": [1], "v": [1]}, {"values": "v"}, "has no id"),
        ({"id": [1, 1], "v": ["a", "b"]}, {"id": "id", "values": "v"}, "no numbers: 'a'"),
        ({"id": [1, 1], "v": ["a", "b"]}, {"id": "id"}, "no column of numbers changes"),
        ({"id": [1], "v": [1]}, {"wide": ["v", "v*"]}, "meant twice"),
        (
            {"id": [1], "t": ["soon"], "v": [1]},
            {"id": "id", "time": "t", "values": "v"},
            "neither numbers nor dates",
        ),
        ({"id": [None, None], "v": [1, 2]}, {"id": "id", "values": "v"}, "no row has an id"),
    ],
)
def test_what_cannot_be_joined(columns: dict, config: dict, what: str):
    with pytest.raises(InputError, match=what):
        join_series(table_of(columns), SeriesTableConfig(**config), ["y"])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_shuffled_rows_come_back_as_their_series(lengths: list[int], random):
    rows = [
        (f"s{number}", step, 10.0 * number + step)
        for number, size in enumerate(lengths)
        for step in range(size)
    ]
    shuffled = random.sample(rows, len(rows))
    table = table_of(
        {"id": [r[0] for r in shuffled], "t": [r[1] for r in shuffled], "v": [r[2] for r in shuffled]}
    )
    joined = join_series(table, SeriesTableConfig(id="id", time="t", values=["v"]))
    assert sorted(joined.frame["series"]) == [f"s{number}" for number in range(len(lengths))]
    for number, size in enumerate(lengths):
        wanted = 10.0 * number + np.arange(size)
        assert joined.media["series"].content(f"s{number}").ravel().tolist() == wanted.tolist()
