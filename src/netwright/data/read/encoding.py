"""Bytes of a text file to UTF-8: byte order marks, UTF-8, else the encodings of older Windows programs."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from netwright.data.finding import Finding
from netwright.errors import InputError

MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is the first half of this one
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Text:
    """A text file as UTF-8 without mark, with lines that end in a line feed (a carriage return may precede).

    Arguments:
        data: the text's bytes, in UTF-8.
        encoding: how it was encoded.
        findings: what was noticed.
    """

    data: bytes
    encoding: str
    findings: list[Finding]


def to_text(data: bytes, encoding: str | None, where: str) -> Text:
    """Finds the encoding (or takes the given one) and gives the text in UTF-8.

    Arguments:
        data: the file's bytes, decompressed.
        encoding: the encoding that the user gives, None to find out.
        where: the source, for messages.

    Returns:
        The text, its encoding, and a note where it was not UTF-8 and nobody said so.

    Raises:
        InputError: the encoding is unknown, or the bytes are not in it.
    """
    findings: list[Finding] = []
    if encoding is None:
        encoding = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if encoding is None:
        encoding, bad = _guess(data)
        if bad is not None:
            findings.append(_note(data, bad, encoding))
    return Text(_unix_lines(_decode(data, encoding, where)), encoding, findings)


def _guess(data: bytes) -> tuple[str, int | None]:
    """The encoding of bytes without mark, and the first byte that is not UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        try:
            data.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1", error.start
        return "cp1252", error.start
    return "utf-8", None


def _decode(data: bytes, encoding: str, where: str) -> bytes:
    try:
        name = codecs.lookup(encoding).name
        if name in ("utf-8", "utf-8-sig", "ascii"):
            data = data.removeprefix(codecs.BOM_UTF8)
            data.decode(name)
            return data
        return data.decode(encoding).encode("utf-8")
    except LookupError:
        raise InputError(
            f"there is no encoding {encoding!r}",
            where="data.read.encoding",
            hint="try utf-8, cp1252, latin-1 or utf-16",
        ) from None
    except UnicodeError as error:
        position = getattr(error, "start", len(data))
        line = data.count(b"\n", 0, position) + 1
        raise InputError(
            f"the bytes are not {encoding} (byte {position}, line {line})",
            where=where,
            hint="leave data.read.encoding out to have it found, or try another such as cp1252",
        ) from None


def _unix_lines(data: bytes) -> bytes:
    """Line ends of old Macs (a lone carriage return) become line feeds."""
    return data.replace(b"\r", b"\n") if b"\r" in data and b"\n" not in data else data


def _note(data: bytes, bad: int, encoding: str) -> Finding:
    line = data.count(b"\n", 0, bad) + 1
    return Finding(
        id="encoding",
        severity="note",
        message=f"The file is not in UTF-8 (line {line}); it was read as {encoding}.",
        action="If letters look wrong, give the right one: --set data.read.encoding=...",
    )
