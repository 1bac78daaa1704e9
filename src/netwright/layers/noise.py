"""Layers that only do something while training."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.layers.base import Layer, share
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
