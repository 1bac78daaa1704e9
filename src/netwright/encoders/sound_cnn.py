"""A small convolutional network over time and bands of spectrograms of different lengths."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.encoders.masked import MaskedBatchNormalization, max_over_time, mean_over_time
from netwright.initializers import HeUniform
from netwright.layers import Conv2D, MaxPooling2D
from netwright.nn.member import Mode

STAGES = ((1, True), (2, True), (2, False), (4, True), (4, False))  # channels in sizes; whether halved


class SoundNetwork(nn.Module):
    """Five convolutions with batch normalisation and ReLU, three of them halved; mean and maximum over time.

    Bands stay apart to the end: a tone's height matters in sounds, its time much less.

    Arguments:
        bands: of the spectrograms.
        size: channels of the first convolution; the last ones have four times as many.
        members: M.

    Attributes:
        width: features.
        products: multiplications of the largest layer, for a frame.
        floats: numbers of the largest activation, for a frame.
    """

    def __init__(self, bands: int, size: int, members: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        channels, rows, left = 1, 1.0, bands
        self.products, self.floats = 0, 0
        for factor, halved in STAGES:
            self.blocks.append(SoundBlock(channels, factor * size, halved, members))
            self.products = max(self.products, round(9 * channels * factor * size * left * rows))
            self.floats = max(self.floats, round(factor * size * left * rows))
            channels = factor * size
            if halved:
                rows, left = rows / 2, -(-left // 2)
        self.width = 2 * left * channels

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        """[M, B, T, bands] and [M, B, T, 1], or None where all is inside, to [M, B, width]; 8 divides T."""
        x = x[..., None]  # [M, B, T, bands, 1]
        for block in self.blocks:
            x, inside = block(x, mode, inside)
        x = x.flatten(3)  # [M, B, T / 8, bands C]
        return torch.cat((mean_over_time(x, inside), max_over_time(x, inside)), -1)


class SoundBlock(nn.Module):
    """Convolution, halving of time and bands where wanted, batch normalisation, ReLU; 0 after the end.

    Arguments:
        inputs, filters: channels.
        halved: whether time and bands are halved, by their maxima.
        members: M.
    """

    def __init__(self, inputs: int, filters: int, halved: bool, members: int) -> None:
        super().__init__()
        self.convolution = Conv2D(filters, 3, padding="same", use_bias=False, kernel_initializer=HeUniform())
        self.pooling = MaxPooling2D(padding="same") if halved else None
        self.normalization = MaskedBatchNormalization()
        self.convolution.connect((None, None, inputs), members)
        self.normalization.connect((None, filters), members)

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """[M, B, T, F, C] and [M, B, T, 1] to the same, halved or not."""
        x = self.convolution(x, mode)
        if self.pooling is not None:
            x = self.pooling(x, mode)
        if inside is None:
            return self.normalization(x, mode).relu(), None
        if self.pooling is not None:
            inside = inside[:, :, ::2]  # two frames are inside when the first is
        bands = x.shape[3]
        over = inside.repeat_interleave(bands, dim=2)  # [M, B, T F, 1]
        found = self.normalization(x.flatten(2, 3), mode, over).relu() * over
        return found.unflatten(2, (-1, bands)), inside
