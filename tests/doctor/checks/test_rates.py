"""Wrong rates that simple models do not show: whole trainings at other rates do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import CLASSES, Meddler, mlp, seen, trained

from netwright.doctor.checks.rates import _gains_by_more, rate_too_high
from netwright.doctor.standing import standing


def test_long_steps_that_cost_little_are_a_warning() -> None:
    case, record = trained(rate=0.3)
    case.notes["standing"] = standing(case)
    case.notes["standing"].bad = case.notes["standing"].useless = False  # as if no simple model was better
    found = [each for each in seen(case, record) if each.id == "rate_too_high"]
    assert [each.severity for each in found] == ["warning"]
    told = found[0].evidence["gained"]
    assert told["gain"] > told["error"]
    better = trained(rate=found[0].fix.config["training.learning_rate"])[0]
    assert better.loss(better.validation) < case.loss(case.validation)  # type: ignore[arg-type]


def test_long_steps_that_no_lower_rate_beats_are_no_symptom() -> None:
    targets = np.random.default_rng(0).permutation(CLASSES)  # nothing can be learnt
    case, record = trained(rate=0.3, y=targets)
    case.notes["standing"] = standing(case)
    case.notes["standing"].bad = case.notes["standing"].useless = False
    found = list(rate_too_high(case, record))
    assert all(each.evidence["gained"]["gain"] > each.evidence["gained"]["error"] for each in found)


def test_gradients_that_add_up_are_told_where_the_network_is_not_bad() -> None:
    total: list[torch.Tensor] = []

    def change(gradient: torch.Tensor) -> None:
        total[:] = [gradient.clone() + (total[0] if total else 0.0)]
        gradient.copy_(total[0])

    case, record = trained(optimizer="sgd", rate=0.05, callbacks=[Meddler(change)])
    case.notes["standing"] = standing(case)
    case.notes["standing"].bad = case.notes["standing"].useless = False
    found = list(rate_too_high(case, record))
    assert [each.severity for each in found] == ["warning"]
    assert "zero_grad" in found[0].fix.text


def test_short_steps_that_ten_times_the_rate_beats() -> None:
    case, record = trained(rate=1e-4, epochs=5)
    found = list(_gains_by_more(case, record, {}))
    assert [each.id for each in found] == ["rate_too_low"]
    better = trained(rate=found[0].fix.config["training.learning_rate"], epochs=5)[0]
    told = found[0].evidence["gained"]
    assert standing(better).validation.mean() == pytest.approx(told["after"], abs=0.05)
    assert standing(case).validation.mean() == pytest.approx(told["before"], abs=1e-4)


def test_steps_that_a_plain_training_beats_are_not_short() -> None:
    network = mlp()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, maximize=True)
    case, record = trained(network, optimizer, None)
    assert list(_gains_by_more(case, record, {})) == []
