"""Quantiles that cannot cross, and their loss by hand."""

from __future__ import annotations

import numpy as np
import torch

from netwright.nn.forecast.quantiles import ordered, pinball


def test_quantiles_are_in_order_whatever_the_numbers_are():
    values = 20 * torch.randn(500, 5, generator=torch.Generator().manual_seed(0))
    found = ordered(values, [0.05, 0.25, 0.5, 0.75, 0.95])
    assert bool((found.diff(dim=-1) >= 0).all())
    torch.testing.assert_close(found[:, 2], values[:, 2])
    both_low = ordered(values[:, :2], [0.1, 0.2])
    torch.testing.assert_close(both_low[:, 1], values[:, 1])


def test_the_loss_by_hand():
    forecast, truth = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([3.0])
    by_hand = 2 * np.mean([0.1 * (3 - 1), 0.5 * (3 - 2), (1 - 0.9) * (4 - 3)])
    torch.testing.assert_close(
        pinball(forecast, truth, torch.tensor([0.1, 0.5, 0.9])), torch.tensor([by_hand]).float()
    )


def test_the_best_constant_is_the_quantile():
    truth = torch.tensor(np.random.default_rng(0).exponential(size=2001))
    tried = torch.linspace(0, 6, 601, dtype=torch.float64)
    losses = torch.stack([pinball(each.expand(2001, 1), truth, torch.tensor([0.9])).mean() for each in tried])
    assert abs(float(tried[losses.argmin()]) - float(truth.quantile(0.9))) <= 0.011
