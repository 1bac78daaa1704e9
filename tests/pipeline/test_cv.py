"""Cross-validation: each fold is what it would be alone, and what is told follows from the files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tests.pipeline.conftest import TINY, make_table

import netwright as nw
from netwright.config import Config
from netwright.data.folds import make_folds
from netwright.errors import InputError
from netwright.pipeline.cv import cross_validate, prepare_folds, summarised
from netwright.pipeline.resolve import resolve
from netwright.pipeline.watch import Watch
from netwright.runs.network import build
from netwright.training.population import Member, Population


def config_of(folder: Path, target: str = "y", table: pl.DataFrame | None = None, **settings: Any) -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    frame = make_table() if table is None else table
    other = "price" if target == "y" else "y"
    frame.drop(other, "split", strict=False).write_csv(folder / "table.csv")
    values: dict[str, Any] = {
        **TINY,
        "data": {"target": [target], "path": str(folder / "table.csv")},
        "cv": {"folds": 3},
        "output": {"folder": str(folder / "run")},
    }
    for section, each in settings.items():
        values[section] = {**values.get(section, {}), **each}
    return Config.parse(values)


def dated() -> pl.DataFrame:
    """The table with a day for each row, one after another."""
    days = [f"2021-{1 + place // 28:02d}-{1 + place % 28:02d}" for place in range(150)]
    return make_table().with_columns(pl.Series("day", days))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cross_validate(config_of(tmp_path_factory.mktemp("cv"), cv={"repeats": 2}))


@pytest.fixture(scope="module")
def metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def test_every_row_is_predicted_once_a_repeat(folder):
    table = pl.read_csv(folder / "out_of_fold.csv")
    assert table.height == 2 * 150
    for _, rows in table.group_by("repeat"):
        assert sorted(rows["row"]) == list(range(150))
    assert set(table["fold"]) == {1, 2, 3}
    assert table["y"].to_list()[:150] == make_table()["y"].to_list()
    sums = table.select(pl.sum_horizontal("probability_no", "probability_yes")).to_series()
    np.testing.assert_allclose(sums, 1.0, atol=1e-6)


def test_scores_are_those_of_the_predictions_out_of_fold(folder, metrics):
    table = pl.read_csv(folder / "out_of_fold.csv")
    for each in metrics["folds"]:
        rows = table.filter((pl.col("repeat") == each["repeat"]) & (pl.col("fold") == each["fold"]))
        assert rows.height == each["rows"]["scored"]
        right = (rows["y"] == rows["y_predicted"]).mean()
        assert each["scores"]["accuracy"] == pytest.approx(right)
        chance = np.where(rows["y"] == "yes", rows["probability_yes"], rows["probability_no"])
        assert each["scores"]["log_loss"] == pytest.approx(-np.log(chance).mean(), rel=1e-5)
    accuracies = [each["scores"]["accuracy"] for each in metrics["folds"]]
    assert len(accuracies) == 6
    assert metrics["mean"]["accuracy"] == pytest.approx(np.mean(accuracies))
    assert metrics["deviation"]["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    constant = [each["baseline"]["constant"]["accuracy"] for each in metrics["folds"]]
    assert metrics["baseline"]["constant"]["accuracy"] == pytest.approx(np.mean(constant))


@pytest.mark.usefixtures("no_pages")
@pytest.mark.parametrize("target", ["y", "price"])
def test_each_fold_is_what_it_would_be_alone(tmp_path, target):
    config = config_of(tmp_path, target)
    prepared, folds = prepare_folds(config, None, Watch())
    resolved, device = resolve(prepared.config, prepared.schema, len(folds[0].train))
    data = prepared.dataset().to(device)
    found = pl.read_csv(cross_validate(config) / "out_of_fold.csv")
    for place, fold in enumerate(folds):
        network = build(prepared.schema, resolved.inputs, resolved.network)
        rows = [torch.from_numpy(part) for part in (fold.train, fold.validation)]
        member = Member.of(resolved.training, *rows, seed=place)
        Population(network, data, [member], resolved.training).fit()
        output = network.predict(data.raw, torch.from_numpy(fold.scored))[0].numpy()
        ours = found.filter(pl.col("fold") == fold.number)
        assert ours["row"].to_list() == fold.scored.tolist()
        names = ["probability_no", "probability_yes"] if target == "y" else ["price_predicted"]
        np.testing.assert_allclose(ours.select(names).to_numpy(), output, rtol=1e-5, atol=1e-5)


def test_the_ensemble_predicts_the_mean_of_the_folds(folder, metrics):
    run = nw.load(folder)
    table = pl.read_csv(folder.parent / "table.csv")
    output = run.model.network.predict(encoded(run, table))  # [M, N, C]
    assert len(output) == metrics["members"] == 6
    np.testing.assert_allclose(run.predict_proba(table), output.mean(0), atol=1e-6)
    assert repr(run).endswith(f"mean accuracy {metrics['mean']['accuracy']:.4f})")


def encoded(run: Any, table: pl.DataFrame) -> dict[str, torch.Tensor]:
    from netwright.data.dataset import encode

    model = run.model
    return encode(model.read(table).frame, model.schema)


@pytest.mark.usefixtures("no_pages")
def test_the_saved_config_repeats_it(folder, tmp_path):
    config = Config.load(folder / "config.yaml")
    config.output.folder = str(tmp_path / "again")
    again = cross_validate(config)
    for name in ("out_of_fold.csv", "model/network.safetensors"):
        assert (folder / name).read_bytes() == (again / name).read_bytes()


def test_page_history_and_report_again(folder):
    page = (folder / "report.html").read_text()
    for words in ("3 folds, 2 times", "mean of the folds", "netwright cv --config", "Errors out of fold"):
        assert words in page
    assert not (folder / "model_card.md").exists()
    assert set(pl.read_csv(folder / "history.csv")["member"]) == set(range(6))
    nw.load(folder).report()
    assert (folder / "report.html").read_text() == page


@pytest.mark.usefixtures("no_pages")
def test_the_scored_rows_choose_nothing(tmp_path):
    """Other features and labels in the last block of time leave all networks as they were, to the bit."""
    frame = dated()
    late = pl.int_range(pl.len()) >= 120
    other = frame.with_columns(
        pl.when(late).then(pl.lit("77.5")).otherwise("size").alias("size"),
        pl.when(late).then(pl.lit("no")).otherwise("y").alias("y"),
    )
    made = [
        cross_validate(config_of(tmp_path / name, table=each, split={"time": "day"}, cv={"folds": 4}))
        for name, each in (("one", frame), ("other", other))
    ]
    assert pl.read_csv(made[0] / "out_of_fold.csv")["row"].to_list() == list(range(30, 150))
    weights = [(folder / "model" / "network.safetensors").read_bytes() for folder in made]
    assert weights[0] == weights[1]


def test_test_rows_are_in_no_fold_and_scored_once(tmp_path):
    folder = cross_validate(config_of(tmp_path, cv={"test": 0.2}))
    metrics = json.loads((folder / "metrics.json").read_text())
    scored = set(pl.read_csv(folder / "out_of_fold.csv")["row"])
    test = set(pl.read_csv(folder / "predictions.csv")["row"])
    assert len(test) == metrics["rows"]["test"] == 30
    assert not scored & test
    assert metrics["test"]["accuracy"] is not None
    assert (
        metrics["intervals"]["accuracy"][0]
        <= metrics["test"]["accuracy"]
        <= metrics["intervals"]["accuracy"][1]
    )
    assert "test, ensemble" in (folder / "report.html").read_text()


def test_a_split_column_gives_the_test_rows(tmp_path):
    frame = make_table()
    frame.drop("price").write_csv(tmp_path / "table.csv")
    config = config_of(tmp_path / "x", split={"column": "split"})
    config.data.path = str(tmp_path / "table.csv")
    prepared, folds = prepare_folds(config, None, Watch())
    scored = np.sort(np.concatenate([fold.scored for fold in folds]))
    wanted = np.flatnonzero((frame["split"] != "test").to_numpy())
    assert scored.tolist() == wanted.tolist()
    assert prepared.split.test.tolist() == np.flatnonzero((frame["split"] == "test").to_numpy()).tolist()


def test_kinds_are_decided_without_the_block_that_never_trains(tmp_path):
    late = pl.int_range(pl.len()) >= 140
    frame = dated().with_columns(pl.when(late).then(pl.lit("mauve")).otherwise("colour").alias("colour"))
    prepared, folds = prepare_folds(config_of(tmp_path, table=frame, split={"time": "day"}), None, Watch())
    assert "mauve" not in prepared.schema.column("colour").categories
    trained = np.unique(np.concatenate([fold.train for fold in folds]))
    assert prepared.split.train.tolist() == trained.tolist()


@pytest.mark.usefixtures("no_pages")
def test_members_of_a_fold_are_averaged(tmp_path):
    folder = cross_validate(config_of(tmp_path, training={"members": 2}))
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["members"] == 6
    assert all(len(each["best_epoch"]) == 2 for each in metrics["folds"])


def test_means_leave_out_what_is_not_there():
    mean, deviation = summarised([{"roc_auc": None}, {"roc_auc": 0.5}])
    assert mean == {"roc_auc": 0.5}
    assert deviation == {"roc_auc": None}


def test_a_fold_that_diverges_is_told_and_all_are_an_error(tmp_path):
    config = config_of(
        tmp_path, "price", training={"learning_rate": 1e30, "optimizer": "sgd", "clip_norm": None}
    )
    with pytest.raises(nw.NetwrightError, match="learning_rate"):
        cross_validate(config)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"cv": {"folds": 1}}, "1 folds"),
        ({"cv": {"folds": 200}}, "200 folds of 150 rows"),
        ({"cv": {"folds": 100}}, "the class 'yes' has only"),
        ({"split": {"group": "colour"}, "cv": {"folds": 9}}, "has 4 groups"),
        ({"split": {"time": "size"}, "data": {"missing": ["zz"]}}, "has '', which is no time|is empty"),
        ({"split": {"group": "nothere"}}, "no column 'nothere'"),
        ({"cv": {"folds": 10, "repeats": 30}}, "more than 256 networks"),
        ({"training": {"threshold": "f1"}}, "training.threshold is f1, and cross-validation has no"),
    ],
)
def test_bad_input(tmp_path, settings, said):
    with pytest.raises(InputError, match=said):
        cross_validate(config_of(tmp_path, **settings))
    assert not (tmp_path / "run").exists()


def test_folds_are_those_of_make_folds(tmp_path):
    config = config_of(tmp_path)
    prepared, folds = prepare_folds(config, None, Watch())
    made = make_folds(
        prepared.table, np.arange(150), config.split, prepared.config.data, folds=3, seed=config.training.seed
    )
    assert [fold.scored.tolist() for fold in folds] == [fold.scored.tolist() for fold in made]
