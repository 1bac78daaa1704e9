"""What a split needs to know of rows: a score by number, which ones are equal, which class they are of."""

from __future__ import annotations

import numpy as np
import polars as pl

from netwright.config import DataConfig
from netwright.data.identifiers import id_like_columns
from netwright.data.table import Table
from netwright.data.target import find_target, texts_of_classes


def targets_of(table: Table, data: DataConfig) -> list[str]:
    """Names of the target columns; none where the data has no target."""
    return find_target(table, data.target) if data.target else []


def strata_of(table: Table, data: DataConfig) -> np.ndarray:
    """Codes of the classes, or of their combinations for several targets. [N] int64"""
    return codes_of(table.frame.select(targets_of(table, data)))


def codes_of(frame: pl.DataFrame) -> np.ndarray:
    """Codes of the combinations of texts in each row, from 0, in sorted order. [N] int64"""
    codes = np.zeros(frame.height, dtype=np.int64)
    for series in frame.iter_columns():
        ranks = texts_of_classes(series).rank("dense").fill_null(0).to_numpy().astype(np.int64)
        codes = np.unique(codes * (ranks.max(initial=0) + 1) + ranks, return_inverse=True)[1]
    return codes


def scores_of(rows: np.ndarray, seed: int, draw: int = 0) -> np.ndarray:
    """A random number in [0, 1) for each row number, whatever other rows there are."""
    return np.random.default_rng([seed, draw]).random(int(rows.max(initial=0)) + 1)[rows]


def equal_row_keys(frame: pl.DataFrame, scores: np.ndarray, targets: list[str]) -> np.ndarray:
    """The lowest score among the rows equal to each row in all columns but ids. [N]"""
    ids = id_like_columns(frame, exclude=set(targets))
    if frame.width - len(ids) > len(targets):  # a table of nothing but ids has no equal rows
        frame = frame.drop(ids)
    # one hash of 64 bits collides once in some 100 million tables of 500,000 rows; two do not
    hashes = pl.DataFrame({"first": frame.hash_rows(1), "second": frame.hash_rows(2), "score": scores})
    return hashes.select(pl.col("score").min().over("first", "second"))["score"].to_numpy()
