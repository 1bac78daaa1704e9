"""Whole series from a folder of .ts files to scores, and what their recipe says."""

from __future__ import annotations

import numpy as np
import pytest

import netwright as nw
from netwright.config import SeriesConfig
from netwright.data.schema import Column
from netwright.pipeline.recipes.series import recipe, settle


def write_waves(path, rows: int, seed: int) -> None:
    """Slow and fast sines at any phase, of different lengths."""
    random = np.random.default_rng(seed)
    lines = [
        "@problemName waves",
        "@univariate true",
        "@equalLength false",
        "@classLabel true fast slow",
        "@data",
    ]
    for row in range(rows):
        steps = np.arange(random.integers(12, 20))
        values = np.sin((0.4 + 0.8 * (row % 2)) * steps + random.uniform(0, 6))
        lines.append(",".join(f"{value:.4f}" for value in values) + (":fast" if row % 2 else ":slow"))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.usefixtures("no_pages")
def test_a_pair_of_ts_files_is_learnt(tmp_path):
    folder = tmp_path / "waves"
    folder.mkdir()
    write_waves(folder / "Waves_TRAIN.ts", 40, 0)
    write_waves(folder / "Waves_TEST.ts", 30, 1)
    run = nw.train(
        folder,
        out=tmp_path / "run",
        progress=False,
        epochs=30,
        inputs__series__width=16,
        training__precision="float32",
        training__threads=1,
        doctor__watch=False,
    )
    assert run.metrics["rows"]["test"] == 30
    assert run.metrics["test"]["accuracy"] > 0.9
    predicted = run.predict(folder / "Waves_TEST.ts")
    assert len(predicted) == 30


@pytest.mark.parametrize("effort", ["quick", "normal", "best"])
@pytest.mark.parametrize("encoder", ["auto", "fcn", "resnet", "gru", "lstm", "transformer"])
def test_nothing_is_left_open(encoder: str, effort: str):
    column = Column(name="s", kind="series", shape=[50, 2])
    settled = settle(column, SeriesConfig(encoder=encoder, jitter=0.5), 100, effort)  # type: ignore[arg-type]
    assert "auto" not in settled.model_dump().values()
    assert settled.jitter == 0.5
    SeriesConfig.model_validate(settled.model_dump())
    found = recipe(column, settled, 100, effort, "binary")
    assert found.epochs is not None
    assert found.epochs >= 20


def test_more_rows_and_steps_make_narrower_networks():
    widths = [
        settle(Column(name="s", kind="series", shape=[steps, 1]), SeriesConfig(), rows, "normal").width
        for steps, rows in ((100, 100), (300, 3000), (2000, 50_000))
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == 64
    assert widths[-1] == 16
