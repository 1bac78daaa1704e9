"""The .ts files of the UCR and UEA archives: one series a line, its channels between colons, its class last.

The format: https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from netwright.data.finding import Finding
from netwright.data.media import Arrays
from netwright.data.read.encoding import to_text
from netwright.data.table import Table
from netwright.errors import InputError

PAIR = re.compile(r"(?P<name>.*)_(?P<role>TRAIN|TEST)\.ts", re.IGNORECASE)
TUPLE = re.compile(r"\s*\(([^()]*),([^(),]*)\)\s*(?:,|$)")  # (time stamp, value)
SERIES, LABEL, SPLIT = "series", "label", "split"
SHOWN = 60  # letters of a cell, in messages


@dataclass
class _File:
    """What a .ts file says in its header, and its rows."""

    stamped: bool = False
    labelled: bool = False
    classes: list[str] = field(default_factory=list)
    channels: int | None = None
    series: list[np.ndarray] = field(default_factory=list)  # each [T, C] float32
    labels: list[str | None] = field(default_factory=list)


def read_ts(data: bytes, where: str, name: str) -> Table:
    """Reads one .ts file.

    Arguments:
        data: the file's bytes, decompressed.
        where: the source, for messages.
        name: of the table.

    Returns:
        A row for each series: its key ("series") and, where the file has them, its class or number ("label").

    Raises:
        InputError: no @data, no rows, or a line that does not fit the header; names the line.

    Example:
        >>> lines = b"@univariate true\\n@classLabel true a b\\n@data\\n1,2,3:a\\n4,?:b\\n"
        >>> table = read_ts(lines, "two.ts", "two")
        >>> table.frame["label"].to_list(), table.media["series"].content("2").tolist()
        (['a', 'b'], [[4.0], [nan]])
    """
    file = _parse(data, where)
    keys = [str(number) for number in range(1, len(file.series) + 1)]
    columns = {SERIES: keys} | ({LABEL: file.labels} if file.labelled else {})
    return _table([file], columns, keys, name, where)


def ts_pair(folder: Path) -> tuple[Path, Path] | None:
    """X_TRAIN.ts and X_TEST.ts of a folder; None unless it holds one such pair and no other .ts files."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".ts")
    found = [PAIR.fullmatch(path.name) for path in files]
    if len(files) != 2 or not all(found) or len({match["name"] for match in found if match}) != 1:
        return None
    test, train = sorted(files, key=lambda path: "_train" in path.name.lower())
    return train, test


def read_ts_pair(folder: Path) -> Table:
    """Reads X_TRAIN.ts and X_TEST.ts of a folder as one table, whose column "split" says which is which.

    Arguments:
        folder: holds the pair, as `ts_pair` finds it.

    Raises:
        InputError: as `read_ts`; or the two have different channels, or only one of them has labels.
    """
    pair = ts_pair(folder)
    if pair is None:
        raise InputError(
            "the folder has no pair of files NAME_TRAIN.ts and NAME_TEST.ts",
            where=str(folder),
            hint="name one .ts file, or keep one pair in the folder",
        )
    train, test = (_parse(path.read_bytes(), str(path)) for path in pair)
    widths = [file.series[0].shape[1] for file in (train, test)]
    if widths[0] != widths[1]:
        raise InputError(
            f"series have {widths[0]} channels and {widths[1]}", where=" and ".join(map(str, pair))
        )
    if train.labelled != test.labelled:
        raise InputError("only one of the two files has labels", where=" and ".join(map(str, pair)))
    roles = ["train"] * len(train.series) + ["test"] * len(test.series)
    keys = [
        f"{role} {number}"
        for role, file in (("train", train), ("test", test))
        for number in range(1, len(file.series) + 1)
    ]
    columns = {SERIES: keys}
    if train.labelled:
        columns[LABEL] = train.labels + test.labels  # type: ignore[assignment]
    columns[SPLIT] = roles
    match = PAIR.fullmatch(pair[0].name)
    assert match is not None
    return _table([train, test], columns, keys, match["name"], str(folder))


def _table(files: list[_File], columns: dict, keys: list[str], name: str, where: str) -> Table:
    series = [each for file in files for each in file.series]
    width = series[0].shape[1]
    channels = ["value"] if width == 1 else [f"channel {number}" for number in range(1, width + 1)]
    labelled = files[0].labelled
    return Table(
        pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)),
        name,
        where,
        {"format": "ts"},
        findings=_findings(files, keys),
        media={SERIES: Arrays("series", dict(zip(keys, series, strict=True)), channels)},
        target=LABEL if labelled else None,
        split_column=SPLIT if SPLIT in columns else None,
    )


def _findings(files: list[_File], keys: list[str]) -> list[Finding]:
    """What a header says and the rows do not keep."""
    stray = [
        row
        for row, label in enumerate(label for file in files for label in file.labels)
        if label is not None and files[0].classes and label not in files[0].classes
    ]
    if not stray:
        return []
    message = f"{len(stray)} of {len(keys)} labels are not among the classes of the header"
    action = "they are kept as they are; look at the file's @classLabel"
    return [Finding("ts_labels", "warning", message, action, [LABEL], len(stray), stray[:5])]


def _parse(data: bytes, where: str) -> _File:
    file = _File()
    lines = enumerate(to_text(data, None, where).data.decode("utf-8").splitlines(), 1)
    _header(file, lines, where)
    for number, line in lines:
        line = line.strip()
        if line and not line.startswith("#"):
            _row(file, line, f"{where}, line {number}")
    if not file.series:
        raise InputError("the file has no series after @data", where=where)
    return file


def _header(file: _File, lines: Iterator[tuple[int, str]], where: str) -> None:
    """Reads up to the line that says @data."""
    for number, line in lines:
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        key, place = words[0].lower(), f"{where}, line {number}"
        if key == "@data":
            return
        if not key.startswith("@"):
            raise InputError(
                f"the header has a line that starts with {words[0][:20]!r}",
                where=place,
                hint="lines before @data start with @ or #",
            )
        if key == "@timestamps":
            file.stamped = _true(words, place)
        elif key in ("@classlabel", "@targetlabel"):
            file.labelled, file.classes = _true(words, place), words[2:]
        elif key == "@univariate" and _true(words, place):
            file.channels = 1
        elif key in ("@dimensions", "@dimension"):
            if len(words) != 2 or not words[1].isdecimal() or int(words[1]) < 1:
                raise InputError(f"{words[0]} names no number of channels", where=place)
            file.channels = int(words[1])
    raise InputError("the .ts file has no @data", where=where)


def _true(words: Sequence[str], place: str) -> bool:
    if len(words) < 2 or words[1].lower() not in ("true", "false"):
        raise InputError(f"{words[0]} is neither true nor false", where=place)
    return words[1].lower() == "true"


def _row(file: _File, line: str, place: str) -> None:
    """One series and its label."""
    parts = _stamped_parts(line, file.labelled, place) if file.stamped else line.split(":")
    label: str | None = None
    if file.labelled:
        label = parts.pop().strip()
        label = None if label in ("", "?") else label
    if file.channels is None:
        file.channels = max(1, len(parts))
    if len(parts) != file.channels:
        raise InputError(
            f"a series has {len(parts)} channels where {file.channels} are expected",
            where=place,
            hint="channels stand between colons, and the label comes last",
        )
    read = _stamped_channel if file.stamped else _channel
    found = [read(part, place) for part in parts]  # C times [T]
    series = np.full((max(len(each) for each in found), len(found)), np.nan, dtype=np.float32)
    for channel, values in enumerate(found):
        series[: len(values), channel] = values
    file.series.append(series)
    file.labels.append(label)


def _channel(text: str, place: str) -> np.ndarray:
    """The values between commas, NaN for "?". [T]"""
    cells = text.replace("?", "nan").split(",") if text.strip() else []
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError as error:
        raise InputError(f"a value is no number: {_shown(error)}", where=place) from None


def _stamped_parts(line: str, labelled: bool, place: str) -> list[str]:
    """The channels and the label of a line whose time stamps may hold colons: 2020-01-01 10:30:00."""
    end = line.rfind(")")
    if end < 0:
        raise InputError("a line has no values in brackets", where=place, hint="they are (time stamp,value)")
    parts = re.split(r"(?<=\))\s*:\s*(?=\()", line[: end + 1])
    label = line[end + 1 :].strip()
    if labelled != label.startswith(":"):
        raise InputError("a line ends without its label" if labelled else "a line has a label", where=place)
    return [*parts, label[1:]] if labelled else parts


def _stamped_channel(text: str, place: str) -> np.ndarray:
    """The values of (time stamp, value) pairs, by their stamps. [T]"""
    pairs, at = [], 0
    while at < len(text):
        found = TUPLE.match(text, at)
        if found is None:
            raise InputError("a value is not written as (time stamp,value)", where=place)
        pairs.append((found[1].strip(), found[2].strip()))
        at = found.end()
    values = _channel(",".join(value for _, value in pairs), place)
    try:
        stamps = np.array([float(stamp) for stamp, _ in pairs])
    except ValueError:  # dates, which the archive writes from the year to the second
        stamps = np.array([stamp for stamp, _ in pairs])
    return values[np.argsort(stamps, kind="stable")]


def _shown(error: ValueError) -> str:
    """The text that NumPy could not read."""
    cell = str(error).rpartition(":")[2].strip()
    return (cell if len(cell) <= SHOWN else f"{cell[:SHOWN]}...") or "an empty cell"
