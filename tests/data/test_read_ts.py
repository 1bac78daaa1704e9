"""Reading .ts files: checked on texts written by hand, and on random series written out and read back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.data.read.ts import read_ts, read_ts_pair, ts_pair
from netwright.errors import InputError


def header(*lines: str) -> str:
    return "".join(f"{line}\n" for line in ("#a comment", "@problemName small", *lines, "@data"))


def read_text(text: str):
    return read_ts(text.encode(), "small.ts", "small")


def test_univariate():
    table = read_text(
        header("@univariate true", "@classLabel true left right") + "1,2.5,-3e2:left\n\n4,5:right\n"
    )
    assert table.frame.to_dict(as_series=False) == {"series": ["1", "2"], "label": ["left", "right"]}
    assert table.target == "label"
    assert table.split_column is None
    media = table.media["series"]
    assert media.channels == ["value"]
    assert media.content("1").tolist() == [[1.0], [2.5], [-300.0]]
    assert media.content("2").tolist() == [[4.0], [5.0]]


def test_channels_of_different_lengths_and_missing_values():
    table = read_text(
        header("@timestamps false", "@univariate false", "@classLabel true a") + "1,?,3:4,5:a\n"
    )
    found = table.media["series"].content("1")
    np.testing.assert_array_equal(found, [[1, 4], [np.nan, 5], [3, np.nan]])
    assert table.media["series"].channels == ["channel 1", "channel 2"]


def test_target_of_a_regression_and_no_labels():
    table = read_text(header("@targetLabel true") + "1,2:0.75\n3,4:?\n")
    assert table.frame["label"].to_list() == ["0.75", None]
    table = read_text(header("@classLabel false") + "1,2\n3,4\n")
    assert table.columns == ["series"]
    assert table.target is None


def test_time_stamps_sort_the_values():
    lines = "(2,20),(1,10):(1,5):x\n"
    table = read_text(header("@timestamps true", "@classLabel true x") + lines)
    np.testing.assert_array_equal(table.media["series"].content("1"), [[10, 5], [20, np.nan]])
    lines = "(2004-10-01 19:00:00,2.0),(2004-10-01 18:00:00,1.0)\n"
    table = read_text(header("@timestamps true", "@classLabel false") + lines)
    assert table.media["series"].content("1").ravel().tolist() == [1.0, 2.0]


def test_labels_that_the_header_does_not_name_are_said():
    table = read_text(header("@univariate true", "@classLabel true a b") + "1:a\n2:c\n")
    assert [finding.id for finding in table.findings] == ["ts_labels"]
    assert table.findings[0].examples == [1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("@univariate true\n1,2,3\n", "starts with '1,2,3'"),
        ("@univariate true\n", "no @data"),
        (header("@univariate perhaps"), "neither true nor false"),
        (header("@dimensions two"), "no number of channels"),
        (header("@classLabel true a"), "no series"),
        (header("@univariate true", "@classLabel true a") + "1,2:3,4:a\n", "2 channels where 1"),
        (header("@univariate true", "@classLabel true a") + "1,2\n", "0 channels where 1"),
        (header("@univariate true", "@classLabel true a") + "1,b:a\n", "no number"),
        (header("@timestamps true", "@classLabel true a") + "1,2:a\n", "no values in brackets"),
        (header("@timestamps true", "@classLabel true a") + "(1,2),3,(2,3):a\n", "not written as"),
        (header("@timestamps true", "@classLabel true a") + "(1,2)\n", "without its label"),
    ],
)
def test_what_does_not_fit(text: str, what: str):
    with pytest.raises(InputError, match=what):
        read_text(text)


def test_errors_name_the_line():
    with pytest.raises(InputError, match="line 6"):
        read_text(header("@univariate true", "@classLabel true a") + "1,x:a\n")


VALUES = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 3).flatmap(lambda width: st.lists(
    st.lists(st.lists(VALUES, min_size=1, max_size=5), min_size=width, max_size=width), min_size=1, max_size=4
)))  # fmt: skip
def test_what_is_written_is_read(rows: list[list[list[float | None]]]):
    width = len(rows[0])
    lines = [
        ":".join(",".join("?" if value is None else repr(value) for value in channel) for channel in row)
        for row in rows
    ]
    table = read_text(
        header(f"@dimensions {width}", "@classLabel true a") + "".join(f"{line}:a\n" for line in lines)
    )
    assert len(table) == len(rows)
    for number, row in enumerate(rows, 1):
        found = table.media["series"].content(str(number))
        assert found.shape == (max(map(len, row)), width)
        for channel, values in enumerate(row):
            for step in range(len(found)):
                wanted = values[step] if step < len(values) else None
                if wanted is None:
                    assert math.isnan(found[step, channel])
                else:
                    assert found[step, channel] == np.float32(wanted)


def write_pair(folder, train: str, test: str):
    (folder / "Small_TRAIN.ts").write_text(train)
    (folder / "Small_TEST.ts").write_text(test)


def test_pair(tmp_path):
    start = header("@univariate true", "@classLabel true a b")
    write_pair(tmp_path, start + "1,2:a\n3,4:b\n", start + "5,6,7:b\n")
    assert ts_pair(tmp_path) == (tmp_path / "Small_TRAIN.ts", tmp_path / "Small_TEST.ts")
    table = read_ts_pair(tmp_path)
    assert table.name == "Small"
    assert table.frame["split"].to_list() == ["train", "train", "test"]
    assert (table.target, table.split_column) == ("label", "split")
    assert table.frame["series"].n_unique() == 3
    last = table.frame["series"][2]
    assert table.media["series"].content(last).ravel().tolist() == [5.0, 6.0, 7.0]


def test_folders_that_are_no_pair(tmp_path):
    assert ts_pair(tmp_path) is None
    with pytest.raises(InputError, match="no pair"):
        read_ts_pair(tmp_path)
    (tmp_path / "A_TRAIN.ts").write_text("")
    (tmp_path / "B_TEST.ts").write_text("")
    assert ts_pair(tmp_path) is None


def test_pair_with_different_channels(tmp_path):
    start = header("@classLabel true a b")
    write_pair(tmp_path, start + "1,2:a\n", start + "5,6:7,8:b\n")
    with pytest.raises(InputError, match="1 channels and 2"):
        read_ts_pair(tmp_path)
