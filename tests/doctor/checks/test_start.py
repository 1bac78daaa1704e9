"""Poor and symmetric starts, and healthy ones that look odd."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from tests.doctor.checks.cases import Grab, case_for
from torch import nn

from netwright.doctor.checks.start import poor_start, symmetric_start

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 12)).astype("float32")
CODES = X[:, :4].argmax(1)
NUMBERS = X[:, :3].sum(1)
CE = nn.CrossEntropyLoss()


def mlp(*sizes: int) -> nn.Sequential:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        parts += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def filled(network: nn.Module, value: float, *, biases: bool = True) -> nn.Module:
    for each in network.parameters():
        if biases or each.dim() > 1:
            nn.init.constant_(each, value)
    return network


def drawn(network: nn.Module, deviation: float) -> nn.Module:
    for each in network.parameters():
        nn.init.normal_(each, 0.0, deviation)
    return network


class Residual(nn.Module):
    """A branch that ends with zeros, a scale of zero, and a low-rank change whose second factor is zero."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.into, self.head = nn.Linear(12, 16), nn.Linear(16, 4)
        self.branch = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
        filled(self.branch[2], 0.0)
        self.scale, self.scaled = nn.Parameter(torch.zeros(())), nn.Linear(16, 16)
        self.down, self.up = nn.Linear(16, 3, bias=False), nn.Linear(3, 16, bias=False)
        filled(self.up, 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.into(x))
        x = x + self.branch(x) + self.scale * self.scaled(x) + self.up(self.down(x))
        return self.head(x)


def zero_head() -> nn.Module:
    network = mlp(12, 16, 4)
    filled(network[2], 0.0)
    return network


HEALTHY = {
    "linear": lambda: (nn.Linear(12, 4), CE, X, CODES),
    "mlp": lambda: (mlp(12, 16, 16, 4), CE, X, CODES),
    "rare classes": lambda: (mlp(12, 16, 2), CE, X, (np.arange(200) % 40 == 0).astype("int64")),
    "one output": lambda: (mlp(12, 16, 1), "mse", X, NUMBERS),
    "zero head": lambda: (zero_head(), CE, X, CODES),
    "zero branch": lambda: (Residual(), CE, X, CODES),
    "batch norm first": lambda: (nn.Sequential(nn.BatchNorm1d(12), mlp(12, 16, 4)), CE, 100 * X, CODES),
    "layer norm": lambda: (
        nn.Sequential(nn.Linear(12, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 4)),
        CE,
        X,
        CODES,
    ),
    "dropout": lambda: (nn.Sequential(mlp(12, 16), nn.Dropout(0.6), nn.Linear(16, 4)), CE, X, CODES),
    "double": lambda: (mlp(12, 16, 4).double(), CE, X.astype("float64"), CODES),
    "lstm": lambda: (_Recurrent(), CE, X.reshape(200, 4, 3), CODES),
    "cnn": lambda: (
        nn.Sequential(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 4)),
        CE,
        X.reshape(200, 1, 4, 3),
        CODES,
    ),
}


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 8, batch_first=True), nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_starts_are_passed_over(name: str) -> None:
    case = case_for(*HEALTHY[name]())
    assert [each.message for each in (*poor_start(case), *symmetric_start(case))] == []


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_units_that_are_alike_and_stay_so(value: float) -> None:
    for network, x in (
        (mlp(12, 16, 16, 4), X),
        (
            nn.Sequential(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 4)),
            X.reshape(200, 1, 4, 3),
        ),
    ):
        (found,) = symmetric_start(case_for(filled(network, value), CE, x, CODES))
        assert found.severity == "error"
        assert "0.weight" in found.evidence["parameters"]


def test_networks_by_hand_have_their_units_last() -> None:
    import netwright as nw

    for start, alike in (("zeros", True), ("glorot_uniform", False)):
        grab = Grab()
        dense = nw.layers.Dense(8, activation="tanh", kernel_initializer=start)
        model = nw.Sequential([dense, nw.layers.Dense(4, activation="softmax", kernel_initializer=start)])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(X, CODES, epochs=1, verbose=0, callbacks=[grab])
        assert bool(list(symmetric_start(grab.before))) is alike


def test_one_kind_of_weights_with_drawn_biases() -> None:
    network = filled(mlp(12, 16, 4), 0.1, biases=False)
    assert list(symmetric_start(case_for(network, CE, X, CODES)))


def test_weights_that_are_too_large() -> None:
    (found,) = poor_start(case_for(drawn(mlp(12, 64, 64, 4), 1.0), CE, X, CODES))
    assert found.severity == "error"
    assert found.evidence["start"] > 10 * np.log(4)
    assert found.evidence["expected"] == pytest.approx(np.log(4), rel=1e-3)


def test_weights_that_are_too_small() -> None:
    (found,) = poor_start(case_for(drawn(mlp(12, 16, 16, 16, 4), 1e-4), CE, X, CODES))
    assert found.severity == "error"
    assert "so small" in found.message


def test_targets_far_from_the_last_bias() -> None:
    (found,) = poor_start(case_for(mlp(12, 16, 1), "mse", X, NUMBERS + 30))
    assert found.severity == "error"
    assert found.evidence["target_mean"] == pytest.approx(30, abs=0.5)
    network = mlp(12, 16, 1)
    nn.init.constant_(network[2].bias, 30.0)
    assert not list(poor_start(case_for(network, "mse", X, NUMBERS + 30)))
