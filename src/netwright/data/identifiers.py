"""Columns that name rows rather than describe them."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from netwright.data.cells import as_number

_NAME = re.compile(r"(?i:(?:^|[\s_.\-])(?:id|uid|uuid|guid|key|idx)$)|[a-z0-9]I[Dd]$|^[A-Z]ID$")
_CODE = r"^[^\s]{1,64}$"
_DATE = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}"
MOST = 0.75  # of the rows; up to a quarter may be test rows, which hold anything
SAMPLE = 1000


def names_an_id(name: str) -> bool:
    """Whether a column's name says that it holds ids.

    Example:
        >>> [names_an_id(name) for name in ("PassengerId", "customerID", "row_id", "Humid", "identity")]
        [True, True, True, False, False]
    """
    return _NAME.search(name) is not None


def is_dense(numbers: np.ndarray, *, gaps: float) -> bool:
    """Whether different whole numbers lie so near each other that they count rows.

    Arguments:
        numbers: all different. [N] float64
        gaps: their range may be that many times as wide as they are many.
    """
    return bool(numbers.max() - numbers.min() + 1 <= gaps * len(numbers))


def id_like_columns(frame: pl.DataFrame, exclude: set[str]) -> list[str]:
    """Columns of ids, found before it is known which rows may be learnt from.

    The test rows are among them and must not decide, so each rule holds as long as three quarters of the rows
    keep it.

    Arguments:
        frame: the rows.
        exclude: columns that are never taken for ids, such as the target.

    Returns:
        The columns' names.
    """
    candidates = frame.select(
        series.name
        for series in frame.iter_columns()
        if series.name not in exclude and (series.dtype == pl.String or series.dtype.is_integer())
    )
    if candidates.width == 0 or frame.height == 0:
        return []
    distinct = candidates.select(pl.all().n_unique()).row(0)
    names = [
        name for name, count in zip(candidates.columns, distinct, strict=True) if count >= MOST * frame.height
    ]
    return [name for name, is_id in zip(names, _are_ids(frame.select(names)), strict=True) if is_id]


def _are_ids(frame: pl.DataFrame) -> list[bool]:
    """Whether each column of mostly different cells holds ids, by a sample of rows."""
    if frame.width == 0:
        return []
    places = np.unique(np.linspace(0, frame.height - 1, SAMPLE).astype(np.int64))
    # all columns as one: there may be 10,000
    cells = frame[places].select(pl.all().cast(pl.String)).unpivot()["value"]
    shape = (frame.width, len(places))
    numbers = as_number(cells).fill_null(np.nan).to_numpy().reshape(shape)
    code = (cells.str.contains(_CODE) & ~cells.str.contains(_DATE)).fill_null(False)
    digit = cells.str.contains(r"\d").fill_null(False).to_numpy().reshape(shape)
    return [
        _counts_rows(name, numbers[place], frame.height)
        if np.isfinite(numbers[place]).mean() >= 1 - MOST
        else bool((codes & (digit[place] | names_an_id(name))).mean() >= MOST)
        for place, (name, codes) in enumerate(zip(frame.columns, code.to_numpy().reshape(shape), strict=True))
    ]


def _counts_rows(name: str, numbers: np.ndarray, rows: int) -> bool:
    """Whether mostly different numbers are whole, and named like an id or almost without gaps."""
    whole = numbers[np.isfinite(numbers) & (np.floor(numbers) == numbers)]
    if len(whole) < MOST * len(numbers):
        return False
    low, high = np.quantile(whole, [0.25, 0.75])
    return names_an_id(name) or bool(high - low <= 0.7 * rows)
