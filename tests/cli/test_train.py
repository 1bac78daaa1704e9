"""`netwright train` and `netwright demo`: options reach the config, and the end is told."""

from __future__ import annotations

import json
from dataclasses import replace

import polars as pl
import pytest
from tests.cli.conftest import FAST

from netwright.cli.options import config_of
from netwright.cli.summary import summary
from netwright.config import Config
from netwright.pipeline.resolve import EFFORTS
from netwright.report.record import Record


def test_summary_tells_score_baselines_findings_and_places(netwright, table, tmp_path):
    result = netwright("train", table, "--target", "bought", "--out", tmp_path / "run", *FAST)
    assert result.code == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    network, constant, linear = (
        next(line.split() for line in result.out.splitlines() if line.strip().startswith(name))
        for name in ("network", "constant prediction", "linear model")
    )
    assert float(network[1]) == round(metrics["test"]["accuracy"], 4)
    assert float(constant[2]) == round(metrics["baseline"]["constant"]["accuracy"], 4)
    assert float(linear[2]) == round(metrics["baseline"]["linear"]["accuracy"], 4)
    assert str(tmp_path / "run" / "report.html") in result.out
    assert "2 epochs, best" in result.out
    assert "people: binary classification of bought" in result.out
    assert "reading\n" in result.err
    assert "epoch 2/2" in result.err


@pytest.mark.usefixtures("no_pages")
def test_json_holds_run_metrics_and_findings(netwright, table, tmp_path):
    folder = tmp_path / "run"
    options = ["--epochs", "1", "--set", "network.width=4", "--json"]
    result = netwright("train", table, "--target", "income", "--out", folder, *options)
    assert set(result.json) == {"run", "metrics", "findings", "diagnoses", "not_checked"}
    assert {name: result.json[name] for name in ("diagnoses", "not_checked")} == json.loads(
        (folder / "diagnoses.json").read_text()
    )
    assert result.json["run"] == str(folder)
    assert result.json["findings"] == json.loads((folder / "findings.json").read_text())
    assert result.json["metrics"]["task"] == "regression"


def test_options_reach_the_config(tmp_path):
    config = config_of(
        "a, b",
        None,
        ["inputs.number.bins=7"],
        split_column="part",
        time="when",
        validation="v.csv",
        test=None,
        sensitive="sex,age",
        effort="best",
        time_limit=30.0,
        members=3,
    )
    assert config.data.target == ["a", "b"]
    assert config.split.column == "part"
    assert config.split.time == "when"
    assert config.split.validation_file == "v.csv"
    assert config.split.test_file is None
    assert config.data.sensitive == ["sex", "age"]
    assert config.training.effort == "best"
    assert config.training.time_limit == 30
    assert config.training.members == 3
    assert config.inputs.number.bins == 7


def test_set_wins_over_options_and_options_over_the_file(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("training: {epochs: 1, seed: 1, members: 4}\noutput: {overwrite: true}\n")
    config = config_of("y", path, ["training.epochs=3"], epochs=2, seed=2, overwrite=None)
    assert (config.training.epochs, config.training.seed, config.training.members) == (3, 2, 4)
    assert config.output.overwrite


@pytest.mark.usefixtures("no_pages")
def test_data_may_come_from_the_config(netwright, table, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(Config.parse({"data": {"path": str(table), "target": "bought"}}).to_yaml())
    assert netwright("train", "--config", path, "--out", tmp_path / "run", "--json", *FAST).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothere.csv", "--target", "y"], "nothere.csv"),
        (["TABLE", "--target", "bougt"], "did you mean 'bought'"),
        (["TABLE"], "--target"),
        (["--target", "bought"], "no data"),
        (["TABLE", "--target", "bought", "--set", "training.epoch=3"], "did you mean 'epochs'"),
        (["TABLE", "--target", "bought", "--set", "training.epochs"], "key=value"),
        (["TABLE", "--target", "bought", "--split-column", "cty"], "did you mean 'city'"),
        (["TABLE", "--target", "bought", "--config", "nothere.yaml"], "nothere.yaml"),
        (["TABLE", "--target", "bought", "--positive", "maybe"], "maybe"),
        (["TABLE", "--target", "bought", "--out", "FULL"], "--overwrite"),
        (["TABLE", "--target", "bought", "--out", "FULL", "--overwrite"], "only runs"),
    ],
)
def test_bad_input_exits_2_in_a_few_lines(netwright, table, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    places = {"TABLE": table, "FULL": tmp_path / "full"}
    result = netwright("train", *(places.get(each, each) for each in arguments))
    assert result.code == 2
    assert result.out == ""
    error = result.err[result.err.index("error: ") :]
    assert said in error
    assert error.count("\n") <= 2
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"
    assert not list(tmp_path.glob("runs/*"))


def test_demo(netwright, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(EFFORTS, "normal", replace(EFFORTS["quick"], epochs=2))
    result = netwright("demo")
    assert result.code == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("demo-")
    assert f"netwright evaluate runs/{folder.name} sample:breast_cancer" in result.out
    assert pl.read_csv(folder / "predictions.csv").height == 114
    assert "569 tumours" in result.err


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        ({"constant": (-0.1, 0.1), "linear": (-0.2, -0.1)}, "the linear model is better"),
        ({"constant": (-0.1, 0.1), "linear": (-0.1, 0.1)}, "the columns hardly tell the target"),
        ({"constant": (0.1, 0.2), "linear": (-0.2, -0.1)}, "worse than the linear model"),
    ],
)
def test_a_network_that_learnt_little_does_not_blame_the_columns(netwright, run, margin, said):
    record = Record.read(run)
    text = summary(replace(record, metrics={**record.metrics, "margin": margin}), run)
    assert said in text


@pytest.mark.usefixtures("no_pages")
def test_a_training_that_was_killed_goes_on(netwright, table, tmp_path, monkeypatch):
    folder, other = tmp_path / "run", tmp_path / "other"
    begin = ["train", table, "--target", "bought", *FAST]
    monkeypatch.setattr("netwright.pipeline.resume.EVERY", 1e-9)
    with monkeypatch.context() as patch:
        patch.setattr("netwright.pipeline.fit.decide", _killed)  # after the last epoch
        stopped = netwright(*begin, "--out", folder)
    assert stopped.code == 130
    assert f"goes on with: netwright train --resume {folder}" in stopped.err
    refused = netwright("train", "--resume", folder, "--epochs", "9")
    assert refused.code == 2
    assert "the settings that it began with (--epochs)" in refused.err
    assert netwright("train", "--resume", folder, "--from", folder).err.count("(--from)") == 1
    assert netwright("train", "--resume", folder, "--json").json["run"] == str(folder)
    assert netwright(*begin, "--out", other).code == 0
    for name in ("model/network.safetensors", "predictions.csv"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()
    again = netwright("train", "--resume", folder)
    assert again.code == 0
    assert "is finished: there is nothing to go on with" in again.err
    assert "accuracy" in again.out
    assert netwright("train", "--resume", tmp_path / "nothere").code == 2


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
