"""Which codes of texts have a place in a table: fitted on the training rows of each member."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FEWEST = 2  # training rows that a code must be in: others could only be learnt by heart
NONE = torch.iinfo(torch.int32).max  # stands where a member has fewer codes than places


class Lookup(nn.Module):
    """Places 1 to `size` for the codes that most training rows have; 0 for all others, and for no code.

    Arguments:
        size: places, R.
        members: M.

    Attributes:
        known: the codes that have a place, rising. [M, R] int32
        rows: how many training rows have each, 0 for place 0. [M, R + 1]
    """

    known: Tensor
    rows: Tensor

    def __init__(self, size: int, members: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("known", torch.full((members, size), NONE, dtype=torch.int32))
        self.register_buffer("rows", torch.zeros(members, size + 1))

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        """Arguments as for an encoder's: raw [rows, T], weight [rows]."""
        ordered = raw.sort(1).values
        new = ordered > 0
        new[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]  # each code once a row
        found, place = torch.unique(ordered[new], return_inverse=True)
        counts = None if weight is None else weight[:, None].expand(ordered.shape)[new]
        rows = torch.bincount(place, counts, minlength=len(found))
        most = torch.sort(rows, descending=True, stable=True).indices[: self.size]
        kept = most[rows[most] >= FEWEST].sort().values
        self.known[member] = NONE
        self.known[member, : len(kept)] = found[kept].to(torch.int32)
        self.rows[member] = 0
        self.rows[member, 1 : len(kept) + 1] = rows[kept].to(self.rows.dtype)

    def forward(self, raw: Tensor) -> Tensor:
        """Codes [M, B, T] to places [M, B, T] int64."""
        codes = raw.flatten(1).contiguous()
        place = torch.searchsorted(self.known, codes).clamp(max=self.size - 1)
        there = (self.known.gather(1, place) == codes) & (codes > 0)
        return torch.where(there, place + 1, 0).view(raw.shape)


def trimmed(raw: Tensor) -> Tensor:
    """Without the steps at the end that no text of the batch has. [M, B, T]"""
    there = (raw > 0).flatten(0, 1).any(0).nonzero()
    return raw[..., : int(there[-1]) + 1] if len(there) else raw[..., :1]
