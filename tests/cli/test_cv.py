"""`netwright cv` and `netwright learning-curve` end to end on a small table."""

from __future__ import annotations

import json

import polars as pl
import pytest
from tests.cli.conftest import FAST


def test_cv_tells_means_with_deviations_beside_the_baselines(netwright, table, tmp_path):
    result = netwright("cv", table, "--target", "bought", "--folds", 4, "--out", tmp_path / "run", *FAST)
    assert result.code == 0, result.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    line = next(line for line in result.out.splitlines() if line.strip().startswith("network"))
    assert f"{metrics['mean']['accuracy']:.4f} ± {metrics['deviation']['accuracy']:.4f}" in line
    assert "4 folds, 160 rows" in result.out
    assert "linear model" in result.out
    assert str(tmp_path / "run" / "report.html") in result.out
    assert "training 4 networks" in result.err
    assert pl.read_csv(tmp_path / "run" / "out_of_fold.csv").height == 160
    again = netwright("report", tmp_path / "run")
    assert again.code == 0
    predicted = netwright("predict", tmp_path / "run", table, "-o", tmp_path / "predicted.csv")
    assert predicted.code == 0, predicted.err
    assert pl.read_csv(tmp_path / "predicted.csv").height == 160


@pytest.mark.usefixtures("no_pages")
def test_cv_as_json_and_repeated_from_its_config(netwright, table, tmp_path):
    options = ["--folds", 2, "--repeats", 2, "--json", *FAST]
    first = netwright("cv", table, "--target", "income", "--out", tmp_path / "one", *options)
    assert first.code == 0, first.err
    assert len(first.json["metrics"]["folds"]) == 4
    config = tmp_path / "one" / "config.yaml"
    second = netwright("cv", "--config", config, "--out", tmp_path / "two", "--json")
    assert second.code == 0, second.err
    assert second.json["metrics"]["mean"] == first.json["metrics"]["mean"]


def test_cv_within_a_time_limit(netwright, table, tmp_path):
    options = ["--time-limit", 9, "--epochs", 100_000, "--set", "training.patience=null", "--json"]
    result = netwright("cv", table, "--target", "bought", "--out", tmp_path / "run", *options)
    assert result.code == 0, result.err
    assert result.json["metrics"]["seconds"]["total"] < 12
    assert {end for fold in result.json["metrics"]["folds"] for end in fold["ending"]} == {"time limit"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--folds", "1"], "1 folds: there must be 2 or more"),
        (["--folds", "100"], "100 folds, but the class 'yes' has only"),
        (["--folds", "5", "--group", "city"], "5 folds, but the column 'city' has 3 groups"),
        (["--time", "age", "--repeats", "2"], "2 repeats in the order of time"),
        (["--set", "cv.fold=3"], "did you mean 'folds'"),
    ],
)
def test_cv_with_bad_input(netwright, table, tmp_path, options, said):
    result = netwright("cv", table, "--target", "bought", "--out", tmp_path / "run", *options)
    assert result.code == 2
    assert result.out == ""
    assert said in result.err
    assert not (tmp_path / "run").exists()


def test_learning_curve_answers(netwright, table, tmp_path):
    options = ["--fractions", "0.2,0.5,1", "--repeats", 2, "--out", tmp_path / "run", *FAST]
    result = netwright("learning-curve", table, "--target", "bought", *options)
    assert result.code == 0, result.err
    assert "Would more rows help?" in result.out
    assert (tmp_path / "run" / "learning_curve.png").is_file()
    as_json = netwright("report", tmp_path / "run", "--json")
    assert as_json.code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fractions", "a,b"], "'a,b' is no list of numbers"),
        (["--fractions", "0,1"], "learning_curve.fractions"),
        (["--metric", "acuracy"], "did you mean 'accuracy'"),
    ],
)
def test_learning_curve_with_bad_input(netwright, table, tmp_path, options, said):
    result = netwright("learning-curve", table, "--target", "bought", "--out", tmp_path / "run", *options)
    assert result.code == 2
    assert said in result.err
