"""The learning-rate range test: which rates a network learns at, by a short training with rising rates."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from netwright.errors import InputError
from netwright.training.population import Population
from netwright.training.trial import without_trace

SMOOTHING = 0.95
WORSE = 4.0  # the test ends where the smoothed loss is so many times its best


@dataclass
class RateTest:
    """What a range test saw.

    Arguments:
        rates: learning rate of each step.
        losses: loss of each step, before it.
        smoothed: its moving average.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]

    @property
    def steepest(self) -> float:
        """Where the smoothed loss falls fastest by the logarithm of the rate."""
        curve = torch.tensor(self.smoothed, dtype=torch.float64)
        logs = torch.tensor(self.rates, dtype=torch.float64).log()
        skip = min(len(curve) // 10, 10)  # an average of a few steps means little
        (slope,) = torch.gradient(curve, spacing=(logs,))
        return self.rates[skip + int(slope[skip:].argmin())]

    @property
    def lowest(self) -> float:
        """Where the smoothed loss is lowest."""
        return self.rates[min(range(len(self.smoothed)), key=self.smoothed.__getitem__)]

    @property
    def suggestion(self) -> float:
        """The steepest point, but no more than a tenth of the lowest point's rate."""
        return min(self.steepest, self.lowest / 10.0)

    def plot(self) -> Any:
        """Loss by learning rate as a matplotlib figure, which a notebook shows."""
        from netwright.report.canvas import INK, SERIES, legend, name, panels

        figure, (axes,) = panels(6.0, 3.2, top=0.14)
        axes.plot(self.rates, self.losses, color=SERIES[0], alpha=0.35, linewidth=0.8, label="each step")
        axes.plot(self.rates, self.smoothed, color=SERIES[0], linewidth=1.8, label="smoothed")
        words = f"suggestion {self.suggestion:.2g}"
        axes.axvline(self.suggestion, linestyle=(0, (3, 2)), color=INK, linewidth=1.0, label=words)
        axes.set_xscale("log")
        top, low = self.smoothed[0], min(self.smoothed)
        axes.set_ylim(low - 0.1 * abs(top - low), max(top, low) + 0.5 * abs(top - low) + 1e-12)
        name(axes, "", "learning rate", "loss")
        legend(axes)
        return figure


def find_rate(population: Population, low: float = 1e-7, high: float = 10.0, steps: int = 200) -> RateTest:
    """A range test (Smith, arXiv 1506.01186): rates rise exponentially until the loss runs away.

    The network, the optimiser and PyTorch's randomness are left as they were.

    Arguments:
        population: ready to train (its optimiser is there).
        low, high: the first and the last rate.
        steps: from one to the other.

    Raises:
        InputError: rates or steps that make no test, or a loss that is no number at the lowest rate already.
    """
    if not 0 < low < high < math.inf or steps < 10:
        raise InputError(
            f"a range test from {low} to {high} in {steps} steps cannot be made",
            hint="0 < low < high, and at least 10 steps",
        )
    with without_trace(population), np.errstate(all="ignore"):
        return _test(population, [low * (high / low) ** (n / (steps - 1)) for n in range(steps)])


def _test(population: Population, rates: list[float]) -> RateTest:
    seen = RateTest([], [], [])
    average, best, epoch, batches = 0.0, math.inf, 0, iter(())
    mode = population._draw_anew(0)
    population.network.tell_losses = True  # a training before may have had no need of them
    for count, rate in enumerate(rates, 1):
        batch = next(batches, None)
        if batch is None:
            epoch += 1
            mode = population._draw_anew(epoch)
            batches = population.feed.epoch(epoch)
            batch = next(batches)
        loss = float(population._step(batch, rate, mode).losses.mean())
        if not math.isfinite(loss):
            break
        average = SMOOTHING * average + (1.0 - SMOOTHING) * loss
        smoothed = average / (1.0 - SMOOTHING**count)
        seen.rates.append(rate)
        seen.losses.append(loss)
        seen.smoothed.append(smoothed)
        best = min(best, smoothed)
        if smoothed > WORSE * best and best > 0:
            break
    if len(seen.rates) < 3:
        raise InputError(
            f"the loss is not a finite number at a learning rate of {rates[len(seen.rates)]:.2g} already",
            hint="look for NaN and very large numbers in the data",
        )
    return seen
