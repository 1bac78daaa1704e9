"""Pictures, series and texts on the whole way: nothing of test rows reaches the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import netwright as nw
from netwright.api import make_config
from netwright.config import Config
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.watch import Watch

ROWS, TRAIN = 60, 36
KINDS = ("image", "series", "text")
SETTINGS: dict[str, Any] = {
    "split_column": "part",
    "effort": "quick",
    "training__precision": "float32",
    "inputs__image__size": 4,
    "inputs__series__width": 8,
    "doctor__watch": False,
}


def table_of(kind: str, *, spoiled: bool = False) -> dict[str, Any]:
    """Two classes that a glance tells apart. Spoiled test rows are of other sizes, values and words."""
    random = np.random.default_rng(3)
    label = np.arange(ROWS) % 2
    if kind == "image":
        cells: Any = random.integers(0, 100, (ROWS, 9, 8, 1), dtype=np.uint8)
        cells[label == 1, 2:6] += 120
        if spoiled:
            cells[TRAIN + 12 :] = random.integers(0, 255, (ROWS - TRAIN - 12, 9, 8, 1), dtype=np.uint8)
    elif kind == "series":
        cells = random.normal(size=(ROWS, 14, 2)) + label[:, None, None]
        if spoiled:
            cells[TRAIN + 12 :] *= 1e6
            cells[-1, 3:] = np.nan
    else:
        words = [["plain", "quiet", "slow"], ["loud", "quick", "bright"]]
        cells = [
            " ".join(random.choice(words[which], 4)) + f" of the {row % 9} days"
            for row, which in enumerate(label)
        ]
        if spoiled:
            cells[TRAIN + 12 :] = ["x" * 400 + " Ünheard-of words " * 50] * (ROWS - TRAIN - 12)
    split = ["train"] * TRAIN + ["validation"] * 12 + ["test"] * (ROWS - TRAIN - 12)
    return {"cell": cells, "label": np.where(label == 1, "b", "a"), "part": split}


def run_of(table: Any, folder: Path) -> Any:
    return nw.train(table, "label", epochs=2, out=folder, progress=False, **SETTINGS)


@pytest.fixture(scope="module")
def plain(kind, tmp_path_factory):
    return run_of(table_of(kind), tmp_path_factory.mktemp(kind) / "run")


@pytest.mark.usefixtures("no_pages")
@pytest.mark.parametrize("kind", KINDS, scope="module")
class TestOneRun:
    def test_test_rows_change_nothing_of_the_model(self, kind, plain, tmp_path):
        spoiled = run_of(table_of(kind, spoiled=True), tmp_path / "spoiled")
        assert [column.kind for column in plain.model.schema.inputs] == [kind]
        for name in ("network.safetensors", "network.json", "schema.json"):
            ours, theirs = (run.folder / "model" / name for run in (plain, spoiled))
            assert ours.read_bytes() == theirs.read_bytes()

    def test_a_saved_model_predicts_what_the_run_wrote(self, kind, plain):
        table = table_of(kind)
        written = pl.read_csv(plain.folder / "predictions.csv")
        test = [place for place, part in enumerate(table["part"]) if part == "test"]
        found = nw.load(plain.folder).predict_proba({"cell": table["cell"][test[0] :]})
        np.testing.assert_allclose(found[:, 1], written["probability_b"], atol=1e-5)


def values_of(kind: str, members: int, seed: int = 0) -> dict[str, Any]:
    settings = {**SETTINGS, "epochs": 1, "members": members, "seed": seed}
    prepared = prepare(make_config("label", None, settings), table_of(kind), Watch())
    config, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    network, *_ = fit(prepared, config, prepared.dataset().to(device), (), None)
    return network.named_values()


@pytest.mark.parametrize("kind", KINDS)
def test_three_members_are_three_networks(kind):
    """What trains beside others is what trains alone, within float32's rounding."""
    many = values_of(kind, members=3)
    for seed in range(3):
        for name, value in values_of(kind, members=1, seed=seed).items():
            # Adam's first steps have the size of the rate, whatever a gradient of nearly 0 rounds to.
            apart = (many[name][seed] - value[0]).abs().double().flatten().numpy()
            assert np.quantile(apart, 0.999) < 5e-4, name


@pytest.mark.parametrize(
    ("kind", "shape", "settings"),
    [
        ("image", (2, 3), {}),
        ("image", (1, 9), {"encoder": "resnet"}),
        ("series", (1, 1), {}),
        ("text", (), {"encoder": "transformer"}),
    ],
)
def test_the_smallest_contents_give_a_config_that_repeats_the_run(kind, shape, settings, tmp_path, request):
    random = np.random.default_rng(0)
    cells: Any = random.integers(0, 255, (ROWS, *shape), dtype=np.uint8)
    if kind == "text":
        pytest.importorskip("tokenizers")
        cells = [" ".join(random.choice(list("abcde"), 3)) for _ in range(ROWS)]
    if kind == "series":
        cells = cells.astype(np.float32)
    table = table_of(kind) | {"cell": cells}
    config = {"data": {"kinds": {"cell": kind}}, "inputs": {kind: settings}}
    folders = [tmp_path / "first", tmp_path / "again"]
    nw.train(table, "label", epochs=1, config=config, out=folders[0], progress=False, **SETTINGS)
    request.getfixturevalue("no_pages")
    nw.train(table, config=folders[0] / "config.yaml", out=folders[1], progress=False)
    for name in ("network.safetensors", "schema.json"):
        assert (folders[0] / "model" / name).read_bytes() == (folders[1] / "model" / name).read_bytes()


def test_equal_pictures_stay_on_one_side():
    random = np.random.default_rng(0)
    pictures = random.integers(0, 255, (50, 8, 8), dtype=np.uint8)
    table = {"photo": np.concatenate([pictures, pictures]), "y": np.tile(np.arange(50) % 2, 2)}
    prepared = prepare(Config.parse({"data": {"target": "y"}}), table, Watch())
    assert (prepared.split.role[:50] == prepared.split.role[50:]).all()


def test_a_picture_that_cannot_be_read_is_left_out_and_said(tmp_path):
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(30):
        folder = tmp_path / "set" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (tmp_path / "set" / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (tmp_path / "set" / "b" / "page.jpg").write_text("<html>not found</html>")
    prepared = prepare(Config(), str(tmp_path / "set"), Watch())
    assert len(prepared.table) == 30
    said = next(finding for finding in prepared.findings if finding.id == "unreadable_files")
    assert said.rows == 2
    assert "a/broken.png" in said.message
    assert "b/page.jpg" in said.message
