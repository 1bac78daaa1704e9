"""Whole trainings made once more, against PyTorch's own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import CLASSES, X, mlp, trained
from torch import nn

from netwright.doctor.again import Change, again
from netwright.doctor.diagnosis import CannotTellError

START = {name: each.clone() for name, each in mlp().state_dict().items()}


def test_it_ends_where_gradient_descent_ends() -> None:
    case, record = trained(mlp(), "sgd", 0.05, batch=64, epochs=3)
    assert case.train is not None
    case.train = case.train.at(slice(0, 60))  # less than a batch: each step sees all rows
    found = again(case, record, Change(10.0))
    assert found.steps == 3 * record.steps_per_epoch

    own = mlp()
    own.load_state_dict(START)
    x, y = torch.tensor(X[:60]), torch.tensor(CLASSES[:60])
    optimizer = torch.optim.SGD(own.parameters(), lr=0.5)
    for _ in range(found.steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(own(x), y).backward()
        optimizer.step()
    assert found.loss == pytest.approx(nn.functional.cross_entropy(own(x), y).item(), rel=1e-4)
    right = own(torch.tensor(X[200:])).argmax(1).numpy() == CLASSES[200:]
    assert found.after == pytest.approx(right.mean())


def test_the_gain_is_that_of_briers_score() -> None:
    network = mlp()
    case, record = trained(network, rate=1e-4, epochs=2)
    found = again(case, record, Change(30.0))
    assert found.gain > 3 * found.error
    usual = np.square(np.eye(3)[CLASSES[200:]] - np.eye(3)[CLASSES[200:]].mean(0)).sum(1).mean()
    chances = torch.softmax(network(torch.tensor(X[200:])), 1).detach().double().numpy()
    before = 1 - np.square(chances - np.eye(3)[CLASSES[200:]]).sum(1) / usual
    right = (chances.argmax(1) == CLASSES[200:]).mean()
    assert found.before == pytest.approx(right)
    assert found.gain < 1 - before.mean()  # nobody is better than right and certain


def test_it_goes_on_from_where_the_network_is() -> None:
    case, record = trained(rate=1e-3, epochs=2)
    on, anew = again(case, record, Change(goes_on=True, epochs=2.0)), again(case, record)
    assert (on.steps, anew.steps) == (52, 26)
    assert on.loss < on.now == anew.now
    assert anew.loss == pytest.approx(anew.now, rel=0.1)


def test_only_so_many_steps_as_there_is_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    case, record = trained(epochs=5)
    monkeypatch.setattr("netwright.doctor.again.SECONDS", 0.0)
    with pytest.raises(CannotTellError, match="too long"):
        again(case, record)


def test_says_what_it_cannot_make() -> None:
    case, record = trained(epochs=1)
    case.plan = dataclasses.replace(case.plan, optimizer="own")
    with pytest.raises(CannotTellError, match="optimiser own"):
        again(case, record)
    case.validation = None
    with pytest.raises(CannotTellError, match="validation rows"):
        again(case, record, Change(2.0))
