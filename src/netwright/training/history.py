"""What happened in each epoch of each member."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any, Literal

Ending = Literal["all epochs", "early stopping", "time limit", "interrupted", "diverged"]

UNTOLD = {"member", "epoch", "step", "seconds"}


def logs(row: dict[str, Any]) -> dict[str, float]:
    """A row under Keras's names: loss, accuracy, val_loss, val_accuracy, ..., learning_rate.

    Example:
        >>> logs({"member": 0, "epoch": 1, "learning_rate": 0.1, "train_loss": 2.0, "validation_mae": 1.0})
        {'loss': 2.0, 'val_mae': 1.0, 'learning_rate': 0.1}
    """
    found: dict[str, float] = {}
    for name, value in row.items():
        if name.startswith("train_"):
            found[name.removeprefix("train_")] = value
        elif name.startswith("validation_"):
            found[f"val_{name.removeprefix('validation_')}"] = value
        elif name not in UNTOLD and name != "learning_rate":
            found[name] = value
    if "learning_rate" in row:
        found["learning_rate"] = row["learning_rate"]
    return found


@dataclass
class History:
    """A row for each member and epoch, and how the training ended.

    Arguments:
        rows: dictionaries with member, epoch, step, seconds, learning_rate, train_loss, validation_loss and
            validation_<metric>.
        best_epoch: of each member.
        epochs: how many were begun.
        stopped: why training ended.
        stop_step: steps done when it was cut off; None when it ended by itself.
        failure: why it diverged, in words; empty where it did not.
        start: what was kept of the network that it started from; empty when it started from random weights.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: list[int] = field(default_factory=list)
    epochs: int = 0
    stopped: Ending = "all epochs"
    stop_step: int | None = None
    failure: str = ""
    start: dict[str, Any] = field(default_factory=dict)

    def column(self, name: str, member: int = 0) -> list[Any]:
        """One column of one member, epoch by epoch."""
        return [row[name] for row in self.rows if row["member"] == member]

    def to_csv(self) -> str:
        text = io.StringIO()
        names = list(dict.fromkeys(name for row in self.rows for name in row))  # some members tell more
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return text.getvalue()
