from __future__ import annotations

import math

import pytest
import torch

from netwright.training.schedule import SCHEDULES, factor

FORMULAS = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: (1.0 + math.cos(math.pi * done)) / 2.0,
    "step": lambda done: 1.0 if done < 1 / 3 else 0.1 if done < 2 / 3 else 0.01,
    "exponential": lambda done: math.exp(done * math.log(0.01)),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_factors_follow_their_formulas(schedule):
    steps = torch.full((101,), 100)
    found = factor(schedule, torch.arange(101), steps, 0.0)
    expected = [FORMULAS[schedule](step / 100) for step in range(101)]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def test_the_step_schedule_falls_exactly_at_the_thirds():
    found = factor("step", torch.arange(9), torch.full((9,), 9), 0.0)
    torch.testing.assert_close(found, torch.tensor([1.0] * 3 + [0.1] * 3 + [0.01] * 3))


def test_warmup_rises_in_equal_steps_and_the_schedule_begins_after_it():
    found = factor("cosine", torch.arange(100), torch.full((100,), 100), 0.1)
    torch.testing.assert_close(found[:10], torch.arange(1, 11) / 10)
    rest = [FORMULAS["cosine"](step / 90) for step in range(90)]
    torch.testing.assert_close(found[10:], torch.tensor(rest), rtol=1e-5, atol=1e-6)


def test_each_member_has_its_own_length():
    found = factor("linear", torch.tensor([5, 5]), torch.tensor([10, 50]), 0.0)
    torch.testing.assert_close(found, torch.tensor([0.5, 0.9]))


def test_one_step_in_all_is_a_full_step():
    for schedule in SCHEDULES:
        assert factor(schedule, torch.tensor([0]), torch.tensor([1]), 0.02).item() == 1.0
