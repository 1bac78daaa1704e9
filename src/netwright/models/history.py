"""What `fit` gives back: the figures of each epoch, as in Keras."""

from __future__ import annotations

from typing import Any

from netwright.training.callbacks import Callback, State


class History(Callback):
    """The figures of each epoch.

    Attributes:
        history: {"loss": [...], "accuracy": [...], "val_loss": [...], ...}, a value for each epoch.
        epoch: numbers of the epochs, from 0.
        rates: the learning rate at the end of each epoch.
        params: epochs and steps, as Keras has them.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self.rates: list[float] = []
        self.params: dict[str, Any] = {}

    def on_start(self, state: State) -> None:
        self.params = {"epochs": state.epochs, "steps": state.steps // max(1, state.epochs)}

    def on_epoch(self, state: State) -> None:
        self.epoch.append(state.past + state.epoch - 1)
        self.rates.append(state.rows[0]["learning_rate"])
        for name, value in logs(state.rows[0]).items():
            self.history.setdefault(name, []).append(value)

    def plot(self) -> Any:
        """The curves as a matplotlib figure: the loss, and a panel for each metric."""
        from netwright.report.histories import curves

        return curves(self.history)


def logs(row: dict[str, Any]) -> dict[str, float]:
    """A row of the engine's history under Keras's names: loss, accuracy, val_loss, val_accuracy.

    Example:
        >>> logs({"epoch": 1, "train_loss": 0.5, "train_accuracy": 0.9, "validation_loss": 0.6})
        {'accuracy': 0.9, 'loss': 0.5, 'val_loss': 0.6}
    """
    trained = {name.removeprefix("train_"): value for name, value in row.items() if name.startswith("train_")}
    judged = {
        "val_" + name.removeprefix("validation_"): value
        for name, value in row.items()
        if name.startswith("validation_")
    }
    return dict(sorted(trained.items())) | dict(sorted(judged.items()))
