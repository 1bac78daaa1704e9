"""Columns of categories and booleans: one-hot when few, an embedding when many."""

from __future__ import annotations

import torch
from torch import Tensor

from netwright.config import CategoryConfig
from netwright.data.schema import Column
from netwright.nn import initial
from netwright.nn.encoders.base import Encoder
from netwright.nn.member import Mode

UNSEEN, MISSING, FIRST = 0, 1, 2  # raw codes; the dictionary's values follow
RARE = 2  # values of fewer training rows share the unseen place of an embedding


class CategoryEncoder(Encoder):
    """Values not seen in the member's training rows share one place, missing ones have another.

    In a one-hot column the unseen place is all zeros. In an embedding it is learnt from values that only one
    training row has, and is zero where there are none.
    """

    raw = "category"
    seen: Tensor
    rare: Tensor
    table: Tensor

    def __init__(
        self, columns: list[Column], places: list[int], config: CategoryConfig, members: int
    ) -> None:
        super().__init__(columns, places, config, members)
        counts = torch.tensor([len(columns[place].categories) + FIRST for place in places])
        self.size = int(config.size)
        few = counts - FIRST <= config.one_hot_up_to
        self.columns = [
            int(count) - 1 if one_hot else self.size for count, one_hot in zip(counts, few, strict=True)
        ]
        self.register_buffer("offset", counts.cumsum(0) - counts, persistent=False)
        self.register_buffer("fewest", torch.where(few, 0, RARE).repeat_interleave(counts), persistent=False)
        self.buffer("seen", int(counts.sum()), dtype=torch.bool)
        self.buffer("rare", len(places), dtype=torch.bool)
        self._place_one_hot(counts, few)
        self._place_embedded(counts, few)
        # Features of each column lie together, in the order of the columns.
        order = torch.cat([torch.nonzero(few).flatten(), torch.nonzero(~few).flatten()])
        self.register_buffer("gather", _gather(order, self.columns), persistent=False)

    offset: Tensor
    fewest: Tensor
    gather: Tensor
    hot_columns: Tensor
    hot_offset: Tensor
    embedded_columns: Tensor
    embedded_offset: Tensor

    def _place_one_hot(self, counts: Tensor, few: Tensor) -> None:
        sizes = counts[few] - 1  # the unseen place has no feature
        self.hot_width = int(sizes.sum())
        self.register_buffer("hot_columns", torch.nonzero(few).flatten(), persistent=False)
        self.register_buffer("hot_offset", sizes.cumsum(0) - sizes, persistent=False)

    def _place_embedded(self, counts: Tensor, few: Tensor) -> None:
        sizes = counts[~few]
        self.embedded_rows = int(sizes.sum())
        self.register_buffer("embedded_columns", torch.nonzero(~few).flatten(), persistent=False)
        self.register_buffer("embedded_offset", sizes.cumsum(0) - sizes, persistent=False)
        if self.embedded_rows:
            self.declare("table", (self.embedded_rows, self.size), initial.normal(0.5))

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        codes = raw[:, self.places].long() + self.offset
        counts = None if weight is None else weight[:, None].expand(codes.shape).flatten()
        found = torch.bincount(codes.flatten(), counts, minlength=self.seen.shape[1])
        self.seen[member] = (found > 0) & (found >= self.fewest)
        self.seen[member, self.offset] = False
        self.rare[member] = ~self.seen[member][codes].all(0)

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        codes = raw[..., self.places].long()  # [M, B, C]
        members, rows, _ = codes.shape
        known = self.seen.gather(1, (codes + self.offset).flatten(1)).view_as(codes)
        parts = []
        if self.hot_width:
            # The code before the first place (unseen) falls on a last feature that is cut off again.
            code, there = codes[..., self.hot_columns], known[..., self.hot_columns]
            place = torch.where(there, code - 1 + self.hot_offset, self.hot_width)
            hot = torch.zeros(members, rows, self.hot_width + 1, dtype=self.dtype, device=raw.device)
            parts.append(hot.scatter_(2, place, 1.0)[..., : self.hot_width])
        if self.embedded_rows:
            code, there = codes[..., self.embedded_columns], known[..., self.embedded_columns]
            place = torch.where(there, code, UNSEEN) + self.embedded_offset
            learnt = there | self.rare[:, None, self.embedded_columns]
            start = torch.arange(members, device=raw.device) * self.embedded_rows
            table = self.table.reshape(members * self.embedded_rows, self.size)
            found = torch.nn.functional.embedding(place + start[:, None, None], table)
            parts.append((found * learnt[..., None]).flatten(2))
        return torch.cat(parts, dim=-1).index_select(2, self.gather)

    def describe(self) -> str:
        return f"{super().describe()}: {len(self.hot_columns)} one-hot, {len(self.embedded_columns)} embedded"


def _gather(order: Tensor, sizes: list[int]) -> Tensor:
    """Where each feature, by column, stands when columns were laid out in `order`."""
    start, starts = 0, {}
    for column in order.tolist():
        starts[column] = start
        start += sizes[column]
    return torch.cat([torch.arange(starts[c], starts[c] + size) for c, size in enumerate(sizes)])
