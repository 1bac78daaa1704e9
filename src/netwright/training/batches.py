"""Which rows each member sees in each step. A ragged last batch is filled up and masked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from torch import Tensor

from netwright.training.randomness import balanced_order, order


class Batches:
    """Batches of row numbers [M, B] and which of them are real [M, B] (1 or 0, float32).

    Arguments:
        rows: row numbers of each member. M tensors [n] int64
        seeds: of each member's order.
        size: B.
        device: where the batches are used.
        shuffle: whether the order is drawn anew in each epoch.
        classes: codes of the rows of members that see all classes equally often; None for the others.
    """

    def __init__(
        self,
        rows: list[Tensor],
        seeds: list[int],
        size: int,
        device: torch.device,
        *,
        shuffle: bool = True,
        classes: list[Tensor | None] | None = None,
    ) -> None:
        self.member_rows, self.seeds, self.size, self.device = rows, seeds, size, device
        self.shuffle, self.classes = shuffle, classes or [None] * len(rows)
        counts = torch.tensor([len(each) for each in rows])
        self.steps = -(-counts // size)  # steps of each member in an epoch. [M]
        self.passes = int(self.steps.max())  # steps of the population in an epoch
        self.ragged = bool((self.steps != self.passes).any())
        self.rows = int(counts.sum())
        self.full = int(counts.min()) // size  # steps in which every row of every member is real

    @classmethod
    def shared(cls, rows: list[Tensor], device: torch.device) -> Batches:
        """All rows in their own order, for validation."""
        return cls(rows, [0] * len(rows), max(1, *(len(each) for each in rows)), device)

    def epoch(self, epoch: int, steps: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of one epoch, those of so many steps side by side. Each [M, steps * B]"""
        rows = self.member_rows
        if self.shuffle:
            of = cache(lambda seed, count: order(seed, epoch, count))  # trials may share seeds
            rows = [
                each[of(seed, len(each)) if codes is None else balanced_order(seed, epoch, codes)]
                for each, seed, codes in zip(rows, self.seeds, self.classes, strict=True)
            ]
        yield from self._cut(rows, self.passes * self.size, steps * self.size)

    def pieces(self, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """All rows in their own order, `size` at a time."""
        yield from self._cut(self.member_rows, max(len(rows) for rows in self.member_rows), size)

    def _cut(self, rows: list[Tensor], width: int, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        filled = np.zeros((len(rows), width), dtype=np.int64)
        for line, each in zip(filled, rows, strict=True):
            # Filled up with a row of its own: what is in other rows must not matter, not even when it is NaN.
            numbers = each.cpu().numpy()
            line[len(numbers) :] = numbers[0] if len(numbers) else 0
            line[: len(numbers)] = numbers
        counts = torch.tensor([[len(each)] for each in rows])
        real = (torch.arange(width) < counts).float().to(self.device)
        index = torch.from_numpy(filled).to(self.device)
        for start in range(0, width, size):
            yield index[:, start : start + size], real[:, start : start + size]
