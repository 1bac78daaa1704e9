"""Splits that the user gives, by a column or by files. They are never changed, only completed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from netwright.config import DataConfig, SplitConfig
from netwright.data.apportion import divide
from netwright.data.finding import Finding
from netwright.data.media import Several
from netwright.data.roles import IGNORE, TEST, TRAIN, VALIDATION, Split
from netwright.data.strata import equal_row_keys, scores_of, strata_of, targets_of
from netwright.data.table import Table
from netwright.data.target import target_is_classes, texts_of_classes
from netwright.errors import InputError, suggestion

WORDS = {
    "train": TRAIN,
    "validation": VALIDATION,
    "val": VALIDATION,
    "valid": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "ignore": IGNORE,
}
VALIDATION_OF_TRAINING = 0.2  # where the user gives test rows but no validation rows


def roles_of_column(table: Table, column: str) -> np.ndarray:
    """The roles that a column's words give to the rows. [N] int8

    Raises:
        InputError: an empty cell, an unknown word, or no training rows.
    """
    texts = texts_of_classes(table.frame[column])
    role = texts.str.to_lowercase().replace_strict(WORDS, default=None, return_dtype=pl.Int8)
    if role.null_count():
        first = int(role.is_null().arg_max() or 0)
        word = texts[first]
        raise InputError(
            f"the split column {column!r} "
            + ("is empty" if word is None else f"has the unknown word {word!r}"),
            where=f"row {table.rows[first]}, counted from 0",
            hint="it may hold train, validation (or val), test and ignore",
        )
    roles = role.to_numpy().copy()
    if not (roles == TRAIN).any():
        raise InputError(
            f"the split column {column!r} has no training rows", hint="mark the rows to train on with 'train'"
        )
    return roles


def split_by_column(table: Table, column: str, data: DataConfig, seed: int) -> Split:
    roles = roles_of_column(table, column)
    if not (roles == TEST).any():
        raise InputError(
            f"the split column {column!r} has no test rows",
            hint="mark some rows with 'test', or leave the column out with data.clean.drop_columns "
            "and let Netwright split",
        )
    split = Split(roles, "column", True, f"Given by the column {column!r}.")
    without = replace(table, frame=table.frame.drop(column))  # equal rows may have other words in it
    return _with_validation(split, without, data, seed)


def split_by_files(
    table: Table, config: SplitConfig, data: DataConfig, seed: int, roles: np.ndarray
) -> Split:
    split = Split(roles.copy(), "files", True, "Given by files.")
    if config.test > 0 and not (roles == TEST).any():
        carved = _carve(split.role, table, data, seed, TEST, config.test)
        note = (
            f"Given by files; the test rows are {config.test:.0%} of the main file, drawn with seed {seed}."
        )
        split = replace(split, role=carved, note=note)
    return _with_validation(split, table, data, seed)


def join_files(main: Table, validation: Table | None, test: Table | None) -> tuple[Table, np.ndarray]:
    """Puts the tables of several files under each other.

    Arguments:
        main: the rows to train on.
        validation: validation rows from a file of their own.
        test: test rows from a file of their own.

    Returns:
        The table of all rows, numbered from 0 through all files, and the role of each row by its file
        ([N] int8), for `make_split`.

    Raises:
        InputError: a file that has other columns than the main one, or the same with other types.
    """
    tables, roles = [main], [np.full(len(main), TRAIN, dtype=np.int8)]
    words = [""]
    for word, table, role in (("validation", validation, VALIDATION), ("test", test, TEST)):
        if table is not None:
            tables.append(_marked(_like(table, main), word))
            words.append(word)
            roles.append(np.full(len(table), role, dtype=np.int8))
    media = {
        name: Several(dict(zip(words, (table.media[name] for table in tables), strict=True)))
        for name in main.media
    }
    try:
        frame = pl.concat([table.frame for table in tables], how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise InputError(
            "the files' columns are of different types", hint=str(error).splitlines()[0]
        ) from None
    found: dict[str, dict[str, int]] = {}
    for table in tables:
        for column, counts in table.words.items():
            total = found.setdefault(column, {})
            for word, count in counts.items():
                total[word] = total.get(word, 0) + count
    names = [table.names.gather(table.rows) for table in tables if table.names is not None]
    joined = replace(
        main,
        frame=frame,
        names=pl.concat(names) if len(names) == len(tables) else None,
        rows=np.arange(frame.height, dtype=np.int64),
        words=found,
        media=media,
        findings=[finding for table in tables for finding in table.findings],
    )
    return joined, np.concatenate(roles)


def _with_validation(split: Split, table: Table, data: DataConfig, seed: int) -> Split:
    """The split with a part of the training rows as validation rows, where it has none."""
    if len(split.validation):
        return split
    share = VALIDATION_OF_TRAINING
    role = _carve(split.role, table, data, seed, VALIDATION, share)
    said = (
        f"no validation rows were given, so {share:.0%} of the training rows ({(role == VALIDATION).sum()})"
    )
    finding = Finding(
        "validation_from_training",
        "note",
        f"{said[0].upper()}{said[1:]} stop the training instead.",
        "give validation rows of your own to choose them",
        rows=int((role == VALIDATION).sum()),
    )
    note = f"{split.note[:-1]}; {said} were drawn with seed {seed}."
    return replace(split, role=role, note=note, findings=[*split.findings, finding])


def _carve(
    role: np.ndarray,
    table: Table,
    data: DataConfig,
    seed: int,
    new: int,
    share: float,
) -> np.ndarray:
    """Roles where a share of the training rows became `new`, in proportion for classes."""
    rows = np.flatnonzero(role == TRAIN)
    part = replace(table, frame=table.frame[rows], rows=table.rows[rows])
    keys = equal_row_keys(part.comparable, scores_of(part.rows, seed), targets_of(part, data))
    classes = bool(data.target) and target_is_classes(part, data)
    strata = strata_of(part, data) if classes else np.zeros(len(rows), dtype=np.int64)
    carved = divide(keys, strata, 0.0, share)
    if not (carved == TEST).any():
        what = "validation" if new == VALIDATION else "test"
        raise InputError(
            f"the {len(rows)} training rows are too few to take {what} rows from", hint="give more rows"
        )
    result = role.copy()
    result[rows[carved == TEST]] = new
    return result


def _like(table: Table, main: Table) -> Table:
    """The table with its columns in the order of the main one."""
    for name in main.columns:
        if name not in table.columns:
            raise InputError(
                f"the file lacks the column {name!r}",
                where=table.source,
                hint=suggestion(name, table.columns),
            )
    for name in table.columns:
        if name not in main.columns:
            raise InputError(
                f"the file has the column {name!r}, which {main.source} lacks",
                where=table.source,
                hint=suggestion(name, main.columns),
            )
    if missing := [name for name in main.media if name not in table.media]:
        raise InputError(
            f"the cells of {missing[0]!r} stand for {main.media[missing[0]].kind} files in {main.source}, "
            "and for none here",
            where=table.source,
        )
    return replace(table, frame=table.frame.select(main.columns))


def _marked(table: Table, word: str) -> Table:
    """The table with a word before the texts that contents stand behind, so that they differ from others'."""
    columns = [(pl.lit(f"{word}:") + pl.col(name)).alias(name) for name in table.media]
    return replace(table, frame=table.frame.with_columns(columns))
