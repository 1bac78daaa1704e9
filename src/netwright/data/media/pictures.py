"""Columns of pictures: their size and channels, and their pixels as one tensor."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import torch
from torch import Tensor

from netwright.config import ImageConfig
from netwright.data.media.base import Media
from netwright.data.media.decoding import Unreadable, content_of, glance, pixels, pixels_of
from netwright.data.media.storage import allocate
from netwright.data.media.threads import in_threads
from netwright.data.schema import Column
from netwright.errors import InputError

SEEN = 2000  # pictures that sizes and colours are found from
AS_IT_IS = 256  # the longest side of pictures of one size that are not made smaller
SIDE, SIDE_OF_MANY, MANY = 128, 96, 5000  # of pictures of many sizes; less where there are many to train on
STEP = 8  # sides found from many sizes are multiples of it, so that they can be halved
ALIKE = 0.9  # so many pictures of one size make it the size of all
COLOURED = 8  # difference between channels, of 255; less comes from saving as JPEG
THUMBNAIL = 64
FLAT_SIDE, FLAT_MOST = 16, 512


def describe(column: Column, media: Media, texts: list[str], settings: ImageConfig) -> None:
    """Finds the size and channels that pictures are brought to: `column.shape` [H, W, C].

    One size of (nearly) all, up to 256 x 256, stays. Pictures of many sizes get about the area of the usual
    one, at most 128 x 128 (96 x 96 for more than 5,000): a square, unless nearly all are wide or nearly all
    are high. Grey where all that are looked at are grey.

    Arguments:
        column: of kind image; its shape is filled in.
        media: what the cells stand for.
        texts: the different cells of the fitting rows; 2,000 of them, always the same, are looked at.
        settings: height, width and channels where they are not to be found.

    Raises:
        InputError: none of the pictures can be read.
    """
    seen = _some(texts)
    with _quiet():
        found = in_threads(lambda text: _glance(media, text), seen)
        looks = [look for look in found if look is not None]
        if not looks:
            raise InputError(f"no picture of column {column.name!r} can be read")
        channels = settings.channels
        if channels == "auto":
            unsure = [text for text, look in zip(seen, found, strict=True) if look and not look[2]]
            channels = 3 if _any_coloured(media, unsure) else 1
    sizes = [(height, width) for height, width, _ in looks]
    height, width = _size(sizes, len(texts), settings.height, settings.width)
    column.shape = [height, width, channels]


def encode(column: Column, media: Media, texts: Sequence[str | None]) -> Tensor:
    """The pixels of all rows. A picture is scaled to cover the size, and its middle taken.

    Arguments:
        column: with its shape [H, W, C].
        media: what the cells stand for.
        texts: the cells, None for a missing one.

    Returns:
        [N, H, W, C] uint8; all zeros where there is no picture that can be read. A very large one lies in a
        file (see `allocate`).
    """
    height, width, channels = column.shape
    raw = allocate((len(texts), height, width, channels), torch.uint8)
    array = raw.numpy()
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        if text is not None:
            first.setdefault(text, row)

    def fill(text: str) -> None:
        with suppress(Unreadable):  # stays zero, which is missing
            array[first[text]] = pixels(media, text, height, width, channels)

    with _quiet():
        in_threads(fill, list(first))
    for row, text in enumerate(texts):
        if text is not None and first[text] != row:
            array[row] = array[first[text]]
    return raw


def problems(media: Media, texts: list[str]) -> dict[str, str]:
    """Cells that give no picture, with the reason in a few words. Each file is decoded, JPEG at an eighth.

    Example:
        >>> from netwright.data.media import Arrays
        >>> problems(Arrays("image", {"a": b"%PDF-1.7", "b": np.zeros((8, 8, 1), np.uint8)}), ["a", "b", "c"])
        {'a': 'no picture but a PDF', 'c': 'there is no such file'}
    """

    def reason(text: str) -> str | None:
        try:
            content = content_of(media, text)
            if isinstance(content, bytes):
                pixels_of(content, STEP, STEP, 3)
        except Unreadable as why:
            return str(why)
        return None

    with _quiet():
        reasons = in_threads(reason, texts)
    return {text: why for text, why in zip(texts, reasons, strict=True) if why is not None}


def flat(column: Column, raw: Tensor) -> np.ndarray:
    """Means of areas of the pictures: at most 16 x 16 (grey) or 13 x 13 (colour) of them.

    Arguments:
        column: with its shape [H, W, C].
        raw: [n, H, W, C] uint8

    Returns:
        [n, h * w * C] float32 between 0 and 1, at most 512 numbers of a picture.
    """
    height, width, channels = column.shape
    high, wide = min(height, FLAT_SIDE), min(width, FLAT_SIDE)
    while high * wide * channels > FLAT_MOST:
        high, wide = (high - 1, wide) if high >= wide else (high, wide - 1)
    rows, columns = _means(height, high), _means(width, wide)  # [h, H], [w, W]
    parts = [
        np.einsum("hH,nHWc,wW->nhwc", rows, part.numpy().astype(np.float32), columns, optimize=True)
        for part in raw.split(1024)
    ]
    numbers = np.concatenate(parts) if parts else np.zeros((0, high, wide, channels), np.float32)
    return numbers.reshape(len(raw), high * wide * channels) / np.float32(255)


# ---------------------------------------------------------------------------------------- size and colour


def _some(texts: list[str]) -> list[str]:
    """At most `SEEN` of the cells. Every so many-th would miss what alternates."""
    if len(texts) <= SEEN:
        return texts
    places = np.random.default_rng(0).choice(len(texts), SEEN, replace=False)
    return [texts[place] for place in sorted(places)]


def _glance(media: Media, text: str) -> tuple[int, int, bool] | None:
    try:
        return glance(media, text)
    except Unreadable:
        return None


def _size(
    sizes: list[tuple[int, int]], pictures: int, height: int | str, width: int | str
) -> tuple[int, int]:
    """Height and width for all pictures, with those that are given."""
    (common, times) = Counter(sizes).most_common(1)[0]
    ratios = np.array([high / wide for high, wide in sizes])
    if times >= ALIKE * len(sizes):
        found, ratio = common, common[0] / common[1]
    else:
        # the shape nearest to a square that lies within those of most pictures
        ratio = float(np.clip(1.0, *np.quantile(ratios, [0.1, 0.9])))
        found = (AS_IT_IS + 1, AS_IT_IS + 1)
    if max(found) > AS_IT_IS:
        ratio = min(max(ratio, 0.25), 4.0)
        usual = float(np.median([(high * wide) ** 0.5 for high, wide in sizes]))
        side = min(usual, SIDE if pictures <= MANY else SIDE_OF_MANY)
        found = (_stepped(side * ratio**0.5), _stepped(side / ratio**0.5))
    if isinstance(height, int) and isinstance(width, int):
        return height, width
    if isinstance(height, int):
        return height, max(4, round(height / ratio))
    if isinstance(width, int):
        return max(4, round(width * ratio)), width
    return found


def _stepped(side: float) -> int:
    return max(STEP, STEP * round(side / STEP))


def _any_coloured(media: Media, texts: list[str], together: int = 64) -> bool:
    """Whether any of some pictures is not grey; stops at the first few that show it."""

    def coloured(text: str) -> bool:
        try:
            small = pixels(media, text, THUMBNAIL, THUMBNAIL, 3)
        except Unreadable:
            return False
        return bool(np.ptp(small, axis=2).max() > COLOURED)

    starts = range(0, len(texts), together)
    return any(any(in_threads(coloured, texts[start : start + together])) for start in starts)


def _means(many: int, few: int) -> np.ndarray:
    """The matrix that takes means over `few` parts of `many` pixels, cut where they are cut. [few, many]"""
    edges = np.linspace(0, many, few + 1)
    starts, ends = edges[:-1, None], edges[1:, None]
    pixel = np.arange(many)[None]
    inside = np.minimum(ends, pixel + 1) - np.maximum(starts, pixel)
    return (np.maximum(inside, 0.0) * (few / many)).astype(np.float32)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Pillow's warnings of odd metadata; what cannot be read is told by `problems`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
