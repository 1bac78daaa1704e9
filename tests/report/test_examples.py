"""The page's section on single rows."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netwright.report import build
from netwright.report.card import card
from netwright.report.examples import examples
from netwright.report.record import Record

Files = Callable[..., dict[str, Any]]
Write = Callable[[Path, dict[str, Any]], Path]
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


def example(**more: Any) -> dict[str, Any]:
    return {"row": 7, "name": None, "true": "ant", "predicted": "bee", "probability": 0.91, **more}


def column(kind: str, *shown: dict[str, Any], what: str = "mistakes", **more: Any) -> dict[str, Any]:
    group = {"what": what, "of": 9, "true": "ant", "predicted": "bee", "examples": list(shown)}
    return {"name": "x", "kind": kind, "about": "contents, cnn", "groups": [group], "changed": None, **more}


@pytest.fixture
def page(tmp_path: Path, write: Write, run_files: Files) -> Callable[..., str]:
    """The section of a run with these columns; pictures of the names in `files` lie there."""

    def made(*columns: dict[str, Any], files: tuple[str, ...] = (), task: str = "binary") -> str:
        return examples(Record.read(folder_of(tmp_path, write, run_files(task), columns, files)))

    return made


def folder_of(folder: Path, write: Write, files: dict[str, Any], columns: Any, names: Any) -> Path:
    write(folder, files)
    (folder / "examples").mkdir()
    for name in names:
        (folder / "examples" / name).write_bytes(PNG)
    (folder / "examples" / "examples.json").write_text(json.dumps({"version": 1, "columns": columns}))
    return folder


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_plain_table_has_no_such_section(tmp_path: Path, write: Write, run_files: Files) -> None:
    assert examples(Record.read(write(tmp_path, run_files()))) == ""


def test_a_picture_stands_above_its_prediction(page: Callable[..., str]) -> None:
    shown = example(name="a/b/three.png", picture="p.png", size=[96, 112])
    found = page(column("image", shown), files=("p.png",))
    assert f'src="data:image/png;base64,{base64.b64encode(PNG).decode()}" width="96" height="112"' in found
    assert 'alt="picture of row 7: predicted bee, true ant"' in found
    assert "bee 91.0 % true ant row 7 · three.png" in plain(found)
    assert "1 of 9 rows that are wrong" in plain(found)


def test_a_right_prediction_needs_no_truth_beside_it(page: Callable[..., str]) -> None:
    shown = example(true="bee", picture="p.png", size=[9, 9])
    found = page(column("image", shown, what="typical"), files=("p.png",))
    assert "true" not in plain(re.sub(r'alt="[^"]*"', "", found))
    assert "wrong" not in re.sub("No test row is wrong", "", found)
    assert "No test row is wrong." in plain(found)


def test_pairs_of_classes_and_errors_of_numbers_are_headed(page: Callable[..., str]) -> None:
    found = page(column("series", example(series=[[1.0, 2.0]], steps=2), what="confused", channels=["x"]))
    assert "“ant” taken for “bee”" in found


def test_errors_of_numbers(page: Callable[..., str]) -> None:
    shown = example(true="3", predicted="4.5", probability=None, series=[[1.0, 2.0]], steps=2)
    found = page(column("series", shown, what="errors", channels=["x"]), task="regression")
    assert "Largest errors" in found
    assert "4.5 true 3 row 7" in plain(found)
    assert 'class="wrong"' not in found  # a number is never quite right


def test_series_are_drawn_in_one_range_and_broken_where_values_are_missing(page: Callable[..., str]) -> None:
    whole = example(series=[[0.0, 10.0, 0.0, 5.0, 5.0]], steps=5)
    short = example(series=[[5.0, None, 10.0]], steps=3)
    found = page(column("series", whole, short, channels=["x"]))
    first, second = re.findall(r'<path d="([^"]*)"', found)
    assert first == "M0.0 80.0L50.0 0.0L100.0 80.0L150.0 40.0L200.0 40.0"
    assert second == "M0.0 40.0M120.0 0.0"
    assert "from 0 to 10" in found


def test_words_are_marked_by_their_weight(page: Callable[..., str]) -> None:
    words = [["good", 0.2], ["but", -0.1], ["the", 0.001], ["film", None]]
    found = page(column("text", example(words=words, more=12)))
    shown = found[found.index('class="words"') :]
    marks = re.findall(r'<mark class="(\w+)" style="background:rgba\(([\d,]+),([\d.]+)\)">(\w+)<', shown)
    assert [(look, word) for look, _, _, word in marks] == [("for", "good"), ("against", "but")]
    assert float(marks[0][2]) > float(marks[1][2])
    assert marks[0][1] != marks[1][1]
    assert "good but the film … 12 more words" in plain(shown)
    assert "for it: good +20 points; against it: but -10 points" in plain(shown)


def test_weights_of_nothing_mark_nothing(page: Callable[..., str]) -> None:
    found = page(column("text", example(words=[["sure", 1e-7], ["thing", -2e-7]])))
    assert "<mark" not in found[found.index('class="words"') :]


def test_what_is_missing_is_said(page: Callable[..., str]) -> None:
    assert "missing" in plain(page(column("image", example()), column("text", example())))


def test_a_picture_that_is_not_there_is_not_asked_for(page: Callable[..., str]) -> None:
    found = page(column("sound", example(picture="no.png", size=[9, 9], seconds=0.5), highest=4000, bands=8))
    assert "<img" not in found
    assert "not drawn" in found


def test_the_sheet_of_changes(page: Callable[..., str]) -> None:
    changed = {"picture": "c.png", "size": [600, 400]}
    found = page(column("image", example(), changed=changed), files=("c.png",))
    assert "Changed while learning" in found
    assert 'width="600" height="400" alt="training pictures beside' in found


def test_whatever_stands_in_the_data_is_never_markup(page: Callable[..., str]) -> None:
    nasty = "<script>alert(1)</script>\"'"
    shown = example(name=nasty, true=nasty, predicted=nasty + "2", picture="p.png", size=[9, 9])
    words = example(words=[[nasty, 0.5]], true=nasty)
    columns = [column("image", shown), column("text", words)]
    for each in columns:
        each |= {"name": nasty, "about": nasty}
        each["groups"][0] |= {"what": "confused", "true": nasty, "predicted": nasty}
    assert "<script" not in page(*columns, files=("p.png",))


def test_the_page_is_the_same_each_time_and_needs_no_file(
    tmp_path: Path, write: Write, run_files: Files
) -> None:
    shown = [example(row=row, picture=f"{row}.png", size=[9, 9]) for row in range(3)]
    files = [f"{row}.png" for row in range(3)]
    folder = folder_of(tmp_path, write, run_files(), [column("image", *shown)], files)
    first = build(folder).read_bytes()
    assert build(folder).read_bytes() == first
    assert b'id="examples"' in first
    assert not re.search(rb'(?:src|href)="(?!#|data:)', first)


@pytest.mark.parametrize(
    ("kinds", "tag", "words"),
    [
        (["image"], "image-classification", "from pictures like those that it was trained on"),
        (["sound", "id"], "audio-classification", "from sounds like those"),
        (["text", "number"], "tabular-classification", "trained on, texts among them"),
        (["number"], "tabular-classification", "like the one it was trained on (binary"),
    ],
)
def test_the_card_tells_the_kind(
    tmp_path: Path, write: Write, run_files: Files, kinds: list[str], tag: str, words: str
) -> None:
    files = run_files(columns=len(kinds))
    for each, kind in zip(files["evaluation.json"]["columns"], kinds, strict=True):
        each |= {"kind": kind, "summary": "28 x 28 grey pictures, cnn"}
    said = card(Record.read(write(tmp_path, files)))
    assert f"- {tag}\n" in said
    assert words in said
    assert (f"{kinds[0]} (28 x 28 grey pictures, cnn)" in said) == (kinds[0] != "number")
