"""Statistics of weighted rows: a row of weight 2 counts as that row twice, a row of weight 0 is not there."""

from __future__ import annotations

import torch
from torch import Tensor


def as_counts(weight: Tensor) -> Tensor | None:
    """How often each row counts in what is fitted.

    Whole numbers are counts as they are. Others say how much rows matter beside each other, so their size
    must not: they are scaled to a mean of 1.

    Arguments:
        weight: of rows, all above 0. [N]

    Returns:
        [N] float64; None where every row counts once.

    Example:
        >>> as_counts(torch.tensor([2.0, 1.0, 1.0])), as_counts(torch.tensor([0.1, 0.3]))
        (tensor([2., 1., 1.], dtype=torch.float64), tensor([0.5000, 1.5000], dtype=torch.float64))
    """
    weight = weight.to(torch.float64)
    if bool((weight != weight.floor()).any()):
        same = bool((weight == weight[0]).all())
        weight = torch.ones_like(weight) if same else weight / weight.mean()
    return None if bool((weight == 1.0).all()) else weight


def mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """The mean of each column's known values, 0 where none is. [N, F] and [N] to [F]"""
    if weight is None:
        return values.nanmean(0).nan_to_num()
    there = ~torch.isnan(values) * weight[:, None]
    return ((values.nan_to_num() * there).sum(0) / there.sum(0)).nan_to_num()


class Ordered:
    """The columns of a table in ascending order, each by itself, with their weights.

    Arguments:
        values: NaN where a value is not known. [N, F]
        weight: counts of the rows; None where each counts once. [N]

    Attributes:
        values: ascending, NaN last. [N, F]
        weight: in the same order, 0 for NaN; None where each row counts once. [N, F]
        rows: how many values of each column are known. [F]
    """

    def __init__(self, values: Tensor, weight: Tensor | None = None) -> None:
        self.values, order = values.sort(0)
        there = ~torch.isnan(self.values)
        self.rows = there.sum(0)
        self.weight = None if weight is None else weight[order] * there

    def column(self, place: int) -> tuple[Tensor, Tensor | None]:
        """The known values of one column, and their weights."""
        known = slice(0, int(self.rows[place]))
        return self.values[known, place], None if self.weight is None else self.weight[known, place]

    def quantiles(self, shares: Tensor) -> Tensor:
        """Quantiles of each column, linear between neighbours; 0 where none is known. [S] to [S, F]"""
        if self.weight is None:
            return quantiles(self.values, self.rows, shares)
        return weighted_quantiles(self.values, self.weight, self.rows, shares)


def quantiles(ordered: Tensor, count: Tensor, shares: Tensor) -> Tensor:
    """Quantiles of each column, linear between neighbours (as `numpy.nanquantile`); 0 where none is known.

    Arguments:
        ordered: values sorted along the rows, NaN last. [N, F]
        count: how many values of each column are not NaN. [F]
        shares: between 0 and 1. [S]

    Returns:
        [S, F]
    """
    position = shares.to(count.device, torch.float64)[:, None] * (count - 1).clamp(min=0)  # [S, F]
    below = position.floor().long()
    above = torch.minimum(below + 1, (count - 1).clamp(min=0))
    return _between(ordered, below, above, position)


def weighted_quantiles(ordered: Tensor, weight: Tensor, count: Tensor, shares: Tensor) -> Tensor:
    """`quantiles` of the table in which each row is there as often as it counts.

    Arguments:
        ordered, count, shares: as for `quantiles`.
        weight: counts in the same order, 0 for NaN. [N, F]

    Example:
        >>> ordered, weight = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0], [1.0]])
        >>> weighted_quantiles(ordered, weight, torch.tensor([2]), torch.tensor([0.5, 0.75, 1.0]))
        tensor([[1.0000],
                [1.2500],
                [2.0000]])
    """
    reached = weight.to(torch.float64).cumsum(0).T.contiguous()  # [F, N]
    total = weight.to(torch.float64).sum(0)
    position = shares.to(count.device, torch.float64)[:, None] * (total - 1).clamp(min=0)  # [S, F]
    below, last = position.floor(), (count - 1).clamp(min=0)

    def row(place: Tensor) -> Tensor:
        """Where the repeated table's row of that number stands in the table itself."""
        return torch.minimum(torch.searchsorted(reached, place.T.contiguous(), right=True).T, last)

    return _between(ordered, row(below), row(below + 1), position)


def _between(ordered: Tensor, below: Tensor, above: Tensor, position: Tensor) -> Tensor:
    if len(ordered) == 0:
        return torch.zeros_like(position)
    low, high = ordered.gather(0, below), ordered.gather(0, above)
    return torch.lerp(low, high, (position - position.floor()).to(low.dtype)).nan_to_num()
