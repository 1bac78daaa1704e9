"""The contents behind the cells of a column: files in a folder or zip, or arrays in memory.

A cell of such a column is a text: a file's path, or the key of an array. What it stands for is asked for by
that text, so that rows can be chosen and put in another order as in any other table.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

MediaKind = Literal["image", "sound", "series"]
CONTENTS: dict[str, str] = {"image": "pictures", "sound": "sounds", "series": "series"}
"""What stands behind the cells of a column of such a kind, in plain words."""
MOST_BYTES = 2**31  # of one file; a zip of a few kilobytes can claim any size


class Media:
    """Base of what stands behind a column's cells.

    Attributes:
        kind: image, sound or series.
        channels: names of a series' channels.
    """

    kind: MediaKind
    channels: Sequence[str] = ()

    def __init__(self, kind: MediaKind) -> None:
        self.kind = kind
        self.known: dict[str, str] = {}  # digests

    def content(self, text: str) -> Any:
        """The bytes of a file, or an array. Raises KeyError or OSError where it is not there."""
        raise NotImplementedError

    def digest(self, text: str) -> str:
        """The same for cells whose contents are the same, whatever they are called."""
        if text not in self.known:
            try:
                found = self.content(text)
            except (OSError, KeyError):
                self.known[text] = text  # what is not there is like no other
            else:
                whole = found if isinstance(found, bytes) else np.ascontiguousarray(found).tobytes()
                self.known[text] = digest_of(whole)
        return self.known[text]

    def file(self, text: str) -> str | None:
        """The file that a cell stands for, as the user calls it; None for an array."""
        return None


class Files(Media):
    """Files in a folder, or members of a zip.

    Arguments:
        kind: image or sound.
        place: the folder that relative paths start from, or the zip that holds the files.

    Example:
        >>> files = Files("image", Path("pictures"))
        >>> files.path("cats/1.png").as_posix()
        'pictures/cats/1.png'
    """

    def __init__(self, kind: MediaKind, place: Path) -> None:
        super().__init__(kind)
        self.place = place

    @cached_property
    def archive(self) -> zipfile.ZipFile | None:
        """The zip, when there is one."""
        return zipfile.ZipFile(self.place) if self.place.is_file() else None

    def path(self, text: str) -> Path:
        """Where a cell's file lies on disk."""
        try:
            return self.place / Path(text).expanduser()
        except RuntimeError:  # the home of somebody who is not there
            return self.place / text

    def content(self, text: str) -> bytes:
        if self.archive is None:
            return _file(self.path(text))
        member = self.archive.getinfo(text)
        if member.file_size > MOST_BYTES:  # no more than that is unpacked, whatever follows in the zip
            raise OSError(f"it would take {member.file_size:,} bytes")
        try:
            return self.archive.read(member)
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise OSError(f"the zip is damaged there: {error}") from None

    def file(self, text: str) -> str:
        return text


class Arrays(Media):
    """Arrays in memory, by the keys that the cells hold.

    Arguments:
        kind: image: arrays [H, W, C] uint8; sound: [L] float32 between -1 and 1; series: [T, C] float.
        arrays: by key. A file's bytes may stand in the place of an array.
        channels: names of a series' channels.
        rate: samples a second (sound).
    """

    def __init__(
        self,
        kind: MediaKind,
        arrays: Mapping[str, np.ndarray | bytes],
        channels: Sequence[str] = (),
        rate: int = 0,
    ) -> None:
        super().__init__(kind)
        self.arrays, self.channels, self.rate = arrays, channels, rate

    def content(self, text: str) -> np.ndarray | bytes:
        return self.arrays[text]


class Several(Media):
    """Contents of several tables that were put under each other.

    Arguments:
        parts: by the word that stands, with a colon, before the texts of each; "" for none.
    """

    def __init__(self, parts: Mapping[str, Media]) -> None:
        first = next(iter(parts.values()))
        super().__init__(first.kind)
        self.parts, self.channels = parts, first.channels

    def part(self, text: str) -> tuple[Media, str]:
        """Whose text it is, and the text there."""
        word, colon, rest = text.partition(":")
        return (self.parts[word], rest) if colon and word and word in self.parts else (self.parts[""], text)

    def content(self, text: str) -> Any:
        media, own = self.part(text)
        return media.content(own)

    def digest(self, text: str) -> str:
        media, own = self.part(text)
        return media.digest(own)

    def file(self, text: str) -> str | None:
        media, own = self.part(text)
        return media.file(own)


def _file(path: Path) -> bytes:
    """What a file holds. Raises OSError where it cannot be read, or is none: a pipe would never end."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            raise OSError("it is no file")
        if about.st_size > MOST_BYTES:
            raise OSError(f"it takes {about.st_size:,} bytes")
        return path.read_bytes()
    except ValueError as error:  # a name that no file can have
        raise OSError(str(error)) from None


def digest_of(data: bytes) -> str:
    """A short fingerprint of some bytes."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
