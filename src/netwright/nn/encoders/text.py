"""Free text in a table: hashed words and pairs of words, averaged."""

from __future__ import annotations

import torch
from torch import Tensor

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.nn import initial
from netwright.nn.encoders.base import Encoder
from netwright.nn.member import Mode

FEWEST = 2  # training rows that an n-gram must be in


class TextEncoder(Encoder):
    """The weighted mean of the vectors of a text's n-grams (as fastText, arXiv 1607.01759).

    Weights are inverse document frequencies of the training rows. N-grams that fewer than two of them have
    weigh nothing: they could only be learnt by heart.
    The features of a column are that mean, and the share of its n-grams that are known.
    """

    raw = "text"
    idf: Tensor
    table: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: TextConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        self.size = config.size
        self.columns = [1 + self.size]
        self.rows = columns[places[0]].buckets + 1  # the first row stands for no n-gram
        self.buffer("idf", self.rows)
        # Large random vectors would tell rows apart before anything is learnt, and be learnt by heart.
        self.declare("table", (self.rows, self.size), initial.normal(0.01), rate=0.3)

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        ordered = raw.long().sort(1).values  # [rows, T]
        new = torch.ones_like(ordered, dtype=torch.bool)
        new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]  # each n-gram once a row
        counts = None if weight is None else weight[:, None].expand(ordered.shape)[new]
        found = torch.bincount(ordered[new], counts, minlength=self.rows)
        total = len(raw) if weight is None else weight.sum()
        idf = torch.log((1.0 + total) / (1.0 + found)) + 1.0
        self.idf[member] = torch.where(found >= FEWEST, idf, 0.0)
        self.idf[member, 0] = 0.0

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        places = raw.long()  # [M, B, T]
        members, rows, length = places.shape
        weight = self.idf.gather(1, places.flatten(1)).view(places.shape)
        start = torch.arange(members, device=raw.device) * self.rows
        mean = torch.nn.functional.embedding_bag(
            (places + start[:, None, None]).view(-1, length),
            self.table.reshape(members * self.rows, self.size),
            per_sample_weights=(weight / weight.sum(-1, keepdim=True).clamp(min=1e-6)).view(-1, length),
            mode="sum",
        )
        known = (weight > 0).sum(-1) / (places > 0).sum(-1).clamp(min=1)
        mean = mean.view(members, rows, self.size) * 2.0
        return torch.cat([known[..., None], mean], dim=-1)
