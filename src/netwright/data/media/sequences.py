"""Series: arrays of numbers [T, C] along time, of any length, as raw tensors filled up with NaN.

All rows get the length of the longest one that may be learnt from. When that is more than the settings allow,
as many neighbouring steps become their mean as make it fit, the same number in every row, so that tempos stay
comparable. What goes on beyond that length, as a longer series at prediction may, is cut off. Missing values
stay NaN, and NaN in all channels up to the last step is the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from netwright.config import SeriesConfig
from netwright.data.media.base import Media
from netwright.data.media.storage import allocate
from netwright.data.schema import Column
from netwright.errors import InputError

LONGEST = 2000  # steps, unless the settings say more
FLAT = 512  # numbers of a row for plain models


def describe(column: Column, media: Media, texts: list[str], settings: SeriesConfig) -> None:
    """Fills in the shape and the channels of a column.

    Arguments:
        column: gets `shape` [T, C], `channels`, and `rate`: so many steps become their mean.
        media: what the cells stand for.
        texts: the different cells of the rows that may be learnt from, all readable.
        settings: `length`.
    """
    longest, width = 1, len(media.channels)
    for text in texts:
        steps, width = series_of(media, text).shape
        longest = max(longest, steps)
    most = LONGEST if settings.length == "auto" else settings.length
    column.rate = -(-longest // most)
    column.shape = [-(-longest // column.rate), width]
    column.channels = list(media.channels) or (
        ["value"] if width == 1 else [f"channel {number}" for number in range(1, width + 1)]
    )


def encode(column: Column, media: Media, texts: Sequence[str | None]) -> Tensor:
    """The series of all rows, NaN where there is nothing. [N, T, C] float32

    Raises:
        InputError: the series have other channels than those that were learnt from.
    """
    steps, width = column.shape
    order = _order(column, media)
    raw = allocate((len(texts), steps, width), torch.float32)
    raw.fill_(torch.nan)
    for row, text in enumerate(texts):
        if text is None or problem(media, text) is not None:
            continue
        values = series_of(media, text)
        if values.shape[1] != width:
            what = f"series {text!r} has {values.shape[1]} channels, and {width} were learnt from"
            raise InputError(what, where=f"column {column.name!r}")
        values = _thinned(values[:, order], column.rate)[:steps]
        raw[row, : len(values)] = torch.from_numpy(values)
    return raw


def problems(media: Media, texts: list[str]) -> dict[str, str]:
    """The cells that stand for no series, with the reason."""
    found = {text: problem(media, text) for text in texts}
    return {text: reason for text, reason in found.items() if reason is not None}


def problem(media: Media, text: str) -> str | None:
    """Why a cell stands for no series; None when it does."""
    try:
        values = np.asarray(media.content(text))
    except (KeyError, OSError):
        return "there is no such series"
    if values.dtype.kind not in "buif":
        return "its values are no numbers"
    if values.ndim not in (1, 2) or values.shape[-1] == 0:
        return f"its shape {values.shape} is not [time] or [time, channels]"
    width = values.shape[1] if values.ndim == 2 else 1
    if media.channels and width != len(media.channels):
        return f"it has {width} channels where {len(media.channels)} are expected"
    return None if np.isfinite(values).any() else "it has no values"


def flat(column: Column, raw: Tensor) -> np.ndarray:
    """Each series as plain numbers: its course at evenly spaced places, mean, deviation and length.

    Returns:
        [n, F] float32, F at most 512; channels that find no place are left out.
    """
    steps, width = column.shape
    width = min(width, (FLAT - 1) // 3)
    points = min(steps, (FLAT - 1) // width - 2)  # of each channel
    raw = raw[..., :width]
    length = lengths(raw)  # [n]
    values = filled(raw).nan_to_num(0.0)  # [n, T, C]
    place = torch.arange(points) / max(points - 1, 1) * (length[:, None] - 1).clamp(min=0)  # [n, points]
    course = interpolate(values, place)  # [n, points, C]
    mean = course.mean(1)
    deviation = (course - mean[:, None]).square().mean(1).sqrt()
    return torch.cat([course.flatten(1), mean, deviation, length[:, None].float()], dim=1).numpy()


def series_of(media: Media, text: str) -> np.ndarray:
    """A series as float32 with its channels last; what is not finite is missing. [T, C]"""
    values = np.asarray(media.content(text))
    with np.errstate(over="ignore"):
        values = values.reshape(len(values), -1).astype(np.float32)
    values = np.where(np.isfinite(values), values, np.float32(np.nan))
    there = np.flatnonzero(~np.isnan(values).all(1))
    return values[: there[-1] + 1] if len(there) else values[:0]


def _order(column: Column, media: Media) -> list[int]:
    """Where the channels of a column stand in the series: by their names where these are the same ones."""
    names = list(media.channels)
    if sorted(names) != sorted(column.channels) or len(set(names)) != len(names):
        return list(range(column.shape[1]))
    return [names.index(name) for name in column.channels]


def _thinned(values: np.ndarray, rate: int) -> np.ndarray:
    """Means of so many neighbouring steps, of those that are there. [T, C] to [ceil(T / rate), C]"""
    if rate == 1:
        return values
    missing = -len(values) % rate
    windows = np.pad(values, ((0, missing), (0, 0)), constant_values=np.nan).reshape(
        -1, rate, values.shape[1]
    )
    there = ~np.isnan(windows)
    count = there.sum(1)
    return np.where(count > 0, np.where(there, windows, 0.0).sum(1) / np.maximum(count, 1), np.nan).astype(
        np.float32
    )


def lengths(raw: Tensor) -> Tensor:
    """Steps up to the last one with a value; 0 where there are none. [..., T, C] to [...] int64"""
    there = ~raw.isnan().all(-1)  # [..., T]
    steps = torch.arange(1, raw.shape[-2] + 1, device=raw.device)
    return (there * steps).amax(-1)


def filled(raw: Tensor) -> Tensor:
    """Missing values on the line between their neighbours in time, or like the only one. [..., T, C]

    A channel without any value stays NaN.

    Example:
        >>> filled(torch.tensor([[torch.nan], [1.0], [torch.nan], [3.0], [torch.nan]])).flatten().tolist()
        [1.0, 1.0, 2.0, 3.0, 3.0]
    """
    steps = raw.shape[-2]
    there = ~raw.isnan()
    step = torch.arange(steps, device=raw.device)[:, None].expand(raw.shape)
    before = torch.where(there, step, -1).cummax(-2).values
    after = torch.where(there, step, steps).flip(-2).cummin(-2).values.flip(-2)
    left = raw.gather(-2, before.clamp(min=0))
    right = raw.gather(-2, after.clamp(max=steps - 1))
    share = (step - before) / (after - before).clamp(min=1)
    between = left + share.to(raw.dtype) * (right - left)
    return torch.where(before < 0, right, torch.where(after >= steps, left, between))


def interpolate(values: Tensor, place: Tensor) -> Tensor:
    """Values at places between the steps. [..., T, C] at [..., P] to [..., P, C]"""
    low = place.floor().clamp(0, values.shape[-2] - 1)
    share = (place - low).clamp(0.0, 1.0).to(values.dtype)[..., None]
    low = low.long()[..., None].expand(*place.shape, values.shape[-1])
    left = values.gather(-2, low)
    right = values.gather(-2, (low + 1).clamp(max=values.shape[-2] - 1))
    return left + share * (right - left)
