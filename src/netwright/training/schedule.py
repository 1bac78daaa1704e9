"""How the learning rate goes over a training: a factor between 0 and 1 for each member's own progress."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

# Each takes the share of the steps done after the warm-up, between 0 and 1.
SCHEDULES: dict[str, Callable[[Tensor], Tensor]] = {
    "constant": torch.ones_like,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + torch.cos(math.pi * done)),
    "step": lambda done: 0.1 ** torch.floor(3.0 * done).clamp(max=2.0),  # a tenth after each third
    "exponential": lambda done: 0.01**done,
}


def factor(schedule: str, step: Tensor, steps: Tensor, warmup: float) -> Tensor:
    """The factor on the learning rate at each member's step.

    Arguments:
        schedule: one of `SCHEDULES`.
        step: steps done so far. [M]
        steps: steps in all. [M]
        warmup: share of the steps in which the factor rises from 0 to 1.

    Returns:
        [M] float32

    Example:
        >>> factor("cosine", torch.tensor([0, 50, 100]), torch.tensor([100, 100, 100]), 0.0)
        tensor([1.0000, 0.5000, 0.0000])
    """
    rising = (warmup * steps).round()
    done = ((step - rising) / (steps - rising).clamp(min=1)).clamp(0.0, 1.0)
    rise = ((step + 1) / rising.clamp(min=1)).clamp(max=1.0)
    return torch.where(step < rising, rise, SCHEDULES[schedule](done)).to(torch.float32)
