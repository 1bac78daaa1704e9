"""Penalties and their slopes against formulas and autograd; members by themselves."""

import pytest
import torch

from netwright import regularizers
from netwright.errors import InputError
from netwright.nn.spec import from_spec, to_spec

W = torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("regularizer", "l1", "l2"),
    [
        (regularizers.L1(0.3), 0.3, 0),
        (regularizers.L2(0.2), 0, 0.2),
        (regularizers.L1L2(0.3, 0.2), 0.3, 0.2),
        (regularizers.L1(), 0.01, 0),
        (regularizers.L2(), 0, 0.01),
        (regularizers.get("l1_l2"), 0.01, 0.01),
        (regularizers.L1L2(), 0, 0),
    ],
)
def test_penalty_and_slope(regularizer, l1, l2):
    weights = W.clone().requires_grad_()
    penalty = regularizer(weights)
    for member in range(3):
        wanted = l1 * W[member].abs().sum() + l2 * (W[member] ** 2).sum()
        torch.testing.assert_close(penalty[member], wanted)
        torch.testing.assert_close(regularizer(W[member : member + 1])[0], penalty[member].detach())
    penalty.sum().backward()
    torch.testing.assert_close(regularizer.gradient(W), weights.grad)


def test_get():
    assert regularizers.get(None) is None
    assert regularizers.get("L2") == regularizers.get(regularizers.L2) == regularizers.L2()
    with pytest.raises(InputError, match="unknown regularizer 'l3'"):
        regularizers.get("l3")
    with pytest.raises(InputError, match="no regularizer"):
        regularizers.get(0.1)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="0 or more"):
            regularizers.L2(wrong)
    known = {"L1L2": regularizers.L1L2}
    assert from_spec(known, to_spec(regularizers.L1L2(1, 2))) == regularizers.L1L2(1, 2)
