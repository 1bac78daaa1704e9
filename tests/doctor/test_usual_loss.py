"""The usual loss of a task against PyTorch's own."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.doctor.checks.test_unusual import fine
from tests.doctor.checks.trained import CLASSES, NUMBERS, mlp, trained
from torch import Tensor, nn

from netwright.doctor.again import Again, Change
from netwright.doctor.case import Case
from netwright.doctor.checks.usual import below_usual
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.examine import after
from netwright.doctor.record import Record
from netwright.doctor.standing import standing
from netwright.doctor.usual_loss import UsualLoss, asks_otherwise, is_usual
from netwright.nn.trainable import Purpose

OUT = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
CODES = torch.tensor([0, 2, 1, 1, 0, 2])
BITS = torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0])
WEIGHT = torch.tensor([1.0, 2.0, 0.0, 1.0, 3.0, 1.0])


def goal(takes: str = "unknown", loss: str = "unknown", given: object = None) -> SimpleNamespace:
    return SimpleNamespace(purpose=lambda: Purpose(loss, takes), given=given)


@pytest.mark.parametrize(
    ("task", "takes", "output", "target", "wanted"),
    [
        ("classes", "logits", OUT, CODES, nn.CrossEntropyLoss()(OUT, CODES)),
        ("classes", "logits", OUT, nn.functional.one_hot(CODES).float(), nn.CrossEntropyLoss()(OUT, CODES)),
        ("classes", "unknown", OUT.softmax(1), CODES, nn.CrossEntropyLoss()(OUT, CODES)),
        ("classes", "log_probabilities", OUT.log_softmax(1), CODES, nn.CrossEntropyLoss()(OUT, CODES)),
        ("yes_no", "logits", OUT[:, 0], BITS, nn.BCEWithLogitsLoss()(OUT[:, 0], BITS)),
        ("yes_no", "unknown", OUT[:, :1].sigmoid(), BITS, nn.BCEWithLogitsLoss()(OUT[:, 0], BITS)),
        ("numbers", "numbers", OUT[:, :1], BITS, nn.MSELoss()(OUT[:, 0], BITS)),
    ],
)
def test_it_is_that_of_pytorch(task, takes, output, target, wanted: Tensor) -> None:
    found = UsualLoss(goal(takes), task).loss(output, target, None)  # type: ignore[arg-type]
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)


def test_rows_weigh() -> None:
    each = nn.CrossEntropyLoss(reduction="none")(OUT, CODES)
    found = UsualLoss(goal("logits"), "classes").loss(OUT, CODES, WEIGHT)  # type: ignore[arg-type]
    assert found.item() == pytest.approx(((each * WEIGHT).sum() / WEIGHT.sum()).item(), rel=1e-5)


def test_which_losses_are_usual() -> None:
    own = lambda output, target: output.sum()  # noqa: E731
    for given, task, usual in (
        (nn.CrossEntropyLoss(), "classes", True),
        (nn.CrossEntropyLoss(weight=torch.ones(3)), "classes", True),
        (nn.CrossEntropyLoss(label_smoothing=0.9), "classes", False),
        (nn.CrossEntropyLoss(reduction="sum"), "classes", False),
        (nn.L1Loss(), "classes", False),
        (nn.L1Loss(), "numbers", True),
        ("mse", "classes", True),
        (own, "numbers", False),
    ):
        assert is_usual(goal(given=given), task) is usual, given  # type: ignore[arg-type]
    assert is_usual(goal("numbers", given=nn.functional.mse_loss), "numbers")  # type: ignore[arg-type]


def soft(output: Tensor, target: Tensor) -> Tensor:
    """A loss in which only the first class counts."""
    return nn.functional.binary_cross_entropy_with_logits(output[:, 0], (target == 0).float())


@pytest.mark.parametrize(("loss", "expected"), [(soft, ["wrong_head"]), (nn.CrossEntropyLoss(), [])])
def test_a_loss_that_asks_for_something_else_is_told(loss: object, expected: list[str]) -> None:
    case, record = fine(*trained(mlp(), loss=loss, y=CLASSES))
    assert [each.id for each in below_usual(case, record)] == expected


def quantile(output: Tensor, target: Tensor) -> Tensor:
    """Nine of ten targets are to be below the answers."""
    return torch.maximum(0.9 * (target - output), 0.1 * (output - target)).mean()


def ranked(output: Tensor, target: Tensor) -> Tensor:
    """Of each two rows that of the larger target is to have the larger answer."""
    above = (target[1:] - target[:-1]).sign()
    return nn.functional.softplus(-above * (output[1:] - output[:-1])).mean()


def nothing(output: Tensor, target: Tensor) -> Tensor:
    """What neither a shift nor an order changes."""
    return (output - output.mean()).square().mean()


def squared(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().mean()


@pytest.mark.parametrize(
    ("loss", "meant"), [(quantile, True), (ranked, True), (squared, False), (nothing, False)]
)
def test_what_is_no_mean_is_asked_for_on_purpose(loss: object, meant: bool) -> None:
    case, _ = trained(mlp(outputs=1), y=NUMBERS, loss=loss, epochs=1)
    assert asks_otherwise(case) is meant  # type: ignore[arg-type]


def blended(output: Tensor, target: Tensor) -> Tensor:
    """Cross entropy by hand."""
    return nn.functional.cross_entropy(output, target)


def test_cross_entropy_by_hand_is_not_to_blame_for_rows_learnt_by_heart() -> None:
    noisy = np.where(np.arange(300) % 3 == 0, np.random.default_rng(1).integers(0, 3, 300), CLASSES)
    case, record = fine(*trained(mlp(widths=(64,)), rate=1e-2, y=noisy, loss=blended, epochs=40))
    case.notes.update(above(case, record))
    assert list(below_usual(case, record)) == []


def above(case: Case, record: Record) -> dict[str, object]:
    """Copies that were stopped early: both are better on validation rows, whatever the loss."""
    usual = Change(usual=True, calm=True, free=True)
    early = Again(50, 1.0, 0.1, 0.2, 0.02, 0.6, 0.7)
    return {each.key: early for each in (usual, replace(usual, loss=True))}


def test_a_network_is_not_judged_by_a_mean_that_it_is_not_asked_for() -> None:
    case, record = trained(mlp(outputs=1), y=NUMBERS, loss=quantile)
    with pytest.raises(CannotTellError, match="another answer than the mean"):
        standing(case)
    found = after([case], [record]).diagnoses
    assert not [each.id for each in found if each.severity != "note"]
