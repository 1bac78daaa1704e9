from __future__ import annotations

import json

import numpy as np
import pytest
from torch import nn

import netwright as nw
from netwright.doctor import words
from netwright.doctor.checks import AFTER, BEFORE
from netwright.doctor.diagnosis import Diagnosis, Examination, Fix, NotChecked, ranked
from netwright.errors import InputError

RATE = Diagnosis(
    "rate_too_high",
    "error",
    "steps are 41 % of the weights' size in layer fc1",
    {"ratio": 0.41234, "layer": "fc1", "series": {"ratio": [0.1, 0.4]}, "line": 0.1},
    "the learning rate is too high",
    Fix("try a tenth", {"training.learning_rate": 0.001}),
    epoch=3,
)
DEAD = Diagnosis(
    "dead_units", "warning", "fc1.weight feeds 60 dead units", {}, "the rate", Fix("start again"), member=1
)
DRIFT = Diagnosis("drift", "note", "column age <i>differs</i>", {}, "time", Fix("split by time"))
MISSED = [
    NotChecked("label_errors", "there are no validation rows"),
    NotChecked("padding", "there are no texts"),
    NotChecked("weak_slice", "there are no validation rows"),
]


def examined() -> Examination:
    return Examination(ranked([DRIFT, DEAD, RATE]), MISSED)


def test_what_to_begin_with_stands_first_and_in_full():
    assert str(Examination(ranked([DRIFT, DEAD, RATE]), MISSED)).splitlines() == [
        "Error: A learning rate that is too high (rate_too_high):",
        "  Steps are 41 % of the weights' size in layer fc1.",
        "  Seen in: epoch 3",
        "  Evidence: ratio 0.4123, layer fc1",
        "  Likely cause: The learning rate is too high.",
        "  What to do: Try a tenth.",
        "  As options: --set training.learning_rate=0.001",
        "  More: netwright doctor --explain rate_too_high",
        "",
        "Also seen:",
        "  warning  dead_units (member 1): fc1.weight feeds 60 dead units. Start again.",
        "  note  drift: Column age <i>differs</i>.",
        "",
        "Not checked:",
        "  label_errors, weak_slice: there are no validation rows",
        "  padding: there are no texts",
    ]


def test_notes_alone_do_no_harm_and_nothing_is_nothing():
    noted = str(Examination(ranked([DRIFT])))
    assert noted.startswith("The doctor found nothing that does harm.\n\nAlso seen:\n  note  drift")
    assert str(Examination()) == "The doctor found nothing wrong."


def test_lines_are_no_longer_than_asked_for():
    long = Diagnosis("drift", "error", "word " * 60, {"rows": list(range(90))}, "why " * 60, Fix("do " * 60))
    said = words.told(Examination(ranked([long]), MISSED), 60)
    assert max(map(len, said.splitlines())) <= 60
    assert "and 84 more" in said.replace("\n    ", " ")
    assert len(words.told(Examination(ranked([long])), None).splitlines()) == 6


def test_a_notebook_is_shown_the_same_escaped():
    page = examined()._repr_html_()
    assert "<i>differs" not in page
    assert "&lt;i&gt;differs" in page
    assert page.index("rate_too_high") < page.index("dead_units") < page.index("drift")
    assert "label_errors, weak_slice: there are no validation rows" in page
    assert "nothing wrong" in Examination()._repr_html_()


def test_what_was_written_is_read_again(tmp_path):
    path = tmp_path / "diagnoses.json"
    path.write_text(json.dumps(examined().as_dict()))
    assert Examination.read(path) == examined()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"diagnoses": [{"id": "x"}], "not_checked": []}'])
def test_a_damaged_file_is_told(tmp_path, text):
    path = tmp_path / "diagnoses.json"
    path.write_text(text)
    with pytest.raises(InputError, match="damaged"):
        Examination.read(path)


def test_a_symptom_of_another_version_is_told(tmp_path):
    content = examined().as_dict()
    content["diagnoses"][0]["id"] = "unheard_of"
    path = tmp_path / "diagnoses.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="another version"):
        Examination.read(path)


@pytest.fixture
def checks(monkeypatch):
    """No checks but these: one before the first step, and one after the last."""
    for each in (BEFORE, AFTER):
        for id in list(each):
            monkeypatch.delitem(each, id)
    monkeypatch.setitem(BEFORE, "drift", lambda case: [])
    monkeypatch.setitem(AFTER, "rate_too_high", lambda case, record: [])
    return monkeypatch


def trained(**settings) -> None:
    x = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
    doctor = nw.callbacks.Doctor(**settings)
    nw.Trainer(nn.Linear(2, 1), "mse", callbacks=[doctor]).fit(x, x.sum(1), epochs=1, verbose=0)


def test_the_callback_prints_what_is_found_before_and_after(checks, capsys):
    warning = Diagnosis("drift", "warning", "age differs", {}, "time", Fix("split by time"))
    checks.setitem(BEFORE, "drift", lambda case: [warning])
    trained()
    first, second = capsys.readouterr().out.split("Warning: Parts that are not alike (drift):")[:2]
    assert first == "Before the first step:\n\n"
    assert "Age differs." in second
    trained(verbose=0)
    assert capsys.readouterr().out == ""


def test_the_callback_says_so_where_nothing_is_wrong(checks, capsys):
    trained()
    assert capsys.readouterr().out == "The doctor found nothing wrong.\n"


def test_the_first_member_is_not_named_and_others_are():
    assert words.place(DEAD) == "member 1"
    assert words.place(Diagnosis("drift", "note", "x", {}, "y", Fix("z"), member=0, epoch=2)) == "epoch 2"
