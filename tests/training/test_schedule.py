from __future__ import annotations

import math

import pytest
import torch

from netwright.training.schedule import (
    SCHEDULES,
    cosine,
    exponential,
    factor,
    factors,
    one_cycle,
    polynomial,
    staircase,
)


def restarts(done: float) -> float:
    return 0.0 if done == 1.0 else (1.0 + math.cos(math.pi * math.fmod(3.0 * done, 1.0))) / 2.0


FORMULAS = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: (1.0 + math.cos(math.pi * done)) / 2.0,
    "step": lambda done: 1.0 if done < 1 / 3 else 0.1 if done < 2 / 3 else 0.01,
    "exponential": lambda done: math.exp(done * math.log(0.01)),
    "polynomial": lambda done: (1.0 - done) ** 2,
    "cosine restarts": restarts,
    "inverse sqrt": lambda done: math.sqrt(1 / (1 + 99 * done)),
    "coslog4": lambda done: (1.0 - math.cos(2.0 * math.pi * math.log2(1.0 + 15.0 * done))) / 2.0,
}


@pytest.mark.parametrize("schedule", FORMULAS)
def test_factors_follow_their_formulas(schedule):
    steps = torch.full((101,), 100)
    found = factor(schedule, torch.arange(101), steps, 0.0)
    expected = [FORMULAS[schedule](step / 100) for step in range(101)]
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-5, atol=2e-6)


def test_one_cycle_equals_torchs():
    # torch counts its last step, and its top one step early, so both ends are put where it has them
    steps, rising = 101, 0.3 * 101 - 1
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.9)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=steps)
    expected = []
    for _ in range(steps):
        expected.append(theirs.get_last_lr()[0])
        optimizer.step()
        if len(expected) < steps:
            theirs.step()
    found = factor(one_cycle(rising / 100), torch.arange(101), torch.full((101,), 100), 0.0)
    torch.testing.assert_close(found, torch.tensor(expected), rtol=1e-4, atol=1e-6)
    named = factor("one-cycle", torch.tensor([0, 30, 100]), torch.full((3,), 100), 0.0)
    torch.testing.assert_close(named, torch.tensor([0.04, 1.0, 4e-6]), rtol=1e-5, atol=1e-8)


def test_coslog_falls_to_0_four_times_each_wave_twice_as_long():
    low = torch.tensor([0.0, 1.0, 3.0, 7.0, 15.0]) / 15.0
    top = (2.0 ** torch.tensor([0.5, 1.5, 2.5, 3.5]) - 1.0) / 15.0
    torch.testing.assert_close(SCHEDULES["coslog4"](low), torch.zeros(5), rtol=0, atol=1e-5)
    torch.testing.assert_close(SCHEDULES["coslog4"](top), torch.ones(4), rtol=0, atol=1e-5)


def test_curves_with_ends_of_their_own():
    done = torch.tensor([0.0, 0.25, 0.5, 1.0])
    torch.testing.assert_close(exponential(0.0001)(done), torch.tensor([1.0, 0.1, 0.01, 0.0001]))
    torch.testing.assert_close(polynomial(2.0, 0.2)(done), torch.tensor([1.0, 0.65, 0.4, 0.2]))
    torch.testing.assert_close(cosine(0.5)(done)[[0, 2, 3]], torch.tensor([1.0, 0.75, 0.5]))
    torch.testing.assert_close(cosine(0.5, cycles=2)(done), torch.tensor([1.0, 0.75, 1.0, 0.5]))
    torch.testing.assert_close(
        staircase([0.25, 0.5], [1.0, 0.3, 0.1])(done), torch.tensor([1.0, 0.3, 0.1, 0.1])
    )


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


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_all_factors_at_once_are_those_of_each_step(schedule):
    steps = torch.tensor([30, 17, 1])
    found = factors(schedule, steps, 0.1)
    assert found.shape == (30, 3)
    for step in range(30):
        torch.testing.assert_close(found[step], factor(schedule, torch.full((3,), step), steps, 0.1))


def test_one_step_in_all_is_a_full_step_where_a_schedule_begins_at_the_top():
    for schedule in SCHEDULES:
        if schedule not in ("one-cycle", "coslog4"):
            assert factor(schedule, torch.tensor([0]), torch.tensor([1]), 0.02).item() == 1.0
