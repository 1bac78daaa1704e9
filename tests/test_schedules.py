"""Keras's schedules by the formulas of its documentation."""

from __future__ import annotations

import math

import pytest
import torch

from netwright import schedules
from netwright.errors import InputError
from netwright.nn.spec import from_spec, to_spec

STEPS = range(0, 500, 7)


def by_hand_restarts(step, first, t_mul, m_mul, alpha):
    """Keras's own closed form, by a geometric series."""
    done = step / first
    if t_mul == 1.0:
        wave = math.floor(done)
        done -= wave
    else:
        wave = math.floor(math.log(1 - done * (1 - t_mul)) / math.log(t_mul))
        done = (done - (1 - t_mul**wave) / (1 - t_mul)) / t_mul**wave
    height = 0.5 * m_mul**wave * (1 + math.cos(math.pi * done))
    return 0.1 * ((1 - alpha) * height + alpha)


def cosine(share, alpha=0.0):
    return (1 - alpha) * 0.5 * (1 + math.cos(math.pi * share)) + alpha


CASES = {
    "exponential": (schedules.ExponentialDecay(0.1, 100, 0.9), lambda s: 0.1 * 0.9 ** (s / 100)),
    "exponential stairs": (
        schedules.ExponentialDecay(0.1, 100, 0.9, True),
        lambda s: 0.1 * 0.9 ** (s // 100),
    ),
    "piecewise": (
        schedules.PiecewiseConstantDecay([100, 203], [1.0, 0.5, 0.1]),
        lambda s: 1.0 if s <= 100 else 0.5 if s <= 203 else 0.1,
    ),
    "polynomial": (
        schedules.PolynomialDecay(0.1, 200, 0.01, power=2.0),
        lambda s: 0.09 * (1 - min(s, 200) / 200) ** 2 + 0.01,
    ),
    "polynomial cycles": (
        schedules.PolynomialDecay(0.1, 210, 0.01, cycle=True),
        lambda s: 0.09 * (1 - s / (210 * (math.ceil(s / 210) or 1))) + 0.01,
    ),
    "inverse time": (schedules.InverseTimeDecay(0.1, 10, 0.5), lambda s: 0.1 / (1 + 0.5 * s / 10)),
    "inverse time stairs": (
        schedules.InverseTimeDecay(0.1, 10, 0.5, True),
        lambda s: 0.1 / (1 + 0.5 * (s // 10)),
    ),
    "cosine": (schedules.CosineDecay(0.1, 300, 0.2), lambda s: 0.1 * cosine(min(s, 300) / 300, 0.2)),
    "cosine with warm-up": (
        schedules.CosineDecay(0.01, 300, 0.1, warmup_target=0.2, warmup_steps=50),
        lambda s: 0.01 + 0.19 * s / 50 if s < 50 else 0.2 * cosine(min(s - 50, 300) / 300, 0.1),
    ),
    "restarts": (
        schedules.CosineDecayRestarts(0.1, 50, alpha=0.1),
        lambda s: by_hand_restarts(s, 50, 2.0, 1.0, 0.1),
    ),
    "restarts, lower": (
        schedules.CosineDecayRestarts(0.1, 51, 1.5, 0.8),
        lambda s: by_hand_restarts(s, 51, 1.5, 0.8, 0.0),
    ),
    "restarts, equal": (
        schedules.CosineDecayRestarts(0.1, 51, 1.0, 0.8),
        lambda s: by_hand_restarts(s, 51, 1.0, 0.8, 0.0),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rates_follow_their_formulas(case):
    schedule, formula = CASES[case]
    for step in STEPS:
        assert schedule(step) == pytest.approx(formula(step), rel=1e-9, abs=1e-12), step
    grid = torch.tensor([[0, 7, 14], [203, 210, 217]])
    torch.testing.assert_close(
        schedule(grid), torch.tensor([[formula(step) for step in row] for row in grid.tolist()])
    )


def test_one_cycle_equals_torchs():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0, momentum=0.9)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.1, total_steps=100, pct_start=0.25, div_factor=10, final_div_factor=100
    )
    ours = schedules.OneCycle(0.1, 100, 0.25, 10, 100)
    for step in range(100):
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        if step < 99:
            theirs.step()
    assert ours(500) == ours(99)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.9), "decay_steps must be greater than 0, not 0"),
        (lambda: schedules.CosineDecay(0.1, -5), "decay_steps must be greater than 0, not -5"),
        (lambda: schedules.PiecewiseConstantDecay([5], [0.1]), "1 boundaries need 2 values, not 1"),
        (lambda: schedules.PiecewiseConstantDecay([5, 2], [3.0, 2.0, 1.0]), "boundaries must rise"),
        (lambda: schedules.CosineDecayRestarts(0.1, 10, 0.5), "t_mul must be at least 1, not 0.5"),
        (lambda: schedules.OneCycle(0.1, 100, 1.5), "rising must be between 0 and 1, not 1.5"),
        (lambda: schedules.PolynomialDecay(float("nan"), 10), "initial_learning_rate must be greater than 0"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("case", CASES)
def test_schedules_can_be_written_down(case):
    schedule = CASES[case][0]
    again = from_spec(schedules.SCHEDULES, to_spec(schedule))
    assert again(33) == schedule(33)
