"""Columns of dates: the place on the time axis, and the cycles of year, month, week and day."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from netwright.config import DateConfig
from netwright.data.schema import Column
from netwright.nn.encoders.base import Encoder
from netwright.nn.member import Mode
from netwright.nn.weighted import Ordered

DAY = 86_400.0
CYCLES = 4  # year, month, week, day
HARMONICS = 2


class DateEncoder(Encoder):
    """Robustly scaled time, a flag for missing, and two harmonics of each cycle.

    A cycle that does not vary in the training rows (the hour, where all dates are at midnight) is left out.
    """

    raw = "date"
    centre: Tensor
    inverse_scale: Tensor
    flag: Tensor
    varies: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: DateConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        count = len(places)
        self.columns = [2 + 2 * HARMONICS * CYCLES] * count
        self.buffer("centre", count, dtype=torch.float64)
        self.buffer("inverse_scale", count, dtype=torch.float64)
        self.buffer("flag", count)
        self.buffer("varies", count, CYCLES)

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        for place, values in enumerate(raw[:, self.places].T):
            known = torch.isfinite(values)
            there = values[known]
            self.flag[member, place] = float(torch.isnan(values).any())
            if len(there) == 0:
                continue
            counts = None if weight is None else _sample(weight[known])
            ordered = Ordered(_sample(there)[:, None], counts)
            low, half, high = ordered.quantiles(torch.tensor([0.05, 0.5, 0.95], dtype=torch.float64))[:, 0]
            spread = (high - low) / 2
            self.centre[member, place] = half
            self.inverse_scale[member, place] = 1.0 / spread if spread > 0 else 0.0
            phases = cycles(there)
            self.varies[member, place] = (phases.amax(0) - phases.amin(0) > 1e-6).to(self.dtype)

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        seconds = raw[..., self.places]  # [M, B, D]
        missing = ~torch.isfinite(seconds)
        seconds = torch.where(missing, self.centre[:, None], seconds)
        trend = (seconds - self.centre[:, None]) * self.inverse_scale[:, None]
        trend = (trend / torch.sqrt(1.0 + (trend / 3.0).square())).to(self.dtype) * float(self.config.trend)
        flags = missing * self.flag[:, None]
        angle = 2 * math.pi * cycles(seconds)  # [M, B, D, 4]
        waves = [wave(angle * k) for k in range(1, HARMONICS + 1) for wave in (torch.sin, torch.cos)]
        there = self.varies[:, None] * (~missing)[..., None]
        parts = [(wave * there).to(self.dtype) for wave in waves]
        return torch.cat([trend[..., None], flags[..., None], *parts], dim=-1).flatten(2)


def _sample(values: Tensor, most: int = 1_000_000) -> Tensor:
    return values[:: max(1, len(values) // most)]


def cycles(seconds: Tensor) -> Tensor:
    """Phases between 0 and 1 in the year, the month, the week and the day. [...] to [..., 4]

    The calendar follows Howard Hinnant, "chrono-compatible low-level date algorithms".
    """
    days = torch.floor(seconds / DAY)
    of_day = seconds / DAY - days
    shifted = days + 719_468  # days since 1 March of the year 0
    era = torch.floor(shifted / 146_097)
    of_era = shifted - era * 146_097
    year = torch.floor(
        (of_era - torch.floor(of_era / 1_460) + torch.floor(of_era / 36_524) - torch.floor(of_era / 146_096))
        / 365
    )
    of_year = of_era - (365 * year + torch.floor(year / 4) - torch.floor(year / 100))  # from 1 March
    month = torch.floor((5 * of_year + 2) / 153)
    of_month = of_year - torch.floor((153 * month + 2) / 5)
    weekday = torch.remainder(days + 3, 7)  # 1970-01-01 was a Thursday; 0 is Monday
    return torch.stack([of_year / 366, of_month / 31, (weekday + of_day) / 7, of_day], dim=-1)
