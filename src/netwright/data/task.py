"""Which task a target's cells ask for, and which ones nothing can be learnt from."""

from __future__ import annotations

import numpy as np
import polars as pl

from netwright.config import DataConfig
from netwright.data.cells import as_number, as_text
from netwright.data.schema import Task
from netwright.errors import InputError

YES = ("1", "true", "yes", "t", "y")
NO = ("0", "false", "no", "f", "n")
MOST_NUMERIC_CLASSES = 20
ROWS_A_NUMERIC_CLASS = 4  # whole numbers that recur less often than that are quantities
FORCE_NUMBERS = "set data.task=regression if the numbers are quantities"


def find_task(frame: pl.DataFrame, config: DataConfig) -> Task:
    """The task that the cells of the target columns ask for, or the one that is forced."""
    if frame.height < 2:
        few = "there are no rows" if frame.height == 0 else "there is only one row"
        raise InputError(f"{few} to learn the target from", hint="give at least 10 rows")
    values = [series.drop_nulls().unique(maintain_order=True) for series in frame.iter_columns()]
    for series in values:
        _refuse_useless(series)
    if config.task != "auto":
        _refuse_unfit(values, config.task)
        return config.task
    if len(values) > 1:
        return _task_of_several(values)
    return _task_of_one(values[0], rows=frame.height - frame.to_series().null_count())


def as_yes_or_no(series: pl.Series) -> pl.Series:
    """1.0 for yes, 0.0 for no, null for anything else. [N] Float64"""
    words = dict.fromkeys(YES, 1.0) | dict.fromkeys(NO, 0.0)
    texts = as_text(series).str.to_lowercase()
    return texts.replace_strict(words, default=None, return_dtype=pl.Float64)


def not_binary(name: str, count: int) -> InputError:
    """What is said when a binary task is asked of another number of classes."""
    what = f"the target {name!r} has {count} classes, a binary one has two"
    return InputError(what, where="data.task", hint="use multiclass, without a positive class")


def _task_of_several(values: list[pl.Series]) -> Task:
    if all(as_yes_or_no(series).null_count() == 0 for series in values):
        return "multilabel"
    if all(as_number(series).null_count() == 0 for series in values):
        return "regression"
    names = ", ".join(repr(series.name) for series in values)
    raise InputError(
        f"the targets {names} are neither all numbers nor all yes/no columns",
        where="data.target",
        hint="several targets must be of one sort; train one run for each otherwise",
    )


def _task_of_one(values: pl.Series, rows: int) -> Task:
    """The task of one column, from its different cells in the order of rows."""
    distinct = as_text(values).n_unique()
    if distinct == 2:
        return "binary"
    numbers = as_number(values)
    if numbers.null_count() == 0:
        if _are_codes(numbers.to_numpy(), rows):
            return "multiclass"
        if len(values) == rows:
            _refuse_sequence(values)
        return "regression"
    if numbers.null_count() <= 0.1 * len(values) and len(values) > MOST_NUMERIC_CLASSES:
        _refuse_words(values, numbers)
    if distinct == rows:
        raise InputError(
            f"every row has a different value of the target {values.name!r}: it is an id or free text",
            where="data.target",
            hint="choose a column whose values recur, or numbers",
        )
    return "multiclass"


def _are_codes(numbers: np.ndarray, rows: int) -> bool:
    """Whether different numbers name classes, rather than measure something."""
    whole = bool(np.isfinite(numbers).all() and (np.floor(numbers) == numbers).all())
    return whole and len(numbers) <= min(MOST_NUMERIC_CLASSES, rows / ROWS_A_NUMERIC_CLASS)


def _refuse_useless(values: pl.Series) -> None:
    if len(values) == 0:
        raise InputError(
            f"the target {values.name!r} is missing in all rows",
            where="data.target",
            hint="choose another column, or look at data.missing",
        )
    texts = as_text(values)
    if texts.n_unique() == 1:
        raise InputError(
            f"the target {values.name!r} is {texts[0]!r} in all rows",
            where="data.target",
            hint="there is nothing to predict: choose another column",
        )


def _refuse_unfit(targets: list[pl.Series], task: Task) -> None:
    """Refuses different cells that cannot be of the task that the user asks for."""
    if len(targets) > 1 and task in ("binary", "multiclass"):
        raise InputError(
            f"a {task} task has one target", where="data.target", hint="use multilabel or regression"
        )
    for values in targets:
        if task == "regression":
            numbers = as_number(values)
            if numbers.null_count():
                _refuse_words(values, numbers)
        elif task == "multilabel" and as_yes_or_no(values).null_count():
            raise InputError(
                f"the target {values.name!r} is no yes/no column",
                where="data.task",
                hint="multilabel needs 0 and 1",
            )
        elif task == "binary" and (count := as_text(values).n_unique()) != 2:
            raise not_binary(values.name, count)


def _refuse_words(values: pl.Series, numbers: pl.Series) -> None:
    word = values.filter(numbers.is_null())[0]
    raise InputError(
        f"the target {values.name!r} is of numbers, but some of its cells are not, such as {str(word)!r}",
        where="data.target",
        hint="correct these rows, or add the word to data.missing",
    )


def _refuse_sequence(values: pl.Series) -> None:
    numbers = as_number(values).to_numpy()
    steps = np.diff(numbers)
    rising = bool((steps > 0).all() and (np.floor(numbers) == numbers).all())
    # on four fifths of the rows a sequence without gaps has a step of 1.25 on average
    if len(numbers) >= 10 and rising and steps.mean() < 1.5:
        raise InputError(
            f"the target {values.name!r} counts the rows, so it looks like an id",
            where="data.target",
            hint=f"choose another column, or {FORCE_NUMBERS}",
        )
