from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from netwright.errors import InputError, NetwrightError
from netwright.report import build, describe, results
from netwright.report.card import card
from netwright.report.record import Record

Files = Callable[..., dict[str, Any]]
Write = Callable[[Path, dict[str, Any]], Path]

VOID = {"meta", "br", "img", "link", "hr", "input"}


class Outline(HTMLParser):
    """Notes sections, ids, links and texts, and that each tag is closed in its turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []
        self.tags: set[str] = set()
        self.words = ""
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href") and not (value or "").startswith(("#", "data:")):
                self.outside.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += data


def page_of(folder: Path) -> Outline:
    return Outline(build(folder).read_text(encoding="utf-8"))


KINDS: dict[str, dict[str, Any]] = {
    "binary": {"rows": 3000},
    "multiclass": {"classes": 23, "columns": 80, "members": 3},
    "regression": {},
    "multilabel": {"targets": 3},
}


@pytest.mark.parametrize("task", KINDS)
def test_every_section_is_there_and_the_page_stands_alone(
    tmp_path: Path, write: Write, run_files: Files, task: str
) -> None:
    text = build(write(tmp_path, run_files(task, **KINDS[task]))).read_text(encoding="utf-8")
    page = Outline(text)
    wanted = {"summary", "scores", "importance", "slices", "findings", "data", "split", "network", "config"}
    wanted |= {"probabilities"} if task != "regression" else set()
    wanted |= {"errors"} if task != "multilabel" else set()
    wanted |= {"fairness"} if task == "binary" else set()
    assert wanted == set(page.ids) & (wanted | {"errors", "probabilities", "fairness"})
    assert page.outside == []
    assert "script" not in page.tags
    assert "@import" not in text
    assert len(page.ids) == len(set(page.ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) <= set(page.ids)


def test_building_again_gives_the_same_bytes(tmp_path: Path, write: Write, run_files: Files) -> None:
    write(tmp_path, run_files("binary", members=2))
    build(tmp_path)
    first = [(tmp_path / name).read_bytes() for name in ("report.html", "model_card.md")]
    build(tmp_path)
    assert first == [(tmp_path / name).read_bytes() for name in ("report.html", "model_card.md")]


def test_score_stands_beside_interval_and_baselines(tmp_path: Path, write: Write, run_files: Files) -> None:
    said = card(Record.read(write(tmp_path, run_files())))
    assert "the network's accuracy is 0.8674 (95 % interval 0.8622 to 0.8725)" in said
    assert "better than the constant prediction (0.7638) and better than the linear model (0.8501)" in said


def test_a_network_no_better_than_its_baseline_is_called_so(
    tmp_path: Path, write: Write, run_files: Files
) -> None:
    files = run_files("regression")
    files["metrics.json"]["baseline"] = {"constant": {"rmse": 0.3}, "linear": {"rmse": 0.45}}
    files["metrics.json"]["margin"] = {"constant": [-0.2, -0.1], "linear": [-0.01, 0.03]}
    said = card(Record.read(write(tmp_path, files)))
    assert "worse than the constant prediction (0.3000)" in said
    assert "level with the linear model (0.4500, a difference within chance)" in said
    assert "The network is worse than the constant prediction" in said


def test_findings_come_worst_first_with_their_action(tmp_path: Path, write: Write, run_files: Files) -> None:
    files = run_files()
    page = Outline(describe.findings(Record.read(write(tmp_path, files))))
    places = [
        page.words.index(each["action"])
        for each in sorted(files["findings.json"], key=lambda f: f["severity"])
    ]
    error, note, warning = places
    assert error < warning < note
    assert "1,071 rows are equal to another one <b>." in page.words


def test_what_comes_from_files_is_never_markup(tmp_path: Path, write: Write, run_files: Files) -> None:
    nasty = "<script>alert(1)</script>\"'&</table>"
    files = run_files("multiclass", classes=3, class_names=[nasty, "$a$ b$", "\u4f01\u9e45 \x00"])
    for column in files["evaluation.json"]["columns"]:
        column |= {"name": nasty, "reason": nasty, "summary": nasty}
    files["findings.json"] = [
        {**files["findings.json"][0], "message": nasty, "action": nasty, "columns": [nasty]}
    ]
    files["evaluation.json"]["slices"][0]["description"] = nasty
    files["evaluation.json"]["importance"]["columns"][0]["name"] = nasty
    page = page_of(write(tmp_path, files))
    assert "script" not in page.tags
    assert nasty in page.words
    assert "<script>" not in (tmp_path / "model_card.md").read_text(encoding="utf-8").replace("\\<", "")


def test_only_config_and_metrics_are_needed(tmp_path: Path, write: Write, run_files: Files) -> None:
    files = run_files()
    page = page_of(write(tmp_path, {name: files[name] for name in ("config.yaml", "metrics.json")}))
    assert "0.8674" in page.words
    assert "importance" not in page.ids


def test_null_scores_and_empty_parts(tmp_path: Path, write: Write, run_files: Files) -> None:
    files = run_files()
    metrics = files["metrics.json"]
    metrics |= {"test": dict.fromkeys(metrics["test"]), "intervals": {}, "train": None}
    metrics |= {"baseline": {}, "margin": {}}
    empty = dict.fromkeys(files["evaluation.json"])
    files["evaluation.json"] = empty | {
        "not_computed": {"importance": "the time limit", "baseline": "one class"}
    }
    page = page_of(write(tmp_path, files))
    assert "The accuracy on the test rows could not be computed." in page.words
    assert "Importance was not computed: the time limit." in page.words
    assert "Baselines were not computed: one class." in page.words
    assert "nan" not in page.words.lower().split()


def test_many_columns_are_folded_and_counted(tmp_path: Path, write: Write, run_files: Files) -> None:
    record = Record.read(write(tmp_path, run_files(columns=80)))
    page = Outline(describe.data(record) + results.importance(record))
    assert "The first 20 of 80 columns are shown" in page.words
    assert "The top 20 of 80 columns are shown." in page.words
    assert "column_79" in page.words


def test_a_class_that_training_never_saw(tmp_path: Path, write: Write, run_files: Files) -> None:
    files = run_files("multiclass", classes=3)
    files["evaluation.json"]["confusion"]["counts"].append([4, 0, 1])
    assert "not in training" in results.errors(Record.read(write(tmp_path, files)))


def test_curves_see_the_positive_class(tmp_path: Path, write: Write, run_files: Files) -> None:
    files = run_files()
    files["predictions.csv"] = pl.DataFrame(
        {"row": [0, 1, 2], "income": ["<=50K", ">50K", None], "income_predicted": ["<=50K", ">50K", ">50K"]}
        | {"probability_<=50K": [0.9, 0.2, 0.4], "probability_>50K": [0.1, 0.8, 0.6]}
    )
    found = Record.read(write(tmp_path, files)).class_scores
    assert found is not None
    names, truth, scores = found
    assert names == [">50K"]
    assert truth[:, 0].tolist() == [False, True, False]
    assert scores[:, 0].tolist() == [0.1, 0.8, 0.6]


def test_classes_that_look_like_numbers_keep_their_text(
    tmp_path: Path, write: Write, run_files: Files
) -> None:
    files = run_files(class_names=["01", "02"])
    found = Record.read(write(tmp_path, files)).class_scores
    assert found is not None
    assert 0 < found[1].mean() < 1


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the folder of a finished run"):
        build(tmp_path)


@pytest.mark.parametrize("name", ["metrics.json", "findings.json", "evaluation.json"])
def test_damaged_file_is_named_and_the_old_report_stays(
    tmp_path: Path, write: Write, run_files: Files, name: str
) -> None:
    write(tmp_path, run_files())
    (tmp_path / "report.html").write_text("old")
    (tmp_path / name).write_text('{"version": ')
    with pytest.raises(InputError, match=name):
        build(tmp_path)
    assert (tmp_path / "report.html").read_text() == "old"
    assert not list(tmp_path.glob(".*"))


def test_a_report_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, write: Write, run_files: Files
) -> None:
    write(tmp_path, run_files())
    (tmp_path / "model_card.md").mkdir()
    with pytest.raises(NetwrightError, match="cannot write the report"):
        build(tmp_path)
    assert not list(tmp_path.glob(".*"))


def test_card_has_front_matter_that_yaml_reads(tmp_path: Path, write: Write, run_files: Files) -> None:
    _, front, body = card(Record.read(write(tmp_path, run_files()))).split("---\n", 2)
    metrics = yaml.safe_load(front)["model-index"][0]["results"][0]["metrics"]
    assert {"type": "accuracy", "value": 0.8674} in metrics
    for heading in (
        "Intended use",
        "Data",
        "Split",
        "Metrics",
        "Fairness",
        "Limitations",
        "How to use",
        "Versions",
    ):
        assert f"\n## {heading}\n" in body
    assert json.loads((tmp_path / "metrics.json").read_text())["versions"]["torch"] in body


def test_card_tables_keep_their_shape_with_odd_names(tmp_path: Path, write: Write, run_files: Files) -> None:
    record = Record.read(write(tmp_path, run_files(columns=2, column_names=["a|b", "c\nd"])))
    lines = card(record).splitlines()
    rows = [line for line in lines if line.startswith(("| a", "| c d"))]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows[:2]] == [5, 5]


def test_importance_that_ran_out_of_time(tmp_path: Path, write: Write, run_files: Files) -> None:
    files = run_files(columns=3)
    columns = files["evaluation.json"]["importance"]["columns"]
    columns[2] |= {"drop": None, "deviation": None}
    assert "1 of 3 columns could not be reached in time." in results.importance(
        Record.read(write(tmp_path, files))
    )
    for column in columns:
        column |= {"drop": None, "deviation": None}
    assert "No column was reached in time." in results.importance(Record.read(write(tmp_path, files)))


def test_slices_that_chance_explains_are_not_put_forward(
    tmp_path: Path, write: Write, run_files: Files
) -> None:
    files = run_files()
    for each in files["evaluation.json"]["slices"]:
        each["p_value"] = 0.4
    record = Record.read(write(tmp_path, files))
    assert "None of these is that clear." in results.slices(record)
    assert "Weaker where" not in card(record)


def test_metrics_without_a_task_are_called_damaged(tmp_path: Path, write: Write, run_files: Files) -> None:
    write(tmp_path, run_files("binary"))
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        build(tmp_path)
