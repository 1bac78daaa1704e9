"""Optimisers of flat parameters [M, P]: a handful of operations whatever the number of layers.

Each member has its own learning rate, weight decay and betas. Every step equals that of `torch.optim`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 1e-8
RMSPROP_SMOOTHING = 0.99


@dataclass
class Settings:
    """What may differ between members. Each [M, 1] float32.

    Arguments:
        weight_decay: decoupled from the gradient for adamw, added to it otherwise.
        beta1, beta2: of adam and adamw.
        momentum: of sgd and rmsprop.
        nesterov: of sgd; the same for all members.
    """

    weight_decay: Tensor
    beta1: Tensor
    beta2: Tensor
    momentum: Tensor
    nesterov: bool = False


class Optimizer:
    """One optimiser for all members.

    Arguments:
        name: adamw, adam, sgd or rmsprop.
        flat: the parameters. [M, P]
        settings: of each member.
        rates: each parameter's factor on the learning rate. [P]
        decays: 1 where weight decay applies. [P]
    """

    def __init__(self, name: str, flat: Tensor, settings: Settings, rates: Tensor, decays: Tensor) -> None:
        self.name, self.flat, self.settings = name, flat, settings
        self.rates = rates[None]
        self.decay = settings.weight_decay * decays  # [M, P]
        self.steps = torch.zeros(flat.shape[0], 1, device=flat.device)
        slots = {"adamw": 2, "adam": 2, "sgd": 1, "rmsprop": 2}[name]
        self.state = [torch.zeros_like(flat) for _ in range(slots)]

    @torch.no_grad()
    def step(self, gradient: Tensor, rate: Tensor, active: Tensor | None = None) -> None:
        """Moves the parameters of the active members.

        Arguments:
            gradient: [M, P]
            rate: learning rate of each member in this step. [M, 1]
            active: which members move; all when None. [M] bool
        """
        if active is None:
            self._move(self.flat, gradient, rate, self.state, self.steps, slice(None))
            return
        rows = torch.nonzero(active).flatten()
        parts = [self.flat[rows], gradient[rows], rate[rows]]
        state, steps = [slot[rows] for slot in self.state], self.steps[rows]
        self._move(parts[0], parts[1], parts[2], state, steps, rows)
        self.flat[rows] = parts[0]
        self.steps[rows] = steps
        for slot, part in zip(self.state, state, strict=True):
            slot[rows] = part

    def _move(
        self,
        flat: Tensor,
        gradient: Tensor,
        rate: Tensor,
        state: list[Tensor],
        steps: Tensor,
        rows: slice | Tensor,
    ) -> None:
        steps += 1
        rate = rate * self.rates  # [M, P]
        decay = self.decay[rows]
        if self.name == "adamw":
            flat.mul_(1.0 - rate * decay)
        else:
            gradient = gradient + decay * flat
        if self.name in ("adamw", "adam"):
            self._adam(flat, gradient, rate, state, steps, rows)
        elif self.name == "sgd":
            self._sgd(flat, gradient, rate, state[0], rows)
        else:
            self._rmsprop(flat, gradient, rate, state, rows)

    def _adam(
        self,
        flat: Tensor,
        gradient: Tensor,
        rate: Tensor,
        state: list[Tensor],
        steps: Tensor,
        rows: slice | Tensor,
    ) -> None:
        """Kingma and Ba, arXiv 1412.6980; decoupled decay: Loshchilov and Hutter, arXiv 1711.05101."""
        beta1, beta2 = self.settings.beta1[rows], self.settings.beta2[rows]
        mean, square = state
        mean.lerp_(gradient, (1.0 - beta1).expand_as(gradient))
        square.mul_(beta2).add_(gradient.square() * (1.0 - beta2))
        correction = torch.sqrt(1.0 - beta2**steps)
        flat.addcdiv_(
            mean * (rate / (1.0 - beta1**steps)), square.sqrt().div_(correction).add_(EPSILON), value=-1.0
        )

    def _sgd(
        self, flat: Tensor, gradient: Tensor, rate: Tensor, velocity: Tensor, rows: slice | Tensor
    ) -> None:
        momentum = self.settings.momentum[rows]
        velocity.mul_(momentum).add_(gradient)
        direction = gradient + momentum * velocity if self.settings.nesterov else velocity
        flat.sub_(rate * direction)

    def _rmsprop(
        self, flat: Tensor, gradient: Tensor, rate: Tensor, state: list[Tensor], rows: slice | Tensor
    ) -> None:
        square, velocity = state
        square.mul_(RMSPROP_SMOOTHING).addcmul_(gradient, gradient, value=1.0 - RMSPROP_SMOOTHING)
        velocity.mul_(self.settings.momentum[rows]).add_(gradient / (square.sqrt() + EPSILON))
        flat.sub_(rate * velocity)


def clip_norm(gradient: Tensor, most: Tensor) -> None:
    """Shortens each member's gradient [M, P] to a norm of at most `most` [M, 1], in place."""
    norm = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
    gradient.mul_((most / (norm + 1e-6)).clamp(max=1.0))
