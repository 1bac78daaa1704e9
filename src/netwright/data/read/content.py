"""From a path to the bytes of one table: compression, zip members, and what the bytes are."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import polars as pl

from netwright.config import ReadConfig
from netwright.errors import InputError, MissingExtra, nearest, suggestion

ENDINGS = (
    *(".csv", ".tsv", ".tab", ".txt", ".data", ".dat", ".psv", ".arff"),
    *(".parquet", ".pq", ".arrow", ".feather", ".ipc", ".jsonl", ".ndjson", ".json"),
)
PACKED = (".gz", ".gzip", ".zst", ".xz", ".bz2", ".zip")
MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"\xfd7zXZ\x00", "xz"), (b"BZh", "bz2"))
FOREIGN = (
    (b"SQLite format 3\x00", "an SQLite database", "name a query: sqlite:///FILE::SELECT * FROM ..."),
    (b"%PDF", "a PDF", "save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office file", "save the sheet as CSV"),
    (b"\x89HDF", "an HDF5 file", "save the table as Parquet or CSV"),
    (b"\x93NUMPY", "a NumPy array", "read it in Python with numpy.load and pass the array"),
    (b"FEA1", "a Feather file of version 1", "write it again as Feather version 2 or Parquet"),
    (b"\x80\x04\x95", "a pickle, which Netwright never opens", "save the table as Parquet or CSV"),
    (b"\x80\x05\x95", "a pickle, which Netwright never opens", "save the table as Parquet or CSV"),
    (b"\x89PNG", "a picture", "a table is wanted"),
    (b"\xff\xd8\xff", "a picture", "a table is wanted"),
)


@dataclass(frozen=True)
class Content:
    """The decompressed bytes of one file, and where they lay.

    Arguments:
        data: the bytes.
        filename: the file's own name, without the endings of compression (``adult.csv``).
        source: the path as the user gave it, with the member of a zip behind ``::``.
        compression: gzip, zstd, xz, bz2 or zip; None for a plain file.
        member: the member of a zip that was taken.
    """

    data: bytes
    filename: str
    source: str
    compression: str | None = None
    member: str | None = None

    @property
    def name(self) -> str:
        """The file's name without endings, for the run's folder."""
        return short_name(self.filename)


def short_name(filename: str) -> str:
    """A file's name without the endings of compression and format.

    Example:
        >>> short_name("adult.csv.gz"), short_name("kddcup.data_10_percent.gz")
        ('adult', 'kddcup.data_10_percent')
    """
    path = PurePosixPath(_without(filename, PACKED))
    return path.stem if path.suffix.lower() in ENDINGS else path.name


def open_content(path: str, config: ReadConfig) -> Content:
    """Reads a file and takes off compression, as its content says.

    Arguments:
        path: the file; ``file.zip::member`` names a member of a zip.
        config: `member` chooses a member of a zip.

    Returns:
        The bytes with where they lay.

    Raises:
        InputError: no such file, a folder, unreadable, empty, damaged, or a zip in which no table
            stands out.
    """
    file, _, member = path.partition("::")
    content = Content(_bytes(Path(file).expanduser()), Path(file).name, file)
    if content.data[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        content = _unzip(content, member or config.member)
    elif member or config.member:
        raise InputError(
            "the file is no zip, so it has no members", where=file, hint="leave data.read.member out"
        )
    while packing := next((name for magic, name in MAGIC if content.data.startswith(magic)), None):
        content = replace(
            content,
            data=_unpack(content, packing),
            filename=_without(content.filename, PACKED),
            compression=content.compression or packing,
        )
    if not content.data:
        raise InputError("the file is empty", where=content.source)
    return content


def format_of(content: Content, encoding: str | None = None) -> str:
    """What the bytes are: csv, parquet, arrow, jsonl or arff.

    Arguments:
        content: the file.
        encoding: the encoding that the user gives; such a file is text, whatever it looks like.

    Raises:
        InputError: the bytes are of something that is no table, or of a kind that is not read.
    """
    data = content.data
    if data.startswith(b"PAR1"):
        return "parquet"
    if data.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    for magic, what, hint in FOREIGN:
        if data.startswith(magic):
            raise InputError(f"this is {what}", where=content.source, hint=hint)
    head = data[:65536]
    marked = head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff"))
    if b"\x00" in head and not marked and encoding is None:
        raise InputError(
            "this is not a table but binary data",
            where=content.source,
            hint="give CSV, Parquet, Arrow, JSON lines or ARFF; UTF-16 text without a mark needs "
            "--set data.read.encoding=utf-16-le",
        )
    return _text_format(head.removeprefix(b"\xef\xbb\xbf"), content.source)


def _text_format(head: bytes, where: str) -> str:
    lines = (line.strip() for line in head.splitlines())
    first = next((line for line in lines if line and not line.startswith((b"%", b"#"))), b"").lower()
    if first.startswith(b"@relation"):
        return "arff"
    if first.startswith((b"@problemname", b"@timestamps", b"@univariate")):
        return "ts"
    if first.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InputError("this is a web page or XML, not a table", where=where, hint="save the data as CSV")
    if first.startswith((b'{"', b"{ ", b"{}")) or first == b"{":
        return "jsonl"
    if first.startswith((b"[{", b"[ {")) or first == b"[":
        raise InputError(
            "this is one JSON array", where=where, hint="write JSON lines instead: one object in each line"
        )
    return "csv"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        folder = path.parent
        if not folder.is_dir():
            raise InputError(f"there is no folder {str(folder)!r}", where=str(path)) from None
        stems = {each.name.split(".")[0]: each for each in folder.iterdir() if each.is_file()}
        best = nearest(path.name.split(".")[0], stems)
        hint = f"did you mean {str(stems[best])!r}?" if best else None
        raise InputError("there is no such file", where=str(path), hint=hint) from None
    except IsADirectoryError:
        raise InputError(
            "this is a folder, not a table",
            where=str(path),
            hint="name one file in it: CSV, Parquet, Arrow, JSON lines or ARFF",
        ) from None
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=str(path)) from None


def _unpack(content: Content, packing: str) -> bytes:
    try:
        if packing == "zstd":
            return _zstd(content.data)
        return {"gzip": gzip, "xz": lzma, "bz2": bz2}[packing].decompress(content.data)
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"the {packing} file is cut short or damaged",
            where=content.source,
            hint="fetch or write it again",
        ) from None


def _zstd(data: bytes) -> bytes:
    try:
        import pyarrow
    except ImportError:
        return _zstd_lines(data)
    return pyarrow.CompressedInputStream(pyarrow.BufferReader(data), "zstd").read()


def _zstd_lines(data: bytes) -> bytes:
    """Text in UTF-8 can do without pyarrow: polars unpacks what it takes for a table of one column."""
    try:
        lines = pl.read_csv(data, has_header=False, separator="\x01", quote_char=None, infer_schema=False)
    except pl.exceptions.PolarsError:
        raise MissingExtra("pyarrow", "pandas", "this zstd file") from None
    return "\n".join(lines.to_series().fill_null("")).encode()


def _unzip(content: Content, wanted: str | None) -> Content:
    where = content.source
    try:
        archive = zipfile.ZipFile(io.BytesIO(content.data))
        if "[Content_Types].xml" in archive.namelist():
            raise InputError("this is an Excel or Office file", where=where, hint="save the sheet as CSV")
        member = _member(archive, wanted, where)
        data = archive.read(member)
    except (zipfile.BadZipFile, EOFError, zlib.error):
        raise InputError(
            "the zip is cut short or damaged", where=where, hint="fetch or write it again"
        ) from None
    except (RuntimeError, NotImplementedError) as error:  # a password, or a rare compression
        raise InputError(f"the zip cannot be unpacked: {error}", where=where) from None
    return Content(data, PurePosixPath(member).name, f"{where}::{member}", "zip", member)


def _member(archive: zipfile.ZipFile, wanted: str | None, where: str) -> str:
    files = [each.filename for each in archive.infolist() if not each.is_dir()]
    members = [each for each in files if not each.startswith("__MACOSX/")]
    if not members:
        raise InputError("the zip holds no files", where=where)
    if wanted is not None:
        named = [each for each in members if wanted in (each, PurePosixPath(each).name)]
        if not named:
            raise InputError(f"the zip has no file {wanted!r}", where=where, hint=suggestion(wanted, members))
        if len(named) > 1:
            raise InputError(f"{wanted!r} may be any of {_listed(named)}", where=where)
        return named[0]
    tables = [each for each in members if _like_table(each)]
    if len(tables) == 1:
        return tables[0]
    if len(members) == 1:
        return members[0]
    if not tables:
        raise InputError("the zip holds no table", where=where, hint=f"it holds {_listed(members)}")
    raise InputError(
        f"the zip holds several tables: {_listed(tables)}",
        where=where,
        hint=f"choose one with --set data.read.member={tables[-1]}",
    )


def _like_table(member: str) -> bool:
    """Whether a zip's member is likely its table; plain text is more often a readme."""
    suffix = PurePosixPath(_without(member, PACKED)).suffix.lower()
    return suffix in ENDINGS and suffix not in (".txt", ".json")


def _listed(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")


def _without(filename: str, endings: tuple[str, ...]) -> str:
    path = PurePosixPath(filename)
    return str(path.with_suffix("")) if path.suffix.lower() in endings else filename
