from __future__ import annotations

import re
import subprocess
import sys

import pytest

from netwright.config import Config
from netwright.doctor.catalogue import FAMILIES, SYMPTOMS
from netwright.doctor.checks import AFTER, BEFORE

KEY = re.compile(r"\b(?:data|split|inputs|network|training|ensemble)\.[a-z_.]+[a-z]")


def test_ranks_are_places_and_families_follow_each_other():
    assert [each.rank for each in SYMPTOMS.values()] == list(range(40))
    order = list(FAMILIES)
    places = [order.index(each.family) for each in SYMPTOMS.values()]
    assert places == sorted(places)
    assert set(places) == set(range(len(order)))


@pytest.mark.parametrize("id", SYMPTOMS)
def test_everything_is_told_of_a_symptom(id):
    symptom = SYMPTOMS[id]
    assert symptom.id == id
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", id)
    for words in (symptom.title, symptom.what, symptom.looks, symptom.why, symptom.source):
        assert words
        assert words[0] == words[0].upper() or words[0].isalpha()
    assert not symptom.title.endswith(".")
    for words in (symptom.what, symptom.looks, symptom.why, *symptom.todo):
        assert words.endswith((".", "?"))
    assert symptom.todo
    assert re.search(r"\((19|20)\d\d\)|\(\d{4}\)", symptom.source)


def test_settings_that_are_named_exist():
    text = " ".join(" ".join(each.todo) for each in SYMPTOMS.values())
    named = set(KEY.findall(text))
    assert len(named) > 20
    for key in named:
        section = Config()
        for part in key.split("."):
            assert part in type(section).model_fields, key
            section = getattr(section, part)


def test_values_that_are_named_are_taken():
    text = " ".join(" ".join(each.todo) for each in SYMPTOMS.values())
    given = re.findall(rf"({KEY.pattern}): ([a-z_][a-z_0-9]*|\d+(?:\.\d+)?)", text)
    assert len(given) > 20
    for key, value in given:
        Config().with_values([f"{key}={value}"])


def test_checks_look_for_symptoms_that_are_known():
    assert {*BEFORE, *AFTER} <= set(SYMPTOMS)


def test_it_is_told_when_checks_are_made():
    for id in {*BEFORE, *AFTER}:
        when = {"before": [True, False], "both": [True, True]}.get(SYMPTOMS[id].when, [False, True])
        assert [id in BEFORE, id in AFTER] == when, id


def test_the_catalogue_is_light():
    code = "import sys, netwright.doctor.catalogue, netwright.doctor.diagnosis; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "numpy", "polars", "pydantic"} & set(loaded.split())
