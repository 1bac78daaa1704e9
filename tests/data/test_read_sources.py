"""Sources that are no files: frames, arrays, dictionaries, databases, samples."""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

from netwright.data.read import name_of, read
from netwright.data.read.database import hide_password
from netwright.errors import InputError


class TestFrames:
    def test_polars(self) -> None:
        frame = pl.DataFrame({"a": [1.0, float("nan")], "b": [" x ", " "]})
        table = read(frame)
        assert table.frame.rows() == [(1.0, "x"), (None, None)]
        assert (table.name, table.words) == ("frame", {"b": {" ": 1}})
        assert read(frame.lazy()).frame.equals(table.frame)
        with pytest.raises(InputError, match=r"cannot be collected: [^\n]*$"):
            read(frame.lazy().select("c"))

    def test_pandas(self) -> None:
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(
            {
                "integer": [1, 2],
                "float": [0.5, None],
                "text": ["x", None],
                "category": pandas.Categorical(["u", None]),
                "moment": pandas.to_datetime(["2020-01-01", None]),
                "zoned": pandas.to_datetime(["2020-01-01", "2020-01-02"], utc=True),
                "mixed": [1, "x"],
                "nullable": pandas.array([1, None], dtype="Int64"),
                "boolean": [True, None],
                "day": [dt.date(2020, 1, 1), None],
            },
            index=[7, 9],
        )
        found = read(frame).frame
        moment = dt.datetime(2020, 1, 1)
        assert found.drop("zoned").rows() == [
            (1, 0.5, "x", "u", moment, "1", 1, True, dt.date(2020, 1, 1)),
            (2, None, None, None, None, "x", None, None, None),
        ]
        assert found["zoned"][0] == moment.replace(tzinfo=dt.UTC)
        assert read(pandas.DataFrame([[1, 2]])).columns == ["0", "1"]
        with pytest.raises(InputError, match="column names repeat: 'a'"):
            read(pandas.DataFrame([[1, 2]], columns=["a", "a"]))

    def test_arrays(self) -> None:
        assert read(np.array([[1, 2], [3, 4.5]])).frame.rows() == [(1.0, 2.0), (3.0, 4.5)]
        assert read(np.zeros((2, 3))).columns == ["c0", "c1", "c2"]
        assert read(np.array([[1, "x"], [2.5, None]], dtype=object)).frame.rows() == [(1.0, "x"), (2.5, None)]
        assert read(np.array([(1, "x")], dtype=[("p", int), ("q", "U3")])).frame.rows() == [(1, "x")]
        assert read(np.arange(3)).frame.shape == (3, 1)

    def test_arrays_of_series_and_pictures(self) -> None:
        series = read(np.arange(12.0).reshape(2, 3, 2))
        assert series.media["series"].content("1").tolist() == [[6, 7], [8, 9], [10, 11]]
        pictures = read({"photo": np.full((2, 4, 5, 3), 7, dtype=np.uint8), "age": [3, 4]})
        assert pictures.columns == ["photo", "age"]
        assert pictures.media["photo"].content(pictures.frame["photo"][1]).shape == (4, 5, 3)
        with pytest.raises(InputError, match="neither pictures nor series"):
            read(np.zeros((2, 2, 2, 2, 2)))

    def test_dictionaries(self) -> None:
        table = read({"a": [1, 2], "b": np.array([1.5, np.nan]), "c": pl.Series(["x", "NA"])})
        assert table.frame.rows() == [(1, 1.5, "x"), (2, None, None)]
        with pytest.raises(InputError, match="'b' has 1 cells where 'a' has 2"):
            read({"a": [1, 2], "b": [1]})
        with pytest.raises(InputError, match="no list of cells"):
            read({"a": "xy"})

    @pytest.mark.parametrize("source", [5, [1, 2], None])
    def test_anything_else(self, source: object) -> None:
        with pytest.raises(InputError, match="is no table"):
            read(source)

    def test_no_rows_or_columns(self) -> None:
        with pytest.raises(InputError, match="no rows"):
            read({"a": []})
        with pytest.raises(InputError, match="no columns"):
            read(pl.DataFrame())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (number, price, note)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?)", [(1, 2, "x"), (2, 2.5, "NA"), (3, None, 7)]
        )
        connection.commit()
    return path


class TestDatabase:
    @pytest.mark.parametrize("driver", ["sqlite", "sqlite+pysqlite"])
    def test_query(self, database: Path, driver: str) -> None:
        if driver != "sqlite":
            pytest.importorskip("sqlalchemy")
        table = read(f"{driver}:///{database}::SELECT * FROM orders ORDER BY number")
        assert table.frame.rows() == [(1, 2.0, "x"), (2, 2.5, None), (3, None, "7")]
        assert (table.name, table.words) == ("shop", {"note": {"NA": 1}})
        with pytest.raises(InputError, match=r"refuses the query: no such table: order_"):
            read(f"{driver}:///{database}::SELECT * FROM order_")

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("", "query is empty"),
            ("SELECT price, price FROM orders", "column names repeat: 'price'"),
            ("SELECT * FROM orders WHERE number > 5", "no rows"),
            ("DELETE FROM orders", "readonly"),
        ],
    )
    def test_bad_queries(self, database: Path, query: str, message: str) -> None:
        with pytest.raises(InputError, match=message):
            read(f"sqlite:///{database}::{query}")

    def test_bad_addresses(self, database: Path) -> None:
        with pytest.raises(InputError, match=r"no such database file.*did you mean '.*shop\.db'"):
            read(f"sqlite:///{database.with_name('shops.db')}::SELECT 1")
        with pytest.raises(InputError, match="needs a query"):
            read(f"sqlite:///{database}")
        with pytest.raises(InputError, match="web addresses are not read"):
            read("https://example.org/table.csv")

    def test_passwords_are_not_shown(self) -> None:
        assert hide_password("postgresql://ann:secret@host/shop") == "postgresql://ann:***@host/shop"
        assert hide_password("sqlite:///a:b@c.db") == "sqlite:///a:b@c.db"


class TestSamples:
    def test_values_are_those_of_scikit_learn(self) -> None:
        table = read("sample:breast_cancer")
        bunch = load_breast_cancer()
        assert table.frame.drop("target").to_numpy() == pytest.approx(bunch.data)
        assert table.frame["target"].to_list() == bunch.target_names[bunch.target].tolist()
        assert (table.name, table.source) == ("breast_cancer", "sample:breast_cancer")

    @pytest.mark.parametrize(
        ("name", "shape"),
        [("iris", (150, 5)), ("wine", (178, 14)), ("digits", (1797, 65)), ("diabetes", (442, 11))],
    )
    def test_shapes(self, name: str, shape: tuple[int, int]) -> None:
        table = read(f"sample:{name}")
        assert table.frame.shape == shape
        assert table.columns[-1] == "target"

    def test_unknown(self) -> None:
        with pytest.raises(InputError, match="did you mean 'iris'"):
            read("sample:iriss")

    def test_a_pandas_frame_reads_like_the_sample(self) -> None:
        pytest.importorskip("pandas")
        frame = load_iris(as_frame=True).frame
        assert read(frame).frame.drop("target").equals(read("sample:iris").frame.drop("target"))


@pytest.mark.parametrize("name", ["things.csv.gz", "things.2024.csv", "things", "sample:iris"])
def test_a_name_is_known_before_reading(tmp_path, name):
    source = name if name.startswith("sample:") else str(tmp_path / name)
    if not name.startswith("sample:"):
        (tmp_path / name).write_text("a,b\n1,2\n3,4\n")
    assert name_of(source) == read(source).name


def test_a_first_cell_of_very_many_digits_is_no_crash(tmp_path):
    (tmp_path / "long.csv").write_text("7" * 5000 + ",y\n1,2\n3,4\n")
    assert read(tmp_path / "long.csv").frame.width == 2
