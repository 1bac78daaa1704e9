from __future__ import annotations

import dataclasses

import torch
from tests.doctor.checks.trained import CLASSES, X, mlp, trained
from torch import nn

from netwright.doctor.steps import Steps

START = {name: each.clone() for name, each in mlp().state_dict().items()}


def test_steps_are_those_of_pytorch_with_momentum_decay_and_clipping() -> None:
    case, record = trained(mlp(), "sgd", 0.05, epochs=1)
    assert case.train is not None
    assert record.start is not None
    rows, network = case.train.at(slice(0, 40)), case.twin()
    with torch.no_grad():
        network.flat.copy_(record.start[None])
    steps = Steps(network, dataclasses.replace(case.plan, momentum=0.9, clip_norm=0.2), 0.01)
    for _ in range(5):
        steps.make(rows, 0.1)

    own = mlp()
    own.load_state_dict(START)
    kernels, biases = ([each for each in own.parameters() if each.dim() == axes] for axes in (2, 1))
    groups = [{"params": kernels, "weight_decay": 0.01}, {"params": biases}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
    for _ in range(5):
        optimizer.zero_grad()
        nn.functional.cross_entropy(own(torch.tensor(X[:40])), torch.tensor(CLASSES[:40])).backward()
        assert nn.utils.clip_grad_norm_(own.parameters(), 0.2) > 0.2
        optimizer.step()
    told = torch.cat([each.detach().reshape(-1) for each in own.parameters()])
    torch.testing.assert_close(network.flat.detach()[0], told, rtol=1e-4, atol=1e-6)


def test_groups_keep_their_rates_and_what_the_optimiser_does_not_hold_stays() -> None:
    network = mlp()
    first, second, last = (each for each in network if isinstance(each, nn.Linear))
    groups = [{"params": last.parameters()}, {"params": second.parameters(), "lr": 0.01}]
    case, record = trained(network, torch.optim.SGD(groups, lr=0.1), None, epochs=1)
    assert case.train is not None
    assert record.start is not None
    rows, twin = case.train.at(slice(0, 40)), case.twin()
    with torch.no_grad():
        twin.flat.copy_(record.start[None])
    steps = Steps(twin, case.plan)
    for _ in range(3):
        steps.make(rows, 0.1)

    own = mlp()
    first, second, last = (each for each in own if isinstance(each, nn.Linear))
    groups = [{"params": last.parameters()}, {"params": second.parameters(), "lr": 0.01}]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(own(torch.tensor(X[:40])), torch.tensor(CLASSES[:40])).backward()
        optimizer.step()
    told = torch.cat([each.detach().reshape(-1) for each in own.parameters()])
    torch.testing.assert_close(twin.flat.detach()[0], told, rtol=1e-4, atol=1e-6)
    assert torch.equal(first.weight.detach().reshape(-1), START["0.weight"].reshape(-1))
