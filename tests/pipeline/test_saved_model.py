"""A model on disk gives the same predictions from any source, and what is wrong with it is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from netwright.data.read import read
from netwright.errors import InputError
from netwright.runs.model import TableModel, check_columns


def typed(table: pl.DataFrame) -> pl.DataFrame:
    """The same cells with types: numbers, booleans, dates, null for missing."""
    empty = table.with_columns(pl.when(pl.all() == "").then(None).otherwise(pl.all()).name.keep())
    return empty.with_columns(
        pl.col("size").cast(pl.Float64),
        pl.col("count").cast(pl.Int64),
        pl.col("known") == "True",
        pl.col("day").str.to_date(),
    )


@pytest.fixture(scope="module")
def model(trained) -> TableModel:
    return trained.model()


@pytest.fixture(scope="module")
def expected(model, table) -> np.ndarray:
    return model.outputs(typed(table))


def test_saving_and_loading_changes_no_prediction(trained, table, tmp_path):
    first = trained.model()
    second = TableModel.load(first.save(tmp_path / "again"))
    np.testing.assert_array_equal(first.outputs(typed(table)), second.outputs(typed(table)))
    assert {path.name for path in (tmp_path / "again").iterdir()} == set(trained.files())


def test_any_source_gives_the_same_predictions(model, table, expected, tmp_path):
    frame = typed(table)
    table.write_csv(tmp_path / "table.csv")
    table.write_csv(tmp_path / "table.tsv", separator="\t")
    frame.write_parquet(tmp_path / "table.parquet")
    frame.write_ndjson(tmp_path / "table.jsonl")
    sources: dict[str, Any] = {
        name: tmp_path / name for name in ("table.csv", "table.tsv", "table.parquet", "table.jsonl")
    }
    sources["floats"] = frame.with_columns(pl.col("count").cast(pl.Float64))
    sources["texts"] = frame.with_columns(pl.col("size", "count").cast(pl.String))
    sources["words"] = frame.with_columns(
        pl.when(pl.col("known"))
        .then(pl.lit("TRUE"))
        .when(~pl.col("known"))
        .then(pl.lit("False"))
        .alias("known")
    )
    sources["categoricals"] = frame.with_columns(pl.col("colour", "town").cast(pl.Categorical))
    sources["other order"] = frame.select(reversed(frame.columns))
    sources["datetimes"] = frame.with_columns(pl.col("day").cast(pl.Datetime))
    for name, source in sources.items():
        np.testing.assert_allclose(model.outputs(source), expected, rtol=0, atol=1e-6, err_msg=name)


def test_pandas_gives_the_same_predictions(model, table, expected):
    pandas = pytest.importorskip("pandas")
    frame = typed(table)
    given = pandas.DataFrame(frame.to_dict(as_series=False)).astype({"day": "datetime64[us]"})
    np.testing.assert_allclose(model.outputs(given), expected, rtol=0, atol=1e-6)


def test_an_array_gives_the_same_predictions(train, table, tmp_path):
    numbers = typed(table).select("size", "count").cast(pl.Float64)
    plain = table.select("size", "count", "y", "price", "split").rename({"size": "c0", "count": "c1"})
    model = train(plain, tmp_path).model()
    expected = model.outputs(numbers.rename({"size": "c0", "count": "c1"}))
    np.testing.assert_allclose(model.outputs(numbers.to_numpy()), expected, rtol=0, atol=1e-6)


def test_rows_are_predicted_alike_whatever_stands_beside_them(model, table, expected):
    frame = typed(table)
    np.testing.assert_allclose(model.outputs(frame[7:8]), expected[7:8], atol=1e-6)
    np.testing.assert_allclose(model.outputs(frame[::-1]), expected[::-1], atol=1e-6)


def test_predictions_are_classes_or_values(model, table, train, tmp_path):
    frame = typed(table)
    probability = model.predict_proba(frame)
    np.testing.assert_allclose(probability.sum(1), 1, rtol=1e-6)
    assert sorted(model.classes) == ["no", "yes"]
    assert model.predict(frame).tolist() == [model.classes[place] for place in probability.argmax(1)]
    regression = train(table, tmp_path, "price").model()
    assert regression.predict(frame).shape == (len(frame),)
    with pytest.raises(InputError, match="a regression has no probabilities"):
        regression.predict_proba(frame)


def test_a_frame_of_predictions_has_ids_targets_and_probabilities(model, table):
    found = model.predict_frame(typed(table))
    assert found.columns == ["code", "y", *(f"probability_{name}" for name in model.classes)]
    assert found["code"].to_list() == table["code"].to_list()


def test_a_missing_column_is_named_with_the_nearest_one(model, table):
    with pytest.raises(InputError, match=r"the table lacks column 'size' .*is 'sizes' meant"):
        model.predict(typed(table).rename({"size": "sizes"}))
    with pytest.raises(
        InputError, match=r"lacks columns 'size', 'count', 'colour', 'town', 'known' and 2 more"
    ):
        model.predict(pl.DataFrame({"code": ["a"]}))


def test_extra_columns_are_noted_and_not_used(model, table, expected):
    frame = typed(table).with_columns(pl.lit(1.0).alias("extra"))
    findings = check_columns(read(frame), model.schema)
    assert [finding.id for finding in findings] == ["extra_columns"]
    assert findings[0].columns == ["price", "split", "extra"]
    np.testing.assert_array_equal(model.outputs(frame), expected)


def test_unseen_categories_are_noted_and_predicted(model, table):
    frame = typed(table).with_columns(
        pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("violet")).otherwise(pl.col("colour")).alias("colour")
    )
    findings = check_columns(read(frame), model.schema)
    unknown = next(finding for finding in findings if finding.columns == ["colour"])
    assert (unknown.id, unknown.rows, unknown.examples) == ("unknown_values", 3, [0, 1, 2])
    other = frame.with_columns(pl.col("colour").str.replace("violet", "ultramarine"))
    np.testing.assert_array_equal(model.outputs(frame), model.outputs(other))  # one place for all of them


def test_a_column_of_another_kind_is_refused(model, table):
    frame = typed(table)
    with pytest.raises(
        InputError, match=r"column 'size' is a number, but none of its cells is, such as 'k00000'"
    ):
        model.predict(frame.with_columns(pl.col("code").alias("size")))
    with pytest.raises(InputError, match=r"column 'day' is a date"):
        model.predict(frame.with_columns(pl.lit("soon").alias("day")))
    some = frame.with_columns(
        pl.when(pl.int_range(pl.len()) < 2).then(pl.lit("big")).otherwise(pl.col("size")).alias("size")
    )
    missing = frame.with_columns(pl.when(pl.int_range(pl.len()) >= 2).then(pl.col("size")).alias("size"))
    np.testing.assert_allclose(model.outputs(some), model.outputs(missing), atol=1e-6)
    assert "2 cells of 'size' are no number" in check_columns(read(some), model.schema)[-1].message


def test_a_column_without_values_is_missing_everywhere(model, table):
    empty = typed(table).with_columns(
        pl.lit(None).alias("size"), pl.lit(None).alias("town"), pl.lit(None).alias("day")
    )
    assert np.isfinite(model.outputs(empty)).all()


def test_a_table_without_rows_is_refused(model, table):
    with pytest.raises(InputError, match="the table has no rows"):
        model.predict(typed(table)[:0])


def test_evaluation_needs_the_target(model, table):
    frame = typed(table)
    found = model.evaluate(frame)
    assert found["accuracy"] == pytest.approx(np.mean(model.predict(frame) == frame["y"].to_numpy()))
    with pytest.raises(InputError, match="no column 'y'"):
        model.evaluate(frame.drop("y"))
    with pytest.raises(InputError, match="no row has a value in the target"):
        model.evaluate(frame.with_columns(pl.lit(None, pl.String).alias("y")))


# ------------------------------------------------------------------------------------- damaged folders


@pytest.fixture
def folder(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained.folder, tmp_path / "model"))


def rewrite(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_missing_file_is_named(folder):
    for name in ("network.safetensors", "schema.json", "network.json"):
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(InputError, match=rf"a file of the saved model is missing .*{name}"):
            TableModel.load(folder)
        (folder / name).write_bytes(content)
    TableModel.load(folder)


def test_damaged_weights_are_found(folder):
    path = folder / "network.safetensors"
    content = path.read_bytes()
    for damaged in (content[:-1], content[:100], b"", content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="the saved weights are damaged"):
            TableModel.load(folder)


def test_files_that_are_not_json_are_found(folder):
    for name in ("schema.json", "network.json"):
        content = (folder / name).read_bytes()
        for damaged in (content[:-10], b"\xff\xfe", b"", b"[1]"):
            (folder / name).write_bytes(damaged)
            with pytest.raises(InputError, match="damaged") as caught:
                TableModel.load(folder)
            assert name in str(caught.value)
        (folder / name).write_bytes(content)


def test_a_newer_version_says_so(folder):
    for name in ("schema.json", "network.json"):
        rewrite(folder / name, version=2)
        with pytest.raises(
            InputError, match=r"format version 2; this Netwright .* reads version 1.*pip install -U"
        ):
            TableModel.load(folder)
        rewrite(folder / name, version=1)
    rewrite(folder / "network.json", format="something")
    with pytest.raises(InputError, match="no model of Netwright's"):
        TableModel.load(folder)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("schema.json", {"columns": []}),
        ("schema.json", {"target": {"columns": ["y"], "task": "guess"}}),
        ("network.json", {"members": 2}),
        ("network.json", {"members": "many"}),
        ("network.json", {"members": None}),
        ("network.json", {"members": 0}),
        ("network.json", {"members": -1}),
        ("network.json", {"inputs": {}}),
        ("network.json", {"inputs": None}),
        ("network.json", {"network": {"kind": "mlp", "width": "auto"}}),
        ("network.json", {"network": {"kind": "transformer"}}),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(folder, name, changes):
    rewrite(folder / name, **changes)
    with pytest.raises(InputError, match="does not fit together"):
        TableModel.load(folder)


def test_weights_of_other_names_are_refused(folder):
    import hashlib

    from safetensors.numpy import load, save

    path = folder / "network.safetensors"
    values = load(path.read_bytes())
    values["head.weights"] = values.pop("head.weight")
    path.write_bytes(save(values))
    rewrite(folder / "network.json", sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(InputError, match=r"does not fit together.*head\.weight"):
        TableModel.load(folder)


def test_a_pickle_is_never_opened(folder, monkeypatch):
    import hashlib
    import pickle

    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("code of the file was run",))

    path = folder / "network.safetensors"
    path.write_bytes(pickle.dumps(Bomb()))
    rewrite(folder / "network.json", sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(InputError, match="does not fit together"):
        TableModel.load(folder)


def test_words_for_missing_that_are_no_words_are_found(folder):
    rewrite(folder / "network.json", missing=5)
    with pytest.raises(InputError, match="does not fit together"):
        TableModel.load(folder)
