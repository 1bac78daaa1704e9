"""Whole searches on a small table: what is left, what goes on, what loses, and what nobody looks at."""

from __future__ import annotations

import json
import math
import shutil
import time
from functools import cache

import numpy as np
import polars as pl
import pytest
import torch
from tests.tuning.conftest import searching

from netwright.config import Config
from netwright.errors import InputError, NetwrightError
from netwright.pipeline.train import train
from netwright.pipeline.watch import Watch
from netwright.runs.run import Run
from netwright.training.callbacks import Callback
from netwright.tuning import tune as tuning

NUMBERS = ["trial", "state", "score", "training.learning_rate", "network.dropout"]


@pytest.fixture(autouse=True)
def pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of a search this small: only the tests of pages do it."""
    monkeypatch.setattr("netwright.report.build", lambda folder: folder)
    if "page" not in request.node.name:
        monkeypatch.setattr(tuning, "build", lambda folder: folder)


def test_what_a_search_leaves_and_its_page(study, table):
    found = study(tune={"trials": 8, "search": "tpe", "prune": "none"})
    files = {path.name for path in found.folder.iterdir()}
    assert files == {
        "best",
        "log.txt",
        "study.db",
        "study.html",
        "study.json",
        "trials.csv",
        "tune.yaml",
        "weights",
    }
    trials = found.trials
    assert trials.columns[:6] == [
        "trial",
        "state",
        "score",
        "seconds",
        "training.learning_rate",
        "network.dropout",
    ]
    assert trials["trial"].to_list() == list(range(8))
    assert (trials["state"] == "complete").all()
    assert trials["score"].is_finite().all()
    best = trials.sort("score").row(0, named=True)
    assert found.about["winner"] == {"trials": [best["trial"]], "run": "best"}
    assert found.best_config.training.learning_rate == best["training.learning_rate"]
    assert found.best_config.network.dropout == best["network.dropout"]
    assert found.best_run.metrics["rows"] == {"train": 60, "validation": 30, "test": 30}
    assert found.best_run.metrics["members"] == 1
    assert len(found.predict(table.drop("y"))) == 120
    assert "History" in (found.folder / "study.html").read_text()
    assert "8 trials" in repr(found)
    assert found.plot().axes
    before = (found.folder / "study.html").read_bytes()
    assert found.report().read_bytes() == before


def test_the_score_is_the_validation_loss_of_the_network_that_is_the_winner(study):
    found = study()
    best = found.trials.sort("score").row(0, named=True)
    history = found.best_run.history.column("validation_loss")
    assert best["score"] == pytest.approx(min(history), rel=1e-5)
    assert best["validation_rmse"] == pytest.approx(found.best_run.metrics["validation"]["rmse"], rel=1e-4)


def test_the_winner_is_what_its_config_trains_alone(study, table, tmp_path):
    found = study()
    config = found.best_config
    config.output.folder = str(tmp_path / "again")
    again = Run(train(config, table))
    ours, theirs = (run.model.network.named_values() for run in (found.best_run, again))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_the_same_seed_gives_the_same_trials(study):
    one, other = study("one", tune={"search": "tpe"}), study("other", tune={"search": "tpe"})
    assert one.trials.select(NUMBERS).equals(other.trials.select(NUMBERS))
    third = study("third", training={"seed": 1})
    assert not one.trials.select(NUMBERS).equals(third.trials.select(NUMBERS))


def test_labels_of_test_rows_change_nothing_but_the_final_score(study, table):
    """The canary: with other labels in all test rows, the search and its winner are the same to the bit."""
    test = table["split"] == "test"
    spoiled = table.with_columns(pl.when(test).then(pl.col("y") * -3 + 100).otherwise(pl.col("y")).alias("y"))
    for name, settings in {"rows": {}, "folds": {"folds": 3}, "mean": {"ensemble": 2}}.items():
        ours = study(f"{name}-ours", tune={"search": "tpe", **settings})
        theirs = study(f"{name}-theirs", rows=spoiled, tune={"search": "tpe", **settings})
        assert ours.trials.drop("seconds").equals(theirs.trials.drop("seconds"))
        files = ("model/network.safetensors", "model/schema.json", "config.yaml")
        for file in files:
            assert (ours.folder / "best" / file).read_bytes() == (theirs.folder / "best" / file).read_bytes()
        assert ours.best_run.metrics["test"] != theirs.best_run.metrics["test"]
        assert ours.best_run.metrics["validation"] == theirs.best_run.metrics["validation"]


def test_labels_of_validation_rows_do_change_it(study, table):
    """So the canary can die."""
    rows = table["split"] == "validation"
    spoiled = table.with_columns(pl.when(rows).then(-pl.col("y")).otherwise(pl.col("y")).alias("y"))
    assert not study("a").trials["score"].equals(study("b", rows=spoiled).trials["score"])


class Kill(Callback):
    """Dies in the middle of a training."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def on_step(self, state) -> None:
        self.left -= 1
        if not self.left:
            raise OSError("killed")


class Killing(Watch):
    def __init__(self, steps: int) -> None:
        self.callbacks = [Kill(steps)]


@pytest.fixture(scope="module")
def unbroken(table, tmp_path_factory):
    """The study by one way to search to which nothing happens."""
    study = searching(tmp_path_factory.mktemp("unbroken"), table)
    return cache(lambda search: study(search, tune={"trials": 9, "search": search, "batch": 3}))


@pytest.mark.parametrize("steps", [3, 12, 20])
@pytest.mark.parametrize("search", ["random", "tpe"])
def test_a_killed_study_goes_on_with_the_same_trials(study, unbroken, search, steps):
    settings = {"trials": 9, "search": search, "batch": 3}
    with pytest.raises(OSError, match="killed"):
        study("killed", tune=settings, watch=Killing(steps))
    resumed, whole = study("killed", tune=settings, resume=True), unbroken(search)
    assert resumed.trials.select(NUMBERS).equals(whole.trials.select(NUMBERS))
    assert resumed.best_run.metrics["test"] == whole.best_run.metrics["test"]


def test_a_study_may_go_on_with_more_trials(study):
    first = study(tune={"trials": 4, "batch": 2}).trials
    more = study(tune={"trials": 8, "batch": 2}, resume=True)
    assert more.trials.select(NUMBERS)[:4].equals(first.select(NUMBERS))
    assert len(more.trials) == 8


@pytest.mark.parametrize(
    ("sections", "what"),
    [
        ({"tune": {"space": {"network.dropout": [0.0, 0.1]}}}, "another search space"),
        ({"tune": {"folds": 3}}, "another number of folds"),
        ({"tune": {"search": "gp"}}, "another way to search"),
        ({"training": {"seed": 4}}, "another seed"),
        ({"training": {"epochs": 5}}, "other settings of network or training"),
        ({"split": {"column": None}}, "another split|other rows"),
    ],
)
def test_a_study_of_something_else_is_refused(study, sections, what):
    study(tune={"trials": 2})
    with pytest.raises(InputError, match=what):
        study(**{"tune": {"trials": 2}, **sections}, resume=True)


def test_a_study_of_other_rows_is_refused(study, table):
    found = study(tune={"trials": 2})
    kept = {path.name: path.read_bytes() for path in found.folder.iterdir() if path.is_file()}
    with pytest.raises(InputError, match="the data set has changed"):
        study(rows=table.with_columns(pl.col("x") + 1), tune={"trials": 2}, resume=True)
    assert {path.name: path.read_bytes() for path in found.folder.iterdir() if path.is_file()} == kept


def test_what_is_no_study_cannot_go_on(study):
    with pytest.raises(InputError, match="there is no study to go on with"):
        study("nowhere", resume=True)


def test_a_folder_that_holds_something_is_kept(study):
    study(tune={"trials": 2})
    with pytest.raises(InputError, match="not empty"):
        study(tune={"trials": 2})
    again = study(tune={"trials": 3}, output={"overwrite": True})
    assert len(again.trials) == 3


def test_equal_trials_are_trained_once(study, monkeypatch):
    begun = []

    class Watching(Watch):
        callbacks = ()

    original = tuning.run_batch

    def counting(prepared, data, folds, trials, *others):
        begun.extend(trial.values["network.width"] for trial in trials)
        return original(prepared, data, folds, trials, *others)

    monkeypatch.setattr(tuning, "run_batch", counting)
    found = study(tune={"trials": 12, "batch": 4, "space": {"network.width": [4, 8]}}, watch=Watching())
    assert sorted(begun) == [4, 8]
    trials = found.trials
    assert len(trials) == 12
    assert trials.group_by("network.width").agg(pl.col("score").n_unique())["score"].to_list() == [1, 1]
    assert trials["same_as"].null_count() == 2


def test_a_trial_that_diverges_loses_and_the_page_says_so(study):
    rates = [1e-3, 1e38, 1e-2]
    settings = {"search": "grid", "space": {"training.learning_rate": rates}, "trials": "auto"}
    found = study(tune=settings, training={"clip_norm": None, "optimizer": "sgd", "warmup": 0.0})
    assert found.trials["state"].to_list() == ["complete", "diverged", "complete"]
    assert found.trials["note"][1] == "the loss was not a finite number"
    assert "trial 1 diverged" in (found.folder / "log.txt").read_text()
    assert "1 trial lost without a score" in (found.folder / "study.html").read_text()
    with pytest.raises(NetwrightError, match="none of 1 trials came to a score"):
        study(
            "all",
            tune={**settings, "space": {"training.learning_rate": [1e38]}},
            training={"clip_norm": None, "optimizer": "sgd", "warmup": 0.0},
        )


def test_folds_score_the_mean_of_k_networks(study, table):
    """Each fold's score is that of a training whose split is that fold."""
    found = study(tune={"folds": 3, "trials": 1})
    trial = found.trials.row(0, named=True)
    from netwright.data.folds import make_folds
    from netwright.pipeline.crowd import Plan, train_crowd
    from netwright.pipeline.prepare import prepare

    config = found.best_config
    prepared = prepare(config, table, Watch())
    rows = prepared.split.development
    assert len(rows) == 90
    folds = make_folds(prepared.table, rows, config.split, config.data, folds=3, validation=0.0, seed=0)
    scores = [
        train_crowd(prepared.schema, prepared.dataset(), [Plan(config, fold.train, fold.scored)])[0].score
        for fold in folds
    ]
    assert trial["score"] == pytest.approx(np.mean(scores), rel=1e-4)
    assert config.training.refit  # the winner learns from all of these rows
    with pytest.raises(InputError, match="folds"):
        study("many", tune={"folds": 200})


def test_an_ensemble_is_the_mean_of_the_best(study, table):
    found = study(tune={"trials": 8, "ensemble": 3, "prune": "none"})
    best = found.trials.sort("score")["trial"].to_list()[:3]
    assert found.about["winner"]["trials"] == best
    model = found.best_run.model
    assert model.network.members == 3
    assert found.best_run.metrics["members"] == 3
    from netwright.tuning.kept import fetch

    values = model.network.named_values()
    for place, number in enumerate(best):
        kept = fetch(found.folder, number, None)  # type: ignore[arg-type]
        assert kept is not None
        assert all(torch.equal(values[name][place], value) for name, value in kept.values.items())
        assert kept.score == found.trials["score"][number]
    # Gone from disk, they are trained again.
    shutil.rmtree(found.folder / "weights")
    again = study(tune={"trials": 8, "ensemble": 3, "prune": "none"}, resume=True)
    for name, value in again.best_run.model.network.named_values().items():
        torch.testing.assert_close(value, values[name], rtol=1e-3, atol=1e-4)


def test_halving_ends_half_of_the_trials_early(study):
    found = study(tune={"trials": 16, "prune": "halving"}, training={"epochs": 8, "patience": None})
    states = found.trials["state"].to_list()
    assert states.count("pruned") == 12  # of 16, 8 go on at epoch 2, and 4 at epoch 4
    assert states.count("complete") == 4
    pruned = found.trials.filter(pl.col("state") == "pruned")
    assert pruned["epoch"].max() <= 4
    whole = study("whole", tune={"trials": 16, "prune": "none"}, training={"epochs": 8, "patience": None})
    survivors = found.trials.filter(pl.col("state") == "complete")
    unpruned = whole.trials.filter(pl.col("trial").is_in(survivors["trial"].to_list()))
    np.testing.assert_allclose(survivors["score"], unpruned["score"], rtol=1e-4)


class Stop(Callback):
    """Ctrl-C in the second batch."""

    def __init__(self) -> None:
        self.batches = 0

    def on_start(self, state) -> None:
        self.batches += 1

    def on_epoch(self, state) -> None:
        if self.batches == 2 and state.epoch == 2:
            import signal

            signal.raise_signal(signal.SIGINT)


class Stopping(Watch):
    def __init__(self) -> None:
        self.callbacks = [Stop()]


def test_ctrl_c_keeps_what_is_done_and_the_study_goes_on_later(study):
    settings = {"trials": 9, "batch": 3, "prune": "none"}
    unbroken = study("unbroken", tune=settings)
    cut = study("cut", tune=settings, watch=Stopping())
    assert cut.trials["state"].to_list() == ["complete"] * 3 + ["stopped"] * 3
    assert (
        cut.trials.filter(pl.col("state") == "complete").sort("score")["trial"][0]
        == cut.about["winner"]["trials"][0]
    )
    assert (cut.folder / "best" / "metrics.json").is_file()
    resumed = study("cut", tune=settings, resume=True)
    assert resumed.trials.select(NUMBERS).equals(unbroken.trials.select(NUMBERS))


def test_a_time_limit_ends_the_search(study):
    began = time.monotonic()
    found = study(tune={"trials": "auto", "ensemble": 2}, training={"time_limit": 12.0})
    assert len(found.trials) >= 1
    assert "complete" in found.trials["state"].to_list()
    assert time.monotonic() - began < 30  # without an end of its own it would go on for ever


def test_class_weights_are_searched_with_the_rows_weighted_anew(study, table):
    rare = table.with_columns(
        pl.when(pl.col("y") > 1.5).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("y")
    )
    space = {"training.class_weights": ["none", "balanced", {"yes": 9.0}]}
    found = study(rows=rare, tune={"search": "grid", "space": space, "trials": "auto"})
    assert found.trials["score"].n_unique() == 3
    alone = study(
        "alone",
        rows=rare,
        training={"class_weights": "balanced"},
        tune={"search": "grid", "space": {"training.learning_rate": [3e-3]}, "trials": "auto"},
    )
    assert found.trials["score"][1] == pytest.approx(alone.trials["score"][0], rel=1e-5)


def test_no_validation_rows_need_folds(study):
    split = {"column": None, "validation": 0.0}
    with pytest.raises(InputError, match="no validation rows"):
        study(split=split)
    assert math.isfinite(study("folds", split=split, tune={"folds": 2}).trials["score"].min())


def test_a_space_is_kept_with_the_study(study):
    found = study()
    about = json.loads((found.folder / "study.json").read_text())
    assert about["space"]["training.learning_rate"] == {"low": 1e-3, "high": 3e-2, "log": True}
    assert Config.load(found.folder / "tune.yaml").tune.space["network.dropout"] == {"low": 0.0, "high": 0.5}
