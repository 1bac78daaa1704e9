"""How the learning rate goes over a training: a factor for each member's own progress, seldom above 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# From the share of the steps after the warm-up that are done, 0 to 1, to the factor.
Curve = Callable[[Tensor], Tensor]


def staircase(shares: Sequence[float], factors: Sequence[float]) -> Curve:
    """`factors[i]` until the share `shares[i]` is done; one factor more than shares."""
    edges, values = torch.tensor(shares), torch.tensor(factors)

    def curve(done: Tensor) -> Tensor:
        place = torch.bucketize(done.float(), edges.to(done.device), right=True)
        return values.to(done.device)[place]

    return curve


def exponential(end: float = 0.01) -> Curve:
    """By the same ratio from step to step, to `end`."""
    return lambda done: end**done


def polynomial(power: float = 1.0, end: float = 0.0) -> Curve:
    """end + (1 - end) (1 - done)^power"""
    return lambda done: end + (1.0 - end) * (1.0 - done) ** power


def cosine(end: float = 0.0, cycles: int = 1) -> Curve:
    """Half a cosine wave down to `end`, `cycles` times, each from 1 (arXiv 1608.03983)."""

    def curve(done: Tensor) -> Tensor:
        rounds = done * cycles
        part = torch.where(done < 1.0, rounds - rounds.floor(), torch.ones_like(done))
        return end + (1.0 - end) * 0.5 * (1.0 + torch.cos(math.pi * part))

    return curve


def one_cycle(rising: float = 0.3, start: float = 1.0 / 25.0, end: float = 1e-4 / 25.0) -> Curve:
    """From `start` up to 1 in the share `rising`, then down to `end`, each along half a cosine wave.

    Smith and Topin, arXiv 1708.07120, with the usual numbers of `torch.optim.lr_scheduler.OneCycleLR`. The
    momentum stays as it is.
    """

    def curve(done: Tensor) -> Tensor:
        up, down = done / rising, (done - rising) / (1.0 - rising)
        low = torch.where(done < rising, start, end)
        wave = torch.where(done < rising, 1.0 - up, down)
        return low + (1.0 - low) * 0.5 * (1.0 + torch.cos(math.pi * wave))

    return curve


def inverse_sqrt(end: float = 0.1) -> Curve:
    """Falls with the root of the step (arXiv 1706.03762) to `end`: sqrt(w / (w + done)), w as `end` asks."""
    ratio = 1.0 / end**2 - 1.0
    return lambda done: (1.0 + ratio * done) ** -0.5


def coslog(cycles: int = 4) -> Curve:
    """Cosine waves that grow longer and longer, from 0 to 0: coslog4 of RealMLP (arXiv 2407.04491).

    (1 - cos(2 pi log2(1 + (2^cycles - 1) done))) / 2
    """
    return lambda done: 0.5 * (1.0 - torch.cos(2.0 * math.pi * torch.log2(1.0 + (2.0**cycles - 1.0) * done)))


SCHEDULES: dict[str, Curve] = {
    "constant": torch.ones_like,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + torch.cos(math.pi * done)),
    "step": lambda done: 0.1 ** torch.floor(3.0 * done).clamp(max=2.0),  # a tenth after each third
    "exponential": lambda done: 0.01**done,
    "polynomial": polynomial(2.0),
    "cosine restarts": cosine(cycles=3),
    "one-cycle": one_cycle(),
    "inverse sqrt": inverse_sqrt(),
    "coslog4": coslog(4),
}


def factor(schedule: str | Curve, step: Tensor, steps: Tensor, warmup: float) -> Tensor:
    """The factor on the learning rate at each member's step.

    Arguments:
        schedule: one of `SCHEDULES`, or a curve such as `cosine(end=0.1)`.
        step: steps done so far. [M]
        steps: steps in all. [M]
        warmup: share of the steps in which the factor rises from 0 to 1.

    Returns:
        [M] float32

    Example:
        >>> factor("cosine", torch.tensor([0, 50, 100]), torch.tensor([100, 100, 100]), 0.0)
        tensor([1.0000, 0.5000, 0.0000])
    """
    curve = SCHEDULES[schedule] if isinstance(schedule, str) else schedule
    rising = (warmup * steps).round()
    done = ((step - rising) / (steps - rising).clamp(min=1)).clamp(0.0, 1.0)
    rise = ((step + 1) / rising.clamp(min=1)).clamp(max=1.0)
    return torch.where(step < rising, rise, curve(done)).to(torch.float32)


def factors(schedule: str | Curve, steps: Tensor, warmup: float) -> Tensor:
    """The factors of a whole training at once, so that a step only looks its own up.

    Arguments:
        schedule, steps, warmup: see `factor`.

    Returns:
        [S, M] float32, S the most steps that a member takes; a member that is done stays at its last factor.

    Example:
        >>> factors("linear", torch.tensor([4, 2]), 0.0)
        tensor([[1.0000, 1.0000],
                [0.7500, 0.5000],
                [0.5000, 0.0000],
                [0.2500, 0.0000]])
    """
    step = torch.arange(int(steps.max()), device=steps.device)[:, None]
    return factor(schedule, step, steps[None], warmup)
