"""What is predicted: which columns, which task, which classes; and their cells as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from netwright.config import DataConfig
from netwright.data.cells import as_number, as_text
from netwright.data.finding import Finding
from netwright.data.schema import Target, Task
from netwright.data.table import Table
from netwright.data.task import FORCE_NUMBERS, as_yes_or_no, find_task, not_binary
from netwright.errors import InputError, suggestion

if TYPE_CHECKING:
    from netwright.data.split import Split


def find_target(table: Table, names: list[str]) -> list[str]:
    """The names of the target columns.

    Arguments:
        table: the rows.
        names: columns' names, or their numbers: 0 is the first, -1 the last. A name goes before a number.

    Returns:
        Names of columns, in the order given.

    Raises:
        InputError: no target, an unknown one, or one given twice.

    Example:
        >>> find_target(Table(pl.DataFrame({"x": [1], "y": [2]}), "frame", "frame"), ["-1"])
        ['y']
    """
    names = [each for name in names if (each := str(name).strip())]
    if not names:
        raise InputError("no target is given", hint="name the column to predict with --target")
    found = [_find_one(table, name) for name in names]
    for place, name in enumerate(found):
        if name in found[:place]:
            raise InputError(f"the target {name!r} is given twice", where="data.target", hint="name it once")
    return found


def describe_target(table: Table, split: Split, config: DataConfig) -> Target:
    """Decides what is predicted, on the training and validation rows only.

    Whole numbers of at most 20 different values that recur often are classes, other numbers are quantities.
    Several targets are quantities or yes/no columns. `data.task` decides instead where it is given.

    Arguments:
        table: the rows.
        split: which rows may be looked at.
        config: target, task, and positive class.

    Returns:
        The target. Classes are those of the training rows, in the order of their numbers where all are
        numbers; the positive class is the last of two.

    Raises:
        InputError: a target that is missing, the same everywhere, an id, or unfit for the task.

    Example:
        >>> from netwright.data.split import Split
        >>> table = Table(pl.DataFrame({"x": [1, 2, 3, 4], "y": ["no", "yes", "no", "no"]}), "frame", "frame")
        >>> split = Split(np.array([0, 0, 0, 1]), "column", True, "")
        >>> describe_target(table, split, DataConfig(target=["y"]))
        Target(columns=['y'], task='binary', classes=['no', 'yes'], positive='yes')
    """
    names = find_target(table, config.target)
    task = find_task(table.frame.select(names)[split.development], config)
    if config.positive is not None and task != "binary":
        raise InputError(f"a {task} target has no positive class", where="data.positive", hint="leave it out")
    if task in ("multilabel", "regression"):
        return Target(columns=names, task=task)
    return _with_classes(texts_of_classes(table.frame[names[0]][split.train]), task, config)


def target_is_classes(table: Table, config: DataConfig) -> bool:
    """Whether the target is of classes (one or several), so that a split can keep them in proportion.

    Arguments:
        table: the rows, all of which are looked at.
        config: target and task.

    Raises:
        InputError: a target that is missing, the same everywhere, an id, or unfit for the task.
    """
    return find_task(table.frame.select(find_target(table, config.target)), config) != "regression"


def target_findings(target: Target, config: DataConfig) -> list[Finding]:
    """Says how the task was taken where another one is as likely.

    Arguments:
        target: as described.
        config: whether the user gave a task.
    """
    numbered = target.task == "multiclass" and as_number(pl.Series(target.classes)).null_count() == 0
    if config.task != "auto" or not numbered:
        return []
    message = f"The target {target.columns[0]!r} is of {len(target.classes)} whole numbers, taken as classes."
    action = FORCE_NUMBERS
    return [Finding("numeric_classes", "note", message, action, columns=target.columns)]


def encode_target(table: Table, target: Target) -> np.ndarray:
    """The target's cells as numbers.

    Arguments:
        table: rows with the target's columns.
        target: as described on the development rows.

    Returns:
        binary and multiclass: the class's place, -1 for another or none, [N] int64; multilabel: 0 or 1, NaN
        for anything else, [N, L] float32; regression: [N, T] float64, NaN where there is no number.

    Raises:
        InputError: an infinite number; names its row.

    Example:
        >>> table = Table(pl.DataFrame({"y": ["no", "yes", None]}), "frame", "frame")
        >>> encode_target(table, Target(columns=["y"], task="binary", classes=["no", "yes"], positive="yes"))
        array([ 0,  1, -1])
    """
    columns = [table.frame[name] for name in target.columns]
    if target.task == "regression":
        return np.stack([_quantities(table, series) for series in columns], axis=1)
    if target.task == "multilabel":
        return np.stack([as_yes_or_no(series).to_numpy() for series in columns], axis=1).astype(np.float32)
    codes = range(len(target.classes))
    texts = texts_of_classes(columns[0])
    return (
        texts.replace_strict(target.classes, codes, default=-1, return_dtype=pl.Int64)
        .fill_null(-1)
        .to_numpy()
    )


# ---------------------------------------------------------------------------------------------- task


def _find_one(table: Table, name: str) -> str:
    if name in table.columns:
        return name
    if name.removeprefix("-").isdecimal():
        number, width = int(name), len(table.columns)
        if -width <= number < width:
            return table.columns[number]
        raise InputError(
            f"there is no column number {number}",
            where="data.target",
            hint=f"the table has {width} columns: 0 to {width - 1}, or -1 for the last",
        )
    raise InputError(
        f"the table has no column {name!r}", where=table.source, hint=suggestion(name, table.columns)
    )


def _with_classes(train: pl.Series, task: Task, config: DataConfig) -> Target:
    """The target of one column with the classes that its training rows (texts) have."""
    name = train.name
    counts = dict(train.drop_nulls().value_counts().iter_rows())
    classes = sort_texts(list(counts))
    if len(classes) < 2:
        only = repr(classes[0]) if classes else "missing"
        raise InputError(
            f"the target {name!r} is {only} in all training rows",
            where="data.target",
            hint="there is nothing to tell apart: check the target and the split",
        )
    if len(classes) > 2 or config.task == "multiclass":
        if config.positive is not None or config.task == "binary":
            raise not_binary(name, len(classes))
        return Target(columns=[name], task="multiclass", classes=classes)
    # of equally rare classes the last is positive: 1 of 0 and 1, yes of no and yes
    positive = config.positive or min(reversed(classes), key=lambda text: counts[text])
    if positive not in classes:
        raise InputError(
            f"the target {name!r} has no class {positive!r}",
            where="data.positive",
            hint=suggestion(positive, classes),
        )
    classes.sort(key=lambda text: text == positive)
    return Target(columns=[name], task="binary", classes=classes, positive=positive)


def texts_of_classes(series: pl.Series) -> pl.Series:
    """`as_text`, for a column of few different values and many rows."""
    values = series.drop_nulls().unique()
    return series.replace_strict(values, as_text(values), default=None, return_dtype=pl.String)


def sort_texts(texts: list[str]) -> list[str]:
    """Texts in the order of their numbers where all are numbers, else of the alphabet.

    Example:
        >>> sort_texts(["10", "9", "1"]), sort_texts(["10", "9", "a"])
        (['1', '9', '10'], ['10', '9', 'a'])
    """
    numbers = as_number(pl.Series(texts, dtype=pl.String))
    if numbers.null_count():
        return sorted(texts)
    return [text for _, text in sorted(zip(numbers.to_list(), texts, strict=True))]


# --------------------------------------------------------------------------------------------- cells


def _quantities(table: Table, series: pl.Series) -> np.ndarray:
    numbers = as_number(series)
    if numbers.is_infinite().any():
        first = int(numbers.is_infinite().arg_max() or 0)
        raise InputError(
            f"the target {series.name!r} is infinite",
            where=f"row {table.rows[first]}, counted from 0",
            hint="remove the row, or add the word to data.missing",
        )
    return numbers.fill_null(np.nan).to_numpy()
