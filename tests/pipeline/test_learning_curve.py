"""The learning curve: its points, its answer, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.pipeline.test_cv import config_of

import netwright as nw
from netwright.config import Config
from netwright.errors import InputError
from netwright.pipeline.learning_curve import learning_curve, told
from netwright.pipeline.prepare import prepare
from netwright.pipeline.watch import Watch

CURVE = {"learning_curve": {"fractions": [0.3, 0.6, 1.0], "repeats": 2}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return learning_curve(config_of(tmp_path_factory.mktemp("curve"), **CURVE))


@pytest.fixture(scope="module")
def metrics(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


def test_a_point_for_each_share(folder, metrics):
    table = pl.read_csv(folder / "learning_curve.csv")
    assert table.height == 6
    train = metrics["rows"]["train"]
    assert [each["rows"] for each in metrics["points"]] == pytest.approx(
        [0.3 * train, 0.6 * train, train], abs=1
    )
    for each in metrics["points"]:
        lines = table.filter(pl.col("rows") == each["rows"])["accuracy"]
        assert (each["networks"], each["low"], each["high"]) == (2, lines.min(), lines.max())
        assert each["mean"] == pytest.approx(lines.mean())


def test_files_and_page(folder, metrics):
    names = {path.name for path in folder.iterdir()}
    wanted = {"config.yaml", "metrics.json", "learning_curve.csv", "learning_curve.png", "history.csv"}
    assert wanted | {"report.html", "findings.json", "log.txt"} <= names
    assert "predictions.csv" not in names
    assert (folder / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    page = (folder / "report.html").read_text()
    assert "Would more rows help?" in page
    assert "netwright learning-curve --config" in page
    assert metrics["answer"][0].startswith("Would more rows help?")


@pytest.mark.usefixtures("no_pages")
def test_the_saved_config_repeats_it(folder, tmp_path):
    config = Config.load(folder / "config.yaml")
    config.output.folder = str(tmp_path / "again")
    again = learning_curve(config)
    assert (again / "learning_curve.csv").read_bytes() == (folder / "learning_curve.csv").read_bytes()


def test_a_run_plots_the_curve(folder):
    figure = nw.load(folder).plot()
    assert figure.axes[0].get_xscale() == "log"


@pytest.mark.usefixtures("no_pages")
def test_labels_of_test_rows_change_nothing(folder, tmp_path):
    """Other labels in the test rows: the same networks, the same scores."""
    config = config_of(tmp_path, **CURVE)
    test = prepare(config, None, Watch()).split.test
    frame = pl.read_csv(tmp_path / "table.csv", infer_schema=False)
    labels = frame["y"].to_numpy().astype(object)
    wrong = labels.copy()
    wrong[test] = np.where(labels[test] == "yes", "no", "yes")
    role = np.full(len(labels), "train", dtype=object)
    split = prepare(config, None, Watch()).split
    role[split.validation], role[split.test] = "validation", "test"
    curves = []
    for name, y in (("right", labels), ("wrong", wrong)):
        made = config_of(tmp_path / name, split={"column": "part"}, **CURVE)
        path = tmp_path / name / "parts.csv"
        frame.with_columns(pl.Series("y", y.tolist()), pl.Series("part", role.tolist())).write_csv(path)
        made.data.path = str(path)
        curves.append((learning_curve(made) / "learning_curve.csv").read_bytes())
    assert curves[0] == curves[1]


@pytest.mark.usefixtures("no_pages")
def test_another_metric_and_regression(tmp_path):
    settings = {"learning_curve": {"fractions": [0.2, 0.4, 0.6, 0.8, 1.0], "repeats": 2, "metric": "mae"}}
    metrics = json.loads(
        (learning_curve(config_of(tmp_path, "price", **settings)) / "metrics.json").read_text()
    )
    assert metrics["metric"] == "mae"
    assert len(metrics["points"]) == 5


# ------------------------------------------------------------------------------------------ the answer


def curve_of(scores: list[float], noise: float = 0.0, metric: str = "accuracy") -> pl.DataFrame:
    random = np.random.default_rng(0)
    rows = np.geomspace(100, 3200, len(scores)).round().astype(int)
    return pl.DataFrame(
        [
            {
                "rows": n,
                "fraction": n / 3200,
                "seed": seed,
                "best_epoch": 1,
                metric: score + noise * random.normal(),
            }
            for n, score in zip(rows.tolist(), scores, strict=True)
            for seed in range(3)
        ]
    )


def test_a_curve_that_rises_says_by_how_much():
    rows = np.geomspace(100, 3200, 6)
    found = told(curve_of((0.95 - 2 * rows**-0.5).tolist(), noise=0.002), "accuracy")
    true = 2 * (3200**-0.5 - 6400**-0.5)
    assert found["twice"]["gain_low"] < true < found["twice"]["gain_high"]
    assert found["twice"]["rows"] == 6400
    assert "Yes: twice the rows (6,400) should raise the accuracy" in found["answer"][0]


def test_an_error_that_falls_is_lowered():
    rows = np.geomspace(100, 3200, 6)
    found = told(curve_of((1 + 5 * rows**-0.5).tolist(), noise=0.002, metric="rmse"), "rmse")
    assert "should lower the RMSE" in found["answer"][0]
    assert found["twice"]["score"] < found["twice"]["now"]


def test_a_small_gain_is_hardly_any():
    rows = np.geomspace(100, 3200, 6)
    found = told(curve_of((0.95 - 2 * rows**-1.0).tolist(), noise=1e-4), "accuracy")
    assert "Hardly: " in found["answer"][0]


@pytest.mark.parametrize("scores", [[0.8] * 6, [0.9, 0.88, 0.87, 0.86, 0.86, 0.85]])
def test_a_flat_or_falling_curve_says_that_no_gain_is_visible(scores):
    found = told(curve_of(scores, noise=0.001), "accuracy")
    assert "No gain is visible: from 1,600 to 3,200 rows the accuracy changed by" in found["answer"][0]


def test_one_share_alone_tells_nothing():
    found = told(curve_of([0.8]), "accuracy")
    assert found["fit"] is None
    assert "cannot be told" in found["answer"][0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"learning_curve": {"metric": "acuracy"}}, "'acuracy' is no metric"),
        ({"learning_curve": {"fractions": []}}, "no share of the rows"),
        ({"split": {"validation": 0.0}}, "no validation rows"),
        ({"ensemble": {"weights": "greedy"}}, "ensemble.weights is greedy, and a learning curve has no"),
    ],
)
def test_bad_input(tmp_path, settings, said):
    with pytest.raises(InputError, match=said):
        learning_curve(config_of(tmp_path, **settings))
    assert not (tmp_path / "run").exists()
