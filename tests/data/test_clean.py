from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from netwright.config import DataConfig
from netwright.data.clean import clean_fitted, clean_rows
from netwright.data.schema import Column, Schema, Target
from netwright.data.split import IGNORE, Split
from netwright.data.table import Table
from netwright.errors import InputError


def table_of(**cells):
    return Table(pl.DataFrame(cells), "toy", "toy.csv")


def config_of(**clean):
    return DataConfig.model_validate({"target": ["y"], "clean": clean})


# -------------------------------------------------------------------------------------------- rows


def test_rows_without_a_target_are_dropped_and_keep_their_numbers():
    left, (finding,) = clean_rows(table_of(x=["1", "2", "3"], y=["a", None, "b"]), config_of())
    assert left.frame["x"].to_list() == ["1", "3"]
    assert left.rows.tolist() == [0, 2]
    assert (finding.id, finding.rows, finding.examples) == ("missing_target", 1, [1])


def test_a_row_that_lacks_one_of_several_targets_is_dropped():
    table = table_of(y=["1", None, "3"], z=["1", "2", None])
    left, _ = clean_rows(table, DataConfig(target=["y", "z"]))
    assert left.rows.tolist() == [0]


def test_rows_without_a_target_may_be_an_error():
    with pytest.raises(InputError, match="1 row without the target 'y', the first is row 1"):
        clean_rows(table_of(x=["1", "2"], y=["a", None]), config_of(missing_target="error"))


def test_no_row_with_a_target():
    with pytest.raises(InputError, match="no row has a value in the target 'y'"):
        clean_rows(table_of(x=["1", "2"], y=[None, None]), config_of())


def test_repeated_rows_are_kept_unless_they_are_to_be_dropped():
    cells = {"x": ["1", "2", "1", "1"], "y": ["a", "a", "a", "b"]}
    assert clean_rows(table_of(**cells), config_of())[1] == []
    left, (finding,) = clean_rows(table_of(**cells), config_of(duplicates="drop"))
    assert left.rows.tolist() == [0, 1, 3]
    assert (finding.id, finding.rows, finding.examples) == ("duplicates_dropped", 1, [2])


def test_ids_and_dropped_columns_do_not_make_rows_different():
    cells = {"row_id": range(8), "noise": range(50, 130, 10), "x": ["u"] * 4 + ["v"] * 4, "y": ["a"] * 8}
    left, _ = clean_rows(table_of(**cells), config_of(duplicates="drop", drop_columns=["noise"]))
    assert left.rows.tolist() == [0, 4]


def test_columns_to_drop_are_known_and_not_the_target():
    table = table_of(price=[1, 2], y=["a", "b"])
    with pytest.raises(InputError, match="did you mean 'price'"):
        clean_rows(table, config_of(drop_columns=["prize"]))
    with pytest.raises(InputError, match="the target 'y' cannot be dropped"):
        clean_rows(table, config_of(drop_columns=["y"]))
    left, (finding,) = clean_rows(table, config_of(drop_columns=["price"]))
    assert (finding.id, finding.columns) == ("dropped_columns", ["price"])
    assert left.columns == ["price", "y"]


# ------------------------------------------------------------------------------------- fitted on rows


N = 500
ROLES = np.array([0, 0, 0, 1, 2], dtype=np.int8)[np.arange(N) % 5]


@pytest.fixture
def fitted():
    """Runs `clean_fitted` on columns of a kind: `fitted({"x": ("category", cells)}, outliers="drop")`."""

    def run(columns, y=None, **clean):
        cells = {name: values for name, (_, values) in columns.items()}
        labels = (["a", "b"] * N)[:N] if y is None else y
        schema = Schema(
            columns=[
                Column(name=name, kind=kind, categories=sorted(set(values)) if kind == "category" else [])
                for name, (kind, values) in columns.items()
            ],
            target=Target(columns=["y"], task="binary", classes=["a", "b"], positive="b"),
        )
        split = Split(ROLES.copy(), "random", False, "by hand")
        return clean_fitted(table_of(**cells, y=labels), split, schema, config_of(**clean))

    return run


def test_nothing_is_done_unless_asked_for(fitted):
    x = np.random.default_rng(0).normal(size=N)
    x[0] = 1e9
    columns = {"x": ("number", x), "c": ("category", ["New York"] * (N - 1) + ["new york"])}
    split, schema, findings = fitted(columns)
    assert findings == []
    assert np.array_equal(split.role, ROLES)
    assert schema.column("c").spellings == {}


def test_outliers_are_dropped_from_the_training_rows_only(fitted):
    x = np.random.default_rng(0).normal(size=N)
    x[[0, 3, 4]] = 1e9  # training, validation, test
    split, _, (finding,) = fitted({"x": ("number", x)}, outliers="drop")
    assert np.flatnonzero(split.role == IGNORE).tolist() == [0]
    assert (finding.id, finding.rows, finding.examples) == ("outliers_dropped", 1, [0])
    split, _, (finding,) = fitted({"x": ("number", x)}, outliers="clip")
    assert np.array_equal(split.role, ROLES)
    assert finding.id == "outliers_clipped"


def test_spellings_are_merged_as_the_training_rows_say(fitted):
    cities = np.array(["New York"] * N, dtype=object)
    cities[:100], cities[[200, 201]], cities[204] = "Oslo", "new york", "NEW YORK"  # 204 is a test row
    _, schema, (finding,) = fitted({"city": ("category", cities.tolist())}, spellings="merge")
    city = schema.column("city")
    assert city.spellings == {"new york": "New York"}
    assert city.categories == ["NEW YORK", "New York", "Oslo"]
    assert finding.rows == 2


def test_spellings_can_be_given(fitted):
    cells = ["NYC", "Oslo"] * (N // 2)
    _, schema, (finding,) = fitted({"city": ("category", cells)}, spellings={"city": {"NYC": "New York"}})
    assert schema.column("city").categories == ["New York", "Oslo"]
    assert finding.rows == N // 2


def test_spellings_of_wrong_columns_are_refused(fitted):
    columns = {"city": ("category", ["Oslo"] * N), "x": ("number", range(N))}
    with pytest.raises(InputError, match="did you mean 'city'"):
        fitted(columns, spellings={"citty": {"a": "b"}})
    with pytest.raises(InputError, match="of the kind number"):
        fitted(columns, spellings={"x": {"1": "2"}})


def test_leaks_leave_the_schema(fitted):
    y = np.random.default_rng(0).choice(["a", "b"], N).tolist()
    columns = {"twin": ("category", y), "x": ("number", np.random.default_rng(1).normal(size=N))}
    _, schema, (finding,) = fitted(columns, y=y, leaks="drop")
    assert [column.name for column in schema.columns] == ["x"]
    assert (finding.id, finding.columns) == ("leaks_dropped", ["twin"])
