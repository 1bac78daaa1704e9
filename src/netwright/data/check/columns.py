"""Columns that are no inputs, or hold something else than they seem to."""

from __future__ import annotations

from collections import Counter

import numpy as np
import polars as pl

from netwright.data.cells import as_number
from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, listed, names, percent
from netwright.data.finding import Finding
from netwright.data.schema import Column

TEXT_FORMATS = ("csv", "arff")
MIXED = 0.05
MANY_VALUES = 1000
MANY_SHARE = 0.2
FEW_ROWS = 20
RECURRING = 0.5


def unused_columns(view: View) -> list[Finding]:
    """Columns that tell nothing: the same value in every row, or another one in each."""
    findings = []
    height = len(view.table)
    constant = [
        column.name
        for column in view.schema.of_kind("constant")
        if view.table.frame[column.name].null_count() < height
    ]
    if constant:
        findings.append(
            Finding(
                "constant_columns",
                "note",
                f"{count(len(constant), 'column')} with one value only: {names(constant)}.",
                "not used as inputs; data.kinds says otherwise",
                columns=constant,
            )
        )
    ids = [column.name for column in view.schema.of_kind("id")]
    if ids:
        findings.append(
            Finding(
                "id_columns",
                "note",
                f"{count(len(ids), 'column')} of names or numbers of the rows only: {names(ids)}.",
                "not used as inputs; data.kinds says otherwise",
                columns=ids,
            )
        )
    return findings


def numbers_as_text(view: View) -> list[Finding]:
    """Number columns with cells that are words, blanks, or numbers with signs and separators around."""
    from_text = view.table.how.get("format") in TEXT_FORMATS
    columns, rows, messages = [], np.zeros(len(view.table), dtype=bool), []
    for column in view.schema.of_kind("number"):
        if view.table.frame[column.name].dtype != pl.String:
            continue
        said = []
        if column.name not in view.plain_numbers:
            said, concerned = _not_plain(view, column)
            rows |= concerned
        if blanks := _blank_cells(view, column):
            said.append(count(blanks, "blank cell"))
        if not said and not from_text:
            said.append("every cell a number in quotes")
        if said:
            columns.append(column)
            messages.append(f"{column.name!r} ({' and '.join(said)})")
    if not columns:
        return []
    return [
        Finding(
            "numbers_as_text",
            "warning",
            f"Numbers held as text: {listed(messages)}.",
            "converted to numbers; what is no number counts as missing",
            columns=[column.name for column in columns],
            rows=int(rows.sum()) + sum(_blank_cells(view, column) for column in columns),
            examples=example_rows(view.table, rows),
        )
    ]


def _blank_cells(view: View, column: Column) -> int:
    """Cells that held blanks only, which look like any other missing cell once they are read."""
    return sum(times for word, times in view.table.words.get(column.name, {}).items() if not word.strip())


def _not_plain(view: View, column: Column) -> tuple[list[str], np.ndarray]:
    """What a number column holds beside plain numbers, and the rows where. [N] bool"""
    series = view.table.frame[column.name]
    present = series.is_not_null()
    parsed = pl.Series(~np.isnan(view.number(column)))
    words = present & ~parsed
    decorated = parsed & series.cast(pl.Float64, strict=False).is_null()
    said = []
    if words.any():
        shown = series.filter(words).unique(maintain_order=True).head(3).to_list()
        said.append(
            f"{count(int(words.sum()), 'cell')} no number, such as {listed([repr(w) for w in shown])}"
        )
    if decorated.any():
        shown = series.filter(decorated).head(1).item()
        said.append(f"{count(int(decorated.sum()), 'cell')} written like {shown!r}")
    return said, (words | decorated).to_numpy()


def mixed_types(view: View) -> list[Finding]:
    """Columns of categories in which some values are numbers and others words."""
    found = []
    for column in view.schema.of_kind("category"):
        series = view.table.frame[column.name]
        if series.dtype != pl.String:
            continue
        counts = series.drop_nulls().value_counts()
        numeric = as_number(counts[column.name]).is_not_null()
        share = float(numeric.to_numpy() @ counts["count"].to_numpy() / len(series.drop_nulls()))
        if MIXED <= share <= 1 - MIXED:
            number = counts[column.name].filter(numeric).sort().first()
            word = counts[column.name].filter(~numeric).sort().first()
            found.append(
                (column.name, f"{column.name!r} ({percent(share)} numbers: {number!r}, but {word!r})")
            )
    if not found:
        return []
    return [
        Finding(
            "mixed_types",
            "warning",
            f"Numbers and words in one column: {listed([said for _, said in found])}.",
            "used as categories; data.kinds makes a column numbers, and its words missing",
            columns=[name for name, _ in found],
        )
    ]


def many_categories(view: View) -> list[Finding]:
    """Columns with so many categories that most are seen too seldom to learn from."""
    fitting = max(len(view.split.train), 1)
    found = [
        column
        for column in view.schema.of_kind("category")
        if column.values > MANY_VALUES or column.values > max(50, MANY_SHARE * fitting)
    ]
    if not found:
        return []
    found.sort(key=lambda column: -column.values)
    shown = listed([f"{column.name!r} ({column.values:,} values)" for column in found])
    return [
        Finding(
            "many_categories",
            "note",
            f"{count(len(found), 'column')} with very many categories: {shown}.",
            "kept; the rarest share one place in the network (inputs.category.most)",
            columns=[column.name for column in found],
        )
    ]


def twin_columns(view: View) -> list[Finding]:
    """Input columns that say the same as an earlier one, in other words or other units.

    Columns whose values recur are twins where these match one to one; numbers and dates that seldom recur,
    where their rows stand in the same order.
    """
    if len(view.table) < FEW_ROWS:
        return []
    first: dict[bytes, str] = {}
    twins: dict[str, str] = {}
    columns = [column for column in view.schema.inputs if column.kind != "text"]
    alike = Counter(column.values for column in columns)
    for column in columns:
        if alike[column.values] == 1:
            continue
        fingerprint = _fingerprint(view, column)
        known = first.setdefault(fingerprint, column.name) if fingerprint else column.name
        if known != column.name:
            twins[column.name] = known
    if not twins:
        return []
    shown = listed([f"{twin!r} like {known!r}" for twin, known in twins.items()])
    return [
        Finding(
            "twin_columns",
            "note",
            f"{count(len(twins), 'column')} that {'says' if len(twins) == 1 else 'say'} the same as another: "
            f"{shown}.",
            "kept; data.clean.drop_columns leaves a column out",
            columns=list(twins),
        )
    ]


def _fingerprint(view: View, column: Column) -> bytes | None:
    """What is the same for columns that match: the first row of each row's value, or the row's rank."""
    series = view.table.frame[column.name]
    if column.values <= RECURRING * len(series):
        firsts = pl.DataFrame({"value": series}).with_row_index("row")
        return firsts.select(pl.col("row").first().over("value")).to_series().to_numpy().tobytes()
    if column.kind in ("number", "date"):
        return b"ranks" + np.unique(view.number(column), return_inverse=True)[1].tobytes()
    return None
