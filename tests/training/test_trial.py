"""A trial of two precisions decides by the loss alone, and leaves no trace."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from netwright.training import trial
from netwright.training.population import Population
from netwright.training.trial import agreed_precision


@pytest.fixture
def population(problem: Any, member: Any) -> Population:
    """Two members, ready to train."""
    made = problem().population([member(1), member(2)], dropout=[0.2, 0.0], epochs=2)
    made.prepare()
    return made


def test_a_trial_leaves_the_training_as_it_would_have_been(
    problem: Any, member: Any, population: Any
) -> None:
    agreed_precision(population)
    population.config = population.config.model_copy(update={"precision": "float32"})
    population.train()
    untried = problem().population([member(1), member(2)], dropout=[0.2, 0.0], epochs=2)
    untried.fit()
    assert torch.equal(population.network.flat, untried.network.flat)


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        ((0.5, 0.505), "bfloat16"),
        ((0.5, 0.3), "bfloat16"),
        ((0.5, 0.52), "float32"),
        ((0.5, float("nan")), "float32"),
    ],
)
def test_the_loss_decides(
    population: Population, monkeypatch: pytest.MonkeyPatch, losses: tuple[float, float], found: str
) -> None:
    told = dict(zip(("float32", "bfloat16"), losses, strict=True))
    monkeypatch.setattr(trial, "_mean_loss", lambda each: told[each.config.precision])
    assert agreed_precision(population) == found
    assert population.config.precision == found


def test_the_losses_are_those_of_a_training(population: Population) -> None:
    """The mean of the second half of the steps, told by a training of its own."""
    seen: list[float] = []
    step = population._step

    def watched(*arguments: Any) -> Any:
        made = step(*arguments)
        seen.append(float(made.losses.mean()))
        return made

    population._step = watched  # type: ignore[method-assign]
    with torch.no_grad():
        mean = trial._mean_loss(population)
    assert len(seen) == trial.STEPS
    assert mean == pytest.approx(sum(seen[trial.STEPS // 2 :]) / (trial.STEPS // 2))
    assert mean < seen[0]
