"""Networks whose answers do not depend on what they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.checks.cases import cases_for
from torch import nn

from netwright.doctor.checks.ignored import input_ignored, input_ignored_after
from netwright.doctor.diagnosis import CannotTellError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(240, 6)).astype("float32")
CODES = X[:, :3].argmax(1)
YES = (X[:, 0] > 0).astype("float32")
CE = nn.CrossEntropyLoss()
NO_RECORD: Any = None


def mlp(*, dead: bool = False, zero_head: bool = False) -> nn.Module:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    if dead:
        nn.init.constant_(network[0].bias, -100.0)
    if zero_head:
        nn.init.zeros_(network[2].weight)
    return network


class Changed(nn.Module):
    """Does something to its inputs first."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        self.change, self.own = change, mlp()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.own(self.change(x))


class Two(nn.Module):
    """Takes two inputs and looks at one."""

    def __init__(self) -> None:
        super().__init__()
        self.own = mlp()

    def forward(self, x: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return self.own(x)


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.head = nn.Embedding(5, 4), nn.Linear(4, 3)
        nn.init.zeros_(self.words.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.words(x).mean(1))


def test_healthy_networks_are_passed_over() -> None:
    deep = nn.Sequential(
        *[part for _ in range(6) for part in (nn.Linear(6, 6), nn.Sigmoid())], nn.Linear(6, 3)
    )
    words = RANDOM.integers(0, 5, (240, 4))
    for module, x in (
        (nn.Linear(6, 3), X),
        (mlp(), X),
        (mlp(zero_head=True), X),
        (deep, X),
        (nn.Sequential(nn.BatchNorm1d(6), mlp()), X),
        (nn.Sequential(mlp(), nn.Softmax(1)), X),
        (Words(), words),
    ):
        assert [each.message for each in input_ignored(cases_for(module, CE, x, CODES)[0])] == []


@pytest.mark.parametrize("fault", ["times 0", "random"])
def test_lost_inputs(fault: str) -> None:
    module = {
        "times 0": lambda: Changed(lambda x: 0 * x),
        "random": lambda: Changed(torch.ones_like),
    }[fault]()
    (found,) = input_ignored(cases_for(module, CE, X, CODES)[0])
    assert found.severity == "error"


def test_rows_that_dead_units_make_alike_are_told_of_by_these() -> None:
    assert list(input_ignored(cases_for(mlp(dead=True), CE, X, CODES)[0])) == []


def test_a_softmax_over_one_number() -> None:
    module = nn.Sequential(nn.Linear(6, 1), nn.Softmax(1))
    (found,) = input_ignored(cases_for(module, nn.BCELoss(), X, YES)[0])
    assert found.severity == "error"


def test_one_of_two_inputs_is_a_note() -> None:
    (found,) = input_ignored(cases_for(Two(), CE, (X, X[:, :2]), CODES)[0])
    assert found.severity == "note"
    assert found.evidence["inputs"] == ["1"]


def test_rows_that_are_all_alike() -> None:
    with pytest.raises(CannotTellError):
        list(input_ignored(cases_for(mlp(), CE, np.ones_like(X), CODES)[0]))


def test_a_trained_network_that_looks_at_one_column() -> None:
    case = cases_for(Changed(lambda x: x * torch.eye(6)[0]), CE, X, CODES, 0.01, epochs=30)[1]
    (found,) = input_ignored_after(case, NO_RECORD)
    assert found.severity == "error"
    assert (found.evidence["seen"], found.evidence["columns"]) == (1, 6)
    good = cases_for(mlp(), CE, X, CODES, 0.01, epochs=25)[1]
    assert list(input_ignored_after(good, NO_RECORD)) == []


def test_a_trained_network_that_is_dead() -> None:
    case = cases_for(mlp(dead=True), CE, X, CODES, 0.01, epochs=3)[1]
    (found,) = input_ignored_after(case, NO_RECORD)
    assert "answers the same" in found.message
