"""Whether a training went badly enough to look for the reason, and small things that these checks share."""

from __future__ import annotations

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.record import Parameter, Record
from netwright.doctor.standing import standing

POINTS = 300


def troubled(case: Case, record: Record) -> bool:
    """Whether the network is worse than simple models, useless, or broke down.

    Raises:
        CannotTellError: as of `standing`.
    """
    if record.stopped == "diverged":
        return True
    stand = standing(case)
    return stand.bad or stand.useless


def kernels(record: Record) -> list[Parameter]:
    """The parameters with inputs and outputs that were looked at; vectors and tiny ones tell little."""
    large = [each for each in record.parameters if each.matrix and each.size >= 8 and len(each.update)]
    return large or [each for each in record.parameters if each.matrix and len(each.update)]


def drawn(values: np.ndarray) -> list[float]:
    """Some of the values, for a plot."""
    if len(values) > POINTS:
        values = values[np.linspace(0, len(values) - 1, POINTS).round().astype(int)]
    return [float(f"{value:.5g}") for value in values if np.isfinite(value)]


def marked(case: Case, marks: np.ndarray | float) -> str:
    """Marks of rows in words, as of `Case.marks`: R² of numbers, and of others how many are right."""
    mean = float(np.mean(marks))
    return f"R² {mean:.2f}" if case.task == "numbers" else f"{100 * mean:.1f} % right"
