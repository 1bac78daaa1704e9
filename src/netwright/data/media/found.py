"""Columns of paths: which of a table's columns name pictures or sounds, and where these lie."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

import polars as pl

from netwright.config import Kind
from netwright.data.media.base import Files
from netwright.data.media.endings import MANY, kind_of
from netwright.errors import InputError

GLANCE = 64  # cells that are looked at, all over the column
MOST = 0.8  # the share of them that must look like paths


def find_media(frame: pl.DataFrame, folder: Path, kinds: Mapping[str, Kind]) -> dict[str, Files]:
    """Finds the columns whose cells are paths of pictures or sounds.

    A few cells of each column of text are looked at: most must end like a file of the kind, and one at least
    must be there. Files that are missing one by one are told when they are read.

    Arguments:
        frame: the table.
        folder: where relative paths start from: the folder that the table lies in (its folders are looked
            into, too), or the zip that holds the table and the files.
        kinds: kinds that the user gave for columns: image and sound are wanted, any other is believed.

    Returns:
        By column's name, the files that its cells stand for.

    Raises:
        InputError: the cells of a column look like paths, but none of the files is there.

    Example:
        >>> find_media(pl.DataFrame({"name": ["ann", "bob"]}), Path("."), {})
        {}
    """
    found: dict[str, Files] = {}
    for name, dtype in frame.schema.items():
        wanted = kinds.get(name)
        if dtype != pl.String or wanted not in (None, "image", "sound"):
            continue
        cells = _glance(frame[name])
        kind = wanted or _like_paths(cells)
        if kind is not None and cells:
            found[name] = Files(cast("Literal['image', 'sound']", kind), _place(name, kind, cells, folder))
    return found


def _glance(column: pl.Series) -> list[str]:
    """Some cells from all over the column, those of the first rows among them."""
    cells = column.drop_nulls()
    return cells.gather_every(max(1, len(cells) // GLANCE))[:GLANCE].to_list()


def _like_paths(cells: list[str]) -> str | None:
    """image or sound, where nearly all cells end like such files and none is a web address."""
    if not cells or any("://" in cell for cell in cells):
        return None
    kind, count = Counter(kind_of(cell) for cell in cells).most_common(1)[0]
    return kind if kind in ("image", "sound") and count >= MOST * len(cells) else None


def _place(name: str, kind: str, cells: list[str], folder: Path) -> Path:
    """Where the paths start from: the folder, or one of the folders in it."""
    if folder.is_file():
        with zipfile.ZipFile(folder) as archive:
            members = set(archive.namelist())
        if any(cell in members for cell in cells):
            return folder
    else:
        below = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
        for place in (folder, *below):
            if any(_is_there(Files("image", place).path(cell)) for cell in cells):
                return place
    raise InputError(
        f"column {name!r} names {MANY[kind]} ({cells[0]!r}), but none of those looked for is there",
        where=str(folder),
        hint="paths are written with / and start from the table's folder; "
        f"if they are only words, say so with --set data.kinds.{name}=category",
    )


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long for a file
        return False
