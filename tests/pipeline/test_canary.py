"""Nothing leaks: whatever stands in the test rows, what is learnt from the others is the same to the bit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from netwright.nn.encoders import Encoders
from netwright.nn.member import Layout

FEATURES = ["code", "size", "count", "colour", "town", "known", "day", "note"]
STRANGE = [
    *(
        "",
        "?",
        "NA",
        "-",
        "none",
        "-999",
        "0",
        "1",
        "7.5",
        "1e150",
        "-1e150",
        "inf",
        "-inf",
        "nan",
        "1,5",
        "1.234,5",
    ),
    *(
        "purple",
        "Red",
        " red",
        "town 3",
        "town 99",
        "yes",
        "TRUE",
        "k00001",
        "31/12/1999",
        "12.01.2030",
        "1850-05-06",
    ),
    *(
        "2021-02-30",
        "20210105",
        'a text of many other words, with "quotes" and; signs',
        "ünï 東京",
        "x" * 300,
    ),
]

cells = st.sampled_from(STRANGE) | st.floats(width=32).map(str) | st.text("abz 0,;.'-", max_size=12)
changes = st.dictionaries(st.sampled_from(FEATURES), st.lists(cells, min_size=1, max_size=4), min_size=1)
few = settings(
    deadline=None,
    derandomize=True,
    max_examples=12,
    phases=[Phase.generate],  # shrinking trains some hundred networks
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def changed(table: pl.DataFrame, rows: np.ndarray, new: dict[str, list[str]]) -> pl.DataFrame:
    """The table with other cells in some rows: the new ones in turn."""
    columns = []
    for name in table.columns:
        values = table[name].to_list()
        for place, row in enumerate(rows):
            if name in new:
                values[row] = new[name][place % len(new[name])]
        columns.append(pl.Series(name, values, dtype=pl.String))
    return pl.DataFrame(columns)


def rows_of(table: pl.DataFrame, role: str) -> np.ndarray:
    return np.flatnonzero((table["split"] == role).to_numpy())


def fitted_names(model: Any) -> set[str]:
    """Names of what was fitted, not trained."""
    return set(model.network.named_values()) - {place.name for place in model.network.layout.places}


@given(new=changes)
@few
def test_test_rows_change_nothing(table, trained, train, new):
    spoiled = changed(table, rows_of(table, "test"), new)
    with TemporaryDirectory() as folder:
        assert train(spoiled, Path(folder)).files() == trained.files()


@given(new=changes)
@few
def test_validation_rows_change_no_kind_and_no_fitted_number(table, trained, train, new):
    spoiled = changed(table, rows_of(table, "validation"), new)
    with TemporaryDirectory() as folder:
        other = train(spoiled, Path(folder))
        names = fitted_names(trained.model())
        assert "encoders.parts.0.centre" in names
        assert "head.offset" in names
        ours, theirs = trained.values(), other.values()
        assert {name: ours[name].tobytes() for name in names} == {
            name: theirs[name].tobytes() for name in names
        }
        assert other.files()["schema.json"] == trained.files()["schema.json"]


@pytest.fixture(scope="module")
def with_twins(table: pl.DataFrame) -> pl.DataFrame:
    """Thirty rows come twice, under another code."""
    twins = table[:30].with_columns(pl.col("code").str.replace("k", "t"))
    return pl.concat([table, twins]).drop("split")


@pytest.fixture(scope="module")
def randomly_split(
    with_twins: pl.DataFrame, train: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
):
    return train(with_twins, tmp_path_factory.mktemp("split"), split={"column": None})


@given(new=changes)
@few
def test_test_rows_of_our_own_split_change_nothing(with_twins, randomly_split, train, new):
    spoiled = changed(with_twins, randomly_split.prepared.split.test, new)
    with TemporaryDirectory() as folder:
        other = train(spoiled, Path(folder), split={"column": None})
        np.testing.assert_array_equal(other.prepared.split.role, randomly_split.prepared.split.role)
        assert other.files() == randomly_split.files()


@given(values=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=4))
@settings(few, max_examples=5)
def test_the_targets_of_test_rows_change_nothing(table, train, tmp_path_factory, values):
    """Of a regression: the first row of the table is a test row, and batches are filled up with something."""
    reordered = table[np.argsort((table["split"] != "test").to_numpy(), kind="stable")]
    spoiled = changed(reordered, rows_of(reordered, "test"), {"price": [repr(value) for value in values]})
    with TemporaryDirectory() as folder:
        ours = train(reordered, Path(folder) / "ours", "price", network={"normalization": "batch"})
        theirs = train(spoiled, Path(folder) / "theirs", "price", network={"normalization": "batch"})
        assert ours.files() == theirs.files()


def test_the_canary_would_die(table, trained, train, tmp_path):
    """Other cells in training rows do change the model, so the tests above can fail."""
    spoiled = changed(table, rows_of(table, "train")[:3], {"size": ["51.5"], "colour": ["purple"]})
    files, others = trained.files(), train(spoiled, tmp_path).files()
    assert files["schema.json"] != others["schema.json"]
    assert files["network.safetensors"] != others["network.safetensors"]
    assert json.loads(files["network.json"])["sha256"] != json.loads(others["network.json"])["sha256"]


def test_everything_fitted_is_saved(trained):
    """What an encoder holds is either derived from the schema and settings, or in the file."""
    network = trained.model().network
    saved = set(trained.values())
    derived = {"places", "offset", "fewest", "gather", "hot_columns", "hot_offset", "embedded_columns"}
    derived |= {"embedded_offset", "rate", "one", "dropout.limit", "dropout.scale"}
    for name, _ in network.named_buffers():
        assert name in saved or {name.rsplit(".", 1)[1], ".".join(name.split(".")[-2:])} & derived, name
    assert isinstance(network.encoders, Encoders)
    assert {place.name for place in Layout(network).places} <= saved
