from __future__ import annotations

import re
from pathlib import Path

import pytest

from netwright.doctor.catalogue import SYMPTOMS
from netwright.doctor.pages import page, pages, write

FOLDER = Path(__file__).parents[2] / "docs" / "symptoms"


def test_the_pages_of_the_repository_are_those_of_the_catalogue():
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert kept == pages(), "run: python -m netwright.doctor.pages docs/symptoms"


@pytest.mark.parametrize("name", pages())
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)]+)\)", pages()[name]):
        assert (FOLDER / target).exists(), target


def test_the_index_has_each_symptom_once():
    index = pages()["README.md"]
    assert re.findall(r"^\| \[(\w+)\]\(\1\.md\) \|", index, re.MULTILINE) == list(SYMPTOMS)


def test_settings_are_code_with_their_values():
    text = page(SYMPTOMS["class_imbalance"])
    assert "Weigh the classes (`training.class_weights: balanced`) or" in text
    assert "`training.logit_adjustment: 1`)" in text
    assert text.count("`") % 2 == 0


def test_pages_are_written(tmp_path):
    write(tmp_path / "new")
    assert {path.name for path in (tmp_path / "new").iterdir()} == {
        "README.md",
        *(f"{id}.md" for id in SYMPTOMS),
    }
