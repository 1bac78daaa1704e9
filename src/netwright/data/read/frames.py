"""Tables that are already in memory: polars and pandas frames, NumPy arrays, dictionaries of columns."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from netwright.data.read.typed import column
from netwright.errors import InputError


def read_frame(source: Any) -> pl.DataFrame:
    """Any table in memory as a polars frame.

    Arguments:
        source: polars DataFrame or LazyFrame, pandas DataFrame (its index is left out), NumPy array ([N] or
            [N, F], or structured), or a dictionary of columns.

    Raises:
        InputError: the source is none of these, its columns differ in length, or names repeat.
    """
    if isinstance(source, pl.DataFrame):
        return source
    if isinstance(source, pl.LazyFrame):
        try:
            return source.collect()
        except pl.exceptions.PolarsError as error:
            raise InputError(f"the lazy frame cannot be collected: {str(error).splitlines()[0]}") from None
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Mapping):
        return _joined([_series(str(name), values) for name, values in source.items()])
    pandas = sys.modules.get("pandas")  # whoever passes a pandas frame has imported it
    if pandas is not None and isinstance(source, pandas.DataFrame):
        return _joined([_from_pandas(str(name), source.iloc[:, i]) for i, name in enumerate(source.columns)])
    raise InputError(
        f"a {type(source).__name__} is no table",
        hint="give a path, a polars or pandas frame, a NumPy array, or a dictionary of columns",
    )


def _from_array(array: np.ndarray) -> pl.DataFrame:
    if array.dtype.names:
        return _joined([_series(name, array[name]) for name in array.dtype.names])
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise InputError(
            f"an array of {array.ndim} dimensions is no table", hint="give one of rows x columns"
        )
    return _joined([_series(f"c{place}", array[:, place]) for place in range(array.shape[1])])


def _series(name: str, values: Any) -> pl.Series:
    if isinstance(values, pl.Series):
        return values.alias(name)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.Series):
        return _from_pandas(name, values)
    if isinstance(values, np.ndarray) and values.dtype.kind == "c":
        raise InputError(f"column {name!r} holds complex numbers", hint="split them into two columns")
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "biufmM":
        return pl.Series(name, _microseconds(np.ascontiguousarray(values)))
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise InputError(f"column {name!r} is no list of cells but one {type(values).__name__}")
    return _cells(name, [_python(value) for value in values])


def _from_pandas(name: str, series: Any) -> pl.Series:
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biufmM":
        return pl.Series(name, _microseconds(series.to_numpy()))
    absent = series.isna().to_numpy()
    values = series.astype(object).to_numpy()
    return _cells(
        name, [None if gone else _python(value) for value, gone in zip(values, absent, strict=True)]
    )


def _cells(name: str, values: list) -> pl.Series:
    """A column of Python values. Bytes stay bytes: they may be files of pictures."""
    if {type(value) for value in values} - {type(None)} == {bytes}:
        return pl.Series(name, values, dtype=pl.Binary)
    return column(name, values)


def _microseconds(values: np.ndarray) -> np.ndarray:
    """Times in a unit that Polars has; it has none for seconds or days."""
    return values.astype(f"{values.dtype.kind}8[us]") if values.dtype.kind in "mM" else values


def _python(value: Any) -> Any:
    """A cell as a plain Python value; NaN is a missing one."""
    if isinstance(value, np.generic):
        value = value.item()
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    return None if isinstance(value, float) and value != value else value


def _joined(columns: list[pl.Series]) -> pl.DataFrame:
    counts = Counter(each.name for each in columns)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise InputError(f"column names repeat: {', '.join(map(repr, repeated[:8]))}", hint="rename them")
    for each in columns:
        if len(each) != len(columns[0]):
            raise InputError(
                f"column {each.name!r} has {len(each)} cells where {columns[0].name!r} has {len(columns[0])}"
            )
    return pl.DataFrame(columns)
