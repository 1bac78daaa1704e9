"""Whether the first row of a text table holds the columns' names."""

from __future__ import annotations

import re
from itertools import pairwise

from netwright.data.read.words import MISSING

NUMBER = re.compile(r"[-+]?[$€£]?(\d[\d,]*\.?\d*|\.\d+|\d+,\d+)([eE][-+]?\d+)?%?\.?")
DATE = re.compile(r"\d{1,4}([-/.]\d{1,2}){1,2}([T ]\d{1,2}(:\d{2}){1,2}\S*)?|\d{1,2}(:\d{2}){1,2}")
ABSENT = {"", *MISSING}
LONGEST_NUMBER = 18  # digits; a column's number or a year has fewer


def has_header(rows: list[list[str]]) -> bool:
    """Compares the first row with the others: names are no numbers among numbers, and do not repeat.

    Arguments:
        rows: the first rows of the table, stripped cells, all of one length.

    Returns:
        True where the first row holds names.

    Example:
        >>> has_header([["age", "sex"], ["31", "male"], ["29", "female"]])
        True
        >>> has_header([["31", "male"], ["29", "female"], ["40", "male"]])
        False
    """
    first, rest = rows[0], rows[1:]
    if _numbered(first):
        return True
    if not rest:
        return not any(_numeric(cell) for cell in first)
    columns = list(zip(*rest, strict=True))
    votes = [_vote(name, column) for name, column in zip(first, columns, strict=True)]
    if any(votes):
        return sum(votes) > 0
    if any(_numeric(cell) for cell in first):
        return False
    names = [name for name in first if name]
    return len(set(names)) == len(names) and all(len(name) <= 100 for name in names)


def _vote(name: str, column: tuple[str, ...]) -> int:
    """1 where `name` does not look like the column's cells, -1 where it does, 0 where one cannot tell."""
    if name in ABSENT:
        return 0
    cells = [cell for cell in column if cell not in ABSENT]
    if not cells:
        return 0
    if sum(map(_numeric, cells)) >= 0.95 * len(cells):
        return -1 if _numeric(name) else 1
    if name in cells:
        return -1
    repeated = len(set(cells)) <= len(cells) / 2
    return 1 if repeated and not _numeric(name) else 0


def _numeric(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell) or DATE.fullmatch(cell))


def _numbered(first: list[str]) -> bool:
    """Names that are numbers all the same: 0, 1, 2, ... as pandas writes them, or years in a row."""
    numbers = [
        int(cell) for cell in first if cell.isascii() and cell.isdigit() and len(cell) <= LONGEST_NUMBER
    ]
    if len(numbers) < 3 or any(after - before != 1 for before, after in pairwise(numbers)):
        return False
    whole = len(numbers) == len(first) and numbers[0] == 0
    return whole or (numbers[0] >= 1800 and numbers[-1] <= 2100)
