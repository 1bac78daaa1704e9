"""What a forecasting network makes of a look-back before the linear map to the horizon.

All series and targets go through the same weights. Look-backs come as [M, B, L], features go as [M, B, D].
"""

from __future__ import annotations

import math

from torch import Tensor, cat, nn
from torch.nn import functional

from netwright.nn.layers import Dropout, Linear
from netwright.nn.member import Mode
from netwright.nn.trunks import as_member_rates


class Body(nn.Module):
    """Base of all bodies.

    Attributes:
        width: features that it gives, D.
        floats: numbers of its largest activation for one look-back.
    """

    width: int
    floats: int

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        """[M, B, L] to [M, B, D]"""
        raise NotImplementedError

    def describe(self) -> str:
        """What it is, in a line."""
        raise NotImplementedError


class Whole(Body):
    """The look-back as it is: with the last value taken out, NLinear (arXiv 2205.13504)."""

    def __init__(self, lookback: int) -> None:
        super().__init__()
        self.width = self.floats = lookback

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x

    def describe(self) -> str:
        return f"look-back of {self.width} steps"


class TrendAndRest(Body):
    """A moving average and what it leaves: DLinear (arXiv 2205.13504).

    Arguments:
        lookback: steps, L.
        length: of the moving average.
    """

    def __init__(self, lookback: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.width = self.floats = 2 * lookback

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        before = (self.length - 1) // 2
        flat = x.reshape(-1, 1, x.shape[-1])
        padded = functional.pad(flat, (before, self.length - 1 - before), mode="replicate")
        trend = functional.avg_pool1d(padded, self.length, stride=1).view_as(x)
        return cat([trend, x - trend], dim=-1)

    def describe(self) -> str:
        steps = self.width // 2
        return f"trend (moving average of {self.length} steps) and rest of a look-back of {steps} steps"


class Residual(Body):
    """Blocks of two dense layers that are added to the look-back: RMLP (arXiv 2305.10721).

    Arguments:
        lookback: steps, L.
        width: units of a block.
        depth: blocks.
        dropout: of what a block adds.
        members: M.
    """

    def __init__(self, lookback: int, width: int, depth: int, dropout: float, members: int) -> None:
        super().__init__()
        self.width, self.floats, self.units = lookback, max(width, lookback), width
        gain = math.sqrt(3.0)
        self.into = nn.ModuleList(Linear(lookback, width, gain=gain) for _ in range(depth))
        self.back = nn.ModuleList(Linear(width, lookback) for _ in range(depth))
        self.dropout = Dropout(as_member_rates(dropout, members))

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        for into, back in zip(self.into, self.back, strict=True):
            x = x + self.dropout(back(into(x).relu()), mode)
        return x

    def describe(self) -> str:
        blocks = "1 residual block" if len(self.into) == 1 else f"{len(self.into)} residual blocks"
        return f"{blocks} of {self.units} units on a look-back of {self.width} steps"
