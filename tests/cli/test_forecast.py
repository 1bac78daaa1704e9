"""Forecasts from the shell."""

from __future__ import annotations

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from netwright.cli.app import app


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    path = tmp_path_factory.mktemp("months") / "visitors.csv"
    steps = range(96)
    pl.DataFrame(
        {
            "month": [f"{2016 + step // 12}-{step % 12 + 1:02}" for step in steps],
            "visitors": [100 + step + 20 * (step % 12 in (6, 7)) for step in steps],
        }
    ).write_csv(path)
    return path


@pytest.fixture(scope="module")
def run(months):
    folder = months.parent / "run"
    command = ["train", months, "--target", "visitors", "--time", "month", "--horizon", 6, "--lookback", 12]
    result = ask(*command, "--epochs", 40, "--out", folder)
    assert result.exit_code == 0, result.output
    assert "6 steps ahead" in result.stdout
    assert "seasonal-naive" in result.stdout
    return folder


def ask(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_predictions_go_on_in_the_format_of_the_times(run, months):
    result = ask("predict", run, months, "--json")
    assert result.exit_code == 0, result.output
    predictions = json.loads(result.stdout)["predictions"]
    assert [row["month"] for row in predictions] == [f"2024-{month:02}" for month in range(1, 7)]
    assert all(row["visitors_q0.1"] <= row["visitors_q0.9"] for row in predictions)


def test_scores_stand_beside_the_seasonal_naive_ones(run, months):
    result = ask("evaluate", run, months, "--json")
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert answer["windows"] == 96 - 17
    assert answer["baseline"]["seasonal_naive"]["mse_scaled"] > 0
    shown = ask("evaluate", run, months).stdout
    assert "seasonal-naive" in shown
    assert "visitors, 6 steps ahead, 79 windows" in shown


def test_the_report_is_made_again_alike(run):
    before = (run / "report.html").read_bytes()
    assert ask("report", run).exit_code == 0
    assert (run / "report.html").read_bytes() == before


def test_a_horizon_of_nothing_is_refused(months):
    result = ask("train", months, "--target", "visitors", "--time", "month", "--horizon", 0)
    assert result.exit_code == 2
