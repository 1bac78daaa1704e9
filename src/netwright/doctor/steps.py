"""Steps of copies of a network, as its own training makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from netwright.doctor.case import Plan, Rows, seeded
from netwright.nn.member import Mode
from netwright.nn.trainable import Trainable
from netwright.training.optimizer import Optimizer, Settings

LARGE = 1_000_000  # parameters


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
        self.optimizer = optimizer_of(
            network, plan.optimizer, settings, None if free else plan.rates, free=free
        )
        self.mode = Mode(training=True, generators=[torch.Generator(network.flat.device).manual_seed(0)])
        seeded(0)

    def make(self, rows: Rows, rate: float, weight: Tensor | None = None) -> None:
        """One step on some rows, with their weights [1, n] where they differ."""
        raw, target = rows.led()
        gradient = self.network.step(raw, target, weight, self.mode).gradient
        if self.clip is not None:
            gradient = gradient * min(1.0, self.clip / max(1e-12, float(gradient.norm())))
        self.optimizer.step(gradient, rate)
        if self.network.constrained:
            self.network.constrain()


@contextmanager
def few_threads(network: Trainable) -> Iterator[None]:
    """One thread for a network of less than a million parameters, whose steps are too short to be shared out:
    where others compute too, threads wait for each other for most of the time."""
    before = torch.get_num_threads()
    if network.parameter_count < LARGE:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def optimizer_of(
    network: Trainable, name: str, settings: Settings, given: Tensor | None = None, *, free: bool = False
) -> Optimizer:
    """An optimiser by name for a copy, with the rates and decays of its parameters.

    Arguments:
        given: further factors on the rates, see `Plan.rates`. [P]
        free: whether frozen parameters have the rate of others.
    """
    flat, layout = network.flat.detach(), network.layout
    rates = layout.rates() if given is None else layout.rates() * given
    if free:
        rates = rates.where(rates > 0, torch.ones_like(rates))
    return Optimizer(name, flat, settings, rates.to(flat.device), layout.decays().to(flat.device))
