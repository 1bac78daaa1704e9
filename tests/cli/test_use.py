"""`netwright evaluate`, `predict`, `report` and `compare`: what is done with finished runs."""

from __future__ import annotations

import io
import json
import shutil

import polars as pl
import pytest
from sklearn.metrics import accuracy_score

import netwright as nw
from netwright.cli.compare import differing, flat

COLUMNS = ["customer_id", "bought", "probability_no", "probability_yes"]


def test_evaluate_gives_all_metrics(netwright, run, table):
    result = netwright("evaluate", run, table, "--json")
    assert result.code == 0
    assert result.json["rows"] == 160
    truth = pl.read_csv(table)["bought"].to_list()
    assert result.json["metrics"]["accuracy"] == pytest.approx(
        accuracy_score(truth, nw.load(run).predict(table))
    )
    assert result.json["per_class"]["yes"]["support"] == truth.count("yes")
    text = netwright("evaluate", run, table).out
    assert f"accuracy           {result.json['metrics']['accuracy']:.4f}" in text
    assert "\n  yes " in text


def test_evaluate_takes_a_saved_model_too(netwright, run, table):
    assert netwright("evaluate", run / "model", table).out == netwright("evaluate", run, table).out


def test_evaluate_says_what_is_odd_about_the_rows(netwright, run, table, tmp_path):
    frame = pl.read_csv(table).with_columns(
        pl.when(pl.int_range(pl.len()) < 5).then(None).otherwise("bought").alias("bought"),
        pl.lit("Rome").alias("city"),
        pl.lit(1).alias("shoe_size"),
    )
    frame = frame.with_columns(pl.when(pl.col("bought").is_not_null()).then(pl.lit("no")).alias("bought"))
    frame.write_csv(tmp_path / "odd.csv")
    result = netwright("evaluate", run, tmp_path / "odd.csv", "--json")
    assert result.json["rows"] == 155
    assert result.json["metrics"]["roc_auc"] is None
    assert {each["id"] for each in result.json["findings"]} >= {"extra_columns", "unknown_values"}
    assert "shoe_size" in result.err
    assert "5 rows without a target left out" in result.err


def test_evaluate_needs_the_columns(netwright, run, table, tmp_path):
    pl.read_csv(table).drop("age").write_csv(tmp_path / "short.csv")
    result = netwright("evaluate", run, tmp_path / "short.csv")
    assert result.code == 2
    assert "'age'" in result.err


READERS = {
    ".csv": pl.read_csv,
    ".tsv": lambda path: pl.read_csv(path, separator="\t"),
    ".parquet": pl.read_parquet,
    ".jsonl": pl.read_ndjson,
    ".ndjson": pl.read_ndjson,
    ".arrow": pl.read_ipc,
    ".feather": pl.read_ipc,
}


def test_models_by_hand_are_for_python(netwright, table, tmp_path):
    model = nw.Sequential([nw.layers.Dense(1, input_dim=2)])
    model.save(tmp_path / "model")
    done = netwright("predict", tmp_path / "model", table, "-o", tmp_path / "out.csv")
    assert done.code == 2
    assert "a model of layers by hand, which takes arrays and not tables" in done.err


@pytest.mark.parametrize("ending", READERS)
def test_predict_writes_the_format_of_the_ending(netwright, run, table, tmp_path, ending):
    path = tmp_path / f"out{ending}"
    result = netwright("predict", run, table, "-o", path)
    assert result == (0, "", f"160 predictions written to {path}\n")
    frame = READERS[ending](path)
    assert set(frame.columns) == set(COLUMNS)
    assert frame["customer_id"].to_list() == pl.read_csv(table)["customer_id"].to_list()
    assert frame["bought"].to_list() == nw.load(run).predict(table).tolist()
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_predict_prints_csv_without_a_file(netwright, run, table):
    result = netwright("predict", run, table)
    frame = pl.read_csv(io.StringIO(result.out))
    assert frame.height == 160
    assert set(frame.columns) == set(COLUMNS)
    probabilities = frame["probability_no"] + frame["probability_yes"]
    assert probabilities.to_list() == pytest.approx([1.0] * 160, abs=1e-5)


def test_predict_as_json(netwright, run, table, tmp_path):
    printed = netwright("predict", run, table, "--json").json
    assert len(printed["predictions"]) == printed["rows"] == 160
    written = netwright("predict", run, table, "-o", tmp_path / "p.csv", "--json").json
    assert written["file"] == str(tmp_path / "p.csv")
    assert "predictions" not in written


def test_predict_needs_no_target_and_no_id(netwright, run, table, tmp_path):
    pl.read_csv(table).drop("bought", "customer_id").write_csv(tmp_path / "new.csv")
    result = netwright("predict", run, tmp_path / "new.csv")
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 161


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("p.xlsx", ".parquet"),
        ("p.parqet", "is .parquet meant"),
        ("p", ".parquet"),
        ("there.csv", "--overwrite"),
    ],
)
def test_predict_refuses_before_the_work(netwright, table, tmp_path, name, said):
    (tmp_path / "there.csv").write_text("mine")
    result = netwright("predict", tmp_path / "no_run", table, "-o", tmp_path / name)
    assert result.code == 2
    assert said in result.err
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_predict_overwrites_only_when_asked(netwright, run, table, tmp_path):
    path = tmp_path / "there.csv"
    path.write_text("mine")
    assert netwright("predict", run, table, "-o", path, "--overwrite").code == 0
    assert pl.read_csv(path).height == 160


def test_predict_in_a_folder_that_cannot_be_written(netwright, run, table, tmp_path):
    (tmp_path / "file").write_text("")
    result = netwright("predict", run, table, "-o", tmp_path / "file" / "p.csv")
    assert result.code == 2
    assert "p.csv" in result.err
    assert "--debug" not in result.err


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_no_such_run(netwright, table, tmp_path, command):
    result = netwright(command, tmp_path / "nothere", table)
    assert result.code == 2
    assert "nothere" in result.err


def test_report_is_made_again(netwright, run):
    (run / "report.html").unlink()
    (run / "model_card.md").unlink()
    result = netwright("report", run, "--json")
    assert result.json["report"] == str(run / "report.html")
    assert "bought" in (run / "report.html").read_text()
    assert "bought" in (run / "model_card.md").read_text()


def test_compare_tells_scores_and_only_what_differs(netwright, run, other_run):
    result = netwright("compare", run, other_run)
    assert result.code == 0
    assert result.err == ""
    _, settings = result.out.split("settings")
    (line,) = settings.splitlines()[1:]
    assert line.split() == ["training.learning_rate", "0.003", "0.01"]
    for folder in (run, other_run):
        accuracy = json.loads((folder / "metrics.json").read_text())["test"]["accuracy"]
        assert f"{folder} " in result.out
        assert f"{accuracy:.4f}" in result.out


def test_compare_as_json(netwright, run, other_run):
    result = netwright("compare", run, other_run, "--json").json
    assert [each["run"] for each in result["runs"]] == [str(run), str(other_run)]
    assert result["same_test_rows"]
    assert result["differences"] == {"training.learning_rate": [0.003, 0.01]}
    assert result["runs"][0]["headline"] == "accuracy"


def test_compare_warns_of_other_test_rows(netwright, run, other_run, tmp_path):
    moved = shutil.copytree(other_run, tmp_path / "moved")
    predictions = pl.read_csv(moved / "predictions.csv")
    predictions.with_columns(pl.col("row") + 1).write_csv(moved / "predictions.csv")
    assert "different test rows" in netwright("compare", run, moved).err


def test_compare_needs_two(netwright, run):
    result = netwright("compare", run)
    assert result.code == 2
    assert "two" in result.err


def test_differing_keys_of_free_mappings():
    configs = [flat({"data": {"kinds": {"a": "number"}}, "x": [1]}), flat({"data": {"kinds": {}}, "x": [1]})]
    assert differing(configs) == {"data.kinds.a": ["number", None]}
