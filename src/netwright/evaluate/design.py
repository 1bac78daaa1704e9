"""A plain matrix of numbers from a table, for the linear baseline. Fitted on the training rows only."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from netwright.config import Kind

MOST_VALUES = 50
TEXT_BUCKETS = 2**12
CLIP = 10.0

Block = Any
"""A sparse matrix of some columns. [N, F]"""
Encode = Callable[[pl.Series], Block]


def design(train: pl.DataFrame, kinds: Mapping[str, Kind], *others: pl.DataFrame) -> list[Any]:
    """Sparse matrices of a table's rows, with everything fitted on the first table.

    Numbers are filled with the median, standardised, cut at 10 deviations, and flagged where missing.
    Categories and booleans are one-hot for the 50 most frequent values of each column. Dates are
    standardised seconds and one-hot months and weekdays. Text is a bag of words in 4096 hashed places.

    Arguments:
        train: the training rows: numbers and dates (seconds since 1970) as Float64, the rest as String.
        kinds: {column: kind}; columns of other kinds or not named are left out.
        others: further rows of the same columns.

    Returns:
        One scipy CSR matrix a table, `train` first. [N, F] each

    Example:
        >>> rows = pl.DataFrame({"age": [20.0, 40.0], "sex": ["f", "m"]})
        >>> design(rows, {"age": "number", "sex": "category"})[0].toarray().tolist()
        [[-1.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    """
    from scipy import sparse

    makers = {"number": _number, "date": _date, "category": _category, "boolean": _category, "text": _text}
    encoders = [
        (name, makers[kind](train[name]))
        for name, kind in kinds.items()
        if kind in makers and name in train.columns
    ]
    return [
        sparse.hstack(
            [sparse.csr_array((table.height, 0)), *(encode(table[name]) for name, encode in encoders)],
            format="csr",
            dtype=np.float64,
        )
        for table in (train, *others)
    ]


def _numbers(column: pl.Series) -> np.ndarray:
    values = column.cast(pl.Float64).to_numpy()
    return np.where(np.isfinite(values), values, np.nan)


def _standardiser(column: pl.Series) -> Callable[[np.ndarray], np.ndarray]:
    """Fills with the median, standardises, and flags missing values where training has some. [N] to [N, F]"""
    fitted = _numbers(column)
    missing = np.isnan(fitted)
    middle = float(np.median(fitted[~missing])) if not missing.all() else 0.0
    filled = np.where(missing, middle, fitted)
    mean, deviation = filled.mean(), filled.std()
    deviation = deviation if deviation > 0 else 1.0

    def standardise(values: np.ndarray) -> np.ndarray:
        flag = np.isnan(values)
        scaled = np.clip((np.where(flag, middle, values) - mean) / deviation, -CLIP, CLIP)
        return np.column_stack([scaled, flag]) if missing.any() else scaled[:, None]

    return standardise


def _number(column: pl.Series) -> Encode:
    from scipy import sparse

    standardise = _standardiser(column)
    return lambda rows: sparse.csr_array(standardise(_numbers(rows)))


def _date(column: pl.Series) -> Encode:
    from scipy import sparse

    standardise = _standardiser(column)

    def encode(rows: pl.Series) -> Block:
        seconds = _numbers(rows)
        known = np.isfinite(seconds)
        days = np.where(known, seconds, 0.0).astype("datetime64[s]")
        month = days.astype("datetime64[M]").astype(np.int64) % 12
        weekday = days.astype("datetime64[D]").astype(np.int64) % 7
        parts = [standardise(seconds), _one_hot(month, known, 12), _one_hot(weekday, known, 7)]
        return sparse.hstack(parts, format="csr")

    return encode


def _one_hot(code: np.ndarray, known: np.ndarray, size: int) -> Block:
    from scipy import sparse

    rows = np.flatnonzero(known)
    return sparse.csr_array((np.ones(len(rows)), (rows, code[rows])), shape=(len(code), size))


def _category(column: pl.Series) -> Encode:
    counts = column.drop_nulls().value_counts(name="rows").sort("rows", column.name, descending=[True, False])
    values = counts[column.name].head(MOST_VALUES).sort().to_list()
    codes = {value: place for place, value in enumerate(values)}

    def encode(rows: pl.Series) -> Block:
        code = rows.replace_strict(codes, default=-1, return_dtype=pl.Int64).to_numpy()
        return _one_hot(code, code >= 0, max(len(values), 1))

    return encode


def _text(column: pl.Series) -> Encode:
    from scipy import sparse

    def encode(rows: pl.Series) -> Block:
        words = rows.str.to_lowercase().str.extract_all(r"\w+").fill_null([])
        row = np.repeat(np.arange(len(rows)), words.list.len().to_numpy())
        flat = words.explode(empty_as_null=False)
        # crc32 rather than hash(): the same places in every process.
        place = {word: zlib.crc32(word.encode()) % TEXT_BUCKETS for word in flat.unique()}
        code = np.fromiter((place[word] for word in flat), np.int64, len(flat))
        counts = sparse.csr_array((np.ones(len(code)), (row, code)), shape=(len(rows), TEXT_BUCKETS))
        length = np.sqrt(counts.power(2).sum(axis=1))
        return sparse.diags_array(1.0 / np.maximum(length, 1.0)) @ counts

    return encode
