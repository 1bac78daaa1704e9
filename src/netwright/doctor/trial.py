"""Copies of a network that are trained for some steps, to see what it can do; the network stays as it is.

Dropout is off in them, so that what is seen is the network's own; batch statistics are those of the rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from netwright.doctor.case import Case, Rows
from netwright.nn import layers
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.member import Mode
from netwright.nn.trainable import Trainable

BETA1, BETA2, EPSILON = 0.9, 0.99, 1e-8


@dataclass
class Trial:
    """A copy of a case's network in training mode, without dropout.

    Arguments:
        network: the copy.
        moving: 1 where a parameter trains, 0 where not. [P]
    """

    network: Trainable
    moving: Tensor

    def losses(self, rows: Rows) -> Tensor:
        """The mean loss of some rows. [1]"""
        raw, target = rows.led()
        mode = Mode(training=True, generators=[torch.Generator(self.network.flat.device)])
        return self.network.losses(self.network(raw, mode), target)

    @torch.enable_grad()
    def gradient(self, rows: Rows) -> tuple[float, Tensor]:
        """The loss of some rows, and its gradient. [P]"""
        network = self.network
        if isinstance(network, ForeignNetwork):
            network.gradient.zero_()
            loss = self.losses(rows).sum()
            loss.backward()
            return float(loss.detach()), network.gradient[0]
        loss = self.losses(rows).sum()
        (slope,) = torch.autograd.grad(loss, network.flat)
        return float(loss.detach()), slope[0] * self.moving

    def learn(self, rows: Rows, rate: float, steps: int, enough: float) -> tuple[list[float], int]:
        """Some steps of Adam, all rows in each, till the loss is low enough.

        Returns:
            The loss before each step, and the number of steps.
        """
        flat = self.network.flat.detach()[0]
        first, second = torch.zeros_like(flat), torch.zeros_like(flat)
        losses: list[float] = []
        for step in range(1, steps + 1):
            loss, slope = self.gradient(rows)
            losses.append(loss)
            if loss <= enough or not torch.isfinite(slope).all():
                break
            first.lerp_(slope, 1 - BETA1)
            second.lerp_(slope.square(), 1 - BETA2)
            length = rate / (1 - BETA1**step)
            with torch.no_grad():
                flat.addcdiv_(first, (second / (1 - BETA2**step)).sqrt_().add_(EPSILON), value=-length)
        return losses, len(losses)


def trial(case: Case) -> Trial:
    """A copy of a case's network that may be trained."""
    network = case.twin()
    _still(network)
    for owned in getattr(network, "owned", []):
        _still(owned)
    return Trial(network, (network.layout.rates() > 0).to(network.flat))


def _still(root: nn.Module) -> None:
    """Turns dropout off."""
    for part in root.modules():
        if isinstance(part, layers.Dropout):
            part.active = False
        elif isinstance(part, nn.modules.dropout._DropoutNd):
            part.p = 0.0
        elif isinstance(part, nn.RNNBase | nn.MultiheadAttention):
            part.dropout = 0.0
