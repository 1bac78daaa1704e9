"""Members trained together are what each is alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from netwright import losses, metrics, optimizers
from netwright.config import TrainingConfig
from netwright.data.dataset import Dataset
from netwright.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    GlobalMaxPooling2D,
    Layer,
    LayerNormalization,
)
from netwright.layers.base import Symbol
from netwright.models.network import Goal, GraphNetwork
from netwright.training.feed import ResidentFeed
from netwright.training.population import Member, Population

# No bias stands before a batch norm: its slope is nothing but rounding, which Adam would make steps of.
NETS: dict[str, tuple[tuple[int, ...], Callable[[], list[Layer]]]] = {
    "dense": ((5,), lambda: [Dense(8, "relu", kernel_regularizer="l2"), Dense(3, "softmax")]),
    "dropout": ((5,), lambda: [Dense(8, "tanh"), Dropout(0.4), GaussianNoise(0.1), Dense(3, "softmax")]),
    "batch norm": ((5,), lambda: [Dense(8, use_bias=False), BatchNormalization(), Dense(3, "softmax")]),
    "pictures": (
        (6, 6, 2),
        lambda: [
            Conv2D(4, 3, activation="relu", use_bias=False),
            BatchNormalization(),
            GlobalMaxPooling2D(),
            Dense(3, "softmax"),
        ],
    ),
    "lstm": ((4, 3), lambda: [LSTM(5), LayerNormalization(), Dense(3, "softmax")]),
    "gru": ((4, 3), lambda: [GRU(5, return_sequences=True, dropout=0.2), Flatten(), Dense(3, "softmax")]),
}


def made(name: str, members: int) -> GraphNetwork:
    shape, layers = NETS[name]
    first = symbol = Symbol(shape)
    for layer in layers():
        symbol = layer(symbol)
    network = GraphNetwork([first], [symbol], members)
    loss = losses.get("sparse_categorical_crossentropy")
    network.aim([Goal(loss, 1.0, [metrics.get("accuracy", loss, (3,))])])
    return network


def trained(name: str, data: Dataset, members: list[Member]) -> tuple[GraphNetwork, list[dict[str, Any]]]:
    network = made(name, len(members))
    network.initialise([member.seed for member in members])
    network.use_chain(8)
    optimizer = optimizers.Adam(0.01)
    config = TrainingConfig(
        epochs=3, batch_size=8, schedule="constant", warmup=0.0, patience=None, precision="float32"
    )
    population = Population(
        network,
        data,
        members,
        config,
        feed=ResidentFeed(data, [each.train for each in members], [each.seed for each in members], 8),
        optimizer=optimizer.build(network.flat.detach(), network.layout),
        keep_best=False,
        watch_training=True,
    )
    history = population.train()
    return network, history.rows


@pytest.mark.parametrize("name", NETS)
def test_three_together_are_three_alone(name: str, numbers: Any) -> None:
    x = torch.from_numpy(numbers(40, *NETS[name][0]))
    target = torch.from_numpy(np.random.default_rng(1).integers(0, 3, 40))
    data = Dataset({"x": x}, target, torch.ones(40))
    rows = [torch.arange(0, 30), torch.arange(3, 40), torch.arange(10, 31)]  # of different numbers
    held = [torch.arange(30, 40), torch.arange(0, 3), torch.arange(0, 10)]
    members = [Member(seed, rows[seed], held[seed], 0.01) for seed in range(3)]
    together, lines = trained(name, data, members)
    assert not torch.allclose(together.flat[0], together.flat[1], atol=0.05)
    for place, member in enumerate(members):
        alone, own = trained(name, data, [member])
        torch.testing.assert_close(together.flat[place], alone.flat[0], rtol=1e-5, atol=1e-5)
        for one, other in zip(together.live(), alone.live(), strict=True):
            torch.testing.assert_close(one[place], other[0], rtol=1e-5, atol=1e-5)
        mine = [line for line in lines if line["member"] == place]
        for found, expected in zip(mine, own, strict=True):
            for key in ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy"):
                assert found[key] == pytest.approx(expected[key], rel=1e-4, abs=1e-5), key
