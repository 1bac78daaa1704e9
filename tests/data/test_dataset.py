from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
import torch

from netwright.data.dataset import Dataset, category_codes, encode
from netwright.data.schema import Column, Schema, Target

TARGET = Target(columns=["y"], task="regression")


def schema_of(*columns: Column) -> Schema:
    return Schema(columns=list(columns), target=TARGET)


def test_numbers_are_read_the_same_from_any_type():
    schema = schema_of(Column(name="x", kind="number"))
    expected = np.array([[1.0], [2.5], [np.nan], [-3.0]])
    for cells in (
        pl.Series(["1", "2.5", None, "-3.0"]),
        pl.Series([1.0, 2.5, None, -3.0]),
        pl.Series([1.0, 2.5, float("nan"), -3.0]),
        pl.Series(["1.00", " 2.5", "what", "-3"]),
    ):
        raw = encode(pl.DataFrame({"x": cells}), schema)
        assert raw["number"].dtype == torch.float64
        np.testing.assert_array_equal(raw["number"].numpy(), expected)
    whole = encode(pl.DataFrame({"x": pl.Series([1, None, 3])}), schema)["number"]
    np.testing.assert_array_equal(whole.numpy(), [[1.0], [np.nan], [3.0]])


def test_large_numbers_keep_their_digits():
    schema = schema_of(Column(name="x", kind="number"))
    frame = pl.DataFrame({"x": ["1700000000.25", "9007199254740991"]})
    assert encode(frame, schema)["number"].flatten().tolist() == [1700000000.25, 9007199254740991.0]


def test_infinite_and_decimal_comma():
    columns = [Column(name="x", kind="number"), Column(name="z", kind="number", decimal_comma=True)]
    frame = pl.DataFrame({"x": ["inf", "-inf", "1,000"], "z": ["1.234,5", "2", "3,25"]})
    found = encode(frame, schema_of(*columns))["number"]
    assert found.tolist() == [[np.inf, 1234.5], [-np.inf, 2.0], [1000.0, 3.25]]


@pytest.mark.parametrize(
    "cells",
    [
        pl.Series(["1", "3", None, "7"]),
        pl.Series(["1.0", "3.0", None, "7.00"]),
        pl.Series([1, 3, None, 7]),
        pl.Series([1.0, 3.0, None, 7.0]),
        pl.Series([1.0, 3.0, None, 7.0], dtype=pl.Float32),
    ],
)
def test_categories_are_read_the_same_from_any_type(cells):
    column = Column(name="c", kind="category", categories=["1", "3"])
    assert category_codes(cells, column).tolist() == [2, 3, 1, 0]


@pytest.mark.parametrize("cells", [[True, False, None], ["True", "false", None], ["TRUE", "False", None]])
def test_booleans_are_read_the_same_from_any_type(cells):
    column = Column(name="b", kind="boolean", categories=["false", "true"])
    assert category_codes(pl.Series(cells), column).tolist() == [3, 2, 1]


def test_spellings_are_read_as_the_word_they_stand_for():
    column = Column(
        name="c", kind="category", categories=["York"], spellings={"york": "York", "YORK": "York"}
    )
    assert category_codes(pl.Series(["York", "york", "YORK", "yorK"]), column).tolist() == [2, 2, 2, 0]


def test_a_dictionary_without_words_knows_none():
    column = Column(name="c", kind="category")
    assert category_codes(pl.Series(["a", None]), column).tolist() == [0, 1]
    assert category_codes(pl.Series([None, None], dtype=pl.Null), column).tolist() == [1, 1]


def test_dates_are_seconds_whatever_their_type():
    schema = schema_of(Column(name="d", kind="date", date_format="%d.%m.%Y"))
    text = encode(pl.DataFrame({"d": ["02.01.1970", "31.12.1969", "soon", None]}), schema)["date"]
    np.testing.assert_array_equal(text.numpy(), [[86400.0], [-86400.0], [np.nan], [np.nan]])
    for cells in ([date(1970, 1, 2), None], [datetime(1970, 1, 2), None]):
        found = encode(pl.DataFrame({"d": cells}), schema)["date"]
        np.testing.assert_array_equal(found.numpy(), [[86400.0], [np.nan]])


def test_a_cells_code_never_depends_on_other_rows():
    columns = [
        Column(name="x", kind="number"),
        Column(name="c", kind="category", categories=["a", "b"]),
        Column(name="d", kind="date", date_format="%Y-%m-%d"),
        Column(name="t", kind="text", units="grams and parts", shape=[8]),
    ]
    row = {"x": "1.5", "c": "b", "d": "2020-02-29", "t": "some words"}
    strange = {"x": "words", "c": None, "d": "02/29/2020", "t": ""}
    alone = encode(pl.DataFrame([row]), schema_of(*columns))
    beside = encode(pl.DataFrame([strange, row, strange]), schema_of(*columns))
    for name, tensor in alone.items():
        assert torch.equal(tensor[0], beside[name][1])


def test_tensors_stand_in_the_order_of_the_schema():
    columns = [
        Column(name="b", kind="number"),
        Column(name="t", kind="constant"),
        Column(name="a", kind="number"),
    ]
    raw = encode(pl.DataFrame({"a": [1.0], "b": [2.0], "t": ["x"]}), schema_of(*columns))
    assert list(raw) == ["number"]
    assert raw["number"].tolist() == [[2.0, 1.0]]


def test_a_frame_without_rows():
    columns = [
        Column(name="x", kind="number"),
        Column(name="c", kind="category", categories=["a"]),
        Column(name="d", kind="date"),
        Column(name="t", kind="text", buckets=64, shape=[5]),
    ]
    frame = pl.DataFrame({name: pl.Series([], dtype=pl.String) for name in "xcdt"})
    raw = encode(frame, schema_of(*columns))
    assert [tuple(raw[name].shape) for name in ("number", "category", "date", "text:t")] == [
        (0, 1),
        (0, 1),
        (0, 1),
        (0, 5),
    ]


def test_moving_a_dataset_keeps_its_types():
    data = Dataset(
        {"number": torch.ones(2, 1, dtype=torch.float64)}, torch.zeros(2, dtype=torch.int64), torch.ones(2)
    )
    moved = data.to(torch.device("cpu"))
    assert len(moved) == 2
    assert (moved.raw["number"].dtype, moved.target.dtype, moved.weight.dtype) == (
        torch.float64,
        torch.int64,
        torch.float32,
    )
