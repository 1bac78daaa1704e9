"""Rows as they were read, before anything is decided about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from netwright.data.finding import Finding
from netwright.data.media import Media


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
        media: what the cells of some columns stand for: pictures, sounds, series.
        folder: where relative paths in cells start from; None for rows in memory.
        target: the column to predict where the user names none, as in a folder of class folders.
        split_column: the same for the column of roles.
        names: what the source's rows are called, by their numbers in `rows`, where no column says it: files
            of texts, ids of series.
    """

    frame: pl.DataFrame
    name: str
    source: str
    how: dict[str, Any] = field(default_factory=dict)
    rows: np.ndarray = field(default=None)  # type: ignore[assignment]
    words: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    media: Mapping[str, Media] = field(default_factory=dict)
    folder: Path | None = None
    target: str | None = None
    split_column: str | None = None
    names: pl.Series | None = None

    def __post_init__(self) -> None:
        if self.rows is None:
            object.__setattr__(self, "rows", np.arange(self.frame.height, dtype=np.int64))

    def __len__(self) -> int:
        return self.frame.height

    @property
    def columns(self) -> list[str]:
        return self.frame.columns

    @cached_property
    def comparable(self) -> pl.DataFrame:
        """The rows with fingerprints of pictures, sounds and series in the place of their names."""
        columns = []
        for name, media in self.media.items():
            if name in self.columns:
                texts = self.frame[name].drop_nulls().unique()
                # with a space, so that it is not taken for an id
                digests = [f"contents {media.digest(text)}" for text in texts]
                columns.append(
                    self.frame[name].replace_strict(texts, digests, default=None, return_dtype=pl.String)
                )
        return self.frame.with_columns(columns)

    def row_names(self) -> list[pl.Series]:
        """Columns that tell a reader of predictions which row is which: files, ids of series. [C] of [N]"""
        found = [] if self.names is None else [self.names.gather(self.rows)]
        for name, media in self.media.items():
            if name in self.columns:
                files = [None if text is None else media.file(text) for text in self.frame[name]]
                found += [pl.Series(name, files)] if any(file is not None for file in files) else []
        return found

    def keep(self, mask: np.ndarray) -> Table:
        """The table with only the rows where `mask` ([N] bool) is true."""
        return replace(self, frame=self.frame.filter(pl.Series(mask)), rows=self.rows[mask])
