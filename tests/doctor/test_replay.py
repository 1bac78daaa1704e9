"""Short trainings from the first weights, against PyTorch's own."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tests.doctor.checks.trained import CLASSES, Kept, X, mlp, trained
from torch import nn

import netwright as nw
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.replay import dropouts, replay, top_rate


def test_losses_are_those_of_gradient_descent() -> None:
    network = mlp()
    torch.manual_seed(0)
    first = {name: each.clone() for name, each in network.state_dict().items()}
    case, record = trained(network, "sgd", 0.05, batch=64, epochs=2)
    assert case.train is not None
    case.train = case.train.at(slice(0, 60))  # less than a batch: each step sees all rows
    found = replay(case, record)
    assert found.steps == len(record.train_loss) * record.steps_per_epoch == 8

    for factor in (0.1, 1.0, 10.0):
        own = mlp()
        own.load_state_dict(first)
        x, y = torch.tensor(X[:60]), torch.tensor(CLASSES[:60])
        optimizer = torch.optim.SGD(own.parameters(), lr=0.05 * factor)
        for _ in range(8):
            optimizer.zero_grad()
            nn.functional.cross_entropy(own(x), y).backward()
            optimizer.step()
        expected = nn.functional.cross_entropy(own(x), y).item()
        assert found.losses[list(found.factors).index(factor)] == pytest.approx(expected, rel=1e-4)
    assert found.now == pytest.approx(nn.functional.cross_entropy(network(x), y).item(), rel=1e-5)


def test_dropout_is_left_out_where_it_is_asked_for() -> None:
    case, record = trained(mlp(dropout=0.9), epochs=3)
    found = replay(case, record)
    assert dropouts(case) == pytest.approx({"2": 0.9, "5": 0.9})
    assert found.drops
    assert found.calm < found.at(1.0)


def test_the_rate_is_the_highest_of_the_schedule() -> None:
    case, record = trained(rate=0.01, schedule="cosine", epochs=5)
    assert case.plan.learning_rate < 1e-3  # where the schedule has come to
    assert top_rate(case, record) == pytest.approx(0.01, rel=0.2)


def test_says_what_it_cannot_make() -> None:
    case, record = trained(epochs=1)
    case.plan = dataclasses.replace(case.plan, optimizer="own")
    with pytest.raises(CannotTellError, match="optimiser own"):
        replay(case, record)


def test_networks_with_written_out_steps_are_trained_anew_too() -> None:
    kept = Kept()
    layers = [nw.layers.Dense(16, activation="relu"), nw.layers.Dropout(0.5), nw.layers.Dense(3)]
    model = nw.Sequential([*layers, nw.layers.Activation("softmax")])
    model.compile(nw.optimizers.SGD(1e-4), "sparse_categorical_crossentropy")
    model.fit(X[:200], CLASSES[:200], epochs=10, batch_size=16, callbacks=[kept], verbose=0)
    found = replay(kept.case, kept.records[0])
    assert found.best >= 100
    assert found.losses.min() < 0.8 * found.first
    assert dropouts(kept.case) == pytest.approx({"dropout": 0.5})
    assert kept.case.loss(kept.case.train) == pytest.approx(found.now)  # type: ignore[arg-type]
