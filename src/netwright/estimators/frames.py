"""From what a user of scikit-learn passes as X to a polars frame."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from netwright.config import InputsConfig, Kind
from netwright.data.kinds import find_kinds
from netwright.data.media import Arrays, Media
from netwright.data.read import read
from netwright.data.read.arrays import contents_of
from netwright.data.schema import Column, Schema, Target
from netwright.data.table import Table
from netwright.errors import InputError, suggestion


class Inputs(NamedTuple):
    """The rows of X, and what the cells of pictures and series stand for."""

    frame: pl.DataFrame
    media: dict[str, Media]


def read_inputs(estimator: BaseEstimator, source: Any, *, reset: bool) -> Inputs:
    """The rows of X as a frame whose columns are named as at the fit; checked by scikit-learn's rules.

    Arguments:
        estimator: learns or checks the number of columns and their names.
        source: an array, a frame of pandas or polars, or lists. Columns that are not all numbers come from
            frames, arrays of objects and lists. An array of pictures [N, H, W] or [N, H, W, C], or of series
            [N, T, C], is one column.
        reset: whether the columns are learnt or checked.

    Returns:
        Numbers as float64 without infinities; missing cells are null.

    Raises:
        ValueError: as scikit-learn raises it.
    """
    if isinstance(source, np.ndarray) and source.ndim > 2:
        return _contents(estimator, source, reset=reset)
    return Inputs(_read_frame(estimator, source, reset=reset), {})


def _contents(estimator: Any, source: np.ndarray, *, reset: bool) -> Inputs:
    """Pictures or series as the column x0, by fingerprints, so that equal ones are equal cells."""
    if len(source) == 0:
        raise ValueError(
            f"Found array with 0 sample(s) (shape={source.shape}) while a minimum of 1 is required."
        )
    found = contents_of(source)
    if reset:
        estimator.n_features_in_ = 1
        vars(estimator).pop("feature_names_in_", None)
    elif estimator.n_features_in_ != 1 or found.kind != estimator.model_.schema.columns[0].kind:
        fitted = estimator.model_.schema.columns[0].kind
        raise ValueError(
            f"X is an array of {found.kind}, but {type(estimator).__name__} was fitted on {fitted}."
        )
    keys = [found.digest(text) for text in found.arrays]
    arrays = dict(zip(keys, found.arrays.values(), strict=True))
    return Inputs(pl.DataFrame({"x0": keys}), {"x0": Arrays(found.kind, arrays)})


def _read_frame(estimator: BaseEstimator, source: Any, *, reset: bool) -> pl.DataFrame:
    if isinstance(source, list | tuple):
        array = np.asarray(source) if not _holds_texts(source) else np.asarray(source, dtype=object)
        source = array if array.dtype.kind in "OUS" else source
    if _is_mixed(source):
        frame = _mixed(estimator, source, reset=reset)
    else:
        array = validate_data(estimator, source, dtype=np.float64, ensure_all_finite="allow-nan", reset=reset)
        frame = pl.DataFrame(np.ascontiguousarray(array), orient="row").fill_nan(None)
    frame.columns = column_names(estimator)
    return frame


def column_names(estimator: BaseEstimator) -> list[str]:
    """The names of the inputs: the fitted frame's, or x0, x1, ..."""
    names = getattr(estimator, "feature_names_in_", None)
    return [f"x{place}" for place in range(estimator.n_features_in_)] if names is None else list(names)  # type: ignore[attr-defined]


def given_categories(source: Any) -> list[int]:
    """The places of columns that their frame says are categories, whatever is in them."""
    if isinstance(source, pl.DataFrame):
        return [place for place, dtype in enumerate(source.dtypes) if dtype in (pl.Categorical, pl.Enum)]
    if _is_pandas(source):
        return [place for place, dtype in enumerate(source.dtypes) if str(dtype) == "category"]
    return []


def find_schema(
    frame: pl.DataFrame,
    media: dict[str, Media],
    kinds: dict[str, Kind],
    target: Target,
    inputs: InputsConfig,
) -> Schema:
    """What the columns are: numbers stay numbers, the kinds of the others are found from their cells.

    Arguments:
        frame: the rows to learn from.
        media: what the cells of pictures and series stand for.
        kinds: given by the user.
        target: what is predicted.
        inputs: as for `find_kinds`.

    Raises:
        InputError: a kind given for an unknown column, or no column is left that is an input.
    """
    for name in kinds:
        if name not in frame.columns:
            raise InputError(f"X has no column {name!r}", where="kinds", hint=suggestion(name, frame.columns))
    numbers = {name for name, dtype in frame.schema.items() if dtype.is_numeric() and name not in kinds}
    columns = {
        name: Column(name=name, kind="number", reason="numbers", values=max(1, frame[name].n_unique()))
        for name in numbers
    }
    others = frame.select(name for name in frame.columns if name not in numbers)
    if others.width:
        columns |= {column.name: column for column in _found(others, media, kinds, target, inputs)}
    schema = Schema(columns=[columns[name] for name in frame.columns], target=target)
    if not schema.inputs:
        raise InputError("no column of X is left that a network could learn from: all are constant")
    return schema


def _found(
    frame: pl.DataFrame,
    media: dict[str, Media],
    kinds: dict[str, Kind],
    target: Target,
    inputs: InputsConfig,
) -> list[Column]:
    from netwright.config import DataConfig

    table, rows = Table(frame, "X", "X", media=media), np.arange(frame.height)
    found = find_kinds(table, rows, target, DataConfig(kinds=kinds), inputs, set()).columns
    # Whoever passes a column to an estimator means it to be used: words that name rows are categories.
    ids: dict[str, Kind] = {
        column.name: "category" for column in found if column.kind == "id" and column.name not in kinds
    }
    if not ids:
        return found
    return find_kinds(table, rows, target, DataConfig(kinds=kinds | ids), inputs, set()).columns


def _no_rows(source: Any) -> ValueError:
    return ValueError(
        f"Found array with 0 sample(s) (shape={source.shape}) while a minimum of 1 is required."
    )


def _is_pandas(source: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(source, pandas.DataFrame)


def _holds_texts(source: Any) -> bool:
    return any(isinstance(cell, str) for row in source if isinstance(row, list | tuple) for cell in row)


def _is_mixed(source: Any) -> bool:
    """Whether there are cells that are not numbers."""
    if isinstance(source, pl.DataFrame):
        return not all(dtype.is_numeric() or dtype == pl.Boolean for dtype in source.dtypes)
    if _is_pandas(source):
        from pandas.api.types import is_numeric_dtype

        return not all(is_numeric_dtype(dtype) for dtype in source.dtypes)
    if isinstance(source, np.ndarray) and source.ndim == 2 and source.dtype.kind in "OUS":
        try:
            source.astype(np.float64)
        except ValueError:
            return True
        except TypeError:  # a cell that is neither a number nor a text: scikit-learn says so
            return any(hasattr(cell, "isoformat") for cell in source.ravel())
    return False


def _mixed(estimator: BaseEstimator, source: Any, *, reset: bool) -> pl.DataFrame:
    validate_data(estimator, source, reset=reset, skip_check_array=True)
    if len(source) == 0:
        raise _no_rows(source)
    frame = read(source.astype(object) if isinstance(source, np.ndarray) else source).frame
    numbers = [name for name, dtype in frame.schema.items() if dtype.is_numeric()]
    frame = frame.with_columns(pl.col(numbers).cast(pl.Float64))
    infinite = [name for name in numbers if frame[name].is_infinite().any()]
    if infinite:
        raise ValueError(f"Input X contains infinity in column {infinite[0]!r}.")
    return frame
