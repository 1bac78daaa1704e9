"""Encoders: from raw tensors to features, with everything fitted held in the network's buffers.

One file for each kind of column. An encoder of numbers, categories or dates takes all columns of its kind
(and settings) at once; one of texts, pictures, sounds or series takes one column. The last three kinds are
networks of layers, in the room `encoders`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from netwright.config import InputsConfig, Section
from netwright.data.schema import Column, Schema
from netwright.nn.encoders.base import OWN_TENSOR, Encoder, Maker
from netwright.nn.encoders.category import CategoryEncoder
from netwright.nn.encoders.date import DateEncoder
from netwright.nn.encoders.number import NumberEncoder
from netwright.nn.encoders.text import TextEncoder
from netwright.nn.member import Layer, Mode

ENCODERS: dict[str, Maker] = {
    encoder.raw: encoder for encoder in (NumberEncoder, CategoryEncoder, DateEncoder, TextEncoder)
}
"""By the kind of raw tensor that each reads."""
CONSTANT = ("number", "category", "date")
"""Kinds whose encoders draw nothing while they train."""
PRETRAINED = "pretrained "
"""Before the kind of columns that have a network from elsewhere."""
ENCODED = "encoded"
"""Name of the raw tensor of rows whose features are there already. [N, D]"""
FITTED_ROWS = 10_000  # rows that an encoder of pictures, sounds or series is fitted on at most


class Encoders(nn.Module):
    """All encoders of a network, side by side: a dictionary of raw tensors in, [M, B, D] out.

    Arguments:
        schema: the columns.
        config: settings by kind, and for single columns.
        members: M.
        more: classes of encoders by kind, beside or instead of `ENCODERS`; "pretrained KIND" for columns with
            a network that was trained elsewhere.
    """

    def __init__(
        self,
        schema: Schema,
        config: InputsConfig,
        members: int,
        more: Mapping[str, Maker] | None = None,
    ) -> None:
        super().__init__()
        self.list = _parts(schema, config, members, ENCODERS | dict(more or {}))
        self.parts = nn.ModuleList(self.list)
        self.columns = [size for part in self.list for size in part.columns]  # features of each column

    @property
    def width(self) -> int:
        return sum(self.columns)

    @property
    def floats(self) -> int:
        """Numbers of the largest activation for one row."""
        return max(self.width, *(part.floats for part in self.list))

    @property
    def constant(self) -> bool:
        """Whether a row has the same features from the fit on: nothing of theirs is learnt or drawn."""
        learns = any(isinstance(module, Layer) and module.declared for module in self.modules())
        return not learns and all(part.raw in CONSTANT for part in self.list)

    def forward(self, raw: dict[str, Tensor], mode: Mode) -> Tensor:
        if ENCODED in raw:
            return raw[ENCODED] if mode.mix is None else mode.mix.blend(raw[ENCODED])
        return torch.cat([self._features(part, raw, mode) for part in self.list], dim=-1)

    def _features(self, part: Encoder, raw: dict[str, Tensor], mode: Mode) -> Tensor:
        features = part(raw[part.tensor], mode)  # [M, B, D]
        return features if mode.mix is None or part.mixes else mode.mix.blend(features)

    def constants(self) -> dict[str, Tensor]:
        """What encoders hold beside parameters and fitted buffers, the same for all members."""
        return {
            f"{number}.{name}": value
            for number, part in enumerate(self.list)
            for name, value in part.constants().items()
        }

    def take_constants(self, values: dict[str, Tensor]) -> None:
        """Takes what `constants` gave. Raises KeyError or RuntimeError where names or shapes differ."""
        for number, part in enumerate(self.list):
            own = {
                name.partition(".")[2]: value
                for name, value in values.items()
                if name.partition(".")[0] == str(number)
            }
            part.take_constants(own)

    def fit(self, member: int, raw: dict[str, Tensor], rows: Tensor, weight: Tensor | None = None) -> None:
        """Fits one member's buffers on its training rows only.

        Arguments:
            member: which.
            raw: raw tensors of all rows. [N, ...]
            rows: numbers of its training rows.
            weight: how often each of these counts; None where each counts once. [rows]
        """
        if ENCODED in raw:
            return
        with torch.no_grad():
            for part in self.list:
                tensor = raw[part.tensor]
                if tensor.dim() <= 2 or len(rows) <= FITTED_ROWS:
                    part.fit(member, tensor[rows], weight)
                else:  # evenly spaced ones are enough for means and deviations
                    some = torch.linspace(0, len(rows) - 1, FITTED_ROWS, device=rows.device).long()
                    part.fit(member, tensor[rows[some]], None if weight is None else weight[some])


def _parts(
    schema: Schema, config: InputsConfig, members: int, encoders: Mapping[str, Maker]
) -> list[Encoder]:
    """One encoder for each kind and each group of columns with the same settings."""
    parts = []
    for raw, plain in encoders.items():
        if raw.startswith(PRETRAINED):
            continue
        columns = raw_columns(schema, raw)
        common = getattr(config, raw)
        groups: dict[str, tuple[Section, list[int]]] = {}
        for place, column in enumerate(columns):
            settings = common.model_copy(update=config.columns.get(column.name, {}))
            group = column.name if raw in OWN_TENSOR else settings.model_dump_json()
            groups.setdefault(group, (settings, []))[1].append(place)
        for settings, places in groups.values():
            encoder = encoders[PRETRAINED + raw] if columns[places[0]].backbone else plain
            parts.append(encoder(columns, places, settings, members))
    return parts


def raw_columns(schema: Schema, raw: str) -> list[Column]:
    """The columns of one raw tensor, in its order."""
    return schema.of_kind("category", "boolean") if raw == "category" else schema.of_kind(raw)  # type: ignore[arg-type]


__all__ = [
    "ENCODED",
    "ENCODERS",
    "OWN_TENSOR",
    "CategoryEncoder",
    "DateEncoder",
    "Encoder",
    "Encoders",
    "Maker",
    "NumberEncoder",
    "TextEncoder",
]
