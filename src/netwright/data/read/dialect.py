"""How a text table is written: separator, quoting, lines before the table, header."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from netwright.config import ReadConfig
from netwright.data.read.header import has_header
from netwright.errors import InputError

SEPARATORS = (",", "\t", ";", "|", "whitespace")
STRONGER = {",": ("\t", ";", "|"), "\t": ("  ",), "whitespace": (",", ";", "|")}
LAST_RESORT = 0.6  # spaces are in most texts
NAMES = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}
COMMENT = ("#", "%", "|")
TOKEN = re.compile(r'"[^"]*"|\S+')


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Arguments:
        separator: one character, or "whitespace" for runs of spaces and tabs.
        quote: the quoting character, None where quotes are plain characters.
        header: whether the first row holds the names.
        width: cells in a row.
        junk: lines before the table that are no part of it; blank ones too.
    """

    separator: str
    quote: str | None
    header: bool
    width: int
    junk: list[str]


def sniff(data: bytes, config: ReadConfig, *, most_lines: int = 1000, most_bytes: int = 2_000_000) -> Dialect:
    """Finds out how a text table is written, from its first lines.

    Arguments:
        data: the text in UTF-8.
        config: what the user gives is taken as it is.

    Returns:
        The dialect that makes the rows most alike.

    Raises:
        InputError: a separator or quoting character of the config is not one character.
    """
    lines = _first_lines(data, most_lines, most_bytes)
    quotes = _quotes(config, lines)
    given = separator_of(config)
    candidates = (given,) if given else SEPARATORS
    few = lines[:200]
    scored = [(_score(few, each, quote), each, quote) for each in candidates for quote in quotes]
    (share, width), separator, quote = max(scored, key=lambda item: item[0][0])
    if share == 0 and not given:
        separator, quote, width = ",", quotes[0], 1
    junk = _junk(lines, separator, quote, width)
    rows = [row for row in split_rows(lines[len(junk) :], separator, quote) if len(row) == width]
    header = config.header if config.header is not None else bool(rows) and has_header(rows)
    return Dialect(separator, quotes[0], header, width, junk)


def separator_of(config: ReadConfig) -> str | None:
    """The config's separator as the character that it means."""
    if config.separator is None:
        return None
    separator = NAMES.get(config.separator, config.separator)
    if separator != "whitespace" and (len(separator) != 1 or not separator.isascii()):
        raise InputError(
            f"the separator {config.separator!r} is not one plain character",
            where="data.read.separator",
            hint='give one such as ",", ";", "tab" or "whitespace"',
        )
    return separator


def quote_of(config: ReadConfig) -> str | None:
    """The config's quoting character; None for "none"."""
    quote = config.quote or '"'
    if quote == "none":
        return None
    if len(quote) != 1 or not quote.isascii():
        raise InputError(
            f"the quote {quote!r} is not one plain character",
            where="data.read.quote",
            hint="give one character, or none",
        )
    return quote


def split_rows(lines: Iterable[str], separator: str, quote: str | None) -> list[list[str]]:
    """Rows of stripped cells, without blank lines; quotes that are never closed are forgiven."""
    if separator == "whitespace":
        rows = ([cell.strip('"') for cell in TOKEN.findall(line)] for line in lines)
    else:
        whole = (line.replace("\r", " ") for line in lines)  # the reader stumbles over half a line end
        rows = csv_reader(whole, separator, quote, strict=False)
    stripped = ([cell.strip() for cell in row] for row in rows)
    return [row for row in stripped if any(row)]


def csv_reader(lines: Iterable[str], separator: str, quote: str | None, *, strict: bool):
    """Python's own CSV reader: slow, but it knows the line it is in and forgives quotes within a cell."""
    csv.field_size_limit(2**31 - 1)
    return csv.reader(
        lines,
        delimiter=separator,
        quotechar=quote or '"',
        quoting=csv.QUOTE_NONE if quote is None else csv.QUOTE_MINIMAL,
        skipinitialspace=separator != " ",
        strict=strict,
    )


def _first_lines(data: bytes, most_lines: int, most_bytes: int) -> list[str]:
    head = data[:most_bytes]
    lines = head.decode("utf-8", "ignore").split("\n", most_lines)
    if len(lines) > 2 and (len(head) < len(data) or len(lines) > most_lines):
        lines.pop()  # cut in the middle
    return [line.rstrip("\r") + "\n" for line in lines]


def _quotes(config: ReadConfig, lines: list[str]) -> tuple[str | None, ...]:
    """The ways of quoting to try; the first is believed until the whole file says otherwise."""
    quote = quote_of(config)
    if config.quote is None and any('"' in line for line in lines):
        return (quote, None)
    return (quote,)


def _score(lines: list[str], separator: str, quote: str | None) -> tuple[float, int]:
    """How alike the rows are (share of the most frequent length, times clean cells), and that length."""
    rows = split_rows(lines, separator, quote)
    if not rows:
        return 0.0, 1
    width, count = Counter(map(len, rows)).most_common(1)[0]
    share = count / len(rows)
    if width == 1 or (separator == "whitespace" and (share < 1 or width < 3)):
        return 0.0, width
    stronger = [mark for mark in STRONGER.get(separator, ()) if any(mark in line for line in lines)]
    cells = [cell for row in rows for cell in row]
    impure = sum(any(mark in cell for mark in stronger) for cell in cells) if stronger else 0
    trust = LAST_RESORT if separator == "whitespace" else 1.0
    return trust * share * (1 - impure / len(cells)), width


def _junk(lines: list[str], separator: str, quote: str | None, width: int) -> list[str]:
    """Lines before the table: blank ones, and those of one cell where rows have many."""
    junk = []
    for line in lines:
        if line.lower().startswith("sep="):  # Excel's way to say the separator
            junk.append("")
            continue
        cells = split_rows([line], separator, quote)
        open_quote = quote is not None and line.count(quote) % 2
        alone = bool(cells) and len(cells[0]) == 1 and width > 1 and not open_quote
        if cells and not (alone and (width > 2 or line.startswith(COMMENT))):
            return junk
        junk.append(line.strip())
    return []
