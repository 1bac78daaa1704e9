"""Small tables with a schema and a split made by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from netwright.config import DataConfig
from netwright.data.check.view import View
from netwright.data.schema import Column, Schema, Target
from netwright.data.split import Split
from netwright.data.table import Table


def _roles(rows: int) -> np.ndarray:
    """Every fifth row tests, every fifth validates, the others train."""
    return np.array([(0, 0, 0, 1, 2)[row % 5] for row in range(rows)], dtype=np.int8)


def _column(name: str, kind: Any, cells: pl.Series) -> Column:
    texts = cells.cast(pl.String).drop_nulls()
    categories = sorted(texts.unique().to_list()) if kind in ("category", "boolean") else []
    return Column(name=name, kind=kind, categories=categories, values=texts.n_unique())


def _target(frame: pl.DataFrame, columns: list[str], task: Any) -> Target:
    classes = []
    if task in ("binary", "multiclass"):
        classes = sorted(frame[columns[0]].cast(pl.String).drop_nulls().unique().to_list())
    return Target(
        columns=columns, task=task, classes=classes, positive=classes[-1] if task == "binary" else None
    )


@pytest.fixture
def view_of() -> Callable[..., View]:
    """Makes a view: `view_of({"x": [...], "y": [...]}, {"x": "number"})`, with the target y."""

    def make(
        cells: dict[str, Any],
        kinds: dict[str, str],
        *,
        task: str = "binary",
        target: tuple[str, ...] = ("y",),
        roles: np.ndarray | None = None,
        given: bool = False,
        clean: dict[str, Any] | None = None,
        words: dict[str, dict[str, int]] | None = None,
        classes: list[str] | None = None,
    ) -> View:
        frame = pl.DataFrame(cells)
        table = Table(frame, "toy", "toy.csv", how={"format": "csv"}, words=words or {})
        split = Split(_roles(len(table)) if roles is None else roles, "random", given, "by hand")
        found = _target(frame, list(target), task)
        if classes is not None:
            found = found.model_copy(update={"classes": classes})
        columns = [_column(name, kind, frame[name]) for name, kind in kinds.items()]
        schema = Schema(columns=columns, target=found)
        config = DataConfig.model_validate({"target": list(target), "clean": clean or {}})
        return View(table, split, schema, config)

    return make
