"""`netwright init`: the config loads, trains, and says what each key does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.cli.commented import commented, entry
from netwright.config import Config


def leaves(schema: dict[str, Any], definitions: dict[str, Any]) -> list[str]:
    found = []
    for key, about in schema["properties"].items():
        if "$ref" in about:
            found += leaves(definitions[about["$ref"].rpartition("/")[2]], definitions)
        else:
            found.append(key)
    return found


def test_every_key_is_there_with_its_words_and_what_is_allowed():
    text = commented(Config(), {})
    schema = Config.model_json_schema()
    for key in leaves(schema, schema["$defs"]):
        assert f"  {key}:" in text
    assert "# [cosine, constant, linear, step, exponential]" in text
    assert "# units of a layer [from 1 to 8192, auto]" in text
    assert "share of the rows for the test [from 0 below 1]" in text
    assert max(map(len, text.splitlines())) <= 110


def test_a_config_survives():
    config = Config.parse(
        {
            "data": {
                "path": "a: b #c.csv",
                "target": ["y, z", "null"],
                "kinds": {"# odd: name": "number", "yes": "category", "": "id", "a\nb": "text"},
                "clean": {"spellings": {"city": {"NYC": "New York"}}},
            },
            "training": {"class_weights": {"no": 1.0, "yes": 2.5}, "patience": None},
            "inputs": {"columns": {"age": {"bins": 4}}},
        }
    )
    assert Config.parse(yaml.safe_load(commented(config, {"data.kinds.yes": "2 values\n# odd"}))) == config


@settings(deadline=None, max_examples=50)
@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], include_characters="\n\t"), max_size=200
    ),
    st.none()
    | st.booleans()
    | st.integers()
    | st.text("ab #:'\"\n", max_size=20)
    | st.lists(st.text("a,]", max_size=3)),
)
def test_any_key_and_value_survive(key, value):
    assert yaml.safe_load("section:\n" + entry(key, value, "  ")) == {"section": {key: value}}


@pytest.mark.usefixtures("no_pages")
def test_written_config_loads_and_trains(netwright, table, tmp_path):
    path = tmp_path / "run.yaml"
    written = netwright("init", table, "--target", "bought", "-o", path, "--set", "network.width=4")
    assert written.code == 0
    assert written.out == ""
    config = Config.load(path)
    assert config.data.kinds == {"customer_id": "id", "age": "number", "income": "number", "city": "category"}
    assert config.data.task == "binary"
    assert config.data.read.separator == ","
    assert config.network.width == 4
    assert config.network.depth == "auto"
    options = ["--effort", "quick", "--epochs", "1", "--set", "doctor.watch=false", "--json"]
    trained = netwright("train", "--config", path, "--out", tmp_path / "run", *options)
    assert trained.code == 0, trained.err
    assert trained.json["metrics"]["classes"] == ["no", "yes"] or trained.json["metrics"]["positive"] == "no"


def test_an_existing_file_is_kept(netwright, table, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("mine")
    assert netwright("init", table, "--target", "bought", "-o", path).code == 2
    assert path.read_text() == "mine"
    assert netwright("init", table, "--target", "bought", "-o", path, "--overwrite").code == 0
    assert Config.load(path).data.target == ["bought"]


def test_stdout_holds_the_config_alone(netwright, table):
    result = netwright("init", table, "--target", "bought")
    assert Config.parse(yaml.safe_load(result.out)).data.target == ["bought"]


def test_json(netwright, table):
    result = netwright("init", table, "--target", "bought", "--json")
    assert result.json["file"] is None
    assert result.json["config"]["data"]["kinds"]["city"] == "category"


def test_schema(netwright):
    result = netwright("init", "--schema")
    assert result.code == 0
    assert json.loads(result.out) == Config.model_json_schema()


@pytest.mark.parametrize("arguments", [["--target", "y"], []])
def test_no_data(netwright, arguments):
    result = netwright("init", *arguments)
    assert result.code == 2
    assert "no data was given" in result.err
