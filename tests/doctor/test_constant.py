"""The loss of the best constant output against formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.doctor.checks.cases import case_for
from torch import nn

from netwright.doctor.constant import best_constant
from netwright.doctor.diagnosis import CannotTellError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(120, 5)).astype("float32")
CODES = RANDOM.choice(3, 120, p=[0.7, 0.2, 0.1])
NUMBERS = (RANDOM.normal(size=120) * 40 + 300).astype("float32")


def entropy(codes: np.ndarray) -> float:
    shares = np.bincount(codes) / len(codes)
    return float(-(shares * np.log(shares)).sum())


@pytest.mark.parametrize("end", ["logits", "log_probabilities", "probabilities"])
def test_classes_are_known_by_their_shares(end: str) -> None:
    last = {"logits": nn.Identity(), "log_probabilities": nn.LogSoftmax(1), "probabilities": nn.Softmax(1)}[
        end
    ]
    loss = {
        "logits": nn.CrossEntropyLoss(),
        "log_probabilities": nn.NLLLoss(),
        "probabilities": "sparse_categorical_crossentropy",
    }[end]
    case = case_for(nn.Sequential(nn.Linear(5, 3), last), loss, X, CODES, validation_split=0.0)
    found = best_constant(case)
    assert found.loss == pytest.approx(entropy(CODES), rel=2e-3)
    if end != "log_probabilities":
        assert found.blank == pytest.approx(np.log(3), rel=1e-5)


@pytest.mark.parametrize("loss", [nn.BCELoss(), nn.BCEWithLogitsLoss()])
def test_yes_or_no(loss: nn.Module) -> None:
    end = nn.Sigmoid() if isinstance(loss, nn.BCELoss) else nn.Identity()
    yes = (CODES == 0).astype("float32")
    case = case_for(nn.Sequential(nn.Linear(5, 1), end), loss, X, yes, validation_split=0.0)
    assert best_constant(case).loss == pytest.approx(entropy((CODES == 0).astype(int)), rel=1e-3)


def test_numbers_are_known_by_their_mean_or_median() -> None:
    for loss, wanted in (
        (nn.MSELoss(), NUMBERS.var()),
        (nn.L1Loss(), np.abs(NUMBERS - np.median(NUMBERS)).mean()),
    ):
        case = case_for(nn.Linear(5, 1), loss, X, NUMBERS, validation_split=0.0)
        found = best_constant(case)
        assert found.loss == pytest.approx(float(wanted), rel=1e-2)
        assert found.blank > 3 * found.loss


def test_each_place_of_an_output_has_a_constant_of_its_own() -> None:
    case = case_for(nn.Linear(5, 5), nn.MSELoss(), X, X * [1, 2, 3, 4, 5] + 7, validation_split=0.0)
    assert best_constant(case).loss == pytest.approx((X * [1, 2, 3, 4, 5]).var(0).mean(), rel=1e-3)


def test_several_outputs_are_told() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.own = nn.Linear(5, 2)

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [self.own(x)[:, 0], self.own(x)[:, 1]]

    def loss(output: list[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
        return (output[0] - output[1] - target).square().mean()

    with pytest.raises(CannotTellError):
        best_constant(case_for(Two(), loss, X, NUMBERS))
