"""Encoders: from raw tensors to features, with everything fitted held in the network's buffers.

One file for each kind of column. An encoder takes all columns of its kind (and settings) at once.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.config import InputsConfig, Section
from netwright.data.schema import Column, Schema
from netwright.nn.encoders.base import Encoder
from netwright.nn.encoders.category import CategoryEncoder
from netwright.nn.encoders.date import DateEncoder
from netwright.nn.encoders.number import NumberEncoder
from netwright.nn.encoders.text import TextEncoder
from netwright.nn.member import Mode

# By the raw tensor that each reads, which is also the section of the config with its settings.
_ENCODERS: dict[str, type[Encoder]] = {
    encoder.raw: encoder for encoder in (NumberEncoder, CategoryEncoder, DateEncoder, TextEncoder)
}


class Encoders(nn.Module):
    """All encoders of a network, side by side: a dictionary of raw tensors in, [M, B, D] out.

    Arguments:
        schema: the columns.
        config: settings by kind, and for single columns.
        members: M.
    """

    def __init__(self, schema: Schema, config: InputsConfig, members: int) -> None:
        super().__init__()
        self.list = _parts(schema, config, members)
        self.parts = nn.ModuleList(self.list)
        self.columns = [size for part in self.list for size in part.columns]  # features of each column

    @property
    def width(self) -> int:
        return sum(self.columns)

    def forward(self, raw: dict[str, Tensor], mode: Mode) -> Tensor:
        return torch.cat([part(raw[part.raw], mode) for part in self.list], dim=-1)

    def fit(self, member: int, raw: dict[str, Tensor], rows: Tensor, weight: Tensor | None = None) -> None:
        """Fits one member's buffers on its training rows only.

        Arguments:
            member: which.
            raw: raw tensors of all rows. [N, ...]
            rows: numbers of its training rows.
            weight: how often each of these counts; None where each counts once. [rows]
        """
        with torch.no_grad():
            for part in self.list:
                part.fit(member, raw[part.raw][rows], weight)


def _parts(schema: Schema, config: InputsConfig, members: int) -> list[Encoder]:
    """One encoder for each kind and each group of columns with the same settings."""
    parts = []
    for raw, encoder in _ENCODERS.items():
        columns = raw_columns(schema, raw)
        common = getattr(config, raw)
        groups: dict[str, tuple[Section, list[int]]] = {}
        for place, column in enumerate(columns):
            settings = common.model_copy(update=config.columns.get(column.name, {}))
            groups.setdefault(settings.model_dump_json(), (settings, []))[1].append(place)
        for settings, places in groups.values():
            parts.append(encoder(columns, places, settings, members))
    return parts


def raw_columns(schema: Schema, raw: str) -> list[Column]:
    """The columns of one raw tensor, in its order."""
    return schema.of_kind("category", "boolean") if raw == "category" else schema.of_kind(raw)  # type: ignore[arg-type]


__all__ = [
    "CategoryEncoder",
    "DateEncoder",
    "Encoder",
    "Encoders",
    "NumberEncoder",
    "TextEncoder",
]
