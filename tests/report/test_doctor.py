from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netwright.doctor.diagnosis import Diagnosis, Examination, Fix, NotChecked, ranked
from netwright.report import build, plots
from netwright.report.card import card
from netwright.report.record import Record
from netwright.runs.run import Run

LOSS = [2.3, 2.1, 5.0, 9.0, float("nan"), 40.0]
RATE = Diagnosis(
    "rate_too_high",
    "error",
    "steps are 41 % of the weights' size in layer <fc1>",
    {"ratio": 0.41234, "layer": "<fc1>", "series": {"train_loss": LOSS}, "line": 2.5},
    "the learning rate is too high",
    Fix("try a tenth of the rate", {"training.learning_rate": 0.001}),
    epoch=3,
)
DEAD = Diagnosis(
    "dead_units",
    "warning",
    "60 of 64 units of fc1 are dead",
    {"dead": 60, "series": {"dead share": [0.1, 0.9], "on share": [0.6, 0.1]}},
    "the rate",
    Fix("start again"),
)
DRIFT = Diagnosis("drift", "note", "age differs between parts", {}, "time", Fix("split by time"))
MISSED = [NotChecked("padding", "there are no texts"), NotChecked("unshuffled", "there are no texts")]


def files(run_files, examination: Examination) -> dict[str, Any]:
    return run_files() | {"diagnoses.json": examination.as_dict()}


def section(page: str) -> str:
    found = re.search(r'<section id="doctor">.*?</section>', page, re.DOTALL)
    return found[0] if found else ""


@pytest.fixture
def folder(tmp_path, write, run_files) -> Path:
    return write(tmp_path / "run", files(run_files, Examination(ranked([DRIFT, DEAD, RATE]), MISSED)))


def test_the_primary_diagnosis_stands_first_with_its_plot(folder):
    inside = section(build(folder).read_text())
    articles = inside.split("<article")[1:]
    assert [re.search(r'finding (\w+)"', each)[1] for each in articles] == ["error", "warning", "note"]
    first, second, third = articles
    assert "Steps are 41 % of the weights&#x27; size in layer &lt;fc1&gt;." in first
    assert "Likely cause: The learning rate is too high." in first
    assert "What to do: Try a tenth of the rate." in first
    assert "--set training.learning_rate=0.001" in first
    assert "ratio 0.4123, layer &lt;fc1&gt;" in first
    assert "epoch 3" in first
    assert first.count("<svg") == 1
    assert first.index("<svg") > first.index("ratio")
    assert "<details><summary>Plot</summary>" in second
    assert "<svg" not in third
    assert "Also seen" in first  # the heading stands between the first and the others
    assert "Also seen" not in second


def test_what_was_not_looked_for_is_folded_away_by_reason(folder):
    inside = section(build(folder).read_text())
    words = "<details><summary>Not checked: 2</summary>"
    assert f'{words}<ul class="small"><li><code>padding</code>, <code>unshuffled</code>: there' in inside


def test_the_summary_and_the_card_tell_it(folder):
    page = build(folder).read_text()
    told = "The doctor gave 1 error and 1 warning; begin with: Steps are 41 %"
    assert told in page.partition('id="scores"')[0]
    assert '<li class="error">The doctor gave' in page
    assert '<a href="#doctor">' in page
    text = card(Record.read(folder))
    network, limits = (
        text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        for name in ("Network and training", "Limitations")
    )
    assert told in network
    assert "60 of 64 units of fc1 are dead. Start again." in limits
    assert "age differs" not in limits


def test_a_healthy_training_is_told_so(tmp_path, write, run_files):
    healthy = write(tmp_path / "run", files(run_files, Examination(ranked([DRIFT]))))
    page = build(healthy).read_text()
    assert "<li>The doctor found nothing that does harm." in page
    assert "Also seen" in section(page)
    assert "Not checked" not in section(page)


def test_without_a_doctor_the_page_has_no_such_section(tmp_path, write, run_files):
    page = build(write(tmp_path / "run", run_files())).read_text()
    assert not section(page)
    assert "The doctor" not in page


def test_a_plot_shows_its_figures_with_gaps_and_the_threshold():
    (axes,) = plots.evidence_lines({"train_loss": LOSS, "other": [None, 1.0]}, 2.5, "title", "epoch").axes
    lines = {line.get_label(): np.asarray(line.get_ydata(), float) for line in axes.lines}
    np.testing.assert_array_equal(lines["train loss"], LOSS)
    np.testing.assert_array_equal(lines["other"], [np.nan, 1.0])
    assert set(lines["threshold"]) == {2.5}
    assert axes.get_yscale() == "log"
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3, 4, 5, 6]


def test_a_threshold_of_zero_is_not_drawn_on_a_logarithmic_scale():
    (axes,) = plots.evidence_lines({"loss": [1.0, 100.0]}, 0.0, "title", "epoch").axes
    assert len(axes.lines) == 1


def test_a_run_has_its_diagnoses(folder):
    (folder / "log.txt").touch()
    run = Run(folder)
    assert [each["id"] for each in run.diagnoses] == ["rate_too_high", "dead_units", "drift"]
    assert repr(run).endswith("accuracy 0.8674, doctor: rate_too_high)")
    (folder / "diagnoses.json").unlink()
    assert Run(folder).diagnoses == []
    assert repr(Run(folder)).endswith("accuracy 0.8674)")


def test_figures_that_are_no_numbers_come_back(folder):
    content = json.loads((folder / "diagnoses.json").read_text())
    assert len(content["diagnoses"][0]["evidence"]["series"]["train_loss"]) == len(LOSS)
    assert Record.read(folder).examination.primary.evidence["ratio"] == 0.41234
