"""Reading: any source of rows becomes a `Table`. What a file is, its content says first, its name second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netwright.config import ReadConfig
from netwright.data.read.arff import read_arff
from netwright.data.read.content import format_of, open_content, short_name
from netwright.data.read.database import hide_password, read_database
from netwright.data.read.delimited import read_delimited
from netwright.data.read.frames import read_frame
from netwright.data.read.samples import read_sample
from netwright.data.read.typed import plain_types, read_typed
from netwright.data.read.words import resolve, take_out
from netwright.data.table import Table
from netwright.errors import InputError

__all__ = ["name_of", "read"]


def read(source: Any, config: ReadConfig | None = None, missing: list[str] | str = "auto") -> Table:
    """Reads a table from wherever it is.

    Arguments:
        source: a path (CSV, TSV, Parquet, Arrow, JSON lines, ARFF; plain, compressed or in a zip, where
            `file.zip::member` names one file), ``sample:NAME``, ``sqlite:///file.db::SELECT ...`` or
            another database URL, a polars or pandas frame, a NumPy array, or a dictionary of columns.
        config: how to read, where it should not be found out.
        missing: the words that mean a missing value in columns of text; "auto" knows the usual ones.

    Returns:
        The rows. Text files give columns of text only; other sources keep their types. Cells of text are
        stripped, and null where they are empty or a word for missing.

    Raises:
        InputError: the source does not exist, cannot be read, or is no table; the message says where and why.

    Example:
        >>> table = read({"age": [31, None], "job": ["clerk", "?"]})
        >>> table.frame["job"].to_list(), table.words
        (['clerk', None], {'job': {'?': 1}})
    """
    words = resolve(missing)
    config = config or ReadConfig()
    table = _from_text(str(source), config) if isinstance(source, (str, Path)) else _from_memory(source)
    if table.frame.is_empty():
        what = "the table has no rows" if table.frame.width else "the table has no columns"
        raise InputError(what, where=table.source)
    frame, found = take_out(table.frame, words)
    how = {**table.how, "missing_words": list(words)}
    return Table(frame, table.name, table.source, how, words=found, findings=table.findings)


def name_of(source: Any) -> str:
    """A short name for a source that need not have been read yet, as `Table.name` for most.

    Example:
        >>> name_of("data/adult.csv.gz"), name_of("sample:iris"), name_of("sqlite:///shop.db::SELECT 1")
        ('adult', 'iris', 'shop')
    """
    if not isinstance(source, (str, Path)):
        return "frame"
    text = str(source)
    if text.startswith("sample:"):
        return text.removeprefix("sample:") or "sample"
    if "://" in text:
        return Path(text.partition("::")[0].partition("://")[2].partition("?")[0]).stem or "query"
    file, _, member = text.partition("::")
    return short_name(Path(member or file).name) or "data"


def _from_text(source: str, config: ReadConfig) -> Table:
    if source.startswith("sample:"):
        name = source.removeprefix("sample:")
        return Table(read_sample(name), name, source)
    if "://" in source:
        return _from_database(source)
    return _from_file(source, config)


def _from_database(source: str) -> Table:
    url, mark, query = source.partition("::")
    where = hide_password(url)
    if url.startswith(("http://", "https://", "ftp://", "s3://")):
        raise InputError("web addresses are not read", where=where, hint="download the file first")
    if not mark:
        raise InputError("a database needs a query", where=where, hint=f'"{where}::SELECT * FROM table"')
    frame = plain_types(read_database(url, query))
    return Table(frame, name_of(source), f"{where}::{query}")


def _from_file(source: str, config: ReadConfig) -> Table:
    content = open_content(source, config)
    format = format_of(content, config.encoding) if config.format == "auto" else config.format
    where = content.source
    if format == "csv":
        frame, how, findings = read_delimited(content.data, config, where)
    elif format == "arff":
        frame, how, findings = read_arff(content.data, config, where)
    else:
        frame, how, findings = plain_types(read_typed(content.data, format, where)), {}, []
    packing = {"compression": content.compression, "member": content.member}
    how = {"format": format, **how, **{key: value for key, value in packing.items() if value}}
    return Table(frame, content.name, where, how, findings=findings)


def _from_memory(source: Any) -> Table:
    return Table(plain_types(read_frame(source)), "frame", "frame")
