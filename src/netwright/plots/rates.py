"""The learning rate as a curve over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netwright.errors import InputError
from netwright.report.canvas import SERIES, name, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def schedule(rate: Any, steps: int) -> Figure:
    """The learning rate of each step.

    Arguments:
        rate: a schedule of `netwright.schedules`, an optimiser, or a number.
        steps: how many are shown: rows / batch size, times the epochs.

    Example:
        >>> import netwright as nw
        >>> figure = schedule(nw.optimizers.Adam(nw.schedules.CosineDecay(1e-2, 1000)), steps=1200)
    """
    import torch

    if steps < 1:
        raise InputError(f"steps is {steps!r}", where="schedule", hint="give a whole number from 1 on")
    rate = getattr(rate, "learning_rate", rate)
    numbers = torch.arange(steps, dtype=torch.float32)
    rates = torch.as_tensor(rate(numbers) if callable(rate) else rate).expand(steps)
    figure, (axes,) = panels(5.4, 2.8, top=0.14, left=0.8)
    axes.plot(numbers.numpy(), rates.numpy(), color=SERIES[0], linewidth=1.6)
    axes.set_ylim(bottom=0.0, top=1.05 * float(rates.max()) or 1.0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
    name(axes, "", "step", "learning rate")
    return figure
