"""Cells that hold nothing, or nothing finite."""

from __future__ import annotations

import numpy as np

from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, listed, names, percent
from netwright.data.finding import Finding

MOSTLY = 0.5


def missing_values(view: View) -> list[Finding]:
    """Columns with missing values: a warning for those that are mostly empty, a note for the others."""
    total = len(view.table)
    nulls = view.table.frame.select([column.name for column in view.schema.columns]).null_count().row(0)
    shares = {
        column.name: missing / total
        for column, missing in zip(view.schema.columns, nulls, strict=True)
        if 0 < missing < total
    }
    worst_first = sorted(shares, key=lambda name: -shares[name])
    mostly = [name for name in worst_first if shares[name] > MOSTLY]
    partly = [name for name in worst_first if shares[name] <= MOSTLY]
    findings = []
    if mostly:
        findings.append(
            Finding(
                "mostly_missing",
                "warning",
                f"{count(len(mostly), 'column')} mostly empty: {_worst(mostly, shares)}.",
                "kept, with a flag for missing; data.clean.drop_columns leaves a column out",
                columns=mostly,
                rows=_rows_with_missing(view, mostly),
            )
        )
    if partly:
        findings.append(
            Finding(
                "missing_values",
                "note",
                f"{count(len(partly), 'column')} with missing values: {_worst(partly, shares)}.",
                "filled and flagged inside the network; in categories missing is a value of its own",
                columns=partly,
                rows=_rows_with_missing(view, partly),
            )
        )
    return findings


def _worst(columns: list[str], shares: dict[str, float]) -> str:
    return listed([f"{name!r} ({percent(shares[name])})" for name in columns])


def _rows_with_missing(view: View, columns: list[str]) -> int:
    any_missing = np.zeros(len(view.table), dtype=bool)
    for name in columns:
        any_missing |= view.table.frame[name].is_null().to_numpy()
    return int(any_missing.sum())


def missing_columns(view: View) -> list[Finding]:
    """Columns in which every cell is missing."""
    frame = view.table.frame
    empty = [
        column.name for column in view.schema.columns if frame[column.name].null_count() == len(view.table)
    ]
    if not empty:
        return []
    return [
        Finding(
            "missing_column",
            "warning",
            f"{count(len(empty), 'column')} without a single value: {names(empty)}.",
            "not used as inputs; look whether they were read or exported rightly",
            columns=empty,
            rows=len(view.table),
        )
    ]


def missing_words(view: View) -> list[Finding]:
    """Words of the source that were read as missing, so that a user can object."""
    totals: dict[str, int] = {}
    where: dict[str, list[str]] = {}
    for column, words in view.table.words.items():
        for word, times in words.items():
            if word.strip():
                totals[word] = totals.get(word, 0) + times
                where.setdefault(word, []).append(column)
    if not totals:
        return []
    most_first = sorted(totals, key=lambda word: -totals[word])
    shown = listed(
        [f"{word!r} {totals[word]:,} times in {names(where[word], most=3)}" for word in most_first]
    )
    return [
        Finding(
            "missing_words",
            "note",
            f"Words read as missing: {shown}.",
            "data.missing lists the words for missing, where one of these is a value",
            columns=sorted({column for columns in where.values() for column in columns}),
            rows=None,
        )
    ]


def infinite_values(view: View) -> list[Finding]:
    """Number columns with infinite values."""
    found: dict[str, int] = {}
    rows = np.zeros(len(view.table), dtype=bool)
    for column in view.schema.of_kind("number"):
        infinite = np.isinf(view.number(column))
        if infinite.any():
            found[column.name] = int(infinite.sum())
            rows |= infinite
    if not found:
        return []
    shown = listed([f"{name!r} ({times:,})" for name, times in found.items()])
    return [
        Finding(
            "infinite_values",
            "warning",
            f"{count(int(rows.sum()), 'row')} with infinite numbers: {shown}.",
            "kept as the farthest value of their column; correct them in the source where they mean missing",
            columns=list(found),
            rows=int(rows.sum()),
            examples=example_rows(view.table, rows),
        )
    ]
