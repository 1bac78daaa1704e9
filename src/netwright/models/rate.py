"""A learning rate that is assigned while a training goes on."""

from __future__ import annotations

from netwright.optimizers import Optimizer
from netwright.schedules import LearningRateSchedule
from netwright.training.callbacks import Callback, State


class AssignedRate(Callback):
    """Takes `optimizer.learning_rate = 1e-4` of a callback of the user's from the next epoch on.

    Arguments:
        optimizer: as compiled.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.seen = optimizer, optimizer.learning_rate

    def on_epoch_start(self, state: State) -> None:
        rate = self.optimizer.learning_rate
        if rate != self.seen and not isinstance(rate, LearningRateSchedule):
            state.rate, state.rate_factor = float(rate), 1.0
            self.seen = rate
