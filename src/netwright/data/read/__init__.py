"""Reading: any source of rows becomes a `Table`. What a file is, its content says first, its name second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from netwright.config import Kind, ReadConfig
from netwright.data.media import Media
from netwright.data.media.endings import unread
from netwright.data.media.found import find_media
from netwright.data.read.arff import read_arff
from netwright.data.read.arrays import take_arrays, take_pictures
from netwright.data.read.class_folders import NAMES_OF_FOLDERS, not_read
from netwright.data.read.content import format_of, open_content, short_name
from netwright.data.read.database import hide_password, read_database
from netwright.data.read.delimited import read_delimited
from netwright.data.read.folder import is_media_folder, read_folder
from netwright.data.read.frames import read_frame
from netwright.data.read.idx import is_idx_folder, read_idx_folder
from netwright.data.read.samples import read_digits_images, read_sample
from netwright.data.read.ts import read_ts, read_ts_pair, ts_pair
from netwright.data.read.typed import plain_types, read_typed
from netwright.data.read.words import resolve, take_out
from netwright.data.table import Table
from netwright.errors import InputError

__all__ = ["name_of", "read"]


def read(
    source: Any,
    config: ReadConfig | None = None,
    missing: list[str] | str = "auto",
    kinds: Mapping[str, Kind] | None = None,
    *,
    labelled: bool = True,
) -> Table:
    """Reads a table from wherever it is.

    Arguments:
        source: a path (CSV, TSV, Parquet, Arrow, JSON lines, ARFF, .ts series; plain, compressed or in a zip,
            where `file.zip::member` names one file), a folder or zip of pictures, sounds or texts by class,
            a folder with the idx files of an image set or a pair of .ts files, ``sample:NAME``,
            ``sqlite:///file.db::SELECT ...`` or another database URL, a polars or pandas frame, an array
            (of pictures [N, H, W, C] or series [N, T, C], too), or a dictionary of columns.
        config: how to read, where it should not be found out.
        missing: the words that mean a missing value in columns of text; "auto" knows the usual ones.
        kinds: kinds of columns that the user gives; "image" or "sound" says that cells are paths.
        labelled: whether classes are needed, as for training; files to predict may lie in one folder.

    Returns:
        The rows. Text files give columns of text only; other sources keep their types. Cells of text are
        stripped, and null where they are empty or a word for missing. Pictures, sounds and series stand
        behind texts, see `Table.media`.

    Raises:
        InputError: the source does not exist, cannot be read, or is no table; the message says where and why.

    Example:
        >>> table = read({"age": [31, None], "job": ["clerk", "?"]})
        >>> table.frame["job"].to_list(), table.words
        (['clerk', None], {'job': {'?': 1}})
    """
    words = resolve(missing)
    config = config or ReadConfig()
    if isinstance(source, str | Path):
        table = _from_text(str(source), config, missing, labelled)
    else:
        table = _from_memory(source)
    if table.frame.is_empty():
        what = "the table has no rows" if table.frame.width else "the table has no columns"
        raise InputError(what, where=table.source)
    media = dict(table.media)
    kept = set(media) | (NAMES_OF_FOLDERS & set(table.columns) if "class_folders_of" in table.how else set())
    plain, found = take_out(table.frame.drop(kept), words)  # a class's folder may be called NA
    if table.folder is not None:
        media |= find_media(plain, table.folder, kinds or {})
    columns = {series.name: series for series in (*plain, *(table.frame[name] for name in kept))}
    frame = pl.DataFrame([columns[name] for name in table.columns])
    how = {**table.how, "missing_words": list(words)}
    return replace(table, frame=frame, how=how, words=found, media=media)


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


def _from_text(source: str, config: ReadConfig, missing: list[str] | str, labelled: bool) -> Table:
    if source.startswith("sample:"):
        name = source.removeprefix("sample:")
        return read_digits_images() if name == "digits_images" else Table(read_sample(name), name, source)
    if "://" in source:
        return _from_database(source)
    path = Path(source).expanduser()
    if path.is_dir() and is_idx_folder(path):
        return read_idx_folder(path)
    if path.is_dir() and ts_pair(path) is not None:
        return read_ts_pair(path)
    if path.is_file() and (ending := unread(path.name)) is not None and config.format == "auto":
        raise not_read(Counter([ending]), source)
    if "::" not in source and config.member is None and is_media_folder(path):
        return read_folder(path, config, labelled=labelled)
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
    media: dict[str, Media] = {}
    if format == "ts":
        return read_ts(content.data, where, content.name)
    if format == "csv":
        frame, how, findings = read_delimited(content.data, config, where)
    elif format == "arff":
        frame, how, findings = read_arff(content.data, config, where)
    else:
        frame, media = take_pictures(read_typed(content.data, format, where))
        frame, how, findings = plain_types(frame), {}, []
    packing = {"compression": content.compression, "member": content.member}
    how = {"format": format, **how, **{key: value for key, value in packing.items() if value}}
    file = Path(source.partition("::")[0]).expanduser()
    folder = file if content.compression == "zip" else file.parent
    return Table(frame, content.name, where, how, findings=findings, media=media, folder=folder)


def _from_memory(source: Any) -> Table:
    source, arrays = take_arrays(source)
    frame, pictures = take_pictures(read_frame(source))
    return Table(plain_types(frame), "frame", "frame", media=arrays | pictures, folder=Path())
