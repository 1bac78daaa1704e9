"""`netwright check`."""

from __future__ import annotations

import polars as pl
import pytest


@pytest.fixture
def dirty(tmp_path):
    rows = 60
    frame = pl.DataFrame(
        {
            "x": [float(number % 7) for number in range(rows)],
            "empty": ["" for _ in range(rows)],
            "group": ["left", "right", None] * (rows // 3),
            "y": ["a", "b"] * (rows // 2),
        }
    )
    path = tmp_path / "dirty.csv"
    frame.write_csv(path)
    return path


def test_json_holds_findings_columns_and_split(netwright, dirty):
    result = netwright("check", dirty, "--target", "y", "--json")
    assert result.code == 0
    columns = {each["name"]: each for each in result.json["columns"]}
    assert set(columns) == {"x", "empty", "group"}
    assert columns["x"]["kind"] == "number"
    assert columns["empty"]["kind"] == "constant"
    assert columns["group"]["missing"] == 20
    assert sum(result.json["split"]["rows"].values()) == 60
    assert result.json["target"]["classes"] == ["a", "b"]
    severities = [each["severity"] for each in result.json["findings"]]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_text_tells_the_same_and_exits_0_with_findings(netwright, dirty):
    as_json = netwright("check", dirty, "--target", "y", "--json").json
    result = netwright("check", dirty, "--target", "y")
    assert result.code == 0
    assert "60 rows" in result.out
    for each in as_json["findings"]:
        assert each["message"][1:].rstrip(".") in result.out
    for each in as_json["columns"]:
        assert any(line.split()[:2] == [each["name"], each["kind"]] for line in result.out.splitlines())
    assert as_json["split"]["note"] in result.out


def test_findings_are_told_once(netwright, dirty):
    result = netwright("check", dirty, "--target", "y")
    assert "the checks found" not in result.err


def test_target_by_place_and_options(netwright, dirty):
    result = netwright("check", dirty, "--target", "-1", "--group", "x", "--positive", "a", "--json")
    assert result.json["target"]["columns"] == ["y"]
    assert result.json["target"]["positive"] == "a"
    assert result.json["split"]["method"] == "group"
