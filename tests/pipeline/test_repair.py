from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from netwright.api import train
from netwright.config import Config
from netwright.doctor.diagnosis import Diagnosis, Examination, Fix
from netwright.pipeline import remedies
from netwright.runs.run import Run

SETTINGS = {
    "network": {"kind": "tabm", "width": 32, "depth": 1, "heads": 2, "dropout": 0.0},
    "inputs": {"number": {"embedding": "none"}},
    "training": {
        "epochs": 20,
        "batch_size": 32,
        "learning_rate": 0.01,
        "threads": 1,
        "precision": "float32",
        "device": "cpu",
        "members": 1,
        "patience": None,
    },
}
LOW = {**SETTINGS, "training": {**SETTINGS["training"], "learning_rate": 1e-7}}


def table(path: Path, seed: int = 0, change: str = "") -> Path:
    """Quarters of a plane; `change` spoils the test rows, or adds a column that tells the answer."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(700, 3))
    answer = np.where(x[:, 0] * x[:, 1] > 0, "yes", "no")
    part = np.repeat(["train", "validation", "test"], [400, 150, 150])
    if change == "test":
        x[part == "test"] *= 3
    names = ["a", "b", "c"] + ["told"] * (change == "leak")
    lines = [",".join([*names, "split", "y"])]
    for row, own, word in zip(x, part, answer, strict=True):
        told = [f"{float(word == 'yes') + 3:.1f}"] * (change == "leak")
        lines.append(",".join([*(f"{value:.4f}" for value in row), *told, own, word]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return table(tmp_path_factory.mktemp("data") / "things.csv")


def trained(source: Path, out: Path, config=LOW, **settings) -> Run:
    return train(source, "y", config=config, split_column="split", out=out, progress=False, **settings)


def weights(run: Run) -> bytes:
    return (run.folder / "model" / "network.safetensors").read_bytes()


@pytest.fixture(scope="module")
def repaired(source, tmp_path_factory) -> Run:
    return trained(source, tmp_path_factory.mktemp("runs") / "repaired", repair=True)


def test_a_rate_that_is_too_low_is_repaired_and_told(repaired):
    assert repaired.metrics["test"]["accuracy"] > 0.85
    tried = json.loads((repaired.folder / "diagnoses.json").read_text())["repairs"]
    kept = [each for each in tried if each["accepted"]]
    assert len(kept) == 1
    assert len(tried) > 2
    assert kept[0]["epochs"] == 20
    assert kept[0]["after"] > kept[0]["before"] + 0.2
    assert repaired.config.training.learning_rate == kept[0]["config"]["training.learning_rate"]
    assert "<h3>Repairs</h3>" in (repaired.folder / "report.html").read_text()
    assert "kept for" in (repaired.folder / "log.txt").read_text()


def test_what_it_told_can_be_read_again(repaired):
    path = repaired.folder / "diagnoses.json"
    found = Examination.read(path)
    assert found.as_dict() == json.loads(path.read_text())
    assert found.primary is not None  # of the training as it was
    assert "Repairs:\n  not kept for" in str(found)
    assert "kept for" in found._repr_html_()


@pytest.mark.usefixtures("no_pages")
def test_the_config_of_a_repaired_run_repeats_it_to_the_bit(repaired, tmp_path):
    settings = {"out": tmp_path / "again", "progress": False, "doctor__watch": False}
    again = train(config=repaired.folder / "config.yaml", **settings)
    assert not repaired.config.doctor.repair
    assert weights(again) == weights(repaired)


@pytest.mark.usefixtures("no_pages")
def test_nothing_changes_where_nothing_is_found(source, tmp_path):
    plain = trained(source, tmp_path / "plain", SETTINGS, doctor__watch=False)
    other = trained(source, tmp_path / "other", SETTINGS, repair=True)
    assert weights(plain) == weights(other)
    assert plain.config.training == other.config.training
    assert json.loads((other.folder / "diagnoses.json").read_text())["repairs"] == []


@pytest.mark.usefixtures("no_pages")
def test_test_rows_choose_nothing(repaired, tmp_path):
    other = trained(table(tmp_path / "other.csv", change="test"), tmp_path / "run", repair=True)
    tried = [json.loads((run.folder / "diagnoses.json").read_text())["repairs"] for run in (repaired, other)]
    assert tried[0] == tried[1]
    assert weights(repaired) == weights(other)


@pytest.mark.usefixtures("no_pages")
def test_a_column_that_tells_the_answer_is_dropped_whatever_the_score(tmp_path):
    run = trained(table(tmp_path / "leak.csv", change="leak"), tmp_path / "run", SETTINGS, repair=True)
    first = Examination.read(run.folder / "diagnoses.json").repairs[0]
    assert (first.diagnosis, first.accepted) == ("leaking_column", True)
    assert first.after < first.before
    assert run.config.data.clean.leaks == "drop"


@pytest.mark.usefixtures("no_pages")
def test_what_is_refused_leaves_the_run_as_it_was(source, tmp_path, monkeypatch):
    useless = lambda diagnosis, config: [{"training.learning_rate": 1.1e-7}]  # noqa: E731
    monkeypatch.setattr(remedies, "REMEDIES", dict.fromkeys(remedies.REMEDIES, (useless,)))
    run = trained(source, tmp_path / "run", repair=True)
    plain = trained(source, tmp_path / "plain", doctor__watch=False)
    tried = Examination.read(run.folder / "diagnoses.json").repairs
    assert [each.epochs for each in tried] == [3, 20]
    assert not any(each.accepted for each in tried)
    assert weights(run) == weights(plain)
    assert run.config.training == plain.config.training


@pytest.mark.usefixtures("no_pages")
def test_what_diverges_is_repaired(source, tmp_path):
    training = {**SETTINGS["training"], "learning_rate": 1e30, "optimizer": "sgd", "clip_norm": None}
    run = trained(source, tmp_path / "run", {**SETTINGS, "training": training}, repair=True)
    assert run.metrics["test"]["accuracy"] > 0.6
    tried = Examination.read(run.folder / "diagnoses.json").repairs
    assert tried[-1].accepted
    assert tried[-1].before == -1


def config(**values) -> Config:
    found = Config.parse({**SETTINGS, **values})
    found.training.weight_decay, found.training.clip_norm = 0.0, None
    return found


def sick(id: str, evidence=None, **settings) -> Diagnosis:
    return Diagnosis(id, "error", "", evidence or {}, "", Fix("", settings))


def test_changes_follow_the_diagnosis():
    losses = {"learning_rate": 1.0, "loss_at_rates": {"0.1": 0.5, "0.003": 0.2, "1": None}}
    rate = {"training.learning_rate": 0.1, "training.epochs": 60, "data.clean.leaks": "drop"}
    first, second, *_ = remedies.changes_for(sick("rate_too_high", losses, **rate), config())
    assert first == {"training.learning_rate": 0.003}
    assert second == {"training.learning_rate": 0.1}
    assert remedies.changes_for(sick("weak_slice"), config()) == []


def test_layers_by_hand_are_edited_and_stay_as_they_were():
    layers = [
        {"Dense": {"units": 4, "activation": "sigmoid", "kernel_initializer": "zeros"}},
        {"Dropout": 0.9},
    ]
    given = config(network={"layers": layers})
    (changes, *_) = remedies.changes_for(sick("vanishing_gradient"), given)
    assert changes["network.layers"][0] == {"Dense": {"units": 4, "activation": "relu"}}
    (changes, *_) = remedies.changes_for(sick("over_regularised"), given)
    assert changes["network.layers"][1] == {"Dropout": 0.2}
    assert given.network.layers == layers
