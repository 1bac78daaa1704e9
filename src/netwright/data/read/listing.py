"""The files of a folder or zip, by their paths in it."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from netwright.data.read.content import ENDINGS, PACKED
from netwright.errors import InputError

LEFT = {"__macosx", "thumbs.db", "desktop.ini"}  # what systems leave behind; hidden files are left out too


@dataclass(frozen=True)
class Listing:
    """The files of a folder or zip.

    Arguments:
        place: the folder or the zip.
        files: their paths below `top`, with slashes, sorted.
        top: folders that were stepped through: "" or "pictures/".
        empty: folders without files, below `top`.
    """

    place: Path
    files: Sequence[str]
    top: str = ""
    empty: Sequence[str] = ()

    def folders(self) -> list[str]:
        """Names of the folders that hold files."""
        return sorted({file.partition("/")[0] for file in self.files if "/" in file})

    def inside(self, folder: str) -> Listing:
        """What lies in one of its folders."""
        start = f"{folder}/"
        files = [file.removeprefix(start) for file in self.files if file.startswith(start)]
        empty = [each.removeprefix(start) for each in self.empty if each.startswith(start)]
        return replace(self, files=files, top=self.top + start, empty=empty)

    def unwrapped(self) -> Listing:
        """Without the folders that hold only one folder and no files, as zips often have; class folders stay.

        A folder that holds files itself is a class, or a heap without classes: both are for others to judge.
        """
        listing = self
        while len(names := listing.folders()) == 1 and all("/" in file for file in listing.files):
            inner = listing.inside(names[0])
            if not inner.folders():
                break
            listing = inner
        return listing


def list_files(path: Path) -> Listing:
    """Lists a folder with all that is in it, or a zip without unpacking it.

    Raises:
        InputError: the zip is damaged, has a password, or what is there cannot be read.
    """
    names = _members(path) if path.is_file() else _walk(path)
    seen = [name for name in names if not any(_left(part) for part in PurePosixPath(name).parts)]
    files = sorted(name for name in seen if not name.endswith("/"))
    holding = {str(parent) for file in files for parent in PurePosixPath(file).parents}
    empty = sorted({name.rstrip("/") for name in seen if name.endswith("/")} - holding)
    return Listing(path, files, empty=empty)


def is_table(file: str) -> bool:
    """Whether a file's name is that of a table; plain text is more often a text or a readme.

    Example:
        >>> is_table("labels.csv"), is_table("labels.csv.gz"), is_table("readme.txt")
        (True, True, False)
    """
    path = PurePosixPath(file.lower())
    path = path.with_suffix("") if path.suffix in PACKED else path
    return path.suffix in ENDINGS and path.suffix not in (".txt", ".json")


def _left(part: str) -> bool:
    return part.startswith(".") or part.casefold() in LEFT


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, EOFError, zlib.error):
        raise InputError(
            "the zip is cut short or damaged", where=str(path), hint="fetch or write it again"
        ) from None
    if any(member.flag_bits & 1 for member in members):
        raise InputError("the zip has a password", where=str(path), hint="unpack it and name the folder")
    return [member.filename for member in members]


def _walk(path: Path) -> list[str]:
    """Files below a folder, and its folders, with a slash at the end. Links are followed, not in circles."""
    names: list[str] = []
    visited: set[str] = set()

    def refuse(error: OSError) -> None:
        raise InputError(f"a folder cannot be read: {error.strerror}", where=error.filename)

    for base, folders, files in os.walk(path, followlinks=True, onerror=refuse):
        visited.add(os.path.realpath(base))
        folders[:] = [each for each in folders if os.path.realpath(os.path.join(base, each)) not in visited]
        below = Path(base).relative_to(path).as_posix()
        start = "" if below == "." else f"{below}/"
        names += [start + file for file in files] + [f"{start}{each}/" for each in folders]
    return names
