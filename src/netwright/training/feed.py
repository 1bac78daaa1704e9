"""What the training loop is fed with: batches with their tensors, on the device."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from netwright.data.dataset import Dataset
from netwright.training.batches import Batches

FAR_BYTES = 2_000_000_000  # sets beyond it may lie on a disk, or far from each other in memory
CHUNK_BYTES = 32_000_000  # gathered at a time: far fewer operations than a gather for each step


@dataclass(slots=True)
class Batch:
    """One step's rows of all members.

    Arguments:
        raw: raw tensors by name. Each [M, B, ...]
        target: [M, B, ...], or several by name.
        weight: of each row; None when all weigh 1. [M, B]
        rows: which rows are real, 1 or 0; None when all are. [M, B]
        active: which members have rows; None when all have. [M] bool
    """

    raw: dict[str, Tensor]
    target: Any
    weight: Tensor | None = None
    rows: Tensor | None = None
    active: Tensor | None = None


class Feed:
    """Base of all feeds. `epoch` gives the batches of an epoch, the same ones whenever it is asked.

    Attributes:
        steps: steps of each member in an epoch. [M]
        passes: steps of the population in an epoch.
        rows: rows of all members; 0 when there is nothing.
    """

    steps: Tensor
    passes: int
    rows: int
    generators: Sequence[torch.Generator] = ()
    """randomness of its own, which a checkpoint keeps"""

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, shuffled."""
        raise NotImplementedError

    def pieces(self, size: int) -> Iterator[Batch]:
        """All rows once, in their own order, about `size` at a time."""
        raise NotImplementedError

    def member_steps(self, step: int | Tensor) -> Tensor:
        """Steps that each member has done after `step` steps of the population. [M], or [S, M] for [S, 1]"""
        return step // self.passes * self.steps + self.done_in_epoch(step % self.passes)

    def done_in_epoch(self, inside: int | Tensor) -> Tensor:
        """Steps that each member has done after `inside` steps of an epoch. [M], or [S, M] for [S, 1]"""
        return torch.minimum(self.steps, torch.as_tensor(inside))


class ResidentFeed(Feed):
    """Batches gathered from data that lies on the device, some steps at a time.

    Arguments:
        data: raw tensors, targets and weights of all rows.
        rows: row numbers of each member. M tensors [n] int64
        seeds: of each member's order.
        size: B.
        known: which rows have a target; None when all have. [N]
        shuffle: whether the order is drawn anew in each epoch.
        cut: whether the last batch of a single member is short, where it is else filled up and masked.
        classes: codes of the rows of members that see all classes equally often; None for the others.
    """

    def __init__(
        self,
        data: Dataset,
        rows: list[Tensor],
        seeds: list[int],
        size: int,
        *,
        known: Tensor | None = None,
        shuffle: bool = True,
        cut: bool = False,
        classes: list[Tensor | None] | None = None,
    ) -> None:
        self.data, self.cut = data, cut and len(rows) == 1
        self.batches = Batches(rows, seeds, size, data.weight.device, shuffle=shuffle, classes=classes)
        self.steps, self.passes, self.rows = self.batches.steps, self.batches.passes, self.batches.rows
        self.given = (seeds, size, known, shuffle)
        weight = data.weight if known is None else data.weight * known
        self.weight = None if bool((weight == 1).all()) else weight  # [N]

    def select(self, places: list[int]) -> ResidentFeed:
        """The batches of some of the members."""
        seeds, size, known, shuffle = self.given
        rows = [self.batches.member_rows[place] for place in places]
        chosen = [seeds[place] for place in places]
        classes = [self.batches.classes[place] for place in places]
        return ResidentFeed(
            self.data, rows, chosen, size, known=known, shuffle=shuffle, cut=self.cut, classes=classes
        )

    def epoch(self, epoch: int) -> Iterator[Batch]:
        size, place = self.batches.size, 0
        group = max(1, min(self.passes, CHUNK_BYTES // max(1, self._row_bytes() * size * len(self.steps))))
        chunks = self._chunks(epoch, group)
        for chunk in ahead(chunks) if self._bytes() > FAR_BYTES else chunks:
            for batch in self._steps(chunk, place):
                yield batch
                place += 1

    def _chunks(self, epoch: int, group: int) -> Iterator[Batch]:
        """The rows of `group` steps at a time."""
        size = self.batches.size
        for place, (index, real) in enumerate(self.batches.epoch(epoch, group)):
            first = place * group
            if self.cut:  # nothing is filled up
                index, real = (each[:, : self.rows - first * size] for each in (index, real))
            full = self.cut or first + group <= self.batches.full
            yield self._gather(index, None if full else real)

    def pieces(self, size: int) -> Iterator[Batch]:
        for index, real in self.batches.pieces(size):
            yield self._gather(index, real)

    def _gather(self, index: Tensor, real: Tensor | None) -> Batch:
        """The rows numbered by `index` [M, n]."""
        weight = real
        if self.weight is not None:
            weight = self.weight[index] if real is None else self.weight[index] * real
        raw = {name: take(tensor, index) for name, tensor in self.data.raw.items()}
        return Batch(raw, take(self.data.target, index), weight, real)

    def _steps(self, chunk: Batch, first: int) -> Iterator[Batch]:
        """The batches of several steps, from the step `first` on."""
        size = self.batches.size
        raw, target = _split(chunk.raw, size), _split(chunk.target, size)
        weight, rows = (
            repeat(None) if each is None else each.split(size, 1) for each in (chunk.weight, chunk.rows)
        )
        for place, (x, y, w, real) in enumerate(zip(raw, target, weight, rows, strict=False), first):
            full, active = self.cut or place < self.batches.full, None
            if self.batches.ragged and place >= int(self.steps.min()):
                active = (self.steps > place).to(self.batches.device)
            if full:
                real = None
                if self.weight is None:
                    w = None
            yield Batch(x, y, w, real, active)

    def _bytes(self) -> int:
        """Bytes that lie behind the raw tensors; windows of a series share theirs."""
        return sum(tensor.untyped_storage().nbytes() for tensor in self.data.raw.values())

    def _row_bytes(self) -> int:
        tensors = [*self.data.raw.values(), *_parts(self.data.target)]
        return sum(tensor.element_size() * tensor[:1].numel() for tensor in tensors)


def ahead(items: Iterator[Batch]) -> Iterator[Batch]:
    """The same, each made in a thread while the one before is used: its rows may have to come from a disk."""
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, items, None)
        while (item := waiting.result()) is not None:
            waiting = thread.submit(next, items, None)
            yield item


def take(tensors: Any, index: Tensor) -> Any:
    """Rows [M, n] of a tensor [N, ...], or of each of several by name."""
    if isinstance(tensors, dict):
        return {name: take(tensor, index) for name, tensor in tensors.items()}
    return tensors.index_select(0, index.flatten()).view(*index.shape, *tensors.shape[1:])


def _split(tensors: Any, size: int) -> Iterable[Any]:
    """Pieces of so many rows of a tensor [M, n, ...], or of each of several by name."""
    if not isinstance(tensors, dict):
        return tensors.split(size, 1)
    parts = zip(*(tensor.split(size, 1) for tensor in tensors.values()), strict=True)
    return (dict(zip(tensors, part, strict=True)) for part in parts)


def _parts(tensors: Any) -> list[Tensor]:
    return list(tensors.values()) if isinstance(tensors, dict) else [tensors]
