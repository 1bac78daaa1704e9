"""Settings far from the usual: told where the usual ones are proven better, and passed over elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import NUMBERS, Meddler, mlp, trained
from torch import nn

from netwright import optimizers
from netwright.callbacks import EarlyStopping
from netwright.config import Config
from netwright.doctor.case import Case
from netwright.doctor.checks.modes import modes_after
from netwright.doctor.checks.regularisation import over_regularised
from netwright.doctor.checks.start import symmetric_after
from netwright.doctor.checks.untrained import untrained_after
from netwright.doctor.checks.unusual import (
    few_rows,
    few_steps,
    large_epsilon,
    long_memory,
    own_steps,
    steps_of_one_length,
    summed_batches,
)
from netwright.doctor.record import Record
from netwright.doctor.standing import standing
from netwright.training.callbacks import Callback

UNUSUAL = (long_memory, summed_batches, large_epsilon, few_steps, few_rows, own_steps, steps_of_one_length)


class Lasso(torch.optim.Adam):
    """Adam with an absolute penalty."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for each in group["params"]:
                each.grad.add_(each.detach().sign(), alpha=0.3)
        return super().step(closure)


class Quiet(torch.optim.Adam):
    """Adam under another name."""


def fine(case: Case, record: Record) -> tuple[Case, Record]:
    """As if no simple model was better."""
    case.notes["standing"] = standing(case)
    case.notes["standing"].bad = case.notes["standing"].useless = False
    return case, record


def told(case: Case, record: Record) -> list[tuple[str, str]]:
    found = [each for check in UNUSUAL for each in check(case, record)]
    for each in found:
        assert each.evidence["gained"]["gain"] > 2.5 * each.evidence["gained"]["error"]
        Config().with_values([f"{key}={value}" for key, value in each.fix.config.items()])  # keys that exist
    return [(each.id, each.severity) for each in found]


def test_a_momentum_that_sums_up_a_thousand_steps() -> None:
    network = mlp()
    own = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.999)
    case, record = fine(*trained(network, own, None))
    assert case.plan.momentum == 0.999
    assert told(case, record) == [("rate_too_high", "warning")]


@pytest.mark.parametrize(
    ("change", "rate"),
    [(lambda gradient: gradient.div_(gradient.norm()), 2.0), (lambda gradient: gradient.sign_(), 0.1)],
)
def test_gradients_that_have_one_length_whatever_the_loss(
    change: Callable[[torch.Tensor], None], rate: float
) -> None:
    network = mlp(outputs=1, activation=torch.nn.Tanh)
    own = torch.optim.SGD(network.parameters(), lr=rate)
    case, record = fine(*trained(network, own, None, y=NUMBERS, callbacks=[Meddler(change)]))
    assert ("rate_too_high", "warning") in told(case, record)
    calm = mlp(outputs=1)
    own = torch.optim.SGD(calm.parameters(), lr=0.05)
    assert told(*fine(*trained(calm, own, None, y=NUMBERS))) == []


def test_gradients_of_several_batches_that_are_not_divided() -> None:
    held: list[torch.Tensor] = []

    def change(gradient: torch.Tensor) -> None:
        held.append(gradient.clone())
        gradient.copy_(torch.stack(held).sum(0) if len(held) == 8 else torch.zeros_like(gradient))
        if len(held) == 8:
            held.clear()

    case, record = fine(*trained(optimizer="sgd", rate=1.0, callbacks=[Meddler(change)]))
    found = list(summed_batches(case, record))
    assert [each.id for each in found] == ["rate_too_high"]
    assert found[0].evidence["one_in"] == 8
    assert told(*fine(*trained(optimizer="sgd", rate=0.1))) == []


def test_an_epsilon_that_outweighs_the_gradients() -> None:
    case, record = fine(*trained(mlp(), optimizers.Adam(3e-3, epsilon=30.0)))
    assert case.plan.rule["epsilon"] == 30.0
    assert told(case, record) == [("rate_too_low", "warning")]


def test_settings_of_torchs_optimisers_are_known() -> None:
    network = mlp()
    own = torch.optim.AdamW(network.parameters(), 3e-3, betas=(0.8, 0.95), eps=1e-6)
    case, record = trained(network, own, None)
    assert case.plan.rule == {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}
    assert not case.plan.derived
    assert told(case, record) == []


def test_all_rows_in_one_step() -> None:
    case, record = fine(*trained(batch=200, epochs=5))
    assert told(case, record) == [("slow_convergence", "warning")]


def test_one_step_an_epoch_is_enough_for_many_epochs() -> None:
    assert told(*fine(*trained(batch=200, epochs=120))) == []


def test_an_end_after_an_epoch_that_gained_little() -> None:
    impatient: list[Callback] = [EarlyStopping("val_loss", patience=1, min_delta=0.5)]
    case, record = fine(*trained(epochs=30, callbacks=impatient))
    assert record.stopped == "early stopping"
    assert told(case, record) == [("slow_convergence", "warning")]


def test_statistics_of_two_rows() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 1))
    case, record = trained(network, y=NUMBERS, batch=2, epochs=6)
    assert [id for id, _ in told(case, record)] == ["modes_disagree"]


@pytest.mark.parametrize(("kind", "expected"), [(Lasso, ["over_regularised"]), (Quiet, [])])
def test_optimisers_of_ones_own(kind: type[torch.optim.Optimizer], expected: list[str]) -> None:
    network = mlp()
    case, record = trained(network, kind(network.parameters(), lr=3e-3), None)  # type: ignore[call-arg]
    assert case.plan.derived
    assert [id for id, _ in told(case, record)] == expected


def test_optimisers_of_pytorch_are_called_by_their_names() -> None:
    network = mlp()
    own = torch.optim.ASGD(network.parameters(), lr=1e-3)
    found = list(own_steps(*fine(*trained(network, own, None, epochs=5))))
    assert [each.message[:27] for each in found] == ["ASGD loses to plain Adam: a"]


def test_the_mean_of_many_gradients_is_no_higher_rate() -> None:
    network = mlp()
    own = torch.optim.Adam(network.parameters(), lr=1e-4, betas=(0.995, 0.999))
    found = list(long_memory(*fine(*trained(network, own, None, epochs=5))))
    assert ["mean of some 200 gradients" in each.message for each in found] == [True]


def test_dropout_that_costs_is_a_warning_though_no_simple_model_is_better() -> None:
    found = list(over_regularised(*fine(*trained(mlp(dropout=0.9)))))
    assert [(each.id, each.severity) for each in found] == [("over_regularised", "warning")]
    assert found[0].evidence["gained"]["after"] > found[0].evidence["gained"]["before"]
    assert list(over_regularised(*fine(*trained(mlp(dropout=0.3))))) == []


def test_layers_left_frozen_are_set_free_to_see() -> None:
    network = mlp(widths=(8, 4))
    network[0].weight.requires_grad_(False)  # type: ignore[union-attr]
    kept = network[0].weight.detach().clone()  # type: ignore[union-attr]
    case, record = trained(network, epochs=30)
    found = [each for each in untrained_after(case, record) if each.severity == "error"]
    whole = standing(trained(mlp(widths=(8, 4)), epochs=30)[0]).validation.mean()
    assert found[0].evidence["gained"]["after"] == pytest.approx(whole, abs=0.05)
    assert found[0].evidence["gained"]["before"] < whole - 0.1
    assert torch.equal(network[0].weight, kept)  # type: ignore[union-attr]


def test_a_constant_start_costs() -> None:
    network = mlp(start=lambda layer: nn.init.constant_(layer.weight, 0.1))
    found = list(symmetric_after(*fine(*trained(network))))
    assert [each.id for each in found] == ["symmetric_start"]
    assert found[0].evidence["gained"]["gain"] > 0.03
    assert list(symmetric_after(*fine(*trained()))) == []


class Noisy(nn.Module):
    """Dropout as a function that is always on."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head, self.rate = nn.Linear(8, 24), nn.Linear(24, 3), rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(nn.functional.dropout(torch.relu(self.body(x)), self.rate))


def test_noise_after_training_costs_what_the_mean_of_draws_is_better() -> None:
    case, record = trained(Noisy(0.6))
    found = [each for each in modes_after(case, record) if "gained" in each.evidence]
    assert [each.severity for each in found] == ["error"]
    rows = case.validation
    assert rows is not None
    torch.manual_seed(1)
    one = case.answers(rows)
    mean = np.mean([case.answers(rows) for _ in range(20)], axis=0)
    right = np.eye(3)[case.wanted(rows)]
    assert np.square(mean - right).sum() < np.square(one - right).sum()
    assert not [each for each in modes_after(*trained(Noisy(0.0))) if "gained" in each.evidence]
