"""What a file's ending says that it holds."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal

MediaFile = Literal["image", "sound", "text"]

ENDINGS: dict[MediaFile, tuple[str, ...]] = {
    "image": (
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"),
        *(".pgm", ".ppm", ".pbm", ".pnm"),
    ),
    "sound": (
        *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
        *(".au", ".snd", ".caf", ".w64"),
    ),
    "text": (".txt", ".text"),
}
UNREAD = {
    **dict.fromkeys((".heic", ".heif", ".svg", ".cr2", ".nef", ".arw", ".dng"), "image"),
    **dict.fromkeys((".m4a", ".aac", ".wma", ".amr", ".mka", ".mp4", ".webm", ".ra"), "sound"),
}  # pictures and sounds that are named as such, but not read
BETTER = {"image": "PNG or JPEG", "sound": "WAV or FLAC"}
MANY = {"image": "pictures", "sound": "sounds", "text": "text files"}
_KIND: dict[str, MediaFile] = {ending: kind for kind, endings in ENDINGS.items() for ending in endings}


def kind_of(name: str) -> MediaFile | None:
    """What a file holds, as its ending says; None for anything else.

    Example:
        >>> kind_of("cats/1.JPG"), kind_of("a.flac"), kind_of("readme.md")
        ('image', 'sound', None)
    """
    return _KIND.get(PurePosixPath(name).suffix.lower())


def unread(name: str) -> str | None:
    """The ending of a picture or sound of a kind that is not read, else None.

    Example:
        >>> unread("song.M4A"), unread("song.wav")
        ('.m4a', None)
    """
    ending = PurePosixPath(name).suffix.lower()
    return ending if ending in UNREAD else None
