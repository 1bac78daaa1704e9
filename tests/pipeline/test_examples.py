"""The examples that a run leaves for its report, against its predictions and the files it was trained on."""

from __future__ import annotations

import json
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

import netwright as nw
from netwright.pipeline import examples
from netwright.runs.run import Run

QUICK: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 16,
    "threads": 1,
    "device": "cpu",
    "precision": "float32",
}


def run_of(source: Any, folder: Path, target: str, **inputs: Any) -> Run:
    config = {"training": QUICK, "inputs": inputs, "doctor": {"watch": False}}
    return nw.train(source, target=target, out=folder, progress=False, config=config)


def told(run: Run) -> dict[str, Any]:
    return json.loads((run.folder / "examples" / "examples.json").read_text(encoding="utf-8"))


def shown(column: dict[str, Any]) -> list[dict[str, Any]]:
    return [example for group in column["groups"] for example in group["examples"]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for kind, place in (("left", 0), ("right", 4), ("middle", 2)):
        (folder / "data" / kind).mkdir(parents=True)
        for number in range(24):
            pixels = random.integers(0, 120, (8, 8, 3), dtype=np.uint8)
            pixels[:, place : place + 4] += 100
            Image.fromarray(pixels).save(folder / "data" / kind / f"{number}.png")
    settings = {"size": 4, "shift": 0.2, "flip": "none"}
    return run_of(folder / "data", folder / "run", "label", image=settings)


def test_examples_tell_what_was_predicted(pictures: Run) -> None:
    (column,) = told(pictures)["columns"]
    assert (column["kind"], column["about"]) == ("image", "8 x 8 colour pictures, cnn")
    predictions = {row["row"]: row for row in pictures.predictions.iter_rows(named=True)}
    assert shown(column)
    for example in shown(column):
        row = predictions[example["row"]]
        assert (example["true"], example["predicted"]) == (row["label"], row["label_predicted"])
        assert example["probability"] == pytest.approx(row[f"probability_{example['predicted']}"], abs=1e-5)
        assert example["name"].startswith(example["true"])


def test_thumbnails_are_the_pictures_themselves(pictures: Run) -> None:
    (column,) = told(pictures)["columns"]
    data = pictures.folder.parent / "data"
    for example in shown(column):
        small = np.asarray(Image.open(pictures.folder / "examples" / example["picture"]))
        assert small.shape == (112, 112, 3)
        original = np.asarray(Image.open(data / example["name"]))
        assert np.array_equal(small, original.repeat(14, 0).repeat(14, 1))


def test_the_sheet_shows_training_rows_beside_changed_ones(pictures: Run) -> None:
    changed = told(pictures)["columns"][0]["changed"]
    sheet = np.asarray(Image.open(pictures.folder / "examples" / changed["picture"]))
    paths = (pictures.folder.parent / "data").rglob("*.png")
    originals = {path: np.asarray(Image.open(path)) for path in paths}
    first = sheet[:112:14, :112:14, :3]
    assert any(np.array_equal(first, each) for each in originals.values())
    second = sheet[:112:14, 124:236:14, :3]
    assert second.shape == first.shape
    assert not np.array_equal(first, second)


def test_one_column_needs_no_importance(pictures: Run) -> None:
    assert "importance" not in pictures.evaluation
    page = (pictures.folder / "report.html").read_text(encoding="utf-8")
    assert 'id="importance"' not in page
    assert 'src="data:image/png;base64,' in page
    assert "8 x 8 colour pictures, cnn" in page
    assert "image-classification" in (pictures.folder / "model_card.md").read_text(encoding="utf-8")


def test_a_run_in_the_place_of_another_leaves_no_old_pictures(pictures: Run, tmp_path: Path) -> None:
    from netwright.runs.folder import clear_folder

    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "image-0-1.png").write_bytes(b"")
    clear_folder(tmp_path)
    assert not (tmp_path / "examples").exists()


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Run:
    random = np.random.default_rng(0)
    words = {"good": ["fine", "great", "lovely"], "bad": ["awful", "poor", "dull"]}
    rows = []
    for number in range(120):
        kind = ("good", "bad")[number % 2]
        said = [*random.choice(words[kind], 2), *random.choice(["the", "film", "was", "a", "story,"], 5)]
        text = "  ".join(random.permutation(said)) if number else " ".join(["so"] * 70 + ["fine"])
        rows.append({"text": text, "size": float(number % 7), "opinion": kind})
    return run_of(pl.DataFrame(rows), tmp_path_factory.mktemp("texts") / "run", "opinion", text={"size": 4})


def test_a_word_weighs_what_the_prediction_loses_without_it(texts: Run) -> None:
    (column,) = told(texts)["columns"]
    assert (column["name"], column["kind"]) == ("text", "text")
    checked = 0
    for example in shown(column)[:3]:
        words = [word for word, _ in example["words"]]
        code = texts.model.classes.index(example["predicted"])
        without = [" ".join(words[:place] + words[place + 1 :]) for place in range(len(words))]
        cells = {"text": [" ".join(words), *without], "size": [float(example["row"] % 7)] * (len(words) + 1)}
        found = texts.predict_proba(pl.DataFrame(cells))[:, code]
        weights = [weight for _, weight in example["words"]]
        assert weights == pytest.approx((found[0] - found[1:]).tolist(), abs=2e-4)
        checked += any(weight > 0 for weight in weights)
    assert checked


def test_texts_are_few_and_their_words_too(texts: Run) -> None:
    (column,) = told(texts)["columns"]
    assert len(shown(column)) <= 12
    assert max(len(example["words"]) for example in shown(column)) <= 60
    assert texts.evaluation["importance"]["columns"]  # of two columns


def series(rows: int = 60) -> dict[str, np.ndarray]:
    """Walks of two channels and unequal lengths; what stands after an end is NaN."""
    random = np.random.default_rng(0)
    walks = random.normal(size=(rows, 20, 2)).cumsum(1)
    for number, length in enumerate(random.integers(8, 20, rows)):
        walks[number, length:] = np.nan
    walks[3, 2, 0] = np.nan
    return {"walk": walks, "end": walks[:, 7, 0]}


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(series(), tmp_path_factory.mktemp("walks") / "run", "end", series={"width": 4})


def test_series_are_told_by_their_values(walks: Run) -> None:
    source = series()
    (column,) = told(walks)["columns"]
    assert column["channels"] == ["channel 1", "channel 2"]
    assert [group["what"] for group in column["groups"]] == ["typical", "errors"]
    for example in shown(column):
        values = source["walk"][example["row"]]
        values = values[~np.isnan(values).all(1)]
        assert example["name"] is None
        assert example["steps"] == len(values)
        assert np.array(example["series"], dtype=float) == pytest.approx(values.T, rel=1e-3, nan_ok=True)
        assert float(example["true"]) == pytest.approx(source["end"][example["row"]])
    errors = [abs(float(each["true"]) - float(each["predicted"])) for each in column["groups"][1]["examples"]]
    frame = walks.predictions
    assert errors[0] == pytest.approx((frame["end"] - frame["end_predicted"]).abs().max(), rel=1e-2)


@pytest.mark.usefixtures("no_pages")
def test_sounds_become_spectrograms_with_high_tones_above(tmp_path: Path) -> None:
    samples = {}
    for number in range(40):
        kind = ("low", "high")[number % 2]
        time = np.arange(1000 + 20 * number) / 4000
        tone = 16000 * np.sin(2 * np.pi * (300 if kind == "low" else 1500) * time)
        path = tmp_path / "tones" / kind / f"{number}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 4000, 0, "NONE", ""))
            file.writeframes(tone.astype("<i2").tobytes())
        samples[path.name] = len(time)
    run = run_of(tmp_path / "tones", tmp_path / "run", "label", sound={"size": 4, "bands": 16})
    (column,) = told(run)["columns"]
    (longest,) = run.model.schema.column(column["name"]).shape
    for example in shown(column):
        drawn = np.asarray(Image.open(run.folder / "examples" / example["picture"])).astype(int).sum(2)
        brightest = drawn.mean(1).argmax()
        assert (brightest < len(drawn) / 2) == (example["true"] == "high")
        length = min(samples[Path(example["name"]).name], longest)
        assert example["seconds"] == pytest.approx(length / 4000)
    assert column["changed"]["picture"]


@pytest.mark.usefixtures("no_pages")
def test_the_same_run_leaves_the_same_examples(walks: Run, tmp_path: Path) -> None:
    again = run_of(series(), tmp_path / "again", "end", series={"width": 4})
    first, second = ((run.folder / "examples" / "examples.json").read_bytes() for run in (walks, again))
    assert first == second


def test_a_run_without_examples_is_a_run_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("a picture too many")

    monkeypatch.setattr(examples, "write_examples", broken)
    run = run_of(series(), tmp_path / "run", "end", series={"width": 4})
    assert (run.folder / "report.html").is_file()
    log = (run.folder / "log.txt").read_text(encoding="utf-8")
    assert re.search("no examples: ValueError: a picture too many", log)


def test_what_has_no_room_is_left_out(tmp_path: Path) -> None:
    scene = examples.Scene(*[None] * 5, tmp_path, 0.0, room=10)  # type: ignore[arg-type]
    assert scene.keep("large.png", Image.new("RGB", (50, 50))) == {}
    assert not list(tmp_path.iterdir())
    assert scene.late
