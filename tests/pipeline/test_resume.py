"""Trainings that are broken off, by SIGKILL or by an exception in its place, and go on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import netwright as nw
from netwright.api import make_config
from netwright.errors import InputError, NetwrightError
from netwright.pipeline import resume
from netwright.pipeline.resume import is_finished, known_of, settings_of
from netwright.pipeline.train import train as train_run
from netwright.pipeline.watch import Watch
from netwright.runs.folder import is_unfinished, make_folder
from netwright.training import checkpoint
from netwright.training.callbacks import Callback, State

pytestmark = pytest.mark.usefixtures("no_pages")

SETTINGS: dict[str, Any] = {
    "network": {"kind": "tabm", "width": 8, "depth": 1, "heads": 2},
    "training": {
        "epochs": 6,
        "batch_size": 32,
        "threads": 1,
        "precision": "float32",
        "device": "cpu",
        "members": 1,
        "patience": None,
    },
    "doctor": {"watch": False},
}
SAME = ("model/network.safetensors", "predictions.csv", "config.yaml", "evaluation.json", "findings.json")
PAGES = {"report.html", "model_card.md"}


class Killed(BaseException):
    """Stands for a kill."""


class Kill(Callback):
    """Breaks off before the epoch that is the `at`-th to begin, in all trainings together."""

    def __init__(self, at: int, out: Path) -> None:
        self.at, self.out = at, out

    def on_epoch_start(self, state: State) -> None:
        self.at -= 1
        if not self.at:
            kill(self.out)


class Killing(Watch):
    """Breaks off in an epoch, or where a stage begins."""

    def __init__(self, at: int | str, out: Path) -> None:
        self.callbacks = [Kill(at, out)] if isinstance(at, int) else []
        self.at, self.out = at, out

    def stage(self, text: str) -> None:
        if text == self.at:
            kill(self.out)


def kill(out: Path) -> None:
    """Takes a copy of what lies on the disk: the exception cleans up, where a kill could not."""
    shutil.copytree(out, f"{out} then")
    raise Killed


@pytest.fixture(autouse=True)
def each_epoch(monkeypatch) -> None:
    """Checkpoints after each epoch, however soon it is over."""
    monkeypatch.setattr(resume, "EVERY", 1e-9)
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)


@pytest.fixture(scope="module")
def source(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "things.csv"
    table.drop("price", "note").write_csv(path)
    return path


@pytest.fixture(scope="module")
def plain(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run without a break."""
    return unbroken(source, "y", tmp_path_factory.mktemp("plain") / "run")


def break_off(data: Any, target: str, out: Path, at: int | str, **settings: Any) -> None:
    config = make_config(target, SETTINGS, settings | {"out": str(out)})
    with pytest.raises(Killed):
        train_run(config, data, Killing(at, out))
    shutil.rmtree(out, ignore_errors=True)
    os.rename(f"{out} then", out)


def go_on(out: Path, data: Any = None, **settings: Any) -> nw.Run:
    return nw.train(data, resume=out, progress=False, **settings)


def unbroken(data: Any, target: str, out: Path, **settings: Any) -> Path:
    return nw.train(data, target, config=SETTINGS, out=out, progress=False, **settings).folder


def history(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "history.csv").drop("seconds")


def assert_equal(run: Path, other: Path, files: tuple[str, ...] = SAME) -> None:
    for name in files:
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    assert history(run).equals(history(other))
    names = [{path.name for path in each.iterdir()} - PAGES for each in (run, other)]
    assert names[0] == names[1]
    assert not is_unfinished(run)
    assert is_finished(run)


@pytest.mark.parametrize(
    ("at", "settings"),
    [
        (1, {}),
        (4, {"doctor__watch": True}),
        ("evaluating", {"doctor__watch": True}),
        (3, {"members": 3, "training__learning_rate": 0.02, "training__patience": 1, "doctor__watch": True}),
        (4, {"training__refit": True}),
        (10, {"training__refit": True}),
    ],
    ids=["before a checkpoint", "with the doctor", "after its end", "members", "refit", "in the refit"],
)
def test_it_goes_on_to_the_same_run(source, tmp_path, at, settings):
    out = tmp_path / "run"
    break_off(source, "y", out, at, split_column="split", **settings)
    assert is_unfinished(out)
    assert bool(known_of(out)) == (at != 1)
    run = go_on(out)
    assert run.folder == out
    other = unbroken(source, "y", tmp_path / "other", split_column="split", **settings)
    doctor = ("diagnoses.json",) if "doctor__watch" in settings else ()
    assert_equal(out, other, (*SAME, *doctor))
    said = (out / "log.txt").read_text()
    assert ("broken off after epoch" in said) == (at != 1)


def test_a_forecast_goes_on(tmp_path):
    steps = np.arange(200)
    frame = pl.DataFrame({"when": steps, "load": 10 + np.sin(steps / 2) + 0.01 * (steps % 7)})
    frame.write_csv(tmp_path / "load.csv")
    settings = {"time": "when", "horizon": 4, "lookback": 8, "network__kind": "auto"}
    break_off(tmp_path / "load.csv", "load", tmp_path / "run", 4, **settings)
    go_on(tmp_path / "run")
    assert_equal(tmp_path / "run", unbroken(tmp_path / "load.csv", "load", tmp_path / "other", **settings))


def test_a_repair_begins_once_the_training_is_over(source, tmp_path):
    """Repairs themselves are made anew."""
    settings = {"repair": True, "doctor__watch": True, "training__learning_rate": 3.0}
    break_off(source, "y", tmp_path / "run", 4, **settings)
    go_on(tmp_path / "run")
    other = unbroken(source, "y", tmp_path / "other", **settings)
    assert_equal(tmp_path / "run", other, (*SAME, "diagnoses.json"))
    assert json.loads((other / "diagnoses.json").read_text())["repairs"]


def test_it_may_be_broken_off_again_and_begun_elsewhere(source, plain, tmp_path, monkeypatch):
    """A path that was given relative to another folder is known all the same."""
    monkeypatch.chdir(source.parent)
    break_off("things.csv", "y", tmp_path / "run", 3)
    monkeypatch.chdir("/")
    with pytest.raises(Killed):
        train_run(settings_of(tmp_path / "run"), None, Killing(2, tmp_path / "run"), resume=True)
    assert known_of(tmp_path / "run")["epoch"] == 3
    go_on(tmp_path / "run")
    assert_equal(tmp_path / "run", plain)


def test_rows_given_in_python_are_given_again(source, tmp_path):
    frame = pl.read_csv(source)
    break_off(frame, "y", tmp_path / "run", 3)
    with pytest.raises(InputError, match=r"given in Python.*nw.train\(data, resume=FOLDER\)"):
        go_on(tmp_path / "run")
    go_on(tmp_path / "run", frame)
    assert_equal(tmp_path / "run", unbroken(frame, "y", tmp_path / "other"))


def test_rows_that_have_changed_are_refused(source, tmp_path):
    rows, path = pl.read_csv(source), tmp_path / "things.csv"
    rows.write_csv(path)
    break_off(path, "y", tmp_path / "run", 3, split_column="split")
    for changed, told in (
        (rows.head(140), "the number of rows: 150 then, 140 now"),
        (rows.drop("size"), "the columns: without 'size'"),
        (rows.with_columns(new=pl.col("size")), "the columns: with 'new'"),
        (rows.select(sorted(rows.columns)), "the order of the columns"),
        (rows.with_columns(pl.col("size").replace(rows["size"][7], 1)), "the values of the column 'size'"),
        (rows.reverse(), "the values of the columns 'code', 'size', 'count' and 6 more"),
    ):
        changed.write_csv(path)
        with pytest.raises(InputError, match="the data have changed since the training began") as error:
            go_on(tmp_path / "run")
        assert told in str(error.value)
    rows.write_csv(path)  # it is all there still
    assert go_on(tmp_path / "run").history.epochs == 6


def test_the_epochs_of_a_time_limit_are_kept_and_the_limit_is_not(source, tmp_path, monkeypatch):
    monkeypatch.setattr("netwright.pipeline.fit.epochs_in_time", lambda *args, **kwargs: 5)
    break_off(source, "y", tmp_path / "run", 3, time_limit=500.0, epochs=50)
    assert settings_of(tmp_path / "run").training.time_limit is None
    monkeypatch.setattr("netwright.pipeline.fit.epochs_in_time", None)
    run = go_on(tmp_path / "run", time_limit=400.0)
    assert run.config.training.epochs == 5
    assert_equal(tmp_path / "run", unbroken(source, "y", tmp_path / "other", epochs=5))


def test_a_run_that_is_to_be_replaced_stays_whole_meanwhile(source, plain, tmp_path):
    out = tmp_path / "run"
    first = unbroken(source, "y", out, seed=1)
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    break_off(source, "y", out, 4, overwrite=True)
    assert {path: path.read_bytes() for path in before} == before
    assert nw.Run(out).config.training.seed == 1
    with pytest.raises(InputError, match="nothere"):  # and what is unfinished too
        nw.train("nothere.csv", "y", out=out, overwrite=True, progress=False)
    go_on(out)
    assert_equal(out, plain)


def test_a_new_run_in_its_place_begins_at_the_beginning(source, plain, tmp_path):
    out = tmp_path / "run"
    break_off(source, "y", out, 4, seed=1)
    with pytest.raises(InputError, match=r"unfinished training: --resume .* or give another --out"):
        unbroken(source, "y", out)
    unbroken(source, "y", out, overwrite=True)
    assert_equal(out, plain)


def test_what_an_error_leaves(source, tmp_path):
    """Before the first checkpoint nothing; after it what goes on, and a word of how."""
    told: list[str] = []

    def fail(at: int) -> None:
        watch = Killing(at, tmp_path / "run")
        watch.cut_short = told.append  # type: ignore[method-assign]
        config = make_config("y", SETTINGS, {"out": str(tmp_path / "run")})
        with pytest.raises(Killed):
            train_run(config, source, watch)
        shutil.rmtree(tmp_path / "run then")

    fail(1)
    assert not (tmp_path / "run").exists()
    assert not told
    fail(4)
    assert told == [f"the training goes on with: netwright train --resume {tmp_path / 'run'}"]
    assert is_unfinished(tmp_path / "run")


def test_a_checkpoint_that_cannot_be_written_costs_no_training(source, tmp_path, monkeypatch):
    def full(*_: Any) -> None:
        raise NetwrightError("the disk is full")

    monkeypatch.setattr(checkpoint, "write", full)
    folder = unbroken(source, "y", tmp_path / "run", epochs=2)
    assert "no checkpoint: the disk is full" in (folder / "log.txt").read_text()


def test_a_damaged_checkpoint_is_told(source, tmp_path):
    break_off(source, "y", tmp_path / "run", 3)
    path = tmp_path / "run" / "unfinished" / checkpoint.FILE
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"the checkpoint is damaged .*train anew, with --overwrite"):
        go_on(tmp_path / "run")


def test_what_is_no_unfinished_training(source, tmp_path):
    for name, told in (
        ("nothere", "no such folder"),
        ("empty", "before its training began"),
        ("other", "holds unfinished/settings.yaml"),
        ("study", "netwright tune --resume"),
        ("partial", "netwright evaluate"),
    ):
        if name != "nothere":
            (tmp_path / name).mkdir()
        if name not in ("nothere", "empty"):
            (tmp_path / name / ("study.json" if name == "study" else "log.txt")).write_text("{}")
        if name == "partial":
            (tmp_path / name / "config.yaml").write_text("")
            (tmp_path / name / "model").mkdir()
        with pytest.raises(InputError, match=told):
            go_on(tmp_path / name)
        assert not is_finished(tmp_path / name)
    with pytest.raises(InputError, match="only runs"):
        make_folder(str(tmp_path / "other"), "things", overwrite=True)


def test_settings_are_those_it_began_with(source, tmp_path):
    break_off(source, "y", tmp_path / "run", 3)
    with pytest.raises(InputError, match=r"the settings that it began with \(epochs\)"):
        go_on(tmp_path / "run", epochs=9)
    with pytest.raises(InputError, match=r"\(target\)"):
        nw.train(source, "y", resume=tmp_path / "run")


def test_at_no_moment_is_there_less_than_something_to_go_on_with(source, plain, tmp_path, monkeypatch):
    """A copy of the folder is taken wherever a file takes its place or is removed."""
    out = tmp_path / "run"
    shutil.copytree(plain, out)  # which is to be replaced
    found: list[tuple[bool, bool]] = []

    def watched(function: Any) -> Any:
        def look(*arguments: Any, **settings: Any) -> Any:
            result = function(*arguments, **settings)
            found.append((is_unfinished(out), is_finished(out)))
            return result

        return look

    monkeypatch.setattr(os, "replace", watched(os.replace))
    monkeypatch.setattr(os, "unlink", watched(os.unlink))
    monkeypatch.setattr(shutil, "rmtree", watched(shutil.rmtree))
    monkeypatch.setattr(Path, "unlink", watched(Path.unlink))
    unbroken(source, "y", out, overwrite=True)
    moments = len(found)
    begun = found.index((True, False))
    assert all(unfinished or finished for unfinished, finished in found)
    assert found[:begun] == [(False, True)] * begun  # the old one, until the settings are there
    assert found[-1] == (False, True)
    assert moments > 20
    assert is_finished(out)


def test_a_training_that_goes_on_just_now_is_left_alone(source, tmp_path):
    out, told = tmp_path / "run", []

    class Second(Callback):
        def on_epoch_start(self, state: State) -> None:
            if state.epoch == 3:
                for go in (lambda: go_on(out), lambda: unbroken(source, "y", out, overwrite=True)):
                    with pytest.raises(InputError, match="a training goes on in this folder") as error:
                        go()
                    told.append(str(error.value))

    watch = Watch()
    watch.callbacks = [Second()]
    train_run(make_config("y", SETTINGS, {"out": out}), source, watch)
    assert len(told) == 2
    assert is_finished(out)


KILLED = """
import sys, time
from netwright.api import make_config
from netwright.pipeline import resume
from netwright.pipeline.train import train
from netwright.pipeline.watch import Watch
from netwright.training import checkpoint
from netwright.training.callbacks import Callback

class Slow(Callback):
    def on_step(self, state):
        time.sleep(0.1)

resume.EVERY, checkpoint.SHARE = 0.01, 1e9
watch = Watch()
watch.callbacks = [Slow()]
train(make_config("y", sys.argv[1], {"out": sys.argv[3]}), sys.argv[2], watch)
"""


def test_a_killed_process_goes_on_to_the_same_run(source, tmp_path):
    out, settings = tmp_path / "run", tmp_path / "settings.yaml"
    settings.write_text(make_config(None, SETTINGS, {"epochs": 20}).to_yaml())
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(settings), str(source), str(out)])
    try:
        until = time.monotonic() + 60
        while not (out / "unfinished" / checkpoint.FILE).is_file():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert {path.name for path in out.iterdir()} == {"unfinished"}
    with pytest.raises(InputError, match=r"broken off: nw.train\(resume="):
        nw.load(out)
    assert 0 < known_of(out)["epoch"] < 20
    go_on(out)
    other = nw.train(source, "y", config=settings, out=tmp_path / "other", progress=False)
    assert_equal(out, other.folder)
