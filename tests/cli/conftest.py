"""One small table and one small run, shared by the tests of the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from netwright.cli.app import main

FAST = ["--effort", "quick", "--epochs", "2", "--set", "network.width=8", "--set", "network.heads=2"]
FAST += ["--set", "doctor.watch=false"]


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What is on stdout; fails where that is not one JSON object on one line."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)


@pytest.fixture
def netwright(capfd):
    """Runs the command line in this process."""

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        code = main([str(each) for each in arguments])
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return call


def people(rows: int = 160, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    age = random.integers(18, 80, rows)
    city = random.choice(["Oslo", "Lima", "Kyoto"], rows)
    bought = (age + 20 * (city == "Lima") + random.normal(0, 6, rows)) > 55
    return pl.DataFrame(
        {
            "customer_id": [f"c{seed}{number:05d}" for number in range(rows)],
            "age": age,
            "income": random.normal(3000, 500, rows).round(2),
            "city": city,
            "bought": np.where(bought, "yes", "no"),
        }
    )


@pytest.fixture(scope="session")
def table(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "people.csv"
    people().write_csv(path)
    return path


@pytest.fixture(scope="session")
def run(tmp_path_factory, table) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    assert main(["train", str(table), "--target", "bought", "--out", str(folder), *FAST]) == 0
    return folder


@pytest.fixture
def no_pages(monkeypatch) -> None:
    """Drawing takes most of the time of a run this small: runs of tests of something else have no report."""
    monkeypatch.setattr("netwright.report.build", lambda folder: folder)


@pytest.fixture(scope="session")
def other_run(tmp_path_factory, table) -> Path:
    """The same rows with another learning rate."""
    folder = tmp_path_factory.mktemp("runs") / "second"
    options = ["--out", str(folder), *FAST, "--set", "training.learning_rate=0.01"]
    assert main(["train", str(table), "--target", "bought", *options]) == 0
    return folder
