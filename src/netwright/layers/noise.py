"""Layers that only do something while training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.layers import windows
from netwright.layers.base import Layer, Shape, share
from netwright.nn import layers as blocks
from netwright.nn.member import Mode


class Dropout(Layer):
    """Zeroes features at random while training and scales up the others (JMLR 15, 2014).

    Arguments:
        rate: share of features that are zeroed.

    Example:
        >>> Dropout(0.5).output_shape((7,))
        (7,)
    """

    def __init__(self, rate: float, **common: Any) -> None:
        super().__init__(**common)
        self.rate = share(rate, "rate", self)

    def build(self, shape: Any) -> None:
        self.dropout = blocks.Dropout(torch.full((self.members,), self.rate))

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return self.dropout(x, mode)


class GaussianNoise(Layer):
    """Adds normal noise while training.

    Arguments:
        stddev: of the noise.
    """

    def __init__(self, stddev: float, **common: Any) -> None:
        super().__init__(**common)
        if not stddev >= 0:
            raise self.wrong(f"stddev is {stddev!r}", "give a number from 0 on")
        self.stddev = stddev

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        if not mode.training or self.stddev == 0:
            return x
        noise = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        for row, generator in zip(noise, mode.generators, strict=True):
            row.normal_(0.0, self.stddev, generator=generator)
        return x + noise


class GaussianDropout(Layer):
    """Multiplies by normal noise of mean 1 while training (JMLR 15, 2014).

    Arguments:
        rate: the noise has the deviation that `Dropout` of this rate has: sqrt(rate / (1 - rate)).
    """

    def __init__(self, rate: float, **common: Any) -> None:
        super().__init__(**common)
        self.rate = share(rate, "rate", self)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        if not mode.training or self.rate == 0:
            return x
        factors = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        for row, generator in zip(factors, mode.generators, strict=True):
            row.normal_(1.0, (self.rate / (1 - self.rate)) ** 0.5, generator=generator)
        return x * factors


class SpatialDropout1D(Dropout):
    """Zeroes whole channels of sequences [T, C] while training (arXiv 1411.4280); argument as `Dropout`."""

    axes = 1

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, self.axes, self, channels=False)
        return shape

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        first = x.flatten(2, -2)[:, :, :1]  # [M, B, 1, C]
        factors = self.dropout.factors(first, mode)
        return x if factors is None else x * factors.view(*x.shape[:2], *[1] * self.axes, x.shape[-1])


class SpatialDropout2D(SpatialDropout1D):
    """Zeroes whole channels of pictures [H, W, C] while training; argument as `Dropout`."""

    axes = 2
