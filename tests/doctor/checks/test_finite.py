"""Numbers that are none, and targets that the loss does not know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.checks.cases import Grab, cases_for
from torch import nn

from netwright.doctor.case import Case
from netwright.doctor.checks.finite import not_finite_data

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(100, 3)).astype("float32")
CODES = RANDOM.integers(0, 3, 100)
CE = nn.CrossEntropyLoss()


class Filled(nn.Module):
    """Puts 0 in the place of what is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.own = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.own(torch.nan_to_num(x))


def case_with(module: nn.Module, loss: Any, y: Any) -> Case:
    case, _ = cases_for(module, loss, X, y)
    case.names = ["a", "b", "c"]
    assert list(not_finite_data(case)) == []
    return case


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_inputs(value: float) -> None:
    case = case_with(nn.Linear(3, 3), CE, CODES)
    assert case.train is not None
    case.train.raw["x"][5, 1] = value
    (found,) = not_finite_data(case)
    assert found.severity == "error"
    assert found.evidence["columns"] == {"b": 1}
    assert found.evidence["rows"] == [5]
    assert ("infinite" in found.message) == np.isinf(value)


def test_inputs_that_the_network_fills_in_are_a_note() -> None:
    case = case_with(Filled(), CE, CODES)
    assert case.train is not None
    case.train.raw["x"][5, 1] = float("nan")
    (found,) = not_finite_data(case)
    assert found.severity == "note"


def test_rows_of_the_other_parts() -> None:
    case = case_with(nn.Linear(3, 3), CE, CODES)
    assert case.validation is not None
    case.test = case.validation.at(torch.arange(20))
    case.test.raw["x"][0, 2] = float("nan")
    (found,) = not_finite_data(case)
    assert (found.severity, found.evidence["part"]) == ("warning", "test")
    case.validation.raw["x"][3, 0] = float("nan")
    (found,) = not_finite_data(case)
    assert (found.severity, found.evidence["part"], found.evidence["rows"]) == ("error", "validation", [78])


def test_targets() -> None:
    case = case_with(nn.Linear(3, 1), "mse", X[:, 0])
    assert case.train is not None
    case.train.target[7] = float("nan")
    (found,) = not_finite_data(case)
    assert found.severity == "error"
    assert found.evidence["rows"] == [7]


def test_targets_that_the_loss_does_not_know() -> None:
    case = case_with(nn.Linear(3, 1), nn.BCEWithLogitsLoss(), (CODES > 0).astype("float32"))
    assert case.train is not None
    case.train.target.mul_(2).sub_(1)
    (found,) = not_finite_data(case)
    assert (found.evidence["lowest"], found.evidence["highest"]) == (-1.0, 1.0)
    case = case_with(nn.Linear(3, 3), CE, CODES)
    assert case.train is not None
    case.train.target[0] = -100  # PyTorch passes these over
    assert list(not_finite_data(case)) == []
    case.train.target += 1
    (found,) = not_finite_data(case)
    assert "0 to 2" in found.message


def test_networks_for_tables_take_missing_cells() -> None:
    import pandas as pd

    import netwright as nw

    grab = Grab()
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    frame.loc[::7, "a"] = np.nan
    nw.NetRegressor(epochs=1, callbacks=[grab]).fit(frame, X[:, 2])
    assert list(not_finite_data(grab.before)) == []
