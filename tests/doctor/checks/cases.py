"""Cases of modules before and after a training, for the tests of checks."""

from __future__ import annotations

from typing import Any

from torch import nn

from netwright import Trainer
from netwright.doctor.case import Case, case_of
from netwright.training.callbacks import Callback, State


class Grab(Callback):
    """Keeps the case before the first step and after the last one."""

    def on_start(self, state: State) -> None:
        self.before = case_of(state.population, 0)

    def on_end(self, state: State) -> None:
        self.after = case_of(state.population, 0)


def cases_for(
    module: nn.Module, loss: Any, x: Any, y: Any, rate: float = 1e-3, **fit: Any
) -> tuple[Case, Case]:
    """The case of a module before and after it is trained."""
    grab = Grab()
    Trainer(module, loss, learning_rate=rate, callbacks=[grab], seed=0).fit(
        x, y, **{"epochs": 1, "validation_split": 0.25, "verbose": 0} | fit
    )
    return grab.before, grab.after


def case_for(
    module: nn.Module, loss: Any, x: Any, y: Any, names: list[str] | None = None, **fit: Any
) -> Case:
    """The case of a module that is about to be trained."""
    before, _ = cases_for(module, loss, x, y, **{"validation_split": 0.2} | fit)
    before.names = names
    return before
