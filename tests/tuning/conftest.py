"""A small table, and the short way to a study of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from netwright.config import Config
from netwright.tuning.study import Study
from netwright.tuning.tune import tune

SPACE = {
    "training.learning_rate": {"low": 1e-3, "high": 3e-2, "log": True},
    "network.dropout": {"low": 0.0, "high": 0.5},
}
SETTINGS: dict[str, Any] = {
    "network": {"kind": "mlp", "width": 8, "depth": 1},
    "training": {"epochs": 4, "batch_size": 32, "precision": "float32", "threads": 1},
    "tune": {"trials": 6, "search": "random", "space": SPACE},
    "split": {"column": "split"},
    "doctor": {"watch": False},
}


def make_table(rows: int = 120) -> pl.DataFrame:
    random = np.random.default_rng(0)
    x, z = random.normal(size=(2, rows))
    colour = random.choice(["red", "green"], rows)
    y = 2 * x + z * (colour == "red") + random.normal(0, 0.1, rows)
    role = np.array(["train", "validation", "test", "train"])[np.arange(rows) % 4]
    return pl.DataFrame({"x": x, "z": z, "colour": colour, "y": y, "split": role})


def changed(base: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """Settings with other values in some sections."""
    return {**base, **{name: {**base.get(name, {}), **values} for name, values in sections.items()}}


@pytest.fixture(scope="session")
def table() -> pl.DataFrame:
    return make_table()


def searching(home: Path, table: pl.DataFrame) -> Callable[..., Study]:
    """Searches in a folder of its own: `study("name", tune={"trials": 3})`."""

    def search(
        name: str = "study",
        rows: pl.DataFrame | None = None,
        resume: bool = False,
        watch: Any = None,
        **sections: Any,
    ) -> Study:
        values = changed(SETTINGS, data={"target": ["y"]}, **sections)
        if not resume:
            values.setdefault("output", {})["folder"] = str(home / name)
        source = table if rows is None else rows
        folder = home / name if resume else None
        return Study(tune(Config.parse(values), source, watch, resume=folder))

    return search


@pytest.fixture
def study(tmp_path: Path, table: pl.DataFrame) -> Callable[..., Study]:
    return searching(tmp_path, table)
