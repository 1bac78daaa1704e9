"""The whole way, from a file to a run folder."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from netwright.api import load, train
from netwright.config import Config
from netwright.errors import InputError, NetwrightError
from netwright.pipeline.train import train as train_run
from netwright.pipeline.watch import Watch
from netwright.runs.run import Run
from netwright.training.callbacks import Callback, State

SETTINGS = {
    "network": {"kind": "tabm", "width": 8, "depth": 1, "heads": 2},
    "training": {
        "epochs": 3,
        "batch_size": 32,
        "threads": 1,
        "precision": "float32",
        "device": "cpu",
        "members": 1,
    },
}
FILES = {
    *("config.yaml", "metrics.json", "history.csv", "predictions.csv", "findings.json", "evaluation.json"),
    *("report.html", "model_card.md", "log.txt", "diagnoses.json", "model"),
}


@pytest.fixture(scope="module")
def source(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "things.csv"
    table.drop("price").write_csv(path)
    return path


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "first"
    return train(source, "y", config=SETTINGS, split_column="split", out=out, progress=False)


def weights(run: Run) -> bytes:
    return (run.folder / "model" / "network.safetensors").read_bytes()


def test_the_folder_explains_itself(run):
    assert {path.name for path in run.folder.iterdir()} == FILES | {"examples"}  # of its texts
    assert run.metrics["rows"] == {"train": 90, "validation": 30, "test": 30}
    assert run.metrics["task"] == "binary"
    assert set(run.metrics["baseline"]) == {"constant", "linear"}
    assert run.config.network.dropout == 0.25
    assert run.config.training.time_limit is None
    assert [row["epoch"] for row in run.history.rows] == [1, 2, 3]


@pytest.mark.usefixtures("no_pages")
def test_the_saved_config_repeats_the_run_to_the_bit(run, tmp_path):
    again = train(config=run.folder / "config.yaml", out=tmp_path / "again", progress=False)
    assert weights(again) == weights(run)
    assert again.predictions.equals(run.predictions)
    for part in ("train", "validation", "test", "intervals"):
        assert again.metrics[part] == run.metrics[part]
    assert again.config == run.config


def test_loading_the_run_predicts_what_was_predicted(run, source):
    loaded = load(run.folder)
    test = pl.read_csv(source, infer_schema=False).filter(pl.col("split") == "test")
    probability = loaded.predict_proba(test)
    np.testing.assert_allclose(
        run.predictions.select(f"probability_{name}" for name in loaded.model.classes).to_numpy(),
        probability,
        atol=1e-6,
    )
    assert loaded.predict(test).tolist() == run.predictions["y_predicted"].to_list()
    assert run.predictions["y"].to_list() == test["y"].to_list()
    scores = loaded.evaluate(test)
    for name, value in run.metrics["test"].items():
        assert scores[name] == pytest.approx(value, abs=1e-6), name


def test_ctrl_c_in_training_leaves_a_whole_run_that_can_be_repeated(source, tmp_path, request):
    class CtrlC(Callback):
        def on_step(self, state: State) -> None:
            if state.step == 4:
                os.kill(os.getpid(), signal.SIGINT)

    class Impatient(Watch):
        callbacks = (CtrlC(),)

    values = {**SETTINGS, "data": {"path": str(source), "target": "y"}, "split": {"column": "split"}}
    config = Config.parse({**values, "output": {"folder": str(tmp_path / "cut")}})
    cut = Run(train_run(config, watch=Impatient()))
    assert {path.name for path in cut.folder.iterdir()} == FILES | {"examples"}
    assert cut.history.stopped == "interrupted"
    assert cut.config.training.stop_step == 4
    request.getfixturevalue("no_pages")
    settings = {"out": tmp_path / "again", "progress": False, "doctor__watch": False}
    again = train(config=cut.folder / "config.yaml", **settings)
    assert weights(again) == weights(cut)


def test_bad_input_leaves_no_folder_behind(source, tmp_path):
    with pytest.raises(InputError, match="no column 'z'"):
        train(source, "z", out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_pages")
def test_a_rate_that_is_far_too_high_is_no_traceback(source, tmp_path):
    wild = {
        **SETTINGS,
        "training": {**SETTINGS["training"], "learning_rate": 1e30, "optimizer": "sgd", "clip_norm": None},
    }
    with pytest.raises(NetwrightError, match="not a finite number"):
        train(source, "y", config=wild, split_column="split", out=tmp_path / "run", progress=False)
    assert Run(tmp_path / "run").diagnoses[0]["id"] == "not_finite_loss"  # beside the last good network


@pytest.mark.parametrize("sample", ["diabetes", "iris"])
def test_other_tasks_go_the_whole_way(sample, tmp_path):
    run = train(f"sample:{sample}", "target", config=SETTINGS, out=tmp_path / "run", progress=False)
    assert {path.name for path in run.folder.iterdir()} == FILES
    assert run.metrics["task"] == {"diabetes": "regression", "iris": "multiclass"}[sample]
    json.dumps(run.metrics, allow_nan=False)


@pytest.mark.parametrize(
    ("stage", "hint", "there"),
    [("evaluating", "netwright evaluate", False), ("writing the report", "netwright report", True)],
)
def test_ctrl_c_after_the_training_tells_what_is_left(source, tmp_path, stage, hint, there):
    class Impatient(Watch):
        said = ""

        def stage(self, text: str) -> None:
            if text == stage:
                raise KeyboardInterrupt

        def cut_short(self, text: str) -> None:
            self.said = text

    watch, folder = Impatient(), tmp_path / "cut"
    values = {**SETTINGS, "data": {"path": str(source), "target": "y"}, "split": {"column": "split"}}
    values["doctor"] = {"watch": False}
    with pytest.raises(KeyboardInterrupt):
        train_run(Config.parse({**values, "output": {"folder": str(folder)}}), watch=watch)
    assert f"{hint} {folder}" in watch.said
    assert (folder / "metrics.json").is_file() is there
    assert len(load(folder).predict(source)) == 150


def test_the_report_made_again_is_the_same_to_the_byte(run):
    files = [run.folder / "report.html", run.folder / "model_card.md"]
    first = [path.read_bytes() for path in files]
    run.report()
    assert [path.read_bytes() for path in files] == first


def test_no_test_rows_are_told_before_the_training(source, tmp_path):
    with pytest.raises(InputError, match="no test rows"):
        train(source, "y", split__test=0.0, out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
