"""idx files, the format of MNIST: an array behind a few bytes of header; and folders of pictures in them."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import polars as pl

from netwright.config import ReadConfig
from netwright.data.media.base import Arrays
from netwright.data.read.content import open_content
from netwright.data.table import Table
from netwright.errors import InputError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES, MOST_VALUES = 8, 2**48  # more are refused, even where one side is 0 and nothing follows
NAME = re.compile(
    r"(?P<part>.*?)[-_.]?(?P<what>images|labels)[-_.]idx\d[-_.]ubyte(\.(gz|zip|xz|bz2|zst))?", re.IGNORECASE
)
PARTS = {
    "train": "train",
    "t10k": "test",
    "test": "test",
    **dict.fromkeys(("validation", "valid", "val"), "validation"),
}


def read_idx(data: bytes, where: str) -> np.ndarray:
    """The array of an idx file.

    Arguments:
        data: the file's bytes, decompressed: two zeros, the type, the number of dimensions, each dimension as
            four bytes, and the values, all with the highest byte first.
        where: the source, for messages.

    Raises:
        InputError: no idx file, or one that is cut short or too long.

    Example:
        >>> read_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "labels").tolist()
        [7, 8, 9]
    """
    if len(data) < 4 or data[:2] != b"\x00\x00" or data[2] not in TYPES:
        raise InputError("this is no idx file", where=where)
    dtype, start = np.dtype(TYPES[data[2]]), 4 + 4 * data[3]
    shape = [int.from_bytes(data[place : place + 4]) for place in range(4, start, 4)]
    if len(shape) > MOST_AXES or math.prod(size or 1 for size in shape) > MOST_VALUES:
        what = f"the idx file is damaged: it claims {len(shape)} dimensions of up to {max(shape):,}"
        raise InputError(what, where=where, hint="fetch it again")
    if len(data) != start + math.prod(shape) * dtype.itemsize:
        size = " x ".join(map(str, shape))
        raise InputError(
            f"the idx file is cut short or damaged: {len(data):,} bytes are not what {size} values take",
            where=where,
            hint="fetch it again",
        )
    values = np.frombuffer(data, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=False)


def is_idx_folder(folder: Path) -> bool:
    """Whether a folder holds pictures in idx files, such as `train-images-idx3-ubyte.gz`.

    Example:
        >>> is_idx_folder(Path("."))
        False
    """
    return folder.is_dir() and any("images" in files for files in _parts(folder).values())


def read_idx_folder(folder: Path) -> Table:
    """Reads the pictures and labels of an image set in idx files.

    Arguments:
        folder: holds `train-images-idx3-ubyte.gz` and `train-labels-idx1-ubyte.gz`, and the same of `t10k` or
            `test`; compressed or not, and also as they are named on Kaggle (`train-images.idx3-ubyte`).

    Returns:
        A row for each picture: its key ("image"), its class as a whole number ("label"), and its part
        ("split": train, validation or test) where there are several.

    Raises:
        InputError: pictures without labels or the other way round, not as many of the one as of the other,
            several sets in one folder, or a file that is damaged or holds something else.
    """
    where = str(folder)
    parts = _parts(folder)
    names = {name: re.split(r"[-_.]", name)[-1].lower() for name in parts}
    sets = {name[: len(name) - len(end)] for name, end in names.items()}
    if len(sets) > 1 or len({PARTS.get(end, end) for end in names.values()}) < len(names):
        raise InputError(
            f"the folder holds several sets of pictures: {', '.join(map(repr, sorted(parts)))}",
            where=where,
            hint="put each set into a folder of its own",
        )
    unknown = [name for name, end in names.items() if end not in PARTS]
    if unknown and len(parts) > 1:
        raise InputError(
            f"what part of the set is {unknown[0]!r}?",
            where=where,
            hint="name the files train-images-idx3-ubyte, validation-... and test-... (or t10k-...)",
        )
    arrays: dict[str, np.ndarray | bytes] = {}
    frames = []
    for name, files in sorted(parts.items(), key=lambda item: names[item[0]] != "train"):
        part = PARTS.get(names[name], names[name])
        images, labels = _pictures(files, name, where)
        keys = [f"{part}/{number}" for number in range(len(images))]
        arrays.update(zip(keys, images, strict=True))
        frames.append(
            pl.DataFrame({"image": keys, "label": labels.astype(np.int64), "split": [part] * len(keys)})
        )
    frame = pl.concat(frames)
    media = {"image": Arrays("image", arrays)}
    split = "split" if len(frames) > 1 else None
    if split is None:
        frame = frame.drop("split")
    how = {"format": "idx", "files": [path.name for files in parts.values() for path in files.values()]}
    place = folder.resolve()
    return Table(
        frame, place.name, where, how, media=media, folder=folder, target="label", split_column=split
    )


def _parts(folder: Path) -> dict[str, dict[str, Path]]:
    """The files of pictures and labels of each part: {"train": {"images": path, "labels": path}, ...}."""
    parts: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = NAME.fullmatch(path.name)
        if match and path.is_file():
            parts.setdefault(match["part"], {}).setdefault(match["what"].lower(), path)
    return parts


def _pictures(files: dict[str, Path], name: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures [N, H, W, C] uint8 and labels [N] of one part."""
    for what in ("images", "labels"):
        if what not in files:
            raise InputError(f"the folder has no {what} of {name!r}", where=where)
    read = {
        what: read_idx(open_content(str(path), ReadConfig()).data, str(path)) for what, path in files.items()
    }
    images, labels = read["images"], read["labels"]
    if images.ndim not in (3, 4) or images.dtype != np.uint8 or 0 in images.shape[1:]:
        raise InputError(
            f"the file holds {images.dtype} {list(images.shape)}, no pictures", where=str(files["images"])
        )
    if labels.ndim != 1 or labels.dtype.kind == "f":
        raise InputError(
            f"the file holds {labels.dtype} {list(labels.shape)}, no labels", where=str(files["labels"])
        )
    if len(images) != len(labels):
        raise InputError(
            f"there are {len(images):,} pictures, but {len(labels):,} labels of them", where=where
        )
    images = images[..., None] if images.ndim == 3 else images
    if images.shape[3] not in (1, 3, 4):
        raise InputError(f"pictures of {images.shape[3]} channels are not read", where=str(files["images"]))
    return images, labels
