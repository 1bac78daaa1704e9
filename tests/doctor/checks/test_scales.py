"""Sizes of inputs where they meet the first weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.doctor.checks.cases import case_for
from torch import nn

from netwright import Trainer
from netwright.callbacks import Doctor
from netwright.doctor.checks.scales import sentinels, unscaled_inputs

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(200, 6)).astype("float32")
CODES = (X[:, 0] > 0).astype("int64")
GIANT = X * np.array([1, 1, 5000, 1, 1, 1], dtype="float32")
NAMES = ["age", "height", "income", "weight", "pulse", "sleep"]
CE = nn.CrossEntropyLoss()


class Scaled(nn.Module):
    """Divides by what it knows."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("size", torch.tensor(GIANT.std(0)))
        self.own = mlp()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.own(x / self.size)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 8, batch_first=True), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x)[0][:, -1])


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))


def cnn() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2))


def test_sizes_that_networks_learn_from_are_passed_over() -> None:
    constant = np.concatenate([X, np.full((200, 1), 7, "float32")], 1)
    seldom = np.concatenate([X, (np.arange(200) % 100 == 0)[:, None]], 1).astype("float32")
    seven = nn.Sequential(nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 2))
    for module, x in (
        (mlp(), X),
        (mlp(), np.abs(X) * 8),
        (seven, constant),
        (seven, seldom),
        (Scaled(), GIANT),
        (nn.Sequential(nn.BatchNorm1d(6), mlp()), GIANT),
        (nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)), 100 * X),
        (cnn(), X.reshape(200, 1, 2, 3)),
        (Recurrent(), X.reshape(200, 2, 3)),
    ):
        assert [each.message for each in unscaled_inputs(case_for(module, CE, x, CODES))] == []


def test_a_column_that_drowns_the_others_is_named() -> None:
    (found,) = unscaled_inputs(case_for(mlp(), CE, GIANT, CODES, names=NAMES))
    assert found.severity == "error"
    assert "income" in found.message
    assert "age" not in found.message
    assert found.evidence["ratio"] == pytest.approx(5000, rel=0.2)


def test_all_columns_too_large_too_small_or_far_away() -> None:
    for x, word in ((1000 * X, "sizes around"), (1e-4 * X, "too small"), (X / 100 + 20, "far from 0")):
        (found,) = unscaled_inputs(case_for(mlp(), CE, x.astype("float32"), CODES))
        assert word in found.message


@pytest.mark.parametrize("size", [200.0, 1e-4])
def test_pictures_and_series(size: float) -> None:
    assert list(unscaled_inputs(case_for(cnn(), CE, size * X.reshape(200, 1, 2, 3), CODES)))
    assert list(unscaled_inputs(case_for(Recurrent(), CE, size * X.reshape(200, 2, 3), CODES)))


def test_statistics_are_left_alone() -> None:
    case = case_for(nn.Sequential(nn.BatchNorm1d(6), mlp()), CE, GIANT, CODES)
    before = {name: each.clone() for name, each in case.network.named_values().items()}
    list(unscaled_inputs(case))
    assert all(bool((each == before[name]).all()) for name, each in case.network.named_values().items())


def test_values_for_missing_ones_are_told_from_ends_of_scales():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(200, 6))
    x[::8, 0] = -999.0  # often
    x[3, 1] = -999.0  # once, as in the first
    x[::3, 2] = 0.0
    x[:, 3] = np.where(draws.random(200) < 0.9, 0.0, np.exp(2.0 * x[:, 3]))
    x[:, 4] = draws.random(200) < 0.05
    x[:, 5] = np.clip(x[:, 5], -1.0, 1.0)
    assert sentinels(x) == {0: -999.0, 1: -999.0}


@pytest.mark.parametrize(("times", "wanted"), [(300.0, ["warning"]), (1.0, [])])
def test_what_a_normalisation_hides_is_tried_out(times, wanted):
    x = np.random.default_rng(0).normal(size=(400, 4)).astype("float32")
    y = np.tanh(2.0 * x[:, :1]) * x[:, 1:2] + x[:, 2:3]
    net = nn.Sequential(nn.Linear(4, 24), nn.LayerNorm(24), nn.Tanh(), nn.Linear(24, 1))
    doctor = Doctor(verbose=0)
    torch.manual_seed(0)
    trainer = Trainer(net, nn.MSELoss(), "adam", 0.01, callbacks=[doctor], seed=0)
    trainer.fit(times * x, y, epochs=12, validation_split=0.3, verbose=0)
    found = [each for each in doctor.diagnoses if each.id == "unscaled_inputs"]
    assert [each.severity for each in found] == wanted
    assert all("gained" in each.evidence for each in found)
