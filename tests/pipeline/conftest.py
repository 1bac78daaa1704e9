"""A table with every kind of column, and the short way from it to a saved model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load

from netwright.config import Config
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import Prepared, prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.watch import Watch
from netwright.runs import bundle
from netwright.runs.model import TableModel

ROWS = 150
WORDS = [
    "red",
    "blue",
    "green",
    "small",
    "large",
    "round",
    "old",
    "new",
    "broken",
    "clean",
    "wooden",
    "heavy",
]
TINY: dict[str, Any] = {
    "network": {"kind": "tabm", "width": 8, "depth": 1, "heads": 2},
    "inputs": {"number": {"bins": 8, "size": 3}, "text": {"buckets": 32, "size": 3, "length": 8}},
    "training": {
        "epochs": 2,
        "batch_size": 32,
        "threads": 1,
        "precision": "float32",
        "device": "cpu",
        "members": 1,
    },
}


def make_table() -> pl.DataFrame:
    """Cells as they stand in a CSV file: all texts, "" where they are missing."""
    random = np.random.default_rng(0)
    size = random.normal(50, 10, ROWS).round(2)
    colour = random.choice(["red", "green", "blue"], ROWS)
    town = random.choice([f"town {place}" for place in range(14)], ROWS)
    known = random.choice(["True", "False"], ROWS)
    days = [f"2021-{1 + int(day) // 28:02d}-{1 + int(day) % 28:02d}" for day in random.integers(0, 300, ROWS)]
    notes = [" ".join(random.choice(WORDS, 5)) for _ in range(ROWS)]
    signal = (size - 50) / 10 + (colour == "red") + (known == "True") + 0.5 * random.normal(size=ROWS)
    table = pl.DataFrame(
        {
            "code": [f"k{place:05d}" for place in range(ROWS)],
            "size": size.astype(str),
            "count": random.integers(0, 6, ROWS).astype(str),
            "colour": colour,
            "town": town,
            "known": known,
            "day": days,
            "note": notes,
            "y": np.where(signal > 0.8, "yes", "no"),
            "price": (100 + 20 * signal).round(3).astype(str),
            "split": (["train"] * 3 + ["validation", "test"]) * (ROWS // 5),
        }
    )
    holes = {name: random.random(ROWS) < 0.08 for name in ("size", "count", "colour", "known", "day", "note")}
    return table.with_columns(
        pl.when(pl.Series(hole)).then(pl.lit("")).otherwise(pl.col(name)).alias(name)
        for name, hole in holes.items()
    )


@dataclass(repr=False)
class Trained:
    """A saved model and what led to it."""

    folder: Path
    prepared: Prepared
    config: Config

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted(self.folder.iterdir())}

    def values(self) -> dict[str, np.ndarray]:
        return load((self.folder / bundle.WEIGHTS).read_bytes())

    def model(self) -> TableModel:
        return TableModel.load(self.folder)


def train_table(table: pl.DataFrame, folder: Path, target: str = "y", **settings: Any) -> Trained:
    folder.mkdir(parents=True, exist_ok=True)
    other = "price" if target == "y" else "y"
    table.drop(other).write_csv(folder / "table.csv")
    values = {**TINY, "data": {"target": [target]}, "split": {"column": "split"}}
    for section, each in settings.items():
        values[section] = {**values.get(section, {}), **each}
    config = Config.parse(values)
    prepared = prepare(config, folder / "table.csv", Watch())
    resolved, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    network, _, resolved = fit(prepared, resolved, prepared.dataset().to(device), [], None)
    saved = bundle.Bundle(network, prepared.schema, resolved.inputs, resolved.network)
    bundle.save(folder / "model", saved)
    return Trained(folder / "model", prepared, resolved)


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    return make_table()


@pytest.fixture(scope="session")
def train() -> Callable[..., Trained]:
    """Trains a tiny network through a CSV file: `train(table, folder, "price", training={...})`."""
    return train_table


@pytest.fixture(scope="session")
def trained(table: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train_table(table, tmp_path_factory.mktemp("trained"))


@pytest.fixture
def no_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes most of the time of a run this small: runs of tests of something else have no report."""
    monkeypatch.setattr("netwright.report.build", lambda folder: folder)
