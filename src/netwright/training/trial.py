"""What a few steps tell, without a trace: the network and its optimiser are left as they were."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from netwright.training.population import Population

STEPS = 24
WORSE = 0.02  # a loss that is higher by this share is another loss


@contextmanager
def without_trace(population: Population) -> Iterator[None]:
    """Puts weights, statistics, optimiser, averages and PyTorch's randomness back at the end.

    Arguments:
        population: ready to train (its optimiser is there).
    """
    network, optimizer = population.network, population.optimizer
    assert optimizer is not None
    live = [network.flat.detach(), *network.live()]
    kept = [each.clone() for each in live]
    remembered = optimizer.state_dict()
    averages = [part for part in (population.average, getattr(population.clip, "percentile", None)) if part]
    averaged = [part.state_dict() for part in averages]
    told = network.tell_losses
    try:
        with torch.random.fork_rng([population.device] if population.device.type == "cuda" else []):
            yield
    finally:
        network.tell_losses = told
        with torch.no_grad():
            for now, before in zip(live, kept, strict=True):
                now.copy_(before)
        optimizer.load_state_dict(remembered)
        for part, state in zip(averages, averaged, strict=True):
            part.load_state_dict(state)


def agreed_precision(population: Population) -> str:
    """ "bfloat16" where some steps from the same start, on the same rows, lose no more than in float32.

    Time has no part in it, so that the same training gets the same answer each time.

    Arguments:
        population: ready to train (its optimiser is there); trains in the precision found from here on.
    """
    config, means = population.config, {}
    for precision in ("float32", "bfloat16"):
        population.config = config.model_copy(update={"precision": precision})
        with without_trace(population):
            means[precision] = _mean_loss(population)
    alike = means["bfloat16"] <= means["float32"] * (1.0 + WORSE)  # False for NaN
    found = "bfloat16" if alike else "float32"
    population.config = config.model_copy(update={"precision": found})
    return found


@torch.no_grad()
@np.errstate(all="ignore")
def _mean_loss(population: Population) -> float:
    """Over the second half of the steps, in which the network has learnt something."""
    population.network.tell_losses = True
    losses = []
    for epoch in range(1, STEPS + 1):
        mode = population._draw_anew(population.past + epoch)
        for batch in population.feed.epoch(population.past + epoch):
            losses.append(population._step(batch, population.rate, mode).losses.mean())
            if len(losses) == STEPS:
                return float(torch.stack(losses[STEPS // 2 :]).mean())
    return math.nan
