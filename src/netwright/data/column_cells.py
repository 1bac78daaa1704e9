"""The different cells of columns, with how often each comes: all that the kind of a column is decided on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from netwright.data.cells import as_number, as_text


@dataclass(frozen=True)
class Cells:
    """The different cells of one column in some rows, in the order in which they first come.

    Arguments:
        name: the column's name.
        dtype: the column's type.
        rows: how many rows there are, missing cells included.
        texts: the cells as canonical texts, none missing. [V]
        counts: how often each comes. [V] int64
        numbers: the cells as numbers, NaN where one is none. [V] float64
        comma_numbers: the same for numbers in text that are written with a decimal comma. [V] float64
    """

    name: str
    dtype: pl.DataType
    rows: int
    texts: list[str]
    counts: np.ndarray
    numbers: np.ndarray
    comma_numbers: np.ndarray

    @property
    def present(self) -> int:
        """How many cells are not missing."""
        return int(self.counts.sum())

    @property
    def missing(self) -> int:
        """How many cells are missing."""
        return self.rows - self.present

    def share_of_numbers(self, *, decimal_comma: bool) -> float:
        """Share of the cells that are numbers."""
        numbers = self.comma_numbers if decimal_comma else self.numbers
        return float(self.counts[~np.isnan(numbers)].sum() / self.present)

    def counted_texts(self) -> dict[str, int]:
        """How often each text comes; "3" and "3.0" are one."""
        counted: dict[str, int] = {}
        for text, count in zip(self.texts, self.counts.tolist(), strict=True):
            counted[text] = counted.get(text, 0) + count
        return counted


def collect_cells(frame: pl.DataFrame) -> list[Cells]:
    """The cells of each column, in the frame's order.

    Arguments:
        frame: the rows that may be looked at.
    """
    by_type: dict[pl.DataType, list[str]] = {}
    for name, dtype in frame.schema.items():
        by_type.setdefault(dtype, []).append(name)
    found = {
        cells.name: cells
        for dtype, names in by_type.items()
        for cells in _collect_alike(frame.select(names), dtype)
    }
    return [found[name] for name in frame.columns]


def _collect_alike(frame: pl.DataFrame, dtype: pl.DataType) -> Iterator[Cells]:
    """The cells of columns of one type, read as one long column: there may be 10,000 of them."""
    present = pl.all().drop_nulls()
    values = frame.select(present.unique(maintain_order=True).implode()).unpivot()["value"]
    all_counts = frame.select(present.unique_counts().implode()).unpivot()["value"].to_list()
    # an empty list explodes into a null
    joined = values.explode(empty_as_null=True).drop_nulls()
    texts, numbers = as_text(joined).to_list(), _as_array(as_number(joined))
    comma_numbers = _as_array(as_number(joined, decimal_comma=True)) if dtype == pl.String else numbers
    start = 0
    for name, counts in zip(frame.columns, all_counts, strict=True):
        part = slice(start, start + len(counts))
        start = part.stop
        array = np.array(counts, dtype=np.int64)
        yield Cells(name, dtype, frame.height, texts[part], array, numbers[part], comma_numbers[part])


def _as_array(numbers: pl.Series) -> np.ndarray:
    return numbers.fill_null(np.nan).to_numpy()
