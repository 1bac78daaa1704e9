"""Augmentation of whole series on the device: slices, warped time, scaled channels and noise.

Window slicing and warping: Le Guennec, Malinowski and Tavenard, "Data augmentation for time series
classification", 2016; jitter, scaling and smooth time warping: Um et al., arXiv 1706.00527.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from netwright.data.media.sequences import interpolate

WAVES = 3  # of the warping: a sum of so many sines


def augment(
    x: Tensor,
    length: Tensor,
    generators: list[torch.Generator],
    *,
    jitter: float = 0.0,
    scaling: float = 0.0,
    slicing: float = 0.0,
    warping: float = 0.0,
) -> Tensor:
    """Series drawn anew, of the same lengths.

    Arguments:
        x: scaled series, without missing values. [M, B, T, C]
        length: steps of each. [M, B]
        generators: the members' own randomness. M of them
        jitter, scaling, slicing, warping: see `SeriesConfig`.

    Returns:
        [M, B, T, C]; what stands after the end of a series means nothing.
    """
    if slicing or warping:
        numbers = _uniform((*x.shape[1:2], 2 + 2 * WAVES), generators, x)  # [M, B, 2 + 2 waves]
        x = interpolate(x, _places(numbers, length, x.shape[2], slicing, warping))
    if scaling:
        x = x * (1.0 + scaling * _normal((x.shape[1], 1, x.shape[3]), generators, x))
    if jitter:
        x = x + jitter * _normal(tuple(x.shape[1:]), generators, x)
    return x


def _places(numbers: Tensor, length: Tensor, steps: int, slicing: float, warping: float) -> Tensor:
    """Where in the old series the new one's steps are taken from: a rising curve. [M, B, T]

    The old time of the share s of the new one is start + extent (s + sum_w a_w sin(pi w s)), with a_w small
    enough for the speed to stay between 1 - warping and 1 + warping.
    """
    last = (length - 1).clamp(min=1).to(numbers.dtype)[..., None]  # [M, B, 1]
    share = (torch.arange(steps, device=numbers.device) / last).clamp(max=1.0)  # [M, B, T]
    extent = 1.0 - slicing * numbers[..., :1]
    start = (1.0 - extent) * numbers[..., 1:2]
    if warping:
        for wave in range(1, WAVES + 1):
            amplitude = warping * (2.0 * numbers[..., 1 + wave, None] - 1.0) / (math.pi * wave * WAVES)
            share = share + amplitude * torch.sin(math.pi * wave * share)
    return (start + extent * share) * (length - 1).clamp(min=0)[..., None]


def _uniform(shape: tuple[int, ...], generators: list[torch.Generator], like: Tensor) -> Tensor:
    """From 0 to 1, each member's own. [M, *shape]"""
    return torch.stack([torch.rand(shape, generator=each, device=like.device) for each in generators])


def _normal(shape: tuple[int, ...], generators: list[torch.Generator], like: Tensor) -> Tensor:
    """Normal numbers. A row's do not depend on how many rows follow it, which `torch.randn` does not keep."""
    uniform = _uniform(shape, generators, like).clamp(1e-6, 1.0 - 1e-6)
    return torch.erfinv(2.0 * uniform - 1.0) * math.sqrt(2.0)
