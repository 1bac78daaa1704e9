from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from netwright.data.identifiers import id_like_columns, names_an_id

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "name", ["id", "ID", "PassengerId", "customerID", "PID", "row_id", "User Key", "order.uuid"]
)
def test_names_of_ids(name: str):
    assert names_an_id(name)


@pytest.mark.parametrize("name", ["Humid", "ACID", "paid", "identity", "monkey", "heat_index", "x", ""])
def test_names_of_other_things(name: str):
    assert not names_an_id(name)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (np.arange(500), True),
        (RNG.permutation(500), True),
        ([f"{place:04}-AB" for place in range(500)], True),
        ([str(place) for place in range(500)], True),
        (RNG.random(500), False),
        (RNG.random(500).astype(str), False),
        (RNG.integers(0, 10**6, 500), False),
        (RNG.integers(0, 500, 500), False),
        ([f"word {place}" for place in range(500)], False),
        ([f"2020-01-01T{place:04}" for place in range(500)], False),
        (["abcdefgh"[place % 8] for place in range(500)], False),
    ],
)
def test_ids_by_their_cells(cells: object, expected: bool):
    assert (id_like_columns(pl.DataFrame({"x": cells}), set()) == ["x"]) is expected


@pytest.mark.parametrize("word", ["unseen", "1e300", None, "a b c"])
def test_a_fifth_of_other_cells_does_not_decide(word: str | None):
    changed = RNG.permutation(500) < 100
    for cells in ([str(place) for place in range(500)], [f"{place:04}-AB" for place in range(500)]):
        mixed = [word if other else cell for cell, other in zip(cells, changed, strict=True)]
        assert id_like_columns(pl.DataFrame({"x": mixed}), set()) == ["x"]


def test_excluded_columns_are_no_ids():
    assert id_like_columns(pl.DataFrame({"x": np.arange(50), "y": np.arange(50)}), {"y"}) == ["x"]
