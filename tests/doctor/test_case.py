"""Who looks on changes nothing, and knows what it cannot judge."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import CLASSES, NUMBERS, X, mlp, trained
from torch import Tensor, nn

from netwright import Trainer
from netwright.doctor.again import Change, again
from netwright.doctor.callback import Doctor
from netwright.doctor.diagnosis import CannotTellError


class Drawing(nn.Module):
    """Draws from Python, NumPy and PyTorch in forward, in both modes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp()

    def forward(self, x: Tensor) -> Tensor:
        size = random.uniform(0.8, 1.2) * np.random.uniform(0.8, 1.2)  # noqa: NPY002
        return self.body(nn.functional.dropout(x * size, 0.1))


def fitted(network: nn.Module, loss: object, y: np.ndarray, *callbacks: Doctor) -> nn.Module:
    trainer = Trainer(network, loss, "adam", callbacks=list(callbacks), seed=0)
    trainer.fit(X[:200], y[:200], epochs=2, verbose=0, validation_data=(X[200:], y[200:]))
    return network


def test_a_doctor_changes_nothing_of_what_a_module_draws() -> None:
    seen = []
    for callbacks in ((), (Doctor(verbose=0),)):
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002
        network = fitted(Drawing(), nn.CrossEntropyLoss(), CLASSES, *callbacks)
        drawn = random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002
        seen.append((drawn, [each.tolist() for each in network.parameters()]))
    assert seen[0] == seen[1]


def spread(output: Tensor, target: Tensor) -> Tensor:
    """A mean and a variance for each number."""
    return nn.functional.gaussian_nll_loss(output[:, :1], target, output[:, 1:].exp())


def test_answers_that_are_not_the_targets_cost_nobody_a_training() -> None:
    doctor = Doctor(verbose=0)
    fitted(mlp(outputs=2), spread, NUMBERS, doctor)
    reasons = [each.why for each in doctor.examination.not_checked]
    assert any("answers 2 numbers a row" in each for each in reasons)
    assert not [each for each in reasons if "failed" in each]
    repaired = Trainer(mlp(outputs=2), spread, "adam", seed=0).repair(
        X[:200], NUMBERS[:200], epochs=2, validation_data=(X[200:], NUMBERS[200:])
    )
    assert repaired.accepted == ()


def near(output: Tensor, target: Tensor) -> Tensor:
    """Rows of one class are to lie close together, others apart."""
    distance = torch.cdist(output, output)
    same = (target[:, None] == target).float()
    return (same * distance + (1 - same) * (1 - distance).clamp(min=0)).mean()


@pytest.mark.parametrize(("outputs", "y"), [(16, CLASSES), (2, CLASSES)])
def test_places_of_rows_are_no_answers_for_classes(outputs: int, y: np.ndarray) -> None:
    case, record = trained(mlp(outputs=outputs), loss=near, y=y, epochs=1)
    assert (case.task, case.classes) == ("unknown", None)
    with pytest.raises(CannotTellError, match="targets"):
        again(case, record, Change(usual=True))
    assert trained(mlp(), loss=near, y=y, epochs=1)[0].task == "classes"


def test_frozen_parameters_of_another_type_stay_frozen() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.last = nn.Linear(8, 16).to(torch.bfloat16), nn.Linear(16, 3)
            self.first.requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(self.first(x.bfloat16()).float())

    case, record = trained(Two(), epochs=2)
    assert again(case, record, Change(free=True)).steps > 0
