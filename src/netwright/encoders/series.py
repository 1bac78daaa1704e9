"""Whole series of numbers as features: filled and scaled, then through convolutions, a recurrent or attention
network, and pooled over time.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.config import SeriesConfig
from netwright.data.media.sequences import filled, lengths
from netwright.data.schema import Column
from netwright.encoders.body import Body
from netwright.encoders.masked import (
    AttentionBlock,
    BothWays,
    ConvolutionBlock,
    cut,
    max_over_time,
    mean_over_time,
)
from netwright.encoders.series_augment import augment
from netwright.layers.positional import sinusoids
from netwright.nn.encoders.base import Encoder
from netwright.nn.layers import Dropout
from netwright.nn.member import Mode

KERNELS = (8, 5, 3)  # of the three convolutions of an fcn, or of a residual block
MOST_PATCHES = 128  # steps that the transformer looks at


class SeriesEncoder(Encoder):
    """A series [T, C] to a vector, whatever stands after its end.

    Channels are scaled by the training rows' mean and deviation. Missing values inside a series lie on the
    line between their neighbours, and channels without any are at their mean; one channel more, the share of
    the channels that are missing at a step, is 0 unless training rows have such gaps.

    - fcn, resnet: Wang, Yan and Oates, arXiv 1611.06455, with means over time;
    - gru, lstm: both ways, with the last states and the mean over time;
    - transformer: of patches of steps, with norms first, and the mean over time.
    """

    raw = "series"
    mean: Tensor
    inverse_scale: Tensor
    gaps: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: SeriesConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        steps, channels = columns[places[0]].shape
        self.config: SeriesConfig = config
        self.buffer("mean", channels)
        self.buffer("inverse_scale", channels)
        self.buffer("gaps")
        inputs, width, depth = channels + 1, int(config.width), int(config.depth)
        self.body: Body
        if config.encoder == "fcn":
            self.body = FullyConvolutional(inputs, width, members)
        elif config.encoder == "resnet":
            self.body = ResidualNetwork(inputs, width, depth, members)
        elif config.encoder == "transformer":
            self.body = Attention(inputs, width, depth, steps, float(config.dropout), members)
        else:
            self.body = RecurrentNetwork(config.encoder, inputs, width, depth, float(config.dropout), members)
        self.dropout = Dropout(torch.full((members,), float(config.dropout)))
        self.columns = [self.body.width]
        self.products = steps * self.body.products
        self.floats = steps * self.body.floats

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        values = raw.to(torch.float64)
        there = ~values.isnan()
        counts = there.to(torch.float64) * (1.0 if weight is None else weight[:, None, None])  # [n, T, C]
        total = counts.sum((0, 1)).clamp(min=1e-12)  # [C]
        mean = (values.nan_to_num() * counts).sum((0, 1)) / total
        variance = ((values - mean).nan_to_num().square() * counts).sum((0, 1)) / total
        floor = 1e-6 * mean.abs()  # below it a deviation is rounding
        deviation = variance.sqrt()
        self.mean[member] = mean.float()
        self.inverse_scale[member] = torch.where(deviation > floor, 1.0 / deviation, 1.0).float()
        steps = torch.arange(raw.shape[1], device=raw.device)
        inside = steps < lengths(raw)[:, None]  # [n, T]
        self.gaps[member] = float((~there & inside[..., None]).any())

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        length = lengths(raw)  # [M, B]
        steps = torch.arange(raw.shape[2], device=raw.device)
        inside: Tensor | None = None
        if bool((length < raw.shape[2]).any()):
            inside = (steps < length[..., None]).to(self.dtype)[..., None]  # [M, B, T, 1]
        x = self.body(self._inputs(raw, length, inside, mode), mode, inside)  # [M, B, D]
        return self.dropout(x, mode)

    def _inputs(self, raw: Tensor, length: Tensor, inside: Tensor | None, mode: Mode) -> Tensor:
        """Scaled channels and the share that is missing. [M, B, T, C + 1]"""
        missing = raw.isnan()
        x = filled(raw) if bool(missing.any()) else raw
        x = (x - self.mean[:, None, None]) * self.inverse_scale[:, None, None]
        share = missing.to(self.dtype).mean(-1, keepdim=True) * self.gaps[:, None, None, None]
        x = torch.cat((x.to(self.dtype).nan_to_num(0.0), share), -1)
        if mode.training:
            amounts = {name: float(getattr(self.config, name)) for name in AMOUNTS}
            if any(amounts.values()):
                x = augment(x, length, mode.generators, **amounts)
        return cut(x, inside)


AMOUNTS = ("jitter", "scaling", "slicing", "warping")


class FullyConvolutional(Body):
    """Three convolutions with batch normalisation and ReLU, then the mean over time.

    Arguments:
        inputs: channels.
        filters: of the first and the last convolution; the middle one has twice as many. 128 in the paper.
        members: M.
    """

    def __init__(self, inputs: int, filters: int, members: int) -> None:
        super().__init__()
        sizes = (inputs, filters, 2 * filters, filters)
        self.blocks = nn.ModuleList(
            ConvolutionBlock(sizes[place], sizes[place + 1], kernel, members)
            for place, kernel in enumerate(KERNELS)
        )
        self.width = filters
        self.products, self.floats = 10 * filters * filters, 2 * filters

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        for block in self.blocks:
            x = block(x, mode, inside)
        return mean_over_time(x, inside)


class ResidualNetwork(Body):
    """Residual blocks of three convolutions, then the mean over time.

    Arguments:
        inputs: channels.
        filters: of the first block; those after it have twice as many. 64 in the paper.
        depth: blocks. 3 in the paper.
        members: M.
    """

    def __init__(self, inputs: int, filters: int, depth: int, members: int) -> None:
        super().__init__()
        sizes = [inputs, filters, *[2 * filters] * (depth - 1)]
        self.blocks = nn.ModuleList(
            _ResidualBlock(sizes[place], sizes[place + 1], members) for place in range(depth)
        )
        self.width = sizes[-1]
        self.products, self.floats = KERNELS[0] * sizes[-2] * sizes[-1], sizes[-1]

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        for block in self.blocks:
            x = block(x, mode, inside)
        return mean_over_time(x, inside)


class _ResidualBlock(nn.Module):
    def __init__(self, inputs: int, filters: int, members: int) -> None:
        super().__init__()
        first, second, third = KERNELS
        self.blocks = nn.ModuleList(
            (
                ConvolutionBlock(inputs, filters, first, members),
                ConvolutionBlock(filters, filters, second, members),
                ConvolutionBlock(filters, filters, third, members, activation=False),
            )
        )
        self.shortcut = ConvolutionBlock(inputs, filters, 1, members, activation=False)

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        found = x
        for block in self.blocks:
            found = block(found, mode, inside)
        return (found + self.shortcut(x, mode, inside)).relu()


class RecurrentNetwork(Body):
    """GRUs or LSTMs in both directions; the last states of the last one, and the mean of its outputs.

    Arguments:
        kind: gru or lstm.
        inputs: channels.
        units: of each direction.
        depth: layers.
        dropout: between layers.
        members: M.
    """

    def __init__(self, kind: str, inputs: int, units: int, depth: int, dropout: float, members: int) -> None:
        super().__init__()
        sizes = [inputs, *[2 * units] * depth]
        self.layers = nn.ModuleList(BothWays(kind, size, units, members) for size in sizes[:-1])
        self.dropout = Dropout(torch.full((members,), dropout))
        self.width = 4 * units
        self.products, self.floats = 4 * units * (sizes[-2] + units), 8 * units

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        last = x[:, :, 0]
        for place, layer in enumerate(self.layers):
            x, last = layer(self.dropout(x, mode) if place else x, mode, inside)
        return torch.cat((last, mean_over_time(x, inside)), -1)


class Attention(Body):
    """Patches of steps, their places, blocks of attention, and mean and maximum over time.

    Arguments:
        inputs: channels.
        features: of a patch.
        depth: blocks.
        steps: of the longest series; patches are as long as it takes to have at most 128.
        dropout: inside the blocks.
        members: M.
    """

    def __init__(
        self, inputs: int, features: int, depth: int, steps: int, dropout: float, members: int
    ) -> None:
        super().__init__()
        self.patch = -(-steps // MOST_PATCHES)
        self.first = ConvolutionBlock(inputs * self.patch, features, 5, members)
        heads = max(1, features // 16)
        self.blocks = nn.ModuleList(AttentionBlock(features, heads, dropout, members) for _ in range(depth))
        self.width = 2 * features
        self.products, self.floats = 4 * features * features, 4 * features

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        missing = -x.shape[2] % self.patch
        x = nn.functional.pad(x, (0, 0, 0, missing)).unflatten(2, (-1, self.patch)).flatten(3)
        if inside is not None:  # a patch is inside when its first step is
            inside = inside[:, :, :: self.patch]
        x = self.first(x, mode, inside)  # [M, B, patches, D]
        x = x + sinusoids(*x.shape[-2:]).to(x)
        for block in self.blocks:
            x = block(x, mode, inside)
        return torch.cat((mean_over_time(x, inside), max_over_time(x, inside)), -1)
