"""Where channels lie, and members beside them, for PyTorch's own kernels, which know no members."""

from __future__ import annotations

from torch import Tensor


def side_by_side(x: Tensor) -> Tensor:
    """Members as further channels; one alone is not copied. [M, B, *axes, C] to [B, *axes, M C]"""
    return x[0] if len(x) == 1 else x.movedim(0, -2).flatten(-2)


def apart(x: Tensor, members: int) -> Tensor:
    """The way back. [B, *axes, M C] to [M, B, *axes, C]"""
    return x[None] if members == 1 else x.unflatten(-1, (members, -1)).movedim(-2, 0)


def channels_first(x: Tensor) -> Tensor:
    """[N, *axes, C] to [N, C, *axes], where the values stay in place."""
    return x.movedim(-1, 1)


def channels_last(x: Tensor) -> Tensor:
    """[N, C, *axes] to [N, *axes, C], where the values stay in place."""
    return x.movedim(1, -1)
