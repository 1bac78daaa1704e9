"""Products by either library are einsum's."""

from __future__ import annotations

import pytest
import torch

from netwright.nn import products

CASES = [(3, 5, 4, 20), (3, 5, 20, 1), (1, 7, 3, 2), (2, 9, 1, 30)]


@pytest.fixture(params=["NumPy", "PyTorch"])
def library(request, monkeypatch) -> str:
    if request.param == "PyTorch":
        monkeypatch.setattr(products, "SMALL", 0)
    return request.param


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


@pytest.mark.parametrize(("members", "rows", "inputs", "outputs"), CASES)
def test_products(members, rows, inputs, outputs, library):
    x, d = random(members, 3 * rows, inputs)[:, :rows], random(members, rows, outputs)
    flat = random(members, 2 + inputs * outputs + outputs)
    weight = flat[:, 2 : 2 + inputs * outputs].view(members, inputs, outputs)
    bias = flat[:, 2 + inputs * outputs :].view(members, 1, outputs)
    expected = torch.einsum("mbd,mdh->mbh", x, weight) + bias
    torch.testing.assert_close(products.affine(x, weight, bias), expected)
    torch.testing.assert_close(products.back(d, weight), torch.einsum("mbh,mdh->mbd", d, weight))
    wanted = torch.einsum("mbd,mbh->mdh", x, d)
    before = flat[:, :2].clone()
    products.outer(x, d, weight)
    torch.testing.assert_close(weight, wanted)
    assert torch.equal(flat[:, :2], before)


def test_numbers_that_run_away_are_no_warning():
    huge = torch.full((1, 2, 2), 1e38)
    assert torch.isinf(products.multiply(huge, huge, torch.empty(1, 2, 2))).all()
