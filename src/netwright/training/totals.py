"""Means of rows' scores, summed up batch by batch on the device."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from netwright.nn.trainable import Trainable
from netwright.training.feed import Batch

WAITING = 32  # steps whose outputs wait for their metrics


class Totals:
    """Weighted means of rows' scores, summed up batch by batch on the device."""

    def __init__(self, members: int, device: torch.device) -> None:
        self.sums: dict[str, Tensor] = {}
        self.weights = torch.zeros(members, device=device, dtype=torch.float64)

    @torch.no_grad()
    def add(self, scores: dict[str, Tensor], batch: Batch) -> None:
        """Scores [M, B] or [M, B, S] of a batch."""
        weight = batch.weight
        rows = next(iter(scores.values()))
        self.weights += rows.shape[1] if weight is None else weight.sum(1)
        for name, values in scores.items():
            if weight is not None:
                values = values * (weight if values.dim() == 2 else weight[..., None])
            total = values.sum(1, dtype=torch.float64)
            self.sums[name] = self.sums[name] + total if name in self.sums else total

    def means(self) -> dict[str, Tensor]:
        """Each [M] or [M, S]"""
        counts = self.weights.clamp(min=1e-12)
        return {name: total / counts.view(-1, *[1] * (total.dim() - 1)) for name, total in self.sums.items()}


class Watched:
    """Metrics of the training batches. Outputs wait until there are many: one computation serves them all."""

    def __init__(self, network: Trainable, device: torch.device) -> None:
        self.network, self.waiting = network, []
        self.sums = Totals(network.members, device)

    waiting: list[tuple[Any, Batch]]

    def add(self, output: Any, batch: Batch) -> None:
        """What a step gave."""
        self.waiting.append((output, batch))
        if len(self.waiting) >= WAITING:
            self._count()

    def totals(self) -> Totals:
        """The sums over all steps so far."""
        self._count()
        return self.sums

    @torch.no_grad()
    def _count(self) -> None:
        for _, group in groupby(self.waiting, key=_form):
            steps = list(group)
            batches = [batch for _, batch in steps]
            target = _joined([batch.target for batch in batches])
            weights = [batch.weight for batch in batches if batch.weight is not None]
            batch = Batch({}, target, torch.cat(weights, 1) if weights else None)
            self.sums.add(self.network.scores(_joined([output for output, _ in steps]), target), batch)
        self.waiting = []


def _form(step: tuple[Any, Batch]) -> tuple[Any, bool]:
    """What steps have in common whose outputs fit into one tensor."""
    output, batch = step
    first = output[0] if isinstance(output, list | tuple) else output
    return first.shape[2:], batch.weight is None


def _joined(parts: list[Any]) -> Any:
    """Several steps' tensors (or lists, or dictionaries of tensors) as one. [M, B, ...]"""
    first = parts[0]
    if isinstance(first, dict):
        return {name: torch.cat([part[name] for part in parts], 1) for name in first}
    if isinstance(first, list | tuple):
        return [torch.cat([part[place] for part in parts], 1) for place in range(len(first))]
    return torch.cat(parts, 1)
