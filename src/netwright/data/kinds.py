"""What kind each column is, and the dictionary that turns its cells into codes.

Both are decided on the fitting rows alone: cells of other rows may hold anything and change nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from netwright.config import DataConfig, InputsConfig, Kind
from netwright.data import text
from netwright.data.cells import find_date_format
from netwright.data.column_cells import Cells, collect_cells
from netwright.data.identifiers import is_dense, names_an_id
from netwright.data.media import CONTENTS
from netwright.data.media.readers import reader
from netwright.data.schema import Column, Schema, Target
from netwright.data.table import Table
from netwright.data.target import sort_texts
from netwright.errors import InputError, suggestion

PAIRS_OF_WORDS = ({"false", "true"}, {"no", "yes"}, {"f", "t"}, {"n", "y"}, {"0", "1"})
MOST_CELLS = 0.9  # a column is of numbers when that many of its cells are; the others count as missing
FEW_MISSING = 0.05  # an id names each row, so hardly any is missing
SENTENCE = 3  # words
ROWS_TO_SEE_A_SEQUENCE = 20
TEXTS_TO_COUNT = 20_000


@dataclass(frozen=True)
class Found:
    """A kind, why, and how its cells are read."""

    kind: Kind
    reason: str
    date_format: str | None = None
    decimal_comma: bool = False


def find_kinds(
    table: Table,
    rows: np.ndarray,
    target: Target,
    config: DataConfig,
    inputs: InputsConfig,
    exclude: set[str],
) -> Schema:
    """Decides what the columns are, from the fitting rows only.

    Arguments:
        table: all rows.
        rows: indices of the fitting rows, the only ones that are looked at. [R] int64
        target: its columns are left out.
        config: kinds that the user gives.
        inputs: how many categories have a place of their own, and the places for n-grams of text.
        exclude: columns to leave out: split, weight, dropped ones.

    Returns:
        The columns, in the table's order, and the target.

    Raises:
        InputError: a kind given for an unknown column, or one that its cells cannot have.

    Example:
        >>> from netwright.data.schema import Target
        >>> frame = pl.DataFrame({"size": [1.5, 2.5, 4.5], "colour": ["red", "blue", "red"], "y": [0, 1, 0]})
        >>> target = Target(columns=["y"], task="binary", classes=["0", "1"], positive="1")
        >>> table = Table(frame, "frame", "frame")
        >>> schema = find_kinds(table, np.arange(3), target, DataConfig(), InputsConfig(), set())
        >>> [(column.name, column.kind) for column in schema.columns]
        [('size', 'number'), ('colour', 'category')]
    """
    left_out = exclude | set(target.columns)
    given = config.kinds
    _check_given(table, given, left_out)
    cells = collect_cells(table.frame.select(name for name in table.columns if name not in left_out)[rows])
    found = [_kind_of(each, table, given.get(each.name)) for each in cells]
    if all(each.kind in ("id", "constant") for each in found):
        found = [
            each if of.name in given else _as_only_input(of, each)
            for of, each in zip(cells, found, strict=True)
        ]
    columns = [_describe(of, each, inputs, table) for of, each in zip(cells, found, strict=True)]
    return Schema(columns=columns, target=target, series=config.series)


def _kind_of(cells: Cells, table: Table, given: Kind | None) -> Found:
    """The kind of a column: what stands behind its cells, what the user says, or what is found."""
    media = table.media.get(cells.name)
    if given is not None and (media is None or given == "id"):
        return _take(cells, given)
    if media is None:
        return _find(cells)
    if given is not None and given != media.kind:
        what = f"column {cells.name!r} cannot be a {given}: its cells stand for {CONTENTS[media.kind]}"
        raise InputError(what, where="data.kinds", hint=f"use {media.kind}, or id to leave it out")
    return Found(media.kind, CONTENTS[media.kind]) if cells.present else Found("constant", "all are missing")


# --------------------------------------------------------------------------------------------- rules


def _find(cells: Cells) -> Found:
    """The kind of a column, by the first rule that holds."""
    if cells.present == 0:
        return Found("constant", "all cells are missing")
    distinct = set(cells.texts)
    if len(distinct) == 1 and not cells.missing:
        return Found("constant", "one value only")
    if len(distinct) == 1:
        return Found("category", "one value, or missing")
    if len(distinct) == 2 and (words := {text.lower() for text in distinct}) in PAIRS_OF_WORDS:
        return Found("boolean", " or ".join(sorted(words)))
    if cells.dtype.is_temporal():
        return Found("date", f"typed as {cells.dtype}")
    by_point, by_comma = (cells.share_of_numbers(decimal_comma=comma) for comma in (False, True))
    if by_point < 1 or all(len(text) == 8 for text in cells.texts):  # 20200131 is a number too
        written = _date_format(cells)
        if written is not None:
            return Found("date", f"dates written as {written}", date_format=written)
    if max(by_point, by_comma) >= MOST_CELLS:
        return _find_number(cells, max(by_point, by_comma), decimal_comma=by_comma > by_point)
    return _find_words(cells, len(distinct))


def _find_number(cells: Cells, share: float, *, decimal_comma: bool) -> Found:
    numbers = cells.comma_numbers if decimal_comma else cells.numbers
    numbers = numbers[~np.isnan(numbers)]
    whole = bool((np.isfinite(numbers) & (np.floor(numbers) == numbers)).all())
    if whole and share == 1 and cells.missing <= FEW_MISSING * cells.rows:
        if reason := _names_rows(cells, numbers):
            return Found("id", reason)
        if names_an_id(cells.name):
            return Found("category", "whole numbers that recur, named like an id")
    what = "whole numbers" if whole else "numbers"
    if share < 1:
        what += f", but for {round(cells.present * (1 - share))} of {cells.present} cells"
    return Found("number", what, decimal_comma=decimal_comma)


def _names_rows(cells: Cells, numbers: np.ndarray) -> str | None:
    """Why whole numbers name rows, or None when they measure something."""
    if len(numbers) < cells.present:
        return None
    if names_an_id(cells.name):
        return "whole numbers, all different, named like an id"
    if len(numbers) < ROWS_TO_SEE_A_SEQUENCE:
        return None
    # the fitting rows are about two thirds of all, so a sequence without gaps has some here
    if is_dense(numbers, gaps=2):
        return "whole numbers, all different and almost without gaps"
    # all different, so they stand in the order of rows
    if bool((np.diff(numbers) > 0).all()) and is_dense(numbers, gaps=20):
        return "whole numbers that rise from row to row"
    return None


def _find_words(cells: Cells, distinct: int) -> Found:
    once = float((cells.counts == 1).sum() / cells.present)
    if once <= 0.5:
        return Found("category", f"{distinct} different values")
    words = np.array([len(text.split()) for text in cells.texts])
    if (words * cells.counts).sum() / cells.present >= SENTENCE:
        return Found("text", "several words, mostly different")
    if _tokens_recur(cells.texts[:TEXTS_TO_COUNT]):
        return Found("text", "mostly different, of words that recur")
    if cells.missing > FEW_MISSING * cells.rows:
        return Found("category", f"{distinct} different values, often missing")
    return Found("id", "words, all different" if once == 1 else "words that mostly occur once")


def _tokens_recur(texts: list[str]) -> bool:
    """Whether texts are put together of parts that come again in some others, but not in all of them."""
    tokens = Counter(token for text in texts for token in re.findall(r"\w+", text.lower()))
    telling = [count for count in tokens.values() if count < MOST_CELLS * len(texts)]
    return tokens.total() >= 2 * len(texts) and len(telling) <= 0.7 * sum(telling)


def _date_format(cells: Cells) -> str | None:
    """The format of dates in text. Most columns of words are told from dates by a glance at a few cells."""
    glance = cells.texts[:100]
    dated = sum(6 <= len(text) <= 40 and any(map(str.isdigit, text)) for text in glance)
    if cells.dtype != pl.String or dated < MOST_CELLS * len(glance):
        return None
    return find_date_format(pl.Series(cells.texts))


# ---------------------------------------------------------------------------------------- overriding


def _check_given(table: Table, kinds: dict[str, Kind], left_out: set[str]) -> None:
    for name in kinds:
        if name not in table.columns:
            raise InputError(
                f"the table has no column {name!r}", where="data.kinds", hint=suggestion(name, table.columns)
            )
        if name in left_out:
            raise InputError(
                f"{name!r} is no input, so it has no kind", where="data.kinds", hint="leave it out"
            )


def _take(cells: Cells, kind: Kind) -> Found:
    """The kind that the user gives, when the cells can have it."""
    if kind in CONTENTS:
        raise InputError(
            f"the cells of column {cells.name!r} stand for no {CONTENTS[kind]}",
            where="data.kinds",
            hint="they hold paths of files, relative to the folder of the table",
        )
    if cells.present == 0:
        return Found("constant", "all cells are missing")
    if kind == "number":
        by_point, by_comma = (cells.share_of_numbers(decimal_comma=comma) for comma in (False, True))
        if max(by_point, by_comma) < 0.5:
            raise _impossible(cells, kind, cells.texts[int(np.isnan(cells.numbers).argmax())])
        return Found(kind, "given", decimal_comma=by_comma > by_point)
    if kind == "date" and not cells.dtype.is_temporal():
        written = find_date_format(pl.Series(cells.texts), share=0.5) if cells.dtype == pl.String else None
        if written is None:
            raise _impossible(cells, kind, cells.texts[0])
        return Found(kind, "given", date_format=written)
    if kind == "boolean" and len(set(cells.texts)) > 2:
        count = len(set(cells.texts))
        raise InputError(
            f"column {cells.name!r} has {count} values, a boolean one has two",
            where="data.kinds",
            hint="use category",
        )
    return Found(kind, "given")


def _impossible(cells: Cells, kind: Kind, example: str) -> InputError:
    return InputError(
        f"column {cells.name!r} cannot be a {kind}: it has cells such as {example!r}",
        where="data.kinds",
        hint="leave it to be found, or use category or text",
    )


def _as_only_input(cells: Cells, found: Found) -> Found:
    """Whole numbers that would be an id, kept as a number because there would be no input without them."""
    if found.kind != "id" or np.isnan(cells.numbers).any():
        return found
    return Found("number", f"{found.reason}; kept as there is no other input")


# -------------------------------------------------------------------------------------- dictionaries


def _describe(cells: Cells, found: Found, inputs: InputsConfig, table: Table) -> Column:
    """The column with the dictionary that its kind needs."""
    own = inputs.columns.get(cells.name, {})
    column = Column(
        name=cells.name,
        kind=found.kind,
        reason=found.reason,
        date_format=found.date_format,
        decimal_comma=found.decimal_comma,
        values=len(set(cells.texts)),
    )
    if found.kind in ("category", "boolean"):
        column.categories = _most_frequent(cells, own.get("most", inputs.category.most))
    elif found.kind == "text":
        text.describe(column, cells.texts, inputs.text.model_copy(update=own))
    elif found.kind in CONTENTS:
        settings = getattr(inputs, found.kind).model_copy(update=own)
        reader(found.kind).describe(column, table.media[cells.name], cells.texts, settings)
    return column


def _most_frequent(cells: Cells, most: int) -> list[str]:
    counted = cells.counted_texts()
    # equally frequent ones in the order of texts, so that the choice is the same each time
    kept = sorted(counted, key=lambda text: (-counted[text], text))[:most]
    return sorted(kept) if np.isnan(cells.numbers).any() else sort_texts(kept)
