"""A column of free text as a bag: hashed words, pairs of words and letters of words, averaged."""

from __future__ import annotations

import torch
from torch import Tensor

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.nn import initial
from netwright.nn.encoders.base import Encoder
from netwright.nn.encoders.lookup import Lookup, trimmed
from netwright.nn.member import Mode


class TextEncoder(Encoder):
    """The weighted sum of the vectors of a text's n-grams (after fastText, arXiv 1607.01759).

    Weights are inverse document frequencies of the training rows, and have length 1 for each text. N-grams
    that fewer than two rows have weigh nothing: they could only be learnt by heart.
    The features of a column are that sum, and the share of its n-grams that are known.
    """

    raw = "text"
    idf: Tensor
    table: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: TextConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        column = columns[places[0]]
        self.size = int(config.size)
        self.columns = [1 + self.size]
        self.lookup = Lookup(column.buckets, members)
        self.rows = column.buckets + 1  # the first row stands for no n-gram
        self.buffer("idf", self.rows)
        # Large random vectors would tell rows apart before anything is learnt, and be learnt by heart.
        self.declare("table", (self.rows, self.size), initial.normal(0.01), rate=0.3)

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        self.lookup.fit(member, raw, weight)
        found = self.lookup.rows[member]
        total = len(raw) if weight is None else weight.sum()
        idf = torch.log((1.0 + total) / (1.0 + found)) + 1.0
        self.idf[member] = torch.where(found > 0, idf, 0.0)

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        raw = trimmed(raw)
        places = self.lookup(raw)  # [M, B, T]
        members, rows, length = places.shape
        weight = self.idf.gather(1, places.flatten(1)).view(places.shape)
        scale = weight.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-6)
        start = torch.arange(members, device=raw.device) * self.rows
        bag = torch.nn.functional.embedding_bag(
            (places + start[:, None, None]).view(-1, length),
            self.table.reshape(members * self.rows, self.size),
            per_sample_weights=(weight / scale).view(-1, length),
            mode="sum",
        )
        known = (weight > 0).sum(-1) / (raw > 0).sum(-1).clamp(min=1)
        return torch.cat([known[..., None], bag.view(members, rows, self.size)], dim=-1)
