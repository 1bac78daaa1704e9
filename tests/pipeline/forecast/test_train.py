"""The whole way of a forecast, on small made series."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import netwright as nw
from netwright.errors import InputError
from netwright.runs.forecast import ForecastModel

SMALL = {"horizon": 6, "lookback": 12, "epochs": 2, "progress": False, "training__threads": 1}


def hours(count: int = 300, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    steps = np.arange(count)
    wave = 10 + np.sin(2 * np.pi * steps / 12) + 0.1 * random.normal(size=count)
    return pl.DataFrame(
        {
            "date": [
                (datetime(2024, 1, 1) + timedelta(hours=int(step))).strftime("%Y-%m-%d %H:%M")
                for step in steps
            ],
            "load": wave,
            "heat": 3 * wave + random.normal(size=count),
        }
    )


def train(frame: pl.DataFrame, tmp_path: Path, name: str = "run", **settings) -> nw.Run:
    given = SMALL | {"target": ["load"], "time": "date", "out": str(tmp_path / name)} | settings
    return nw.train(frame, given.pop("target"), **given)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> nw.Run:
    return train(hours(), tmp_path_factory.mktemp("forecast"), target=["load", "heat"])


def test_the_folder_holds_what_it_should(run):
    names = {path.name for path in run.folder.iterdir()}
    assert names >= {"config.yaml", "metrics.json", "history.csv", "predictions.csv", "report.html"}
    assert {path.name for path in (run.folder / "model").iterdir()} == {
        *("network.safetensors", "network.json", "schema.json")
    }
    metrics = run.metrics
    assert metrics["task"] == "forecast"
    assert metrics["target"] == ["load", "heat"]
    assert metrics["rows"] == {"train": 192, "validation": 48, "test": 60}
    assert metrics["windows"] == {"train": 192 - 17, "validation": 48 - 5, "test": 60 - 5}
    assert set(metrics["baseline"]) == {"seasonal_naive", "last", "constant"}
    assert {"mse_scaled", "mae_scaled", "coverage"} <= set(metrics["test"])
    assert run.config.forecast.season == 12
    page = (run.folder / "report.html").read_text()
    assert "seasonal-naive" in page
    assert page.count("<figure") >= 6
    assert "forecast" in (run.folder / "model_card.md").read_text()


def test_scores_are_those_of_the_windows_cut_by_hand(run):
    """Truths and scaling with NumPy; forecasts by the loaded model, one look-back at a time."""
    frame, model = hours(), nw.load(run.folder / "model")
    assert isinstance(model, ForecastModel)
    values = frame.select("load", "heat").to_numpy()
    spread = values[:192].std(0)
    errors = []
    for now in range(240, 300 - 5):
        forecast = model.predict(frame[now - 12 : now])
        errors.append(((forecast - values[now : now + 6]) / spread) ** 2)
    assert len(errors) == run.metrics["windows"]["test"]
    assert np.mean(errors) == pytest.approx(run.metrics["test"]["mse_scaled"], rel=1e-5)


def test_predictions_of_test_windows(run):
    predictions, values = run.predictions, hours()
    assert predictions.columns[:6] == ["row", "origin", "date", "step", "load", "heat"]
    assert predictions.columns[6:10] == ["load_predicted", "load_q0.1", "load_q0.5", "load_q0.9"]
    assert predictions["row"].to_list() == list(range(240, 300))  # each test row once
    assert predictions["step"].to_list() == [1, 2, 3, 4, 5, 6] * 10
    assert predictions["date"].to_list() == values["date"][240:].to_list()
    np.testing.assert_allclose(predictions["load"], values["load"][240:])
    assert predictions["origin"][0] == values["date"][239]
    assert (predictions["load_q0.1"] <= predictions["load_q0.9"]).all()


def test_the_steps_after_the_end_of_a_frame(run):
    frame = run.model.predict_frame(hours())
    assert frame.columns[:3] == ["date", "load", "load_q0.1"]
    assert frame["date"].to_list() == hours(306)["date"][300:].to_list()
    assert run.predict(hours()).shape == (6, 2)
    with pytest.raises(InputError, match="has 11 steps, and the network looks back on 12"):
        run.predict(hours()[:11])
    with pytest.raises(InputError, match="no column 'heat'"):
        run.predict(hours().drop("heat"))


@pytest.mark.usefixtures("no_pages")
def test_the_same_config_gives_the_same_network(run, tmp_path):
    again = nw.train(hours(), config=run.folder / "config.yaml", out=tmp_path / "again", progress=False)
    first, second = ((each.folder / "model/network.safetensors").read_bytes() for each in (run, again))
    assert first == second
    assert again.metrics["test"] == run.metrics["test"]


@pytest.mark.usefixtures("no_pages")
def test_what_is_in_test_rows_changes_nothing_that_is_saved(run, tmp_path):
    changed = hours().with_columns(
        pl.when(pl.int_range(300) >= 240).then(pl.lit(1e6)).otherwise(pl.col(name)).alias(name)
        for name in ("load", "heat")
    )
    other = train(changed, tmp_path, target=["load", "heat"])
    for name in ("network.safetensors", "schema.json", "network.json"):
        assert (other.folder / "model" / name).read_bytes() == (run.folder / "model" / name).read_bytes()


@pytest.mark.usefixtures("no_pages")
def test_the_first_value_of_a_series_stands_in_no_look_back_before_it(tmp_path):
    """A target of one series that is there in test rows only says nothing about itself in training ones."""
    models = []
    for factor in (1.0, 1e3):
        late = pl.when(pl.int_range(300) >= 240).then(pl.col("heat") * factor).otherwise(None)
        frame = pl.concat(
            [
                hours().with_columns(shop=pl.lit("old")),
                hours(seed=1).with_columns(late.alias("heat"), shop=pl.lit("new")),
            ]
        ).with_columns(part=pl.Series((["train"] * 200 + ["val"] * 40 + ["test"] * 60) * 2))
        settings = {"series": "shop", "split_column": "part", "target": ["load", "heat"]}
        models.append(train(frame, tmp_path, f"run{factor:g}", **settings).folder / "model")
    for name in ("network.safetensors", "schema.json", "network.json"):
        assert (models[0] / name).read_bytes() == (models[1] / name).read_bytes()


def test_evaluate_gives_the_scores_of_all_windows(run):
    scores = run.evaluate(hours()[240 - 12 :])
    for name, value in scores.items():
        if name != "targets":
            assert value == pytest.approx(run.metrics["test"][name], rel=1e-6)
    with pytest.raises(InputError, match=r"no series has the 12 \+ 6 steps"):
        run.evaluate(hours()[:17])


@pytest.mark.usefixtures("no_pages")
def test_rows_marked_ignore_take_no_part(tmp_path):
    words = ["train"] * 150 + ["ignore"] * 20 + ["val"] * 40 + ["test"] * 50 + ["ignore"] * 40
    run = train(hours().with_columns(pl.Series("part", words)), tmp_path, split_column="part")
    assert run.metrics["windows"] == {"train": 150 - 17, "validation": 40 - 5, "test": 50 - 5}


def test_several_series_known_inputs_and_the_calendar(tmp_path):
    random = np.random.default_rng(0)
    parts = []
    for place, name in enumerate(("north", "south")):
        promo = random.integers(0, 2, 200)
        value = 10 * (place + 1) + 4 * promo + 0.1 * random.normal(size=200)
        day = [str(np.datetime64("2024-01-01") + step) for step in range(200)]
        parts.append(pl.DataFrame({"day": day, "shop": name, "sold": value, "promo": promo}))
    frame = pl.concat(parts).sample(fraction=1.0, shuffle=True, seed=0)
    settings = {"target": ["sold"], "time": "day", "series": "shop", "forecast__known": ["promo"]}
    run = train(frame, tmp_path, **settings, epochs=40, forecast__calendar=True, forecast__network="nlinear")
    assert run.metrics["test"]["rmse"] < 0.8  # 2 without knowing the promotions
    assert run.metrics["baseline"]["seasonal_naive"]["rmse"] > 2
    columns = ["shop", "origin", "day", "step", "sold"]
    assert run.predictions.columns[1:6] == columns
    coming = [
        pl.DataFrame(
            {"day": [f"2024-07-{19 + k}" for k in range(6)], "shop": name, "sold": None, "promo": [0, 1] * 3}
        )
        for name in ("north", "south")
    ]
    ahead = pl.concat([frame, *coming], how="vertical_relaxed")
    found = run.predict(ahead)
    assert found.shape == (2, 6)
    np.testing.assert_allclose(np.diff(found, axis=1), [[4, -4, 4, -4, 4]] * 2, atol=1.5)
    with pytest.raises(InputError, match=r"known columns \('promo'\) are there for 0 of 6 steps.*north"):
        run.predict(frame)


@pytest.mark.usefixtures("no_pages")
def test_gaps_missing_values_repeats_and_disorder_are_said(tmp_path):
    frame = hours()
    frame = frame.with_columns(
        pl.when(pl.int_range(300) == 50).then(None).otherwise(pl.col("load")).alias("load")
    )
    frame = pl.concat([frame[:100], frame[105:200], frame[199:], frame[20:22]])
    run = train(frame, tmp_path)
    found = {each["id"]: each["rows"] for each in run.findings}
    assert found == {"time_gaps": 5, "duplicate_times": 3, "unsorted_times": 1, "missing_values": 6}
    assert run.metrics["rows"]["test"] == 60


@pytest.mark.usefixtures("no_pages")
def test_times_of_several_columns_and_a_series_of_numbers(tmp_path):
    stamps = hours()["date"].str.to_datetime("%Y-%m-%d %H:%M")
    parts = {
        "year": stamps.dt.year(),
        "month": stamps.dt.month(),
        "day": stamps.dt.day(),
        "hour": stamps.dt.hour(),
    }
    frame = hours().select("load").with_columns(**parts)
    run = train(frame, tmp_path, time="year,month,day,hour")
    assert run.model.predict_frame(frame)["time"][0] == "2024-01-13 12:00:00"
    numbered = hours().select("load").with_row_index("n")
    run = train(numbered, tmp_path, "numbers", time="n")
    assert run.model.predict_frame(numbered)["n"].to_list() == [str(300 + step) for step in range(6)]


def test_refit_members_and_a_backtest(tmp_path):
    run = train(hours(), tmp_path, training__refit=True, members=2, forecast__backtest=2)
    assert run.metrics["members"] == 2
    folds = json.loads((run.folder / "evaluation.json").read_text())["forecast"]["backtest"]
    assert len(folds) == 2
    assert "Backtest" in (run.folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"horizon": 0}, r"forecast\.horizon: 0 is not allowed.*greater than or equal to 1"),
        ({"time": None}, "--time"),
        ({"time": "dat"}, "no column 'dat'.*did you mean 'date'"),
        ({"lookback": 400}, r"has 300 steps, fewer than look-back 400 plus horizon 6"),
        ({"horizon": 70}, "60 test rows have no window"),
        ({"series": "shop"}, "no column 'shop'"),
        ({"forecast__known": ["rain"]}, "no column 'rain'"),
        ({"forecast__known": ["load"]}, "'load' is a target and known ahead"),
        ({"target": ["date"]}, "is a target and the time"),
        ({"target": ["words"]}, "'words' is not numeric: it has 'a'"),
        ({"forecast__quantiles": [0.9, 0.1]}, "ascending"),
        ({"forecast__frequency": "5x"}, "no step of time"),
        ({"training__mixup": 0.2}, "forecasts have no use for"),
        ({"training__loss": "focal"}, "is for classes"),
        ({"split__method": "random"}, "cannot be split by random"),
        ({"network__kind": "tabm"}, "for tables"),
        ({"time": "words"}, "which is no time"),
    ],
)
def test_bad_input_is_told(settings, said, tmp_path):
    frame = hours().with_columns(words=pl.lit("a"))
    with pytest.raises(InputError, match=said):
        train(frame, tmp_path, **settings)
    assert not (tmp_path / "run").exists()


def test_a_damaged_model_is_refused(run, tmp_path):
    folder = nw.load(run.folder).save(tmp_path / "model")
    about = json.loads((folder / "network.json").read_text())
    assert nw.load(folder).predict(hours()).shape == (6, 2)
    for change, said in (
        ({"version": 2}, "version 2"),
        ({"sha256": "0"}, "damaged"),
        ({"point": "mode"}, "neither mean nor median"),
    ):
        (folder / "network.json").write_text(json.dumps(about | change))
        with pytest.raises(InputError, match=said):
            nw.load(folder)


def test_other_ways_than_training_say_so(tmp_path):
    with pytest.raises(InputError, match="made by netwright train"):
        nw.cross_validate(hours(), "load", time="date", horizon=6, progress=False, out=tmp_path / "cv")


@pytest.mark.usefixtures("no_pages")
def test_series_that_are_too_short_are_said(tmp_path):
    frame = pl.concat([hours().with_columns(of=pl.lit("long")), hours(10).with_columns(of=pl.lit("short"))])
    run = train(frame, tmp_path, series="of")
    assert [each["message"] for each in run.findings] == [
        "1 of 2 series are shorter than a look-back and a horizon: 'short'"
    ]
    with pytest.raises(InputError, match="the series 'short' has 10 steps, and the network looks back on 12"):
        run.predict(frame)
    assert run.predict(frame.filter(pl.col("of") == "long")).shape == (1, 6)


@pytest.mark.parametrize(
    "settings",
    [
        {"start_from": "runs/earlier"},
        {"pretrained": "some/network"},
        {"inputs__text__pretrained": "some/network"},
        {"group": "heat"},
        {"sensitive": ["heat"]},
        {"positive": "1"},
    ],
)
def test_what_would_change_nothing_is_refused(tmp_path, settings):
    with pytest.raises(InputError):
        train(hours(), tmp_path, **settings)
    assert not (tmp_path / "run").exists()
