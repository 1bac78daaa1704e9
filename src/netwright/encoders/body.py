"""What networks along time have in common, of series, sounds and texts."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from netwright.nn.member import Mode


class Body(nn.Module):
    """Base of the networks from steps [M, B, T, D], zeros after the end, to features [M, B, width].

    Attributes:
        products: multiplications of the largest layer, for a step.
        floats: numbers of the largest activation, for a step.
    """

    width: int
    products: int
    floats: int

    def forward(self, x: Tensor, mode: Mode, inside: Any) -> Tensor:
        """`inside` tells which steps are before the end; None, where a network takes it, when all are."""
        raise NotImplementedError
