from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.evaluate.design import design

MIXED = {"number": "number", "word": "category", "flag": "boolean", "when": "date", "text": "text"}


def mixed(rows: int, seed: int) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    number = generator.normal(5.0, 3.0, rows)
    number[generator.random(rows) < 0.2] = np.nan
    words = ["red", "green", "blue", None]
    return pl.DataFrame(
        {
            "number": number,
            "word": [words[each] for each in generator.integers(0, 4, rows)],
            "flag": [str(each) for each in generator.integers(0, 2, rows)],
            "when": generator.uniform(0.0, 2e9, rows),
            "text": [f"word{each} and more" for each in generator.integers(0, 5, rows)],
        }
    )


def test_numbers_are_filled_standardised_flagged_and_cut() -> None:
    train = pl.DataFrame({"x": [0.0, 2.0, None, 4.0, np.inf]})
    rows = pl.DataFrame({"x": [None, 1e9, -1e9, 2.0]})
    first, second = (each.toarray() for each in design(train, {"x": "number"}, rows))
    deviation = np.std([0.0, 2.0, 2.0, 4.0, 2.0])
    assert first[:, 0] == pytest.approx(np.array([-2.0, 0.0, 0.0, 2.0, 0.0]) / deviation)
    assert first[:, 1].tolist() == [0, 0, 1, 0, 1]
    assert second.tolist() == [[0, 1], [10, 0], [-10, 0], [0, 0]]


def test_unseen_and_missing_categories_have_no_place() -> None:
    train = pl.DataFrame({"c": ["b", "a", "b", None]})
    rows = pl.DataFrame({"c": ["new", None, "a"]})
    first, second = (each.toarray().tolist() for each in design(train, {"c": "category"}, rows))
    assert first == [[0, 1], [1, 0], [0, 1], [0, 0]]
    assert second == [[0, 0], [0, 0], [1, 0]]


def test_only_the_50_most_frequent_categories_have_a_place() -> None:
    values = [f"v{each:03}" for each in range(80)]
    (matrix,) = design(pl.DataFrame({"c": [*values, *values[-50:]]}), {"c": "category"})
    assert matrix.shape[1] == 50
    assert matrix.sum() == 100


def test_dates_have_months_and_weekdays() -> None:
    seconds = [np.datetime64(day, "s").astype(float) for day in ("2024-02-29", "2024-12-02", "1969-12-31")]
    (matrix,) = design(pl.DataFrame({"d": [*seconds, None]}), {"d": "date"})
    dense = matrix.toarray()
    months, weekdays = dense[:, 2:14], dense[:, 14:]
    assert months[:3].argmax(axis=1).tolist() == [1, 11, 11]
    assert weekdays[:3].argmax(axis=1).tolist() == [0, 4, 6]  # counted from the Thursday of 1970-01-01
    assert dense[3, 2:].sum() == 0


def test_texts_are_bags_of_words() -> None:
    train = pl.DataFrame({"t": ["Good, good film", "film good", "good good FILM!", None, ""]})
    (matrix,) = design(train, {"t": "text"})
    dense = matrix.toarray()
    assert dense.shape == (5, 4096)
    assert np.array_equal(dense[0], dense[2])
    assert sorted(dense[0][dense[0] > 0]) == pytest.approx([1 / np.sqrt(5), 2 / np.sqrt(5)])
    assert dense[3:].sum() == 0


def test_columns_of_other_kinds_and_constant_ones_do_no_harm() -> None:
    train = pl.DataFrame(
        {"id": ["1", "2"], "same": [3.0, 3.0], "void": pl.Series([None, None], dtype=pl.String)}
    )
    (matrix,) = design(train, {"id": "id", "same": "number", "void": "category"})
    assert matrix.toarray().sum() == 0
    (empty,) = design(train, {"id": "id"})
    assert empty.shape == (2, 0)


@given(st.integers(0, 1000), st.integers(0, 1000))
@settings(deadline=None, max_examples=15)
def test_other_rows_do_not_change_what_is_fitted(first: int, second: int) -> None:
    train = mixed(30, 0)
    one, other = (design(train, MIXED, mixed(12, seed)) for seed in (first, second))
    assert (one[0] != other[0]).nnz == 0
    assert one[1].shape == other[1].shape == (12, one[0].shape[1])
