"""Learning rates that change from step to step, under Keras's names.

An optimiser takes one in the place of its `learning_rate`. Steps count from 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch
from torch import Tensor

from netwright.arguments import Checked
from netwright.errors import InputError


@dataclass(frozen=True)
class LearningRateSchedule(Checked):
    """Base of all schedules: called with a step, it gives the learning rate of that step.

    To write one of your own, make a subclass with a method `rate(step)` on floats.
    """

    @overload
    def __call__(self, step: int | float) -> float: ...
    @overload
    def __call__(self, step: Tensor) -> Tensor: ...
    def __call__(self, step: int | float | Tensor) -> float | Tensor:
        """The learning rate at a step, a number or a tensor of any shape."""
        if isinstance(step, Tensor):
            rates = [self.rate(float(each)) for each in step.flatten().tolist()]
            return torch.tensor(rates, device=step.device).view(step.shape)
        return self.rate(float(step))

    def rate(self, step: float) -> float:
        """The learning rate at one step."""
        raise NotImplementedError

    def _positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not value > 0:
                raise InputError(f"{name} must be greater than 0, not {value!r}", where=type(self).__name__)


@dataclass(frozen=True)
class ExponentialDecay(LearningRateSchedule):
    """initial_learning_rate * decay_rate^(step / decay_steps)

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: in how many steps the rate is multiplied by `decay_rate`.
        decay_rate: the factor.
        staircase: whether the exponent is rounded down, so that the rate falls in stairs.

    Example:
        >>> ExponentialDecay(0.1, 100, 0.5)(200)
        0.025
    """

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        self._positive("initial_learning_rate", "decay_steps", "decay_rate")

    def rate(self, step: float) -> float:
        power = step / self.decay_steps
        if self.staircase:
            power = math.floor(power)
        return self.initial_learning_rate * self.decay_rate**power


@dataclass(frozen=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[0] up to and including step boundaries[0], values[1] up to boundaries[1], and so on.

    Arguments:
        boundaries: rising steps.
        values: learning rates, one more than boundaries.

    Example:
        >>> PiecewiseConstantDecay([100], [0.1, 0.01])(101)
        0.01
    """

    boundaries: Sequence[float]
    values: Sequence[float]

    def __post_init__(self) -> None:
        count = len(self.boundaries)
        if len(self.values) != count + 1:
            what = f"{count} boundaries need {count + 1} values, not {len(self.values)}"
            raise InputError(what, where="PiecewiseConstantDecay")
        if list(self.boundaries) != sorted(self.boundaries):
            raise InputError(f"boundaries must rise: {self.boundaries}", where="PiecewiseConstantDecay")

    def rate(self, step: float) -> float:
        return self.values[sum(step > boundary for boundary in self.boundaries)]


@dataclass(frozen=True)
class PolynomialDecay(LearningRateSchedule):
    """(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps)^power + end_learning_rate

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: steps until the end is reached; the rate stays there.
        end_learning_rate: at the end.
        power: 1 falls along a straight line.
        cycle: whether `decay_steps` is doubled, trebled and so on whenever it has been passed.

    Example:
        >>> PolynomialDecay(0.1, 100, 0.0)(50)
        0.05
    """

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False

    def __post_init__(self) -> None:
        self._positive("initial_learning_rate", "decay_steps")

    def rate(self, step: float) -> float:
        steps = self.decay_steps * (max(math.ceil(step / self.decay_steps), 1) if self.cycle else 1)
        left = (1.0 - min(step, steps) / steps) ** self.power
        return (self.initial_learning_rate - self.end_learning_rate) * left + self.end_learning_rate


@dataclass(frozen=True)
class InverseTimeDecay(LearningRateSchedule):
    """initial_learning_rate / (1 + decay_rate * step / decay_steps)

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: the unit of steps.
        decay_rate: how much a unit adds to the divisor.
        staircase: whether units are rounded down.

    Example:
        >>> InverseTimeDecay(0.1, 10, 1.0)(10)
        0.05
    """

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False

    def __post_init__(self) -> None:
        self._positive("initial_learning_rate", "decay_steps")

    def rate(self, step: float) -> float:
        units = step / self.decay_steps
        if self.staircase:
            units = math.floor(units)
        return self.initial_learning_rate / (1.0 + self.decay_rate * units)


@dataclass(frozen=True)
class CosineDecay(LearningRateSchedule):
    """Half a cosine wave down, after a straight rise if asked for (arXiv 1608.03983).

    Arguments:
        initial_learning_rate: at step 0.
        decay_steps: steps of the wave, not counting the rise.
        alpha: where the wave ends, as a share of where it begins.
        warmup_target: where the rise ends and the wave begins; None for no rise.
        warmup_steps: steps of the rise.

    Example:
        >>> CosineDecay(0.0, 100, warmup_target=0.1, warmup_steps=10)(5)
        0.05
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __post_init__(self) -> None:
        self._positive("decay_steps")

    def rate(self, step: float) -> float:
        start, target = self.initial_learning_rate, self.warmup_target
        if target is not None:
            if step < self.warmup_steps:
                return start + (target - start) * step / self.warmup_steps
            start, step = target, step - self.warmup_steps
        return start * _wave(min(step, self.decay_steps) / self.decay_steps, self.alpha)


@dataclass(frozen=True)
class CosineDecayRestarts(LearningRateSchedule):
    """Half cosine waves down, one after another (SGDR, arXiv 1608.03983).

    Arguments:
        initial_learning_rate: at step 0.
        first_decay_steps: steps of the first wave.
        t_mul: how many times as long each wave is as the one before.
        m_mul: how many times as high.
        alpha: where a wave ends, as a share of `initial_learning_rate`.

    Example:
        >>> schedule = CosineDecayRestarts(0.1, 100)
        >>> schedule(100), round(schedule(200), 6)
        (0.1, 0.05)
    """

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0

    def __post_init__(self) -> None:
        self._positive("initial_learning_rate", "first_decay_steps", "m_mul")
        if not self.t_mul >= 1.0:
            raise InputError(f"t_mul must be at least 1, not {self.t_mul!r}", where="CosineDecayRestarts")

    def rate(self, step: float) -> float:
        length, height = float(self.first_decay_steps), 1.0
        if self.t_mul == 1.0:
            waves, step = divmod(step, length)
            height = self.m_mul**waves
        while step >= length:
            step, length, height = step - length, length * self.t_mul, height * self.m_mul
        wave = 0.5 * height * (1.0 + math.cos(math.pi * step / length))
        return self.initial_learning_rate * ((1.0 - self.alpha) * wave + self.alpha)


@dataclass(frozen=True)
class OneCycle(LearningRateSchedule):
    """Up and down once along cosine waves (arXiv 1708.07120), as `torch.optim.lr_scheduler.OneCycleLR`.

    Keras has none. The momentum stays as it is.

    Arguments:
        max_learning_rate: at the top.
        total_steps: steps of the training.
        rising: share of the steps that go up.
        initial_divisor: the top over the start.
        final_divisor: the start over the end.

    Example:
        >>> OneCycle(0.1, 100)(29)
        0.1
    """

    max_learning_rate: float
    total_steps: int
    rising: float = 0.3
    initial_divisor: float = 25.0
    final_divisor: float = 1e4

    def __post_init__(self) -> None:
        self._positive("max_learning_rate", "total_steps", "initial_divisor", "final_divisor")
        if not 0.0 < self.rising < 1.0:
            raise InputError(f"rising must be between 0 and 1, not {self.rising!r}", where="OneCycle")

    def rate(self, step: float) -> float:
        top, last = self.max_learning_rate, self.total_steps - 1.0
        start = top / self.initial_divisor
        peak = self.rising * self.total_steps - 1.0  # counted as PyTorch does
        if step <= peak:
            return start + (top - start) * (1.0 - _wave(step / peak))
        end = start / self.final_divisor
        return end + (top - end) * _wave((min(step, last) - peak) / max(last - peak, 1e-12))


def _wave(done: float, end: float = 0.0) -> float:
    """Half a cosine wave from 1 down to `end`."""
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * done))


SCHEDULES: dict[str, type[LearningRateSchedule]] = {
    each.__name__: each
    for each in (
        ExponentialDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        InverseTimeDecay,
        CosineDecay,
        CosineDecayRestarts,
        OneCycle,
    )
}
