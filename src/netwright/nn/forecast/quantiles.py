"""Quantiles that never cross, and the loss that finds them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def ordered(values: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Quantiles in ascending order from any numbers.

    The one nearest to the median stands for itself; the others lie above and below it by sums of positive
    steps, so that no two can cross.

    Arguments:
        values: [..., Q]
        quantiles: ascending. Q of them

    Example:
        >>> ordered(torch.tensor([-9.0, 1.0, 9.0]), [0.1, 0.5, 0.9])
        tensor([ 0.9999,  1.0000, 10.0001])
    """
    middle = median_of(quantiles)
    centre = values[..., middle : middle + 1]
    below = functional.softplus(values[..., :middle]).flip(-1).cumsum(-1).flip(-1)
    above = functional.softplus(values[..., middle + 1 :]).cumsum(-1)
    return torch.cat([centre - below, centre, centre + above], dim=-1)


def median_of(quantiles: Sequence[float]) -> int:
    """The place of the quantile that is nearest to the median."""
    return min(range(len(quantiles)), key=lambda place: abs(quantiles[place] - 0.5))


def pinball(forecast: Tensor, truth: Tensor, quantiles: Tensor) -> Tensor:
    """Twice the quantile loss of Koenker and Bassett (1978), the mean over quantiles.

    Of a median alone it is the absolute error.

    Arguments:
        forecast: [..., Q]
        truth: [...]
        quantiles: [Q]

    Example:
        >>> pinball(torch.tensor([[2.0]]), torch.tensor([3.0]), torch.tensor([0.9]))
        tensor([1.8000])
    """
    error = truth[..., None] - forecast
    return 2.0 * torch.maximum(quantiles * error, (quantiles - 1.0) * error).mean(-1)
