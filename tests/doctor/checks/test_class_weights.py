"""What a loss weighs each class with, and losses that leave a class out or weigh the rare ones less."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import CLASSES, NUMBERS, PULL, X, mlp, trained
from torch import Tensor, nn
from torch.nn import functional

from netwright.doctor.checks.class_weights import class_weights, weights_of
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.examine import after
from netwright.nn.foreign import ForeignNetwork

RARE = ((X @ PULL)[:, :1] > 2.0).astype("float32")  # some 28 % of the rows


def told(loss: Any, y: np.ndarray = CLASSES, outputs: int = 3) -> list[Any]:
    return list(class_weights(*trained(mlp(outputs=outputs), loss=loss, y=y)))


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0, 0.5])),
        lambda output, target: functional.nll_loss(
            output.log_softmax(1), target, torch.tensor([1.0, 3.0, 0.5]), reduction="sum"
        ),
    ],
)
def test_weights_are_those_of_the_loss(loss: Any) -> None:
    case, _ = trained(mlp(), loss=loss, epochs=1)
    assert isinstance(case.network, ForeignNetwork)
    found = weights_of(case, case.network)
    assert found is not None
    assert found / found.sum() == pytest.approx(np.array([1.0, 3.0, 0.5]) / 4.5, rel=1e-5)


def test_a_class_that_is_left_out() -> None:
    def masked(output: Tensor, target: Tensor) -> Tensor:
        counts = target != 2
        return functional.cross_entropy(output[counts], target[counts])

    for loss, each in ((nn.CrossEntropyLoss(ignore_index=0), 0), (masked, 2)):
        (found,) = told(loss)
        assert f"leaves out class {each}" in found.message
        assert found.evidence["weights"][each] == 0
        assert found.evidence["gained"]["gain"] > 0.03


def test_weights_the_wrong_way_round() -> None:
    (found,) = told(nn.BCEWithLogitsLoss(pos_weight=torch.tensor([0.01])), RARE, 1)
    assert found.id == "class_imbalance"
    assert "class 1 0.01 times the weight" in found.message
    case, record = trained(mlp(outputs=1), loss=nn.BCEWithLogitsLoss(pos_weight=torch.tensor([0.01])), y=RARE)
    assert next(each.id for each in after([case], [record]).diagnoses) == "class_imbalance"


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(weight=torch.tensor([1.0, 8.0, 0.7]), label_smoothing=0.1),
        lambda output, target: ((output.softmax(1) - functional.one_hot(target, 3)) ** 2).sum(1).mean(),
    ],
)
def test_silence_of_losses_that_count_all_classes(loss: Any) -> None:
    y = np.where(CLASSES == 1, np.where(np.arange(300) % 6 == 0, 1, 0), CLASSES)  # class 1 is rare
    assert told(loss, y) == []


def test_silence_of_rare_ones_that_weigh_more_and_of_numbers() -> None:
    assert told(nn.BCEWithLogitsLoss(pos_weight=torch.tensor([20.0])), RARE, 1) == []
    with pytest.raises(CannotTellError):
        told(None, NUMBERS, 1)
