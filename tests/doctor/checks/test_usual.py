"""The same network trained in the usual way: told only where it is clearly better."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.doctor.checks.test_unusual import fine
from tests.doctor.checks.trained import CLASSES, Meddler, mlp, trained
from torch import nn

from netwright.doctor.checks.usual import below_usual
from netwright.doctor.examine import after, before
from netwright.doctor.standing import standing


def test_steps_that_are_too_small() -> None:
    case, record = fine(*trained(rate=1e-5))
    found = list(below_usual(case, record))
    assert [(each.id, each.severity) for each in found] == [("rate_too_low", "warning")]
    whole = standing(trained(mlp(), "adam", 3e-3)[0]).validation.mean()
    assert found[0].evidence["gained"]["after"] == pytest.approx(whole, abs=0.05)


def test_what_the_loop_does_to_gradients_is_told_without_a_cause() -> None:
    def backwards(gradient: torch.Tensor) -> None:
        gradient.copy_(torch.where(gradient.abs() > gradient.abs().mean(), 0.0, gradient))

    case, record = fine(*trained(optimizer="adam", rate=1e-3, epochs=6, callbacks=[Meddler(backwards)]))
    assert [each.id for each in below_usual(case, record)] in (["underfitting"], ["slow_convergence"])


def test_silence_where_the_training_itself_was_as_good_after_one_of_its_epochs() -> None:
    def backwards(gradient: torch.Tensor) -> None:
        gradient.copy_(torch.where(gradient.abs() > gradient.abs().mean(), 0.0, gradient))

    case, record = fine(*trained(optimizer="adam", rate=1e-3, epochs=6, callbacks=[Meddler(backwards)]))
    (found,) = below_usual(case, record)
    found_id, after = found.id, found.evidence["gained"]["after"]
    record.metrics["accuracy"] = np.array([0.4, after, 0.5])
    assert [each.id for each in below_usual(case, record)] == [found_id] * (found_id != "underfitting")


def test_silence_of_a_usual_training() -> None:
    assert list(below_usual(*trained())) == []
    assert list(below_usual(*trained(mlp(), "sgd", 0.1, epochs=40))) == []


def test_it_is_asked_only_where_nothing_else_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("netwright.doctor.examine.below_usual", lambda case, record: asked.append(1) or [])
    case, record = trained()
    after([case], [record])
    assert asked == [1]
    network = nn.Sequential(*mlp(), nn.Softmax(1))
    case, record = trained(network, loss=nn.CrossEntropyLoss(), y=CLASSES)
    after([case], [record], before(case))
    assert asked == [1]  # a softmax too many says why
