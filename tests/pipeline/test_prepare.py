from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from netwright.config import Config
from netwright.data.schema import Column
from netwright.errors import InputError
from netwright.evaluate.fairness import reweighing
from netwright.pipeline.prepare import Prepared, prepare
from netwright.pipeline.resolve import EFFORTS, FEW_ROWS, resolve
from netwright.pipeline.watch import Watch


@pytest.fixture
def prepared(table: pl.DataFrame) -> Callable[..., Prepared]:
    """`prepared(training={"class_weights": "balanced"})` prepares the common table with these settings."""

    def make(target: str = "y", frame: pl.DataFrame | None = None, **sections: dict[str, Any]) -> Prepared:
        values: dict[str, Any] = {"data": {"target": [target]}, "split": {"column": "split"}}
        for section, each in sections.items():
            values[section] = {**values.get(section, {}), **each}
        source = table.drop("price" if target == "y" else "y") if frame is None else frame
        return prepare(Config.parse(values), source, Watch())

    return make


def test_without_wishes_all_rows_weigh_alike(prepared):
    weights = prepared().weights()
    assert weights.dtype == np.float32
    assert (weights == 1).all()


def test_balanced_classes_weigh_alike_in_the_training_rows(prepared):
    made = prepared(training={"class_weights": "balanced"})
    train, weights = made.split.train, made.weights()
    sums = [weights[train][made.target[train] == code].sum() for code in (0, 1)]
    assert sums[0] == pytest.approx(sums[1], rel=1e-5)
    assert sum(sums) == pytest.approx(len(train), rel=1e-5)


def test_given_class_weights(prepared):
    made = prepared(training={"class_weights": {"yes": 3.0}})
    yes = made.schema.target.classes.index("yes")
    np.testing.assert_array_equal(made.weights(), np.where(made.target == yes, 3.0, 1.0))
    with pytest.raises(InputError, match=r"the target has no class 'yess' .*did you mean 'yes'"):
        prepared(training={"class_weights": {"yess": 3.0}}).weights()
    with pytest.raises(InputError, match="class weights need a target of classes"):
        prepared("price", training={"class_weights": "balanced"}).weights()


def test_a_column_of_weights(prepared, table):
    weighed = table.drop("price").with_columns(pl.int_range(pl.len()).alias("w"))
    made = prepared(frame=weighed, data={"weight": "w"}, training={"class_weights": {"yes": 2.0}})
    yes = made.schema.target.classes.index("yes")
    np.testing.assert_allclose(made.weights(), np.arange(150) * np.where(made.target == yes, 2.0, 1.0))
    assert "w" not in [column.name for column in made.schema.columns]
    for wrong in ("-1", "much", None):
        spoiled = weighed.with_columns(
            pl.when(pl.col("w") == 7)
            .then(pl.lit(wrong, pl.String))
            .otherwise(pl.col("w").cast(pl.String))
            .alias("w")
        )
        with pytest.raises(InputError, match=r"'w' holds .*row 7.*a number of 0 or more"):
            prepared(frame=spoiled, data={"weight": "w"}).weights()


def test_reweighing_looks_at_training_rows_only(prepared):
    made = prepared(data={"sensitive": ["colour"]}, training={"reweigh": True})
    train = made.split.train
    groups = made.table.frame["colour"].fill_null("missing")[train]
    weights = made.weights()
    np.testing.assert_allclose(weights[train], reweighing(groups, made.target[train]), rtol=1e-6)
    assert (np.delete(weights, train) == 1).all()
    with pytest.raises(InputError, match="reweighing needs a sensitive column"):
        prepared(training={"reweigh": True}).weights()


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("data", {"sensitive": ["color"]}, r"no column 'color' \(data\.sensitive\): did you mean 'colour'"),
        ("data", {"weight": "wait"}, r"no column 'wait' \(data\.weight\)"),
        ("split", {"group": "twn"}, r"no column 'twn' \(split\.group\): did you mean 'town'"),
        ("split", {"column": "y"}, r"'y' is the target"),
        (
            "inputs",
            {"columns": {"sze": {"scaling": "minmax"}}},
            r"no column 'sze' \(inputs\.columns\): did you mean 'size'",
        ),
    ],
)
def test_wrong_names_in_the_config(prepared, section, values, message):
    with pytest.raises(InputError, match=message):
        prepared(**{section: values})


def resolved_with(prepared, columns: dict[str, Any]):
    made = prepared(inputs={"columns": columns})
    return resolve(made.config, made.schema, 90)


def test_settings_of_single_columns_are_checked(prepared):
    for columns, message in (
        ({"size": {"binz": 3}}, r"binz.*did you mean 'bins'"),
        ({"size": {"scaling": "big"}}, r"scaling"),
        ({"size": {"one_hot_up_to": 3}}, r"one_hot_up_to"),
        ({"code": {"scaling": "minmax"}}, r"'code' is no input"),
        ({"split": {"scaling": "minmax"}}, r"'split' is no input"),
    ):
        with pytest.raises(InputError, match=message):
            resolved_with(prepared, columns)


def test_settings_of_single_columns_are_filled_in(prepared):
    made = prepared(
        inputs={"columns": {"size": {"bins": "auto", "scaling": "minmax"}, "count": {"size": "auto"}}}
    )
    config, _ = resolve(made.config, made.schema, 90)
    assert config.inputs.columns["size"] == {"bins": config.inputs.number.bins, "scaling": "minmax"}
    assert config.inputs.columns["count"] == {"size": config.inputs.number.size}
    again, _ = resolve(config, made.schema, 90)
    assert again == config


@pytest.mark.parametrize("effort", EFFORTS)
@pytest.mark.parametrize("rows", [FEW_ROWS - 1, FEW_ROWS])
def test_nothing_is_left_to_be_found_out(prepared, effort, rows):
    made = prepared(training={"effort": effort, "threads": 1})
    config, device = resolve(made.config, made.schema, rows)
    values = config.model_dump()
    left = [
        f"{section}.{key}"
        for section in ("network", "training")
        for key, value in values[section].items()
        if value == "auto"
    ]
    left += [
        f"inputs.{kind}.{key}"
        for kind in ("number", "category")
        for key, value in values["inputs"][kind].items()
        if value == "auto"
    ]
    assert left == []
    assert config.training.device == device.type
    assert resolve(config, made.schema, rows)[0] == config


def test_what_the_user_sets_is_kept(prepared):
    wishes = {
        "network": {"kind": "mlp", "width": 7, "depth": 5, "dropout": 0.4},
        "training": {"epochs": 3, "batch_size": 11, "threads": 1},
    }
    made = prepared(**wishes)
    config, _ = resolve(made.config, made.schema, 90)
    for section, values in wishes.items():
        for key, value in values.items():
            assert getattr(getattr(config, section), key) == value
    assert config.network.heads == 1


def test_more_rows_mean_larger_batches_and_fewer_epochs(prepared):
    made = prepared(training={"threads": 1})
    found = [
        resolve(made.config, made.schema, rows)[0].training for rows in (90, 900, 9_000, 90_000, 900_000)
    ]
    sizes = [training.batch_size for training in found]
    epochs = [training.epochs for training in found]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[-1] >= 4


def bare(column: Column) -> dict[str, Any]:
    """All but the reason, which is "given" the second time."""
    return column.model_dump(exclude={"reason"})


def test_the_record_repeats_the_preparation(prepared, table, tmp_path):
    table.drop("price").write_csv(tmp_path / "t.csv", separator=";")
    made = prepared(frame=tmp_path / "t.csv")
    again = prepare(made.config, None, Watch())
    assert again.config == made.config
    assert [bare(column) for column in again.schema.columns] == [
        bare(column) for column in made.schema.columns
    ]
    assert again.schema.target == made.schema.target
    np.testing.assert_array_equal(again.split.role, made.split.role)
    assert made.config.data.read.separator == ";"
    assert made.config.data.kinds["town"] == "category"


def test_a_watch_hears_of_stages_and_findings(table):
    heard: list[str] = []

    class Listener(Watch):
        def stage(self, text: str) -> None:
            heard.append(text)

        def findings(self, findings: list) -> None:
            heard.append(f"{len(findings)} findings")

    made = prepare(Config.parse({"data": {"target": "y"}}), table, Listener())
    assert heard == ["reading", "splitting and checking", f"{len(made.findings)} findings"]


def test_no_data_and_no_columns(prepared):
    with pytest.raises(InputError, match="no data was given"):
        prepare(Config(), None, Watch())
    frame = pl.DataFrame(
        {
            "one": ["a"] * 400,
            "y": ["yes", "no"] * 200,
            "split": ["train", "train", "validation", "validation", "test", "test", "test", "test"] * 50,
        }
    )
    with pytest.raises(InputError, match="no column is left"):
        prepare(Config.parse({"data": {"target": "y"}, "split": {"column": "split"}}), frame, Watch())
