"""What a finished network says of pictures, sounds and series that are brought to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

import netwright as nw
from netwright.errors import InputError
from netwright.runs.model import check_columns

QUICK = {
    "epochs": 1,
    "effort": "quick",
    "progress": False,
    "training__precision": "float32",
    "inputs__image__size": 4,
    "inputs__series__width": 4,
    "doctor__watch": False,
}
DAMAGED = b"\x89PNG\r\n\x1a\n and no more"


@pytest.fixture(autouse=True, scope="module")
def no_pages():
    """Drawing takes most of the time of a run this small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netwright.report.build", lambda folder: folder)
        yield


def pictures(folder: Path, count: int = 30) -> Path:
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (8, 8), dtype=np.uint8)).save(path)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> nw.Run:
    folder = tmp_path_factory.mktemp("set")
    return nw.train(pictures(folder / "set"), out=folder / "run", **QUICK)


def test_predictions_name_the_files(run, tmp_path):
    frame = run.model.predict_frame(pictures(tmp_path / "new", 4))
    assert frame.columns[:2] == ["image", "label"]
    assert frame["image"].to_list() == ["a/0.png", "a/2.png", "b/1.png", "b/3.png"]
    tested = run.predictions
    assert tested.columns[:3] == ["row", "image", "label"]
    assert all(file.startswith(label) for file, label in tested.select("image", "label").rows())


def test_rows_of_a_test_folder_have_its_file_names(run, tmp_path):
    other = nw.train(
        pictures(tmp_path / "set"), test=str(pictures(tmp_path / "more", 6)), out=tmp_path / "run", **QUICK
    )
    assert sorted(other.predictions["image"]) == [
        "a/0.png",
        "a/2.png",
        "a/4.png",
        "b/1.png",
        "b/3.png",
        "b/5.png",
    ]


def test_arrays_have_no_names(run):
    assert run.model.predict_frame(np.zeros((2, 8, 8), dtype=np.uint8)).columns[0] == "label"


def test_parts_of_a_folder_are_nothing_to_say_of_when_it_is_predicted(run, tmp_path):
    for part in ("train", "val"):
        pictures(tmp_path / "new" / part, 4)
    table = run.model.read(str(tmp_path / "new"))
    assert [*table.findings, *check_columns(table, run.model.schema)] == []


def test_what_cannot_be_read_is_not_scored(run, tmp_path):
    folder = pictures(tmp_path / "new", 10)
    whole = run.evaluate(folder)
    (folder / "a" / "broken.png").write_bytes(DAMAGED)
    assert run.evaluate(folder) == whole
    shutil.rmtree(folder / "b")
    for path in (folder / "a").iterdir():
        path.write_bytes(DAMAGED)
    (folder / "b").mkdir()
    (folder / "b" / "1.png").write_bytes(DAMAGED)
    with pytest.raises(InputError, match="nothing can be read"):
        run.evaluate(folder)


def test_another_kind_of_data_is_named(run, tmp_path):
    for source, there in (
        (np.zeros((3, 9, 2)), "series"),
        ({"x": [1.0, 2.0]}, "none"),
    ):
        with pytest.raises(InputError, match=rf"reads pictures \(column 'image'\), and here are {there}"):
            run.predict(source)


def test_a_file_of_a_kind_that_is_not_read_is_said(run, tmp_path):
    (tmp_path / "song.wma").write_bytes(b"no table, by no means\n")
    with pytest.raises(InputError, match=r"files of the kind \.wma are not read"):
        run.predict(tmp_path / "song.wma")


def test_series_and_texts_are_named_too(tmp_path):
    steps = np.arange(10)
    long = pl.DataFrame(
        {
            "machine": np.repeat([f"m{number}" for number in range(24)], 10),
            "step": np.tile(steps, 24),
            "value": np.concatenate([np.sin(steps * (1 + number % 2)) + number / 9 for number in range(24)]),
            "state": np.repeat([f"s{number % 2}" for number in range(24)], 10),
        }
    )
    config = {"data": {"series": {"id": "machine", "time": "step", "values": ["value"]}}}
    run = nw.train(long, "state", config=config, out=tmp_path / "series", **QUICK)
    frame = run.model.predict_frame(long[35:])  # the fourth one has half of its rows
    assert frame.columns[:2] == ["machine", "state"]
    assert frame["machine"].to_list() == [f"m{number}" for number in range(3, 24)]
    assert (
        dict(run.predictions.select("machine", "state").rows()).items()
        <= {f"m{number}": f"s{number % 2}" for number in range(24)}.items()
    )

    for number in range(24):
        path = tmp_path / "mails" / "ab"[number % 2] / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"some {'good' if number % 2 else 'other'} words of {number}")
    run = nw.train(tmp_path / "mails", out=tmp_path / "texts", **QUICK)
    assert run.model.predict_frame(tmp_path / "mails" / "a")["file"].to_list()[:2] == ["0.txt", "10.txt"]
    assert run.predictions["file"].to_list()[0][:2] in ("a/", "b/")
