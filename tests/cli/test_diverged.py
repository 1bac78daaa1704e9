"""A training whose loss is no longer a number: what is left of the run, and what is told."""

from __future__ import annotations

import csv
import json

import pytest
import yaml

CONFIG = {
    "data": {"target": ["income"]},
    "network": {"layers": [{"Dense": {"units": 8, "activation": "relu"}}]},
    "training": {
        "epochs": 3,
        "optimizer": "sgd",
        "learning_rate": 1e18,
        "clip_norm": None,
        "members": 1,
        "device": "cpu",
        "precision": "float32",
        "batch_size": 16,
        "schedule": "constant",
        "warmup": 0.0,
    },
}

ALONE = ["--set", "doctor.watch=false"]


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


def test_an_absurd_rate_ends_the_run_with_its_last_good_network(netwright, table, config, tmp_path):
    folder = tmp_path / "run"
    result = netwright("train", table, "--config", config, "--out", folder)
    assert result.code == 1
    assert "error: the training loss is not a finite number" in result.err
    assert "step" in result.err
    assert "those of before the first step" in result.err
    assert str(folder) in result.err
    found = json.loads((folder / "diagnoses.json").read_text())["diagnoses"]
    assert found[0]["id"] == "not_finite_loss"
    assert found[0]["primary"]
    assert found[0]["evidence"]["cause"] == "rate"
    with (folder / "history.csv").open() as file:
        assert [row["train_loss"] for row in csv.DictReader(file)][-1] in ("nan", "inf")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test"]["rmse"] < 1e6
    assert (folder / "report.html").is_file()
    assert "stopped: NetwrightError" in (folder / "log.txt").read_text()


@pytest.mark.usefixtures("no_pages")
def test_the_network_that_is_left_predicts(netwright, table, config, tmp_path):
    folder = tmp_path / "run"
    assert netwright("train", table, "--config", config, "--out", folder, *ALONE).code == 1
    assert netwright("predict", folder, table, "--output", tmp_path / "predictions.csv").code == 0


@pytest.mark.usefixtures("no_pages")
def test_a_run_that_diverges_is_told_in_json(netwright, table, config, tmp_path):
    result = netwright("train", table, "--config", config, "--out", tmp_path / "run", "--json", *ALONE)
    assert result.code == 1
    assert "not a finite number" in result.json["error"]["message"]
