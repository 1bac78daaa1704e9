"""Folders (or zips) of pictures, sounds or texts: class folders, or files that a table there names."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Literal, cast

import polars as pl

from netwright.config import ReadConfig
from netwright.data.finding import Finding
from netwright.data.media.base import Files
from netwright.data.media.endings import kind_of
from netwright.data.media.found import find_media
from netwright.data.read.class_folders import ClassFolders
from netwright.data.read.listing import Listing, is_table, list_files
from netwright.data.table import Table
from netwright.errors import InputError


def is_media_folder(path: Path) -> bool:
    """Whether a path is for `read_folder`: a folder, a zip of pictures, sounds or texts, or one such file.

    Example:
        >>> is_media_folder(Path(".")), is_media_folder(Path("table.csv"))
        (True, False)
    """
    if path.is_dir() or kind_of(path.name) in ("image", "sound"):
        return True
    if path.suffix.lower() != ".zip" or not path.is_file():
        return False
    listing = list_files(path)
    kinds = Counter(kind_of(file) for file in listing.files)
    if 2 * (kinds["image"] + kinds["sound"]) > len(listing.files):
        return True
    texts = [file for file in listing.files if kind_of(file) == "text"]
    return (
        not any(map(is_table, listing.files)) and len({str(PurePosixPath(text).parent) for text in texts}) > 1
    )


def read_folder(path: Path, config: ReadConfig | None = None, *, labelled: bool = True) -> Table:
    """Reads a folder, or a zip of it, of pictures, sounds or text files.

    Three things are understood: class folders; class folders in folders for training, validation and test; a
    table whose cells name the files beside it. Folders around all others are stepped through. With training
    and validation folders only, the validation folder becomes the test part.

    Arguments:
        path: the folder or zip; one picture or sound is a table of one row.
        config: how to read a table in the folder.
        labelled: whether classes are needed, as for training. Files to predict may lie in one folder.

    Returns:
        A table with the column `image` or `sound` (paths) or `text` (the files' contents), `label` (the class
        folder's name) and `split` where there are folders for it; or the table of the folder.

    Raises:
        InputError: nothing to read, one class only, no class folders, or a mixture of pictures and sounds.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("good/1.txt", "good/2.txt", "bad/1.txt"):
        ...     (folder / name).parent.mkdir(exist_ok=True)
        ...     _ = (folder / name).write_text(name)
        >>> read_folder(folder).frame.rows()
        [('bad/1.txt', 'bad'), ('good/1.txt', 'good'), ('good/2.txt', 'good')]
    """
    if path.is_file() and path.suffix.lower() != ".zip":
        return _single(path)
    listing = list_files(path)
    table = _table_of(listing, config or ReadConfig())
    return table if table is not None else ClassFolders(listing, labelled).read()


def _single(path: Path) -> Table:
    kind = cast("Literal['image', 'sound']", kind_of(path.name))
    return Table(
        pl.DataFrame({kind: [path.name]}),
        path.stem,
        str(path),
        media={kind: Files(kind, path.parent)},
        folder=path.parent,
    )


def _table_of(listing: Listing, config: ReadConfig) -> Table | None:
    """The table in a folder that names the files beside it, if there is one."""
    from netwright.data.read import _from_file  # whose module reads folders by this one

    outer = listing.unwrapped()
    tables = [file for file in outer.files if "/" not in file and is_table(file)]
    if not tables or not any(kind_of(file) in ("image", "sound") for file in outer.files):
        return None
    naming: dict[str, Table] = {}
    for name in tables:
        inside = outer.top + name
        source = f"{listing.place}::{inside}" if listing.place.is_file() else listing.place / inside
        table = _with_media(_from_file(str(source), config), outer)
        if table is not None:
            naming[name] = table
    if len(naming) > 1:
        raise InputError(
            f"several tables name the files: {', '.join(naming)}",
            where=str(listing.place),
            hint=f"name one of them: {listing.place / outer.top / next(iter(naming))}",
        )
    return next(iter(naming.values()), None)


def _with_media(table: Table, listing: Listing) -> Table | None:
    """The table with its cells that name the folder's files made paths; None where it has none."""
    places = {file: listing.top + file for file in listing.files}
    short: dict[str, list[str]] = {}
    for file in listing.files:
        if kind_of(file) in ("image", "sound"):
            pure = PurePosixPath(file)
            for name in {pure.name, pure.stem}:
                short.setdefault(name, []).append(listing.top + file)
    places = {name: files[0] for name, files in short.items() if len(files) == 1} | places
    frame, findings = table.frame, list(table.findings)
    for name, dtype in table.frame.schema.items():
        if dtype != pl.String:
            continue
        cells = frame[name].drop_nulls()
        known = cells.is_in(list(places))
        if len(cells) and known.mean() > 0.5:  # type: ignore[operator]
            changed = frame[name].replace(places)
            if not changed.equals(frame[name]):
                findings.append(_found_by_name(name, changed.drop_nulls()[0]))
            frame = frame.with_columns(changed)
    media = find_media(frame, listing.place, {})
    if not media:
        return None
    return replace(table, frame=frame, findings=findings, media=media, folder=listing.place)


def _found_by_name(column: str, example: str) -> Finding:
    return Finding(
        "files_by_name",
        "note",
        f"The cells of {column!r} are names of files that lie in folders below the table.",
        f"each was taken for the one file of that name, as {example!r}",
        columns=[column],
    )
