"""A few rows learnt by heart, by networks that can and that cannot."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.doctor.checks.cases import cases_for
from torch import nn

from netwright.doctor.checks.memorise import cannot_overfit
from netwright.doctor.diagnosis import CannotTellError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(160, 6)).astype("float32")
CODES = RANDOM.integers(0, 4, 160)
NUMBERS = RANDOM.normal(size=160).astype("float32")
CE = nn.CrossEntropyLoss()


def mlp(outputs: int, end: nn.Module | None = None, width: int = 16) -> nn.Module:
    torch.manual_seed(0)
    parts = [nn.Linear(6, width), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, outputs)]
    return nn.Sequential(*parts, *([] if end is None else [end]))


def biased(network: nn.Module, value: float) -> nn.Module:
    nn.init.constant_(network[-1].bias, value)  # type: ignore[index]
    return network


def filled(network: nn.Module, value: float) -> nn.Module:
    for each in network.parameters():
        nn.init.constant_(each, value)
    return network


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lstm, self.head = nn.LSTM(3, 12, batch_first=True), nn.Linear(12, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


class Detached(nn.Module):
    """Whose gradients are cut off from all but a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.bias = mlp(4), nn.Parameter(torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.own(x).detach() + self.bias


HEALTHY = {
    "logistic regression of two columns": lambda: (nn.Linear(2, 4), CE, X[:, :2], CODES),
    "linear regression": lambda: (nn.Linear(6, 1), "mse", X, NUMBERS),
    "random labels": lambda: (mlp(4), CE, X, CODES),
    "narrow": lambda: (mlp(4, width=3), CE, X, CODES),
    "far targets": lambda: (mlp(1), "mse", X, 40 * NUMBERS + 500),
    "far targets, last bias at their mean": lambda: (biased(mlp(1), 500.0), "mse", X, 40 * NUMBERS + 500),
    "absolute error": lambda: (mlp(1), nn.L1Loss(), X, NUMBERS),
    "positive": lambda: (mlp(1, nn.Softplus()), "mse", X, 90 * np.abs(NUMBERS)),
    "softmax by name": lambda: (mlp(4, nn.Softmax(1)), "sparse_categorical_crossentropy", X, CODES),
    "yes or no": lambda: (mlp(1, nn.Sigmoid()), nn.BCELoss(), X, (CODES == 0).astype("float32")),
    "batch norm": lambda: (
        _normed(),
        CE,
        X,
        CODES,
    ),
    "raw inputs": lambda: (mlp(4), CE, 100 * X, CODES),
    "lstm": lambda: (Recurrent(), CE, X.reshape(160, 2, 3), CODES),
    "frozen": lambda: (_frozen(), CE, X, CODES),
}


def _normed() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))


def _frozen() -> nn.Module:
    network = mlp(4)
    for each in network[0].parameters():  # type: ignore[index]
        each.requires_grad_(False)
    return network


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_networks_can(name: str) -> None:
    before, _ = cases_for(
        *HEALTHY[name](), rate=1e-7
    )  # a rate that learns nothing is not the network's fault
    weights = before.network.flat.detach().clone()
    assert [each.evidence for each in cannot_overfit(before)] == []
    assert torch.equal(before.network.flat, weights)


FAULTY = {
    "zeros": lambda: (filled(mlp(4), 0.0), CE, X, CODES),
    "dead last unit": lambda: (
        biased(nn.Sequential(*mlp(1), nn.ReLU())[:-1], -99.0).append(nn.ReLU()),
        "mse",
        X,
        NUMBERS,
    ),
    "softmax over the batch": lambda: (mlp(4, nn.Softmax(0)), CE, X, CODES),
    "detached": lambda: (Detached(), CE, X, CODES),
}


@pytest.mark.parametrize("name", FAULTY)
def test_broken_networks_cannot(name: str) -> None:
    (found,) = cannot_overfit(cases_for(*FAULTY[name]())[0])
    assert found.severity == "error"
    assert found.evidence["learnt"] < 0.35


def test_equal_rows_with_other_labels_are_left_out() -> None:
    x = np.repeat(X[:80], 2, 0)
    assert list(cannot_overfit(cases_for(mlp(4), CE, x, CODES)[0])) == []
    with pytest.raises(CannotTellError):
        list(cannot_overfit(cases_for(mlp(4), CE, np.ones_like(X), CODES)[0]))
