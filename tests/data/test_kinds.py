from __future__ import annotations

import time
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets

from netwright.config import DataConfig, InputsConfig
from netwright.data.kinds import find_kinds
from netwright.data.schema import Column, Schema, Target
from netwright.data.table import Table
from netwright.errors import InputError

TARGET = Target(columns=["y"], task="binary", classes=["0", "1"], positive="1")
RNG = np.random.default_rng(0)
NAMES = [
    f"{last}, {title} {first}"
    for last in ("Braund", "Heikkinen", "Moran", "Rice")
    for title in ("Mr.", "Mrs.", "Miss.")
    for first in ("Owen", "Laina", "James", "Eugene", "Anna")
]


def schema_of(
    columns: dict,
    rows: np.ndarray | None = None,
    kinds: dict | None = None,
    inputs: InputsConfig | None = None,
    exclude: frozenset[str] = frozenset(),
) -> Schema:
    frame = columns if isinstance(columns, pl.DataFrame) else pl.DataFrame(columns, strict=False)
    table = Table(frame.with_columns(y=pl.lit("0")), "frame", "frame")
    rows = np.arange(len(table)) if rows is None else rows
    return find_kinds(
        table, rows, TARGET, DataConfig(kinds=kinds or {}), inputs or InputsConfig(), set(exclude)
    )


def column_of(cells: object, name: str = "x", **options: object) -> Column:
    """The column as found beside a plain number, which keeps it from being the only input."""
    height = len(pl.Series(cells, strict=False))
    return schema_of({name: cells, "other": np.linspace(0.5, 1.7, height)}, **options).column(name)  # type: ignore[arg-type]


def days(format: str, count: int = 60) -> list[str]:
    return [(date(2020, 1, 1) + timedelta(days=7 * place)).strftime(format) for place in range(count)]


# --------------------------------------------------------------------------------------------- kinds


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([None] * 60, "constant"),
        (["0"] * 60, "constant"),
        (["yes", None] * 30, "category"),
        (["yes", "no"] * 30, "boolean"),
        (["True", "False"] * 30, "boolean"),
        (["0", "1"] * 30, "boolean"),
        ([0.0, 1.0, None] * 20, "boolean"),
        ([True, False] * 30, "boolean"),
        (["T", "F"] * 30, "boolean"),
        (["1", "2"] * 30, "number"),
        (["male", "female"] * 30, "category"),
        (["yes", "Yes", "no"] * 20, "category"),
        (["1", "2", "3"] * 20, "number"),
        (RNG.normal(size=60), "number"),
        (RNG.normal(size=60).astype(str), "number"),
        (["inf", "1.5", "2.5"] * 20, "number"),
        (["$1,250.00", "$3", "$18"] * 20, "number"),
        (RNG.integers(0, 10**7, 60), "number"),
        (2 * np.arange(30).repeat(2), "number"),
        (np.arange(60), "id"),
        (RNG.permutation(60) + 1000, "id"),
        (10 * np.arange(60), "id"),
        ([f"{place:03}-VHVEG" for place in range(60)], "id"),
        (["tcp", "udp", "icmp"] * 20, "category"),
        (["2008", "2009", "2010"] * 20, "number"),
        (days("%Y-%m-%d"), "date"),
        (days("%d.%m.%Y"), "date"),
        (days("%Y%m%d"), "date"),
        ([date(2020, 1, 1 + place % 9) for place in range(60)], "date"),
        (NAMES, "text"),
        ([f"what a film number {place} was" for place in range(60)], "text"),
        ([f"visitor{place}@mail{place % 7}.org" for place in range(60)], "text"),
        (["A1", "B2", "C3 C5"] + [None] * 40 + [f"D{place}" for place in range(17)], "category"),
        ([f"D{place}" for place in range(60)], "id"),
        (["some long answer here", "another long answer"] * 30, "category"),
    ],
)
def test_kinds_by_cells(cells: object, kind: str):
    column = column_of(cells)
    assert column.kind == kind
    assert column.reason


def test_kinds_by_name():
    numbers = RNG.integers(0, 10**7, 60)
    assert column_of(numbers, "PID").kind == "id"
    assert column_of(numbers, "population").kind == "number"
    assert column_of(numbers.repeat(2), "user_id").kind == "category"
    assert column_of(RNG.random(60), "valid_id").kind == "number"


def test_mixed_columns_are_numbers_when_most_cells_are():
    column = column_of(["1.5", "2.5", "3", "4"] * 24 + ["low", "-", "n. k.", "?"])
    assert column.kind == "number"
    assert "4 of 100" in column.reason
    assert column_of(["1.5", "2.5", "3"] * 25 + ["low"] * 25).kind == "category"


def test_decimal_comma_is_found():
    column = column_of(["1,5", "2,25", "3", "1.234,5"] * 15)
    assert (column.kind, column.decimal_comma) == ("number", True)
    assert not column_of(["1,500", "2,250", "3"] * 20).decimal_comma


def test_the_format_of_dates_is_kept():
    assert column_of(days("%Y-%m-%d")).date_format == "%Y-%m-%d"
    assert column_of(days("%d/%m/%Y")).date_format == "%d/%m/%Y"
    assert column_of([date(2020, 1, 1 + place % 9) for place in range(60)]).date_format is None


def test_ids_are_kept_when_they_are_the_only_input():
    schema = schema_of({"x": np.arange(100), "constant": ["a"] * 100})
    assert [(column.name, column.kind) for column in schema.inputs] == [("x", "number")]
    assert "no other input" in schema.column("x").reason


def test_measured_tables_are_numbers():
    for load in (datasets.load_wine, datasets.load_breast_cancer, datasets.load_diabetes):
        data = load()
        schema = schema_of(dict(zip(data.feature_names, data.data.T, strict=True)))
        assert {column.kind for column in schema.columns} <= {"number", "category"}
        assert sum(column.kind == "number" for column in schema.columns) >= len(schema.columns) - 1


def test_text_and_typed_sources_agree():
    typed = pl.DataFrame(
        {
            "i": RNG.integers(0, 9, 80),
            "f": RNG.normal(size=80),
            "b": RNG.random(80) < 0.5,
            "w": ["u", "v"] * 40,
        }
    )
    text = typed.select(pl.all().cast(pl.String))
    assert schema_of(typed) == schema_of(text)


# -------------------------------------------------------------------------------------- dictionaries


def test_categories_are_sorted_by_number_or_text():
    inputs = InputsConfig()
    assert column_of(["10", "9", "1"] * 20, kinds={"x": "category"}).categories == ["1", "9", "10"]
    assert column_of(["b", "10", "9"] * 20, inputs=inputs).categories == ["10", "9", "b"]
    assert column_of(["no", "yes"] * 9).categories == ["no", "yes"]


def test_cells_that_say_the_same_are_one_category():
    column = column_of(["3", "3.0", "a", "a ", "b"] * 12)
    assert column.categories == ["3", "a", "b"]
    assert column.values == 3


def test_only_the_most_frequent_categories_have_a_place():
    cells = ["a"] * 3 + ["b"] * 5 + ["c"] * 3 + ["d"] * 9
    inputs = InputsConfig.model_validate({"category": {"most": 3}})
    assert column_of(cells, inputs=inputs).categories == ["a", "b", "d"]
    inputs = InputsConfig.model_validate({"columns": {"x": {"most": 2}}})
    assert column_of(cells, inputs=inputs).categories == ["b", "d"]


def test_counted_values():
    assert column_of(["1", "2", None] * 20).values == 2
    assert column_of([None] * 60).values == 0


# -------------------------------------------------------------------------------------- what is given


def test_given_kinds_win():
    assert column_of(["1", "2", "3"] * 20, kinds={"x": "category"}).kind == "category"
    assert column_of(np.arange(60), kinds={"x": "number"}).kind == "number"
    assert column_of(["a", "b"] * 30, kinds={"x": "id"}).reason == "given"
    assert column_of(["a", "b"] * 30, kinds={"x": "boolean"}).categories == ["a", "b"]
    assert column_of([*days("%d/%m/%Y"), *["soon"] * 6], kinds={"x": "date"}).date_format == "%d/%m/%Y"


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"z": "number"}, "no column 'z'"),
        ({"colur": "number"}, r"no column 'colur'.*did you mean 'colour'"),
        ({"colour": "number"}, "cannot be a number: it has cells such as 'red'"),
        ({"colour": "date"}, "cannot be a date: it has cells such as 'red'"),
        ({"size": "date"}, "cannot be a date"),
        ({"colour": "boolean"}, "has 3 values"),
        ({"y": "number"}, "'y' is no input"),
    ],
)
def test_impossible_kinds_are_explained(kinds: dict, message: str):
    columns = {"colour": ["red", "green", "blue"] * 9, "size": RNG.random(27)}
    with pytest.raises(InputError, match=message):
        schema_of(columns, kinds=kinds)


def test_target_and_excluded_columns_are_left_out():
    columns = {"a": RNG.random(30), "part": ["train"] * 30, "b": RNG.random(30)}
    schema = schema_of(columns, exclude=frozenset({"part"}))
    assert [column.name for column in schema.columns] == ["a", "b"]
    assert schema.target == TARGET


# ----------------------------------------------------------------------------------------- stability

CELL = st.one_of(
    st.none(), st.sampled_from(["", "inf", "1e999", "2020-01-01", "yes", "7"]), st.text(max_size=6)
)


@given(st.lists(CELL, min_size=1, max_size=30), st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_other_rows_change_nothing(cells: list[str | None], seed: int):
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(100)[:64])
    columns = {
        "id": [str(place) for place in range(100)],
        "number": rng.normal(size=100).astype(str).tolist(),
        "word": rng.choice(["a", "b", "c"], 100).tolist(),
        "flag": rng.choice(["yes", "no"], 100).tolist(),
        "day": days("%Y-%m-%d", 100),
        "text": [f"one of {place} long texts" for place in range(100)],
        "same": ["s"] * 100,
    }
    before = schema_of(columns, rows)
    for place, row in enumerate(sorted(set(range(100)) - set(rows.tolist()))):
        for column in columns.values():
            column[row] = cells[place % len(cells)]
    assert schema_of(columns, rows) == before
    kinds = {column.name: column.kind for column in before.columns}
    assert kinds == {
        "id": "id",
        "number": "number",
        "word": "category",
        "flag": "boolean",
        "day": "date",
        "text": "text",
        "same": "constant",
    }


@given(st.lists(CELL, min_size=1, max_size=40))
@settings(deadline=None, max_examples=50)
def test_any_column_has_a_kind(cells: list[str | None]):
    column = schema_of(pl.DataFrame({"x": cells}, schema={"x": pl.String})).column("x")
    assert column.reason
    assert len(set(column.categories)) == len(column.categories)
    assert (column.buckets >= 16) == (column.kind == "text")


def test_many_columns_take_seconds():
    words = {f"w{place}": RNG.choice(["red", "green", "blue"], 50) for place in range(500)}
    numbers = {f"n{place}": RNG.random(50).astype(str) for place in range(1500)}
    start = time.process_time()
    schema = schema_of({**words, **numbers})
    assert time.process_time() - start < 8
    assert len(schema.of_kind("number")) == 1500
