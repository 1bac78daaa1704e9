"""Steps of copies of a network, as its own training makes them."""

from __future__ import annotations

import torch
from torch import Tensor

from netwright.doctor.case import Plan, Rows
from netwright.nn.member import Mode
from netwright.nn.trainable import Trainable
from netwright.training.optimizer import Optimizer, Settings


class Steps:
    """Steps with the optimiser, momentum and clipping of a plan; the same random numbers each time.

    Arguments:
        network: the copy, which is changed.
        plan: of the training.
        weight_decay: that of the plan may be left out.
        free: whether frozen parameters move as others do.
    """

    def __init__(
        self, network: Trainable, plan: Plan, weight_decay: float = 0.0, *, free: bool = False
    ) -> None:
        self.network, self.clip = network, plan.clip_norm
        settings = Settings(momentum=plan.momentum, weight_decay=weight_decay, **plan.rule)
        self.optimizer = optimizer_of(network, plan.optimizer, settings, free=free)
        self.mode = Mode(training=True, generators=[torch.Generator(network.flat.device).manual_seed(0)])
        torch.manual_seed(0)

    def make(self, rows: Rows, rate: float, weight: Tensor | None = None) -> None:
        """One step on some rows, with their weights [1, n] where they differ."""
        raw, target = rows.led()
        gradient = self.network.step(raw, target, weight, self.mode).gradient
        if self.clip is not None:
            gradient = gradient * min(1.0, self.clip / max(1e-12, float(gradient.norm())))
        self.optimizer.step(gradient, rate)
        if self.network.constrained:
            self.network.constrain()


def optimizer_of(network: Trainable, name: str, settings: Settings, *, free: bool = False) -> Optimizer:
    """An optimiser by name for a copy, with the rates and decays of its parameters; those of frozen ones are
    as of others where all are free."""
    flat, layout = network.flat.detach(), network.layout
    rates = layout.rates()
    if free:
        rates = rates.where(rates > 0, torch.ones_like(rates))
    return Optimizer(name, flat, settings, rates.to(flat.device), layout.decays().to(flat.device))
