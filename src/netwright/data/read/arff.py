"""ARFF, Weka's text format: attributes with names, then rows. All cells come as text."""

from __future__ import annotations

import re

import polars as pl

from netwright.config import ReadConfig
from netwright.data.finding import Finding
from netwright.data.read.encoding import to_text
from netwright.errors import InputError

ATTRIBUTE = re.compile(r"""@attribute\s+('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)\s+(.+)""", re.IGNORECASE)
CELL = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,\t'"][^,\t]*|)\s*(?:[,\t]|$)""")
ESCAPED = re.compile(r"\\(.)")


def read_arff(data: bytes, config: ReadConfig, where: str) -> tuple[pl.DataFrame, dict, list[Finding]]:
    """Reads an ARFF file, dense or sparse.

    Arguments:
        data: the file's bytes, decompressed.
        config: `encoding`, where given.
        where: the source, for messages.

    Returns:
        A frame of strings, how it was read, and what was noticed.

    Raises:
        InputError: no attributes or no @data, a relational attribute, a row that does not fit them.

    Source: https://waikato.github.io/weka-wiki/formats_and_processing/arff_stable/
    """
    text = to_text(data, config.encoding, where)
    lines = enumerate(text.data.decode("utf-8").splitlines(), 1)
    names, types = _attributes(lines, where)
    rows = []
    for number, line in lines:
        line = line.strip()
        if not line or line.startswith("%"):
            continue
        place = f"{where}, line {number}"
        rows.append(_sparse(line, types, place) if line.startswith("{") else _dense(line, len(names), place))
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    return frame, {"encoding": text.encoding}, text.findings


def _attributes(lines: enumerate[str], where: str) -> tuple[list[str], list[str]]:
    """Names and types, up to the line that says @data."""
    names: list[str] = []
    types: list[str] = []
    for number, line in lines:
        line = line.strip()
        if line.lower().startswith("@data"):
            break
        if not line.lower().startswith("@attribute"):
            continue
        found = ATTRIBUTE.match(line)
        place = f"{where}, line {number}"
        if found is None:
            raise InputError("the attribute has no name and type", where=place)
        name, kind = _unquote(found[1]), found[2].strip()
        if kind.lower().startswith("relational"):
            raise InputError(f"attribute {name!r} is relational, which is no column of a table", where=place)
        if name in names:
            raise InputError(f"column names repeat: {name!r}", where=place)
        names.append(name)
        types.append(kind)
    else:
        raise InputError("the ARFF file has no @data", where=where)
    if not names:
        raise InputError("the ARFF file has no @attribute", where=where)
    return names, types


def _dense(line: str, width: int, place: str) -> list[str]:
    if "'" not in line and '"' not in line and "\\" not in line and "\t" not in line:
        row = line.split(",")
    else:
        row = _cells(line, place)
    if len(row) != width:
        raise InputError(f"a row has {len(row)} cells where {width} are expected", where=place)
    return row


def _sparse(line: str, types: list[str], place: str) -> list[str]:
    """A row that names only its cells other than 0: {3 red, 7 1.5}. 0 is the first of a nominal's values."""
    row = [_first_value(kind) for kind in types]
    for pair in re.findall(r"""\d+\s+(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,}]+)""", line.strip("{} ")):
        place_in_row, value = pair.split(None, 1)
        if int(place_in_row) >= len(row):
            raise InputError(f"there is no attribute {place_in_row}", where=place)
        row[int(place_in_row)] = _unquote(value.strip())
    return row


def _first_value(kind: str) -> str:
    return _cells(kind.strip("{} "), kind)[0] if kind.startswith("{") else "0"


def _cells(line: str, place: str) -> list[str]:
    cells, at = [], 0
    while at <= len(line):
        found = CELL.match(line, at)
        if found is None:
            raise InputError("broken quoting", where=place)
        cells.append(_unquote(found[1].strip()))
        at = found.end()
        if at == len(line) and line[at - 1 :] not in (",", "\t"):
            break
    return cells


def _unquote(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "'\"":
        cell = cell[1:-1]
    return ESCAPED.sub(r"\1", cell)
