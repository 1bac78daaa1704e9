"""Columns in memory whose cells are pictures or series: arrays of three or four dimensions, files' bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from netwright.data.media.base import Arrays, Media
from netwright.data.media.decoding import is_picture
from netwright.errors import InputError

CHANNELS = (1, 3, 4)  # grey, colour, colour with alpha


def take_arrays(source: Any) -> tuple[Any, dict[str, Media]]:
    """Puts keys into the place of arrays of pictures and series.

    Arguments:
        source: an array of three or four dimensions, which becomes the column "image" or "series"; or a
            dictionary of columns, some of which are such arrays. Anything else is given back as it is.

    Returns:
        The source with columns of text in place of the arrays, and what the texts stand for.

    Raises:
        InputError: an array that holds neither pictures nor series.

    Example:
        >>> source, media = take_arrays({"photo": np.zeros((2, 8, 8), np.uint8), "age": [3, 4]})
        >>> source["photo"].to_list(), media["photo"].content("1").shape
        (['0', '1'], (8, 8, 1))
    """
    if isinstance(source, np.ndarray) and source.dtype.names is None and source.ndim > 2:
        found = contents_of(source)
        return pl.DataFrame({found.kind: list(found.arrays)}), {found.kind: found}
    if not isinstance(source, Mapping):
        return source, {}
    media: dict[str, Media] = {}
    columns = {}
    for name, values in source.items():
        if isinstance(values, np.ndarray) and values.ndim > 2:
            found = contents_of(values, name=str(name))
            media[str(name)] = found
            values = pl.Series(list(found.arrays), dtype=pl.String)
        columns[name] = values
    return columns, media


def contents_of(
    array: np.ndarray, kind: Literal["image", "series"] | None = None, name: str | None = None
) -> Arrays:
    """Pictures or series of an array.

    Arguments:
        array: pictures [N, H, W] of whole numbers or [N, H, W, C] with C 1, 3 or 4: whole numbers from 0 to
            255 (uint16: to 65535), or fractions from 0 to 1. Series [N, T, C] of floats.
        kind: image takes floats [N, H, W] as pictures.
        name: of the column, for messages.

    Returns:
        Pictures [H, W, C] uint8 or series [T, C] float32, by the keys "0", "1", ...

    Raises:
        InputError: none of these; the message says what differs.

    Example:
        >>> contents_of(np.ones((2, 5, 5, 3))).content("0").max()
        np.uint8(255)
        >>> contents_of(np.ones((2, 50, 3))).kind
        'series'
    """
    where = f"column {name!r}" if name else "the array"
    if array.dtype.kind not in "biuf" or array.ndim not in (3, 4):
        raise InputError(
            f"an array {list(array.shape)} of {array.dtype} holds neither pictures nor series",
            where=where,
            hint="pictures are [rows, height, width] or [rows, height, width, channels], "
            "series [rows, time, channels]",
        )
    if 0 in array.shape[1:]:
        raise InputError(f"an array {list(array.shape)} has nothing in its rows", where=where)
    keys = [str(number) for number in range(len(array))]
    if kind == "series" or (kind is None and array.ndim == 3 and array.dtype.kind == "f"):
        return Arrays("series", dict(zip(keys, array.astype(np.float32), strict=True)))
    if array.ndim == 3:
        array = array[..., None]
    if array.shape[3] not in CHANNELS:
        first = " They seem to stand first: array.transpose(0, 2, 3, 1)" if array.shape[1] in CHANNELS else ""
        raise InputError(
            f"pictures of {array.shape[3]} channels",
            where=where,
            hint=f"channels stand last and are 1, 3 or 4.{first}",
        )
    return Arrays("image", dict(zip(keys, _eight_bits(array, where), strict=True)))


def take_pictures(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, Media]]:
    """Puts keys into the place of pictures' bytes.

    Arguments:
        frame: its columns of bytes, and of structures with a field `bytes` (as the sets of Hugging Face have
            them), are looked at.

    Returns:
        The frame with columns of text in place of those whose first cell is a picture's file, and what the
        texts stand for. Other columns of bytes stay.
    """
    media: dict[str, Media] = {}
    for series in frame.get_columns():
        cells = series
        if isinstance(series.dtype, pl.Struct) and "bytes" in series.struct.fields:
            cells = series.struct.field("bytes")
        if cells.dtype != pl.Binary:
            continue
        whole = cells.drop_nulls()
        if not len(whole) or not is_picture(whole[0]):
            continue
        keys = pl.Series(series.name, [str(number) for number in range(len(cells))])
        present = cells.is_not_null()
        contents = dict(zip(keys.filter(present), whole, strict=True))
        media[series.name] = Arrays("image", contents)
        frame = frame.with_columns(keys.set(~present, None))
    return frame, media


def _eight_bits(array: np.ndarray, where: str) -> np.ndarray:
    """Pixels from 0 to 255. [N, H, W, C] uint8"""
    if array.dtype == np.uint8 or not len(array):
        return array.astype(np.uint8, copy=False)
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    low, high = array.min(), array.max()
    top = 255 if array.dtype.kind in "iu" else 1
    if array.dtype == np.uint16:
        top = 65535
    if not (low >= 0 and high <= top):  # also where there is NaN
        raise InputError(
            f"pictures of {array.dtype} with values from {low:g} to {high:g}",
            where=where,
            hint="whole numbers go from 0 to 255 (uint16: 65535), fractions from 0 to 1"
            + ("; series are floats" if array.dtype.kind in "iu" and array.shape[3] == 1 else ""),
        )
    if top == 255:
        return array.astype(np.uint8)
    return np.rint(array * np.float32(255 / top)).astype(np.uint8)
