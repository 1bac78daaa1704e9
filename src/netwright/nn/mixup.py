"""Mixup: rows of a batch are blended with other rows, and their losses with these rows' losses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass
class Mix:
    """Who is blended with whom, and how much of each row is its own.

    Arguments:
        partner: place of the row that each row is blended with. [M, B]
        share: of the row itself. [M]

    Source: Zhang, Cisse, Dauphin and Lopez-Paz 2018, "mixup: beyond empirical risk minimization",
    arXiv 1710.09412.

    Example:
        >>> mix = Mix(torch.tensor([[1, 0]]), torch.tensor([0.75]))
        >>> mix.blend(torch.tensor([[[0.0], [4.0]]])).flatten()
        tensor([1., 3.])
    """

    partner: Tensor
    share: Tensor

    def blend(self, features: Tensor) -> Tensor:
        """Features [M, B, ...] with their partners'."""
        share = self.share.to(features.dtype).view(-1, *[1] * (features.dim() - 1))
        return torch.lerp(self.partners(features), features, share)

    def partners(self, values: Any) -> Any:
        """The partners' values [M, B, ...], or several by name; None for None."""
        if values is None:
            return None
        if isinstance(values, dict):
            return {name: self.partners(each) for name, each in values.items()}
        members = torch.arange(len(values), device=values.device)[:, None]
        return values[members, self.partner]

    def join(self, own: Tensor, others: Tensor) -> Tensor:
        """The members' losses for their own rows and for the partners', blended. [M]"""
        return torch.lerp(others, own, self.share.to(own.dtype))


def draw(
    randoms: list[np.random.Generator], alphas: list[float], rows: int, weight: Tensor | None, device: Any
) -> Mix:
    """Draws partners and shares of one step.

    Each member draws from its own randomness the same numbers whatever its neighbours do. Rows of weight 0,
    such as those that fill up a last batch, are blended with themselves only.

    Arguments:
        randoms: of the members. M of them
        alphas: shares are drawn from Beta(alpha, alpha); 0 leaves a member's rows as they are. M of them
        rows: B.
        weight: None when all rows count. [M, B]
        device: where the batch lies.
    """
    keys = np.tile(np.arange(rows, dtype=np.float64), (len(alphas), 1))  # [M, B]
    shares = np.ones(len(alphas), dtype=np.float32)
    for place, (random, alpha) in enumerate(zip(randoms, alphas, strict=True)):
        if alpha > 0:
            shares[place] = random.beta(alpha, alpha)
            keys[place] = random.random(rows)
    drawn = torch.from_numpy(keys).to(device)
    share = torch.from_numpy(shares).to(device)
    if weight is None:
        return Mix(drawn.argsort(dim=1, stable=True), share)
    place = torch.arange(rows, device=device, dtype=drawn.dtype).expand_as(drawn)
    last = place + 2 * rows  # rows of no weight come last, in their own order
    counts = weight > 0
    own = torch.where(counts, place, last).argsort(dim=1, stable=True)
    other = torch.where(counts, drawn, last).argsort(dim=1, stable=True)
    return Mix(torch.empty_like(own).scatter_(1, own, other), share)
