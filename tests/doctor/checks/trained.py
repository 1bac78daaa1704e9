"""Small trainings with or without a fault, and what was recorded of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from netwright import Trainer
from netwright.doctor.case import Case, case_of, untouched
from netwright.doctor.checks.learning import not_learning
from netwright.doctor.checks.rates import oscillating_loss, rate_too_high, rate_too_low, slow_convergence
from netwright.doctor.checks.regularisation import over_regularised
from netwright.doctor.checks.units import dead_units, saturated_units, vanishing_gradient
from netwright.doctor.diagnosis import Diagnosis, ranked
from netwright.doctor.examine import gated
from netwright.doctor.monitor import Monitor
from netwright.doctor.record import Record
from netwright.training.callbacks import Callback, State

CHECKS = (
    *(rate_too_high, rate_too_low, slow_convergence, oscillating_loss),
    *(dead_units, saturated_units, vanishing_gradient, over_regularised, not_learning),
)
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(300, 8)).astype("float32")
PULL = RANDOM.normal(size=(8, 3))
CLASSES = (X @ PULL).argmax(1)
NUMBERS = (X @ PULL[:, :1] / 3 + 0.1 * RANDOM.normal(size=(300, 1))).astype("float32")


class Kept(Monitor):
    """Keeps the case of the end beside the record."""

    def on_end(self, state: State) -> None:
        super().on_end(state)
        self.case = case_of(state.population)


class Meddler(Callback):
    """Does something to each gradient, unseen."""

    def __init__(self, change: Callable[[torch.Tensor], None]) -> None:
        self.change = change

    def gradient_hook(self) -> Callable[[State], None]:
        return lambda state: self.change(state.gradient)


def mlp(
    *,
    widths: Sequence[int] = (24, 24),
    activation: type[nn.Module] = nn.ReLU,
    outputs: int = 3,
    dropout: float = 0.0,
    start: Callable[[nn.Linear], object] | None = None,
) -> nn.Sequential:
    torch.manual_seed(1)
    parts: list[nn.Module] = []
    before = X.shape[1]
    for width in widths:
        parts += [nn.Linear(before, width), activation(), *([nn.Dropout(dropout)] if dropout else [])]
        before = width
    network = nn.Sequential(*parts, nn.Linear(before, outputs))
    for layer in network if start else ():
        if isinstance(layer, nn.Linear) and start:
            start(layer)
    return network


def trained(
    network: nn.Module | None = None,
    optimizer: Any = "adam",
    rate: float | None = 3e-3,
    *,
    y: np.ndarray = CLASSES,
    loss: Any = None,
    epochs: int = 15,
    batch: int = 16,
    callbacks: Sequence[Callback] = (),
    schedule: str = "constant",
) -> tuple[Case, Record]:
    """What is left of a training: the first 200 rows train it."""
    network = network or mlp(outputs=1 if y is NUMBERS else 3)
    kept = Kept()
    trainer = Trainer(
        network,
        loss or ("sparse_categorical_crossentropy" if y.dtype.kind == "i" else "mse"),
        optimizer,
        rate,
        callbacks=[*callbacks, kept],
        schedule=schedule,
        seed=0,
    )
    fit = {"epochs": epochs, "batch_size": batch, "verbose": 0}
    trainer.fit(X[:200], y[:200], validation_data=(X[200:], y[200:]), **fit)
    return kept.case, kept.records[0]


def seen(case: Case, record: Record) -> list[Diagnosis]:
    """What these checks say, what to begin with first."""
    with untouched():
        found = [each for check in CHECKS for each in check(case, record)]
    return ranked([gated(each, case, record) for each in found])
