"""Rows as they were read, before anything is decided about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from netwright.data.finding import Finding


@dataclass(frozen=True)
class Table:
    """A polars frame and where it came from.

    Text sources (CSV, ARFF, ...) give columns of strings only: each cell stripped, null where it is empty
    or one of the words for missing. So a cell's meaning never depends on other rows, and test rows cannot
    change how training rows are read. Typed sources (Parquet, frames, ...) keep their types.

    Arguments:
        frame: the rows.
        name: short name of the data, for the run's folder (``adult``).
        source: where it was read from, as the user would recognise it.
        how: how it was read: format, separator, encoding, header, compression, missing words.
        rows: the rows' numbers in the source, from 0. [N] int64
        words: for each column of a text source, the words for missing found in it, with their counts.
        findings: what was noticed while reading.
    """

    frame: pl.DataFrame
    name: str
    source: str
    how: dict[str, Any] = field(default_factory=dict)
    rows: np.ndarray = field(default=None)  # type: ignore[assignment]
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.rows is None:
            object.__setattr__(self, "rows", np.arange(self.frame.height, dtype=np.int64))

    def __len__(self) -> int:
        return self.frame.height

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    def keep(self, mask: np.ndarray) -> Table:
        """The table with only the rows where `mask` ([N] bool) is true."""
        return replace(self, frame=self.frame.filter(pl.Series(mask)), rows=self.rows[mask])
