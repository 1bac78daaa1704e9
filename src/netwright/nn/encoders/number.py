"""Columns of numbers: filled, scaled and flagged, then turned into vectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from netwright.config import NumberConfig
from netwright.data.schema import Column
from netwright.nn import initial
from netwright.nn.encoders.base import Encoder
from netwright.nn.member import Mode
from netwright.nn.weighted import Ordered, mean, weighted_quantiles

LARGEST = 1e38  # within float32
FARTHEST = 1e6  # scaled values are cut there, so that their squares stay numbers
QUANTILES = 256  # knots of the quantile scaling
OUTLIER = 10.0  # robust deviations (interquartile range / 1.349) beyond which a value is an outlier


class NumberEncoder(Encoder):
    """z = (x - centre) / scale, a flag for missing values, and an embedding of z.

    The features of a column are its scaled value, its flag and its embedding. Scaling:

    - robust: centred on the median, divided by the interquartile range, smoothly clipped to ±3 by
      z / sqrt(1 + (z/3)²), as in RealMLP (arXiv 2407.04491);
    - standard: mean and standard deviation; minmax: to [-1, 1]; quantile: to a normal distribution;
    - none.

    Embeddings (arXiv 2203.05556): piecewise-linear over pieces between quantiles of the training rows, or
    periodic (sines and cosines of learnt frequencies), each followed by a linear layer for each column.
    """

    raw = "number"
    centre: Tensor
    inverse_scale: Tensor
    fill: Tensor
    flag: Tensor
    low: Tensor
    high: Tensor
    floor: Tensor
    ceiling: Tensor
    knots: Tensor
    start: Tensor
    inverse_width: Tensor
    frequencies: Tensor
    weight: Tensor
    slope: Tensor
    bias: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: NumberConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        self.config: NumberConfig = config
        count = len(places)
        self.size = 0 if config.embedding == "none" else int(config.size)
        self.columns = [2 + self.size] * count
        for name in ("centre", "inverse_scale", "fill", "low", "high"):
            self.buffer(name, count, dtype=torch.float64)
        self.buffer("flag", count)
        if config.clip_outliers:
            self.buffer("floor", count, dtype=torch.float64)
            self.buffer("ceiling", count, dtype=torch.float64)
        if config.scaling == "quantile":
            self.buffer("knots", count, QUANTILES, dtype=torch.float64)
        if config.embedding == "piecewise":
            self.pieces = min(int(config.bins), max(columns[place].values for place in places))
            self.buffer("start", count, 1, self.pieces)
            self.buffer("inverse_width", count, 1, self.pieces)
            self._declare_embedding(self.pieces)
        elif config.embedding == "periodic":
            start = initial.normal(config.sigma)
            self.declare("frequencies", (count, 1, config.frequencies), start, rate=0.1, decay=False)
            self._declare_embedding(2 * config.frequencies)

    def _declare_embedding(self, inputs: int) -> None:
        count = len(self.names)
        weights = initial.zeros if self.config.embedding == "piecewise" else initial.fan_in_uniform(inputs)
        self.declare("weight", (count, inputs, self.size), weights)
        self.declare("slope", (count, 1, self.size), initial.normal(1.0 / math.sqrt(2.0)))
        self.declare("bias", (count, 1, self.size), initial.uniform(0.5), decay=False)

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        values = raw[:, self.places].to(torch.float64)
        missing = torch.isnan(values)
        self.flag[member] = missing.any(0).to(self.flag.dtype)
        values = torch.where(torch.isinf(values), torch.nan, values)
        ordered = Ordered(values, weight)
        average = mean(values, weight)
        deviation = mean((values - average).square(), weight).sqrt()
        self._fit_scale(member, ordered, average, deviation)
        median = ordered.quantiles(torch.tensor([0.5]))[0]
        fills = {"median": median, "mean": average, "zero": torch.zeros_like(median)}
        self.fill[member] = fills[self.config.missing]
        if self.config.embedding == "piecewise":
            self._fit_pieces(member, ordered)

    def _fit_scale(self, member: int, ordered: Ordered, average: Tensor, deviation: Tensor) -> None:
        low, quarter, half, three, high = ordered.quantiles(torch.tensor([0, 0.25, 0.5, 0.75, 1.0]))
        middle = (low + high) / 2
        # Where half of the values are equal, the whole range stands in for the quartiles (RealMLP).
        spread = torch.where(three > quarter, three - quarter, (high - low) / 2)
        centre, scale = {
            "robust": (half, spread),
            "standard": (average, deviation),
            "minmax": (middle, (high - low) / 2),
            "quantile": (half, spread),
            "none": (torch.zeros_like(half), torch.ones_like(half)),
        }[self.config.scaling]
        self.centre[member] = centre
        self.inverse_scale[member] = torch.where(scale > 0, 1.0 / scale, 0.0).nan_to_num(posinf=0.0)
        if self.config.clip_outliers:
            reach = torch.where(three > quarter, OUTLIER * (three - quarter) / 1.349, torch.inf)
            self.floor[member], self.ceiling[member] = half - reach, half + reach
        self.low[member], self.high[member] = low, high
        if self.config.scaling == "quantile":
            self.knots[member] = ordered.quantiles(torch.linspace(0, 1, QUANTILES)).T

    def _fit_pieces(self, member: int, ordered: Ordered) -> None:
        """Unused pieces stay empty. Edges are distances from the centre: float32 has digits for them."""
        self.start[member].zero_()
        self.inverse_width[member].zero_()
        for place in range(len(self.names)):
            found = edges(*ordered.column(place), pieces=self.pieces)
            used = max(len(found) - 1, 0)
            distance = (found - self.centre[member, place]).clamp(-LARGEST, LARGEST)
            self.start[member, place, 0, :used] = distance[:-1].to(self.dtype)
            width = found[1:] - found[:-1]
            self.inverse_width[member, place, 0, :used] = (1.0 / width).to(self.dtype).nan_to_num(posinf=0.0)

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        values = raw[..., self.places].transpose(1, 2)  # [M, F, B]
        missing = torch.isnan(values)
        values = torch.where(missing, self.fill[..., None], values)
        farthest = values.clamp(self.low[..., None], self.high[..., None])
        values = torch.where(torch.isinf(values), farthest, values)
        if self.config.clip_outliers:
            values = values.clamp(self.floor[..., None], self.ceiling[..., None])
        scaled = self._scale(values)[..., None]  # [M, F, B, 1]
        flags = (missing * self.flag[..., None])[..., None]
        parts = [scaled, flags.to(scaled.dtype)]
        if self.size:
            parts.append(self._embed(values, scaled))
        features = torch.cat(parts, dim=-1)  # [M, F, B, 2 + size]
        return features.transpose(1, 2).flatten(2)

    def _scale(self, values: Tensor) -> Tensor:
        scaled = (values - self.centre[..., None]) * self.inverse_scale[..., None]
        scaled = scaled.nan_to_num(nan=0.0).clamp(-FARTHEST, FARTHEST)
        if self.config.scaling == "robust":
            scaled = scaled / torch.sqrt(1.0 + (scaled / 3.0).square())
        if self.config.scaling == "quantile":
            scaled = self._to_normal(values)
        return scaled.to(self.dtype)

    def _to_normal(self, values: Tensor) -> Tensor:
        """The normal distribution's quantile of the share of training values below."""
        values = values.contiguous()
        low = torch.searchsorted(self.knots, values, right=False)
        high = torch.searchsorted(self.knots, values, right=True)
        share = (low + high).to(torch.float64) / (2 * QUANTILES)
        return torch.special.ndtri(share.clamp(1e-3, 1 - 1e-3))

    def _embed(self, values: Tensor, scaled: Tensor) -> Tensor:
        if self.config.embedding == "piecewise":
            offset = (values - self.centre[..., None]).clamp(-LARGEST, LARGEST).to(self.dtype)[..., None]
            pieces = ((offset - self.start) * self.inverse_width).clamp(0.0, 1.0)  # [M, F, B, Q]
        else:
            angle = 2 * math.pi * scaled * self.frequencies
            pieces = torch.cat([torch.sin(angle), torch.cos(angle)], dim=-1)
        return torch.relu(torch.matmul(pieces, self.weight) + scaled * self.slope + self.bias)

    def describe(self) -> str:
        pieces = f", {self.pieces} pieces" if self.config.embedding == "piecewise" else ""
        how = "" if self.config.embedding == "none" else f", {self.config.embedding} embedding of {self.size}"
        return f"{super().describe()}: {self.config.scaling} scaling{how}{pieces}"


def edges(ordered: Tensor, weight: Tensor | None = None, *, pieces: int) -> Tensor:
    """Where pieces begin and end: at quantiles, so that each piece holds as many rows as the others.

    A value that alone fills a piece or more has an edge of its own, and the other edges are quantiles of the
    other rows. So a column that is mostly 0 keeps its pieces for the values that are not.

    Arguments:
        ordered: values, ascending. [n]
        weight: how often each counts; None where each counts once. [n]
        pieces: at most so many; there are fewer when there are fewer different values.

    Returns:
        Ascending, all different. [at most pieces + 1]

    Example:
        >>> edges(torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]), pieces=3)
        tensor([0.0000, 1.0000, 2.5000, 4.0000])
    """
    values, place, counts = torch.unique_consecutive(ordered, return_inverse=True, return_counts=True)
    if weight is not None:
        counts = torch.zeros(len(values), dtype=weight.dtype, device=weight.device).index_add_(
            0, place, weight
        )
    if len(values) <= pieces + 1:
        return values
    heavy = torch.zeros_like(values, dtype=torch.bool)
    while True:
        left = pieces + 1 - int(heavy.sum())
        more = ~heavy & (counts * left > counts[~heavy].sum())
        if not bool(more.any()) or left <= 2:
            break
        heavy |= more
    rest = values[~heavy]
    shares = torch.linspace(0, 1, max(left, 2), dtype=torch.float64)
    between = weighted_quantiles(
        rest[:, None], counts[~heavy][:, None], torch.tensor([len(rest)], device=rest.device), shares
    )[:, 0]
    return torch.unique(torch.cat([values[heavy], between.to(values.dtype)]))[: pieces + 1]
