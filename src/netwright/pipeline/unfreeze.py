"""Opens networks from elsewhere for training, layer by layer, once what lies above has learnt something."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from netwright.encoders.pretrained import PretrainedEncoder, name_of
from netwright.nn.network import Network
from netwright.training.callbacks import Callback, State

HEAD_SHARE = 0.25  # of the epochs in which only what lies above a pretrained network learns
OPENED_BY = 0.75  # share of the epochs after which all is open (gradual)
SETTLED = 0.01
"""difference from its rate from which on a layer that was opened late learns as all others do"""


class Unfreeze(Callback):
    """Sets how much of each pretrained network learns, epoch by epoch; does nothing where there is none.

    An optimiser such as Adam divides by the root of a mean of squares that starts at 0, and corrects for that
    by the steps since the training began. A layer that begins much later would make steps several times too
    large; its rate is changed by just that factor while it lasts.
    """

    remembers = ("began", "open", "rates")

    def __init__(self) -> None:
        self.began: dict[tuple[int, int], int] = {}  # (encoder, group): the step at which it was opened
        self.open: set[tuple[int, int]] = set()  # those that are still settling
        self.rates: Tensor | None = None  # the optimiser's, once they are not those that were declared

    def remembered(self) -> dict[str, Any]:
        began = [[*key, step] for key, step in self.began.items()]
        return {"began": began, "open": [list(key) for key in sorted(self.open)], "rates": self.rates}

    def remember(self, values: dict[str, Any]) -> None:
        self.began = {(place, group): step for place, group, step in values["began"]}
        self.open = {(place, group) for place, group in values["open"]}
        self.rates = values["rates"]

    def on_epoch_start(self, state: State) -> None:
        rates = state.population.optimizer.rates
        if self.rates is not None and rates is not self.rates and rates.shape == self.rates.shape:
            rates.copy_(self.rates)  # a training is taken up
        for place, part in _parts(state):
            before = opened(part.config.tune, part.groups, state.epoch - 1, state.epochs)
            before = before if state.epoch > 1 else part.groups
            part.opened = opened(part.config.tune, part.groups, state.epoch, state.epochs)
            for group in range(part.groups - part.opened, part.groups):
                if state.epoch > 1 and group < part.groups - before:
                    self.began[place, group] = state.step
                    self.open.add((place, group))
        self._set_rates(state)

    def on_step(self, state: State) -> None:
        if self.open:
            self._set_rates(state)

    def _set_rates(self, state: State) -> None:
        optimizer: Any = state.population.optimizer
        if not self.open or optimizer.rates is None or optimizer.name not in ("adam", "adamw"):
            self.open.clear()
            return
        self.rates = optimizer.rates
        settings = optimizer.settings
        betas = [float(_first(each)) for each in (settings.beta1, settings.beta2)]
        parts = dict(_parts(state))
        for key in list(self.open):
            place, group = key
            factor = correction(state.step - self.began[key] + 1, state.step + 1, *betas)
            part = parts[place]
            for each in state.population.network.layout.places:
                if each.layer is part and part.network.group[name_of(each.attribute)] == group:
                    rate = each.declared.rate * factor
                    optimizer.rates[:, each.start : each.start + each.declared.size] = rate
            if abs(factor - 1.0) < SETTLED:
                self.open.discard(key)


def opened(tune: str, groups: int, epoch: int, epochs: int) -> int:
    """How many groups learn in an epoch, from the top.

    Arguments:
        tune: frozen, head_first, gradual or full.
        groups: how many there are.
        epoch: from 1.
        epochs: planned.

    Example:
        >>> [opened("gradual", 4, epoch, 10) for epoch in range(1, 11)]
        [0, 0, 0, 1, 2, 3, 4, 4, 4, 4]
        >>> [opened("head_first", 4, epoch, 4) for epoch in range(1, 5)]
        [0, 4, 4, 4]
    """
    if tune in ("frozen", "full"):
        return 0 if tune == "frozen" else groups
    first = max(1, math.ceil(HEAD_SHARE * epochs))  # epochs of the head alone
    if epoch <= first:
        return 0
    if tune == "head_first":
        return groups
    slices = max(1, round(OPENED_BY * epochs) - first)
    return min(groups, math.ceil((epoch - first) * groups / slices))


def correction(own: int, total: int, beta1: float, beta2: float) -> float:
    """What the rate is multiplied by, so that a parameter's step is what it were if Adam had begun with it.

    Arguments:
        own: steps since the parameter began to learn.
        total: steps that the optimiser counts.
        beta1, beta2: Adam's.

    Example:
        >>> correction(5, 5, 0.9, 0.999)
        1.0
        >>> round(correction(1, 1_000_000, 0.9, 0.999), 3)
        0.316
    """
    first = (1 - beta1**total) / (1 - beta1**own)
    second = (1 - beta2**total) / (1 - beta2**own)
    return first / math.sqrt(second)


def _parts(state: State) -> list[tuple[int, PretrainedEncoder]]:
    network = state.population.network
    if not isinstance(network, Network):
        return []
    return [
        (place, part)
        for place, part in enumerate(network.encoders.list)
        if isinstance(part, PretrainedEncoder) and not part.frozen
    ]


def _first(value: Any) -> Any:
    return value.flatten()[0] if isinstance(value, Tensor) else value
