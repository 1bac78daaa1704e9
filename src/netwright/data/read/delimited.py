"""CSV and its kin: text with one row a line and a separator between cells.

Polars parses the whole text at once. Where it refuses, or the separators do not add up, Python's reader goes
over the lines again: it forgives more, and names the first line that is wrong.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import polars as pl

from netwright.config import ReadConfig
from netwright.data.finding import Finding
from netwright.data.read.dialect import TOKEN, Dialect, csv_reader, sniff
from netwright.data.read.encoding import to_text
from netwright.errors import InputError

BLANK_LINE = re.compile(rb"^[ \t\r]*$", re.MULTILINE)
QUOTE_OFF = "if quotes are plain characters here: --set data.read.quote=none"


def read_delimited(
    data: bytes, config: ReadConfig, where: str
) -> tuple[pl.DataFrame, dict[str, Any], list[Finding]]:
    """Reads CSV, TSV and the like; what the config leaves open is found out.

    Arguments:
        data: the file's bytes, decompressed.
        config: separator, encoding, header and quote, where given.
        where: the source, for messages.

    Returns:
        A frame of strings as they stand in the file, how it was read, and what was noticed.

    Raises:
        InputError: a wrong encoding, rows of unequal length, broken quoting, names that repeat.
    """
    text = to_text(data, config.encoding, where)
    dialect = sniff(text.data, config)
    findings = [*text.findings, *_junk_findings(dialect)]
    body = text.data.split(b"\n", len(dialect.junk))[-1] if dialect.junk else text.data
    body = body.rstrip(b"\r\n")
    if not body.strip():
        raise InputError("the file holds no rows", where=where)
    frame, quote = _parse(body, dialect, config.quote is None, where)
    if quote != dialect.quote:
        findings.append(_quoting_note())
    if dialect.header:
        frame = _take_names(frame, where)
    else:
        findings.append(_no_header_note(frame))
    how = {
        "separator": {"\t": "tab"}.get(dialect.separator, dialect.separator),
        "encoding": text.encoding,
        "header": dialect.header,
        "quote": quote or "none",
    }
    return frame, how, findings


def _parse(body: bytes, dialect: Dialect, may_unquote: bool, where: str) -> tuple[pl.DataFrame, str | None]:
    """The rows, and the quoting character that gave rows of equal length."""
    quoted = dialect.quote is not None and dialect.quote.encode() in body
    frame = None if _needs_python(body, dialect) else _fast(body, dialect)
    if not quoted:
        return (frame if frame is not None else _slow(body, dialect, where)), dialect.quote
    plain = replace(dialect, quote=None)
    if frame is not None:
        if may_unquote and dialect.width > 1 and _many_lines_in_a_cell(frame, dialect):
            unquoted = _fast(body, plain)
            if unquoted is not None:
                return unquoted, None
        return frame, dialect.quote
    try:
        return _slow(body, dialect, where), dialect.quote
    except InputError:
        unquoted = _fast(body, plain) if may_unquote and dialect.width > 1 else None
        if unquoted is None:
            raise
        return unquoted, None


def _needs_python(body: bytes, dialect: Dialect) -> bool:
    """Whether polars would read it wrong: runs of spaces, or a space before an opening quote."""
    if dialect.separator == "whitespace":
        return True
    return dialect.quote is not None and f"{dialect.separator} {dialect.quote}".encode() in body


def _fast(body: bytes, dialect: Dialect) -> pl.DataFrame | None:
    """The rows as polars parses them, without blank lines; None unless all have the same length."""
    if dialect.separator == "whitespace":
        return None
    try:
        frame = pl.read_csv(
            body,
            has_header=False,
            schema=dict.fromkeys(_numbered_names(dialect.width), pl.String),
            separator=dialect.separator,
            quote_char=dialect.quote,
        )
    except pl.exceptions.PolarsError:  # a row that is too long, or broken quoting
        return None
    if dialect.width == 1:
        return frame
    # Polars fills rows that are too short. A row has width - 1 separators outside its cells, a blank
    # line none.
    separators = body.count(dialect.separator.encode()) - _inside_cells(frame, body, dialect)
    blank_lines, left_over = divmod(frame.height * (dialect.width - 1) - separators, dialect.width - 1)
    if left_over or blank_lines < 0:
        return None
    if blank_lines == 0:
        return frame
    filled = pl.any_horizontal(pl.all().str.strip_chars() != "")
    kept = frame.filter(filled)
    seen = len(BLANK_LINE.findall(body))
    return kept if frame.height - kept.height == blank_lines == seen else None


def _inside_cells(frame: pl.DataFrame, body: bytes, dialect: Dialect) -> int:
    """Separators that are part of quoted cells."""
    if dialect.quote is None or dialect.quote.encode() not in body:
        return 0
    return sum(frame.select(pl.all().str.count_matches(dialect.separator, literal=True).sum()).row(0))


def _many_lines_in_a_cell(frame: pl.DataFrame, dialect: Dialect) -> bool:
    return any(frame.select(pl.all().str.contains("\n", literal=True).any()).row(0))


def _slow(body: bytes, dialect: Dialect, where: str) -> pl.DataFrame:
    """The rows as Python's reader parses them, or an error that names the first line that is wrong."""
    lines = (line + "\n" for line in body.decode("utf-8").replace("\r\n", "\n").split("\n"))
    rows = []
    place = len(dialect.junk)
    try:
        for start, end, row in _numbered_rows(lines, dialect):
            place = end + len(dialect.junk)
            if len(row) == dialect.width:
                rows.append(row)
            elif any(cell.strip() for cell in row) or len(row) > 1:
                raise _unequal(row, dialect, where, start + len(dialect.junk))
    except csv.Error as error:
        raise InputError(
            f"broken quoting: {_plain_words(error)}", where=f"{where}, line {place + 1}", hint=QUOTE_OFF
        ) from None
    return pl.DataFrame(rows, schema=dict.fromkeys(_numbered_names(dialect.width), pl.String), orient="row")


def _plain_words(error: csv.Error) -> str:
    if "unexpected end of data" in str(error):
        return "a quote is opened that is never closed"
    if "new-line character" in str(error):
        return "a carriage return stands alone, without the line feed of the other lines"
    return "text follows a closing quote"


def _numbered_rows(lines: Iterator[str], dialect: Dialect) -> Iterator[tuple[int, int, list[str]]]:
    """The first and last line of each row, from 1, and its cells."""
    if dialect.separator == "whitespace":
        for number, line in enumerate(lines, 1):
            yield number, number, [cell.strip('"') for cell in TOKEN.findall(line)]
        return
    reader = csv_reader(lines, dialect.separator, dialect.quote, strict=True)
    end = 0
    for row in reader:
        yield end + 1, reader.line_num, row
        end = reader.line_num


def _unequal(row: list[str], dialect: Dialect, where: str, line: int) -> InputError:
    cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
    hint = "mend that line, or give the right --set data.read.separator=..."
    if dialect.quote is not None and any("\n" in cell for cell in row):
        hint = QUOTE_OFF
    expected = "1 is" if dialect.width == 1 else f"{dialect.width} are"
    what = f"a row has {cells} where {expected} expected"
    return InputError(what, where=f"{where}, line {line}", hint=hint)


def _take_names(frame: pl.DataFrame, where: str) -> pl.DataFrame:
    """The frame without its first row, which becomes the names; one without name is called by its place."""
    first = frame.row(0)
    names = [(cell or "").strip() or f"c{place}" for place, cell in enumerate(first)]
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"column names repeat: {', '.join(map(repr, repeated[:8]))}",
            where=where,
            hint="rename them in the file, or if the first line holds no names: --set data.read.header=false",
        )
    if frame.height == 1:
        raise InputError("the file has a header but no rows", where=where)
    rest = frame.slice(1)
    rest.columns = names
    return rest


def _numbered_names(width: int) -> list[str]:
    return [f"c{place}" for place in range(width)]


def _junk_findings(dialect: Dialect) -> list[Finding]:
    junk = [line for line in dialect.junk if line]
    if not junk:
        return []
    what = "The first line is" if len(junk) == 1 else f"The first {len(junk)} lines are"
    return [
        Finding(
            id="junk_lines",
            severity="warning",
            message=f"{what} no part of the table: {junk[0][:60]!r}.",
            action="Skipped before reading.",
        )
    ]


def _no_header_note(frame: pl.DataFrame) -> Finding:
    return Finding(
        id="no_header",
        severity="note",
        message=f"The first line holds no names; columns are called by place, c0 to c{frame.width - 1}.",
        action="If it does hold the names: --set data.read.header=true",
    )


def _quoting_note() -> Finding:
    return Finding(
        id="quoting",
        severity="note",
        message="Quotes do not come in pairs, so they were read as plain characters.",
        action="If they do enclose cells, mend the file and give --set 'data.read.quote=\"'",
    )
