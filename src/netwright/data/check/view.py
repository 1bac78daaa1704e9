"""What several checks need of a table, computed once and only when asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
import polars as pl

from netwright.config import DataConfig
from netwright.data.cells import as_datetime, as_number, as_text
from netwright.data.schema import Column, Schema
from netwright.data.split import IGNORE, Split
from netwright.data.table import Table
from netwright.data.target import encode_target


class View:
    """A table as the checks look at it: converted columns, encoded labels, rows that are equal.

    Arguments:
        table: the rows.
        split: which rows train, validate and test.
        schema: what the columns are.
        config: what the user said about the data.
    """

    def __init__(self, table: Table, split: Split, schema: Schema, config: DataConfig) -> None:
        self.table, self.split, self.schema, self.config = table, split, schema, config
        self._numbers: dict[str, np.ndarray] = {}
        self._texts: dict[str, pl.Series] = {}
        self._codes: dict[str, np.ndarray] = {}

    @cached_property
    def used(self) -> np.ndarray:
        """Rows with a part in the split. [n] int64"""
        return np.flatnonzero(self.split.role != IGNORE)

    @cached_property
    def target_codes(self) -> np.ndarray:
        """Labels of the development rows as `encode_target` gives them; test labels are not looked at."""
        mask = np.zeros(len(self.table), dtype=bool)
        mask[self.split.development] = True
        labels = replace(self.table, frame=self.table.frame.select(self.schema.target.columns))
        return encode_target(labels.keep(mask), self.schema.target)

    @property
    def is_classes(self) -> bool:
        """Whether the target is one column of classes."""
        return self.schema.target.task in ("binary", "multiclass")

    @cached_property
    def plain_numbers(self) -> dict[str, np.ndarray]:
        """The number columns of text in which each cell is a plain number or missing: [N] float64 by name.

        They are converted all at once, which matters for tables of thousands of columns.
        """
        frame = self.table.frame.select(
            column.name
            for column in self.schema.of_kind("number")
            if not column.decimal_comma and self.table.frame[column.name].dtype == pl.String
        )
        if frame.width == 0:
            return {}
        numbers = frame.select(pl.all().str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None))
        missing = zip(numbers.null_count().row(0), frame.null_count().row(0), strict=True)
        plain = [
            name for name, (after, before) in zip(frame.columns, missing, strict=True) if after == before
        ]
        filled = numbers.select(pl.col(plain).fill_null(np.nan))
        return {column.name: column.to_numpy() for column in filled.iter_columns()}

    def number(self, column: Column) -> np.ndarray:
        """A column of numbers, NaN where missing. [N] float64"""
        if column.name in self.plain_numbers:
            return self.plain_numbers[column.name]
        if column.name not in self._numbers:
            series = self.table.frame[column.name]
            if column.kind == "date":
                converted = as_datetime(series, column.date_format)
            else:
                converted = as_number(series, column.decimal_comma)
            self._numbers[column.name] = converted.fill_null(np.nan).to_numpy()
        return self._numbers[column.name]

    def text(self, name: str) -> pl.Series:
        """A column's cells as canonical text, null where missing. [N] String"""
        if name not in self._texts:
            series = self.table.frame[name]
            distinct = series.unique()
            canonical = as_text(distinct)  # quick where values recur
            same = series.dtype == pl.String and canonical.equals(distinct)
            self._texts[name] = series if same else as_text(series)
        return self._texts[name]

    def codes(self, column: Column) -> np.ndarray:
        """A column's texts as codes in sorted order, -1 where missing. [N] int64"""
        if column.name not in self._codes:
            texts = self.text(column.name)
            known = pl.Enum(texts.drop_nulls().unique().sort())
            physical = texts.cast(known).to_physical().cast(pl.Int64).fill_null(-1)
            self._codes[column.name] = physical.to_numpy()
        return self._codes[column.name]

    @cached_property
    def input_hash(self) -> np.ndarray:
        """One number for each row, equal where all inputs are. Ids and constants are left out. [N] uint64"""
        columns = [column.name for column in self.schema.inputs]
        return self.table.comparable.select(columns).hash_rows(seed=0).to_numpy()

    @cached_property
    def row_hash(self) -> np.ndarray:
        """One number for each row, equal where all inputs and the target are. [N] uint64"""
        columns = [column.name for column in self.schema.inputs] + self.schema.target.columns
        return self.table.comparable.select(columns).hash_rows(seed=0).to_numpy()
