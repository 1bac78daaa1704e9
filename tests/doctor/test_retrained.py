"""Copies that are trained anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import trained
from torch import nn
from torch.nn import functional

from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.replay import steps_done
from netwright.doctor.retrained import learn_anew
from netwright.nn.foreign import ForeignNetwork

X = np.random.default_rng(0).normal(size=(300, 8)).astype("float32")
NUMBERS = (X[:, :1] - X[:, 1:2]).astype("float32")


def test_as_the_optimiser_of_pytorch_does():
    torch.manual_seed(0)
    case, record = trained(nn.Linear(8, 1), rate=1e-2, y=NUMBERS, epochs=3)
    network = case.twin()
    assert isinstance(network, ForeignNetwork)
    beside = torch.zeros(1, 1, requires_grad=True)

    def loss(rows, module=network.owned[0], shift=beside):
        return functional.mse_loss(module(rows.raw["x"]) + shift, rows.target)

    learn_anew(case, record, network, loss, beside)
    module, shift = nn.Linear(8, 1), torch.zeros(1, 1, requires_grad=True)
    assert record.start is not None
    with torch.no_grad():
        module.weight.copy_(record.start[None, :8])
        module.bias.copy_(record.start[8:])
    optimizer = torch.optim.Adam([*module.parameters(), shift], lr=1e-2)
    drawing = torch.Generator().manual_seed(0)
    assert case.train is not None
    for _ in range(steps_done(record)):
        rows = case.train.at(torch.randint(len(case.train), (16,), generator=drawing))
        optimizer.zero_grad()
        loss(rows, module, shift).backward()
        optimizer.step()
    torch.testing.assert_close(network.flat.detach()[0, :8], module.weight.detach()[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(beside, shift, rtol=1e-4, atol=1e-5)
    assert not torch.equal(case.network.flat, network.flat)


def test_without_first_weights_nothing_can_be_told():
    case, record = trained(nn.Linear(8, 1), y=NUMBERS, epochs=1)
    record.start, network = None, case.twin()
    assert isinstance(network, ForeignNetwork)
    with pytest.raises(CannotTellError):
        learn_anew(case, record, network, lambda rows: torch.zeros((), requires_grad=True))
