"""What the user asked to be done about what the checks find. Each change is a finding with its count."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import polars as pl

from netwright.config import DataConfig
from netwright.data.cells import as_number, as_text
from netwright.data.check.leaks import find_leaks
from netwright.data.check.outliers import beyond_limits, outlier_limits
from netwright.data.check.spellings import category_counts, near_equal
from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, listed, names
from netwright.data.finding import Finding
from netwright.data.identifiers import id_like_columns
from netwright.data.media.damaged import leave_out_unreadable
from netwright.data.schema import Column, Schema
from netwright.data.split import IGNORE, Split
from netwright.data.table import Table
from netwright.data.target import find_target, sort_texts
from netwright.errors import InputError, suggestion

# ------------------------------------------------------------------------------------ before the split


def clean_rows(
    table: Table, config: DataConfig, no_inputs: Collection[str] = ()
) -> tuple[Table, list[Finding]]:
    """Drops rows without a target, and repeated rows where that is asked for, before the split.

    Arguments:
        table: the rows as read.
        config: names the target; `config.clean` says what to drop.
        no_inputs: columns that nothing is learnt from, such as that of the split.

    Returns:
        The rows that are left, and what was done.

    Raises:
        InputError: `clean.drop_columns` names a column that there is not, or the target; a row has no target
            and `clean.missing_target` is "error"; no row has one.

    Example:
        >>> table = Table(pl.DataFrame({"x": ["1", "2", "3"], "y": ["a", None, "b"]}), "toy", "toy.csv")
        >>> left, findings = clean_rows(table, DataConfig(target=["y"]))
        >>> len(left), findings[0].id
        (2, 'missing_target')
    """
    target = find_target(table, config.target)
    dropped = _check_drop_columns(table, config, target)
    table, missing = _rows_with_target(table, config, target)
    unlearnt = {*target, *no_inputs, *config.clean.drop_columns}
    table, unreadable = leave_out_unreadable(table, [name for name in table.columns if name not in unlearnt])
    table, repeated = _first_of_equal_rows(table, config, target)
    return table, dropped + missing + unreadable + repeated


def _check_drop_columns(table: Table, config: DataConfig, target: list[str]) -> list[Finding]:
    columns = config.clean.drop_columns
    for name in columns:
        if name not in table.columns:
            raise InputError(
                f"the table has no column {name!r} to drop",
                where="data.clean.drop_columns",
                hint=suggestion(name, table.columns),
            )
        if name in target:
            raise InputError(f"the target {name!r} cannot be dropped", where="data.clean.drop_columns")
    if not columns:
        return []
    return [
        Finding(
            "dropped_columns",
            "note",
            f"{count(len(columns), 'column')} left out as asked: {names(columns)}.",
            "not used as inputs (data.clean.drop_columns)",
            columns=columns,
        )
    ]


def _rows_with_target(table: Table, config: DataConfig, target: list[str]) -> tuple[Table, list[Finding]]:
    missing = table.frame.select(pl.any_horizontal(pl.col(target).is_null())).to_series().to_numpy()
    number = int(missing.sum())
    if number == 0:
        return table, []
    if number == len(table):
        raise InputError(
            f"no row has a value in the target {names(target)}",
            where=table.source,
            hint="every cell there is empty or a word for missing (data.missing)",
        )
    rows = example_rows(table, missing)
    if config.clean.missing_target == "error":
        raise InputError(
            f"{count(number, 'row')} without the target {names(target)}, the first is row {rows[0]}",
            where=table.source,
            hint="data.clean.missing_target: drop leaves such rows out",
        )
    return table.keep(~missing), [
        Finding(
            "missing_target",
            "warning",
            f"{count(number, 'row')} of {len(table):,} without the target {names(target)}.",
            "dropped (data.clean.missing_target: drop)",
            columns=target,
            rows=number,
            examples=rows,
        )
    ]


def _first_of_equal_rows(table: Table, config: DataConfig, target: list[str]) -> tuple[Table, list[Finding]]:
    if config.clean.duplicates == "keep":
        return table, []
    unused = {*config.clean.drop_columns, *id_like_columns(table.frame, exclude=set(target))}
    columns = [name for name in table.columns if name not in unused]
    first = table.comparable.select(pl.struct(columns).is_first_distinct()).to_series().to_numpy()
    number = int((~first).sum())
    if number == 0:
        return table, []
    return table.keep(first), [
        Finding(
            "duplicates_dropped",
            "note",
            f"{count(number, 'row')} of {len(table):,} equal to an earlier row in every column but ids.",
            "dropped, the first of each kept (data.clean.duplicates: drop)",
            rows=number,
            examples=example_rows(table, ~first),
        )
    ]


# ------------------------------------------------------------------------------------- after the kinds


def clean_fitted(
    table: Table, split: Split, schema: Schema, config: DataConfig
) -> tuple[Split, Schema, list[Finding]]:
    """Applies what depends on numbers and words seen in the training rows: spellings, outliers, leaks.

    Arguments:
        table: the rows.
        split: which of them train; limits and merged spellings are decided on these rows only.
        schema: what the columns are.
        config: `config.clean` says what to do.

    Returns:
        The split, in which training rows with outliers are ignored if that is asked for; the schema, with
        spellings to replace and without columns that give the target away, if asked for; what was done.

    Raises:
        InputError: `clean.spellings` names a column that there is not, or one without categories.
    """
    schema, leaks = _without_leaks(table, split, schema, config)
    schema, spellings = _with_spellings(table, split, schema, config)
    split, outliers = _without_outliers(table, split, schema, config)
    return split, schema, leaks + spellings + outliers


def _without_leaks(
    table: Table, split: Split, schema: Schema, config: DataConfig
) -> tuple[Schema, list[Finding]]:
    if config.clean.leaks == "keep":
        return schema, []
    leaks = find_leaks(View(table, split, schema, config))
    dropped = sorted({name for leak in leaks for name in leak.columns}, key=table.columns.index)
    if not dropped:
        return schema, []
    left = [column for column in schema.columns if column.name not in dropped]
    return schema.model_copy(update={"columns": left}), [
        Finding(
            "leaks_dropped",
            "warning",
            f"{count(len(dropped), 'column')} that gave the target away: {names(dropped)}.",
            "dropped from the inputs (data.clean.leaks: drop)",
            columns=dropped,
        )
    ]


def _with_spellings(
    table: Table, split: Split, schema: Schema, config: DataConfig
) -> tuple[Schema, list[Finding]]:
    asked = config.clean.spellings
    if asked == "keep":
        return schema, []
    columns: list[Column] = []
    merged: dict[str, dict[str, str]] = {}
    cells = 0
    if isinstance(asked, dict):
        _check_spelling_columns(asked, schema)
    for column in schema.columns:
        if isinstance(asked, dict):
            mapping = asked.get(column.name, {})
        elif column.kind == "category":
            mapping = near_equal(category_counts(as_text(table.frame[column.name][split.train])))
        else:
            mapping = {}
        columns.append(_respelled(column, mapping) if mapping else column)
        if mapping:
            merged[column.name] = mapping
            texts = as_text(table.frame[column.name])
            cells += int(texts.is_in(list(mapping)).sum())
    if not merged:
        return schema, []
    shown = listed(
        [
            f"{name!r} ({listed([f'{a!r} as {b!r}' for a, b in each.items()], most=3)})"
            for name, each in merged.items()
        ]
    )
    return schema.model_copy(update={"columns": columns}), [
        Finding(
            "spellings_merged",
            "note",
            f"{count(cells, 'cell')} read in another spelling: {shown}.",
            "merged (data.clean.spellings)",
            columns=list(merged),
            rows=cells,
        )
    ]


def _check_spelling_columns(asked: dict[str, dict[str, str]], schema: Schema) -> None:
    known = [column.name for column in schema.columns]
    for name in asked:
        if name not in known:
            raise InputError(
                f"there is no input column {name!r}",
                where="data.clean.spellings",
                hint=suggestion(name, known),
            )
        kind = schema.column(name).kind
        if kind not in ("category", "boolean"):
            raise InputError(
                f"the column {name!r} has no spellings to map, it is of the kind {kind}",
                where="data.clean.spellings",
                hint=f"data.kinds.{name}=category makes it categories",
            )


def _respelled(column: Column, mapping: dict[str, str]) -> Column:
    """The column with spellings to replace: what is replaced loses its place, what replaces it has one."""
    kept = [text for text in column.categories if text not in mapping]
    added = {mapping[text] for text in column.categories if text in mapping} - set(kept)
    return column.model_copy(update={"spellings": dict(mapping), "categories": sort_texts([*kept, *added])})


def _without_outliers(
    table: Table, split: Split, schema: Schema, config: DataConfig
) -> tuple[Split, list[Finding]]:
    action = config.clean.outliers
    if action == "keep":
        return split, []
    train, found = split.train, {}
    rows = np.zeros(len(train), dtype=bool)
    for column in schema.of_kind("number"):
        values = as_number(table.frame[column.name][train], column.decimal_comma).fill_null(np.nan).to_numpy()
        far = beyond_limits(values, outlier_limits(values))
        if far.any():
            found[column.name] = int(far.sum())
            rows |= far
    if not found:
        return split, []
    shown = listed([f"{name!r} ({number:,})" for name, number in found.items()])
    if action == "drop":
        role = split.role.copy()
        role[train[rows]] = IGNORE
        split = replace(split, role=role)
    return split, [
        Finding(
            "outliers_dropped" if action == "drop" else "outliers_clipped",
            "note",
            f"{count(int(rows.sum()), 'training row')} with a number beyond 10 robust deviations: {shown}.",
            f"{'not trained on' if action == 'drop' else 'clipped inside the network'} "
            f"(data.clean.outliers: {action})",
            columns=list(found),
            rows=int(rows.sum()),
            examples=example_rows(table, train[rows]),
        )
    ]
