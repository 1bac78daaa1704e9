"""A small convolutional network for pictures: fast, and good from 8x8 to 256x256."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from netwright.layers import Activation, BatchNormalization, Conv2D, MaxPooling2D
from netwright.layers.base import Layer, Shape
from netwright.nn.member import Mode

LARGE = 64  # pictures are first brought to at most so many rows or columns
LARGEST_STRIDE = 4
WORTH_POOLING = 8  # rows and columns below which they are not halved any more
MOST_STAGES = 4


class ConvBlock(Layer):
    """Convolution, pooling where wanted, batch normalisation, ReLU.

    Pooling first makes what follows four times as quick, and the maximum of what is normalised is what is
    normalised of the maximum where gamma is positive.

    Arguments:
        filters: output channels.
        kernel_size, strides: of the convolution, which pads to the same size.
        pool: whether rows and columns are halved, by their maxima.
        activate: whether a ReLU ends it.

    Example:
        >>> ConvBlock(32, pool=True).output_shape((28, 28, 1))
        (14, 14, 32)
    """

    def __init__(
        self, filters: int, kernel_size: int = 3, strides: int = 1, pool: bool = False, activate: bool = True
    ) -> None:
        super().__init__()
        self.convolution = Conv2D(filters, kernel_size, strides, "same", use_bias=False)
        self.pooling = MaxPooling2D(padding="same") if pool else None
        self.norm = BatchNormalization(momentum=0.9, epsilon=1e-5)
        self.relu = Activation("relu") if activate else None
        self.parts = [part for part in (self.convolution, self.pooling, self.norm, self.relu) if part]

    def output_shape(self, shape: Shape) -> Shape:
        for part in self.parts:
            shape = part.output_shape(shape)
        return shape

    def build(self, shape: Shape) -> None:
        for part in self.parts:
            shape = self.inner(part, shape)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        for part in self.parts:
            x = part(x, mode)
        return x


class Body(Layer):
    """Blocks one after another, then the mean and the maximum of each channel.

    Arguments:
        blocks: layers of pictures.
    """

    def __init__(self, blocks: list[Any]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def output_shape(self, shape: Shape) -> Shape:
        for block in self.blocks:
            shape = block.output_shape(shape)  # type: ignore[operator]
        return (2 * (shape[-1] or 0),)

    def build(self, shape: Shape) -> None:
        for block in self.blocks:
            shape = self.inner(block, shape)  # type: ignore[arg-type]

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        for block in self.blocks:
            x = block(x, mode)
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=-1)


def cnn(shape: tuple[int, int, int], size: int) -> Layer:
    """The network for pictures of that shape.

    Arguments:
        shape: H, W, C.
        size: channels of the first layer; each stage has twice as many as the one before.

    Returns:
        A layer [M, B, H, W, C] to [M, B, D].

    Example:
        >>> cnn((28, 28, 1), 32).output_shape((28, 28, 1))
        (256,)
    """
    first, smaller = stem(shape, size, 2 * WORTH_POOLING)
    blocks = [first]
    for stage in range(MOST_STAGES - 1):
        size, pool = 2 * size, smaller >= WORTH_POOLING
        blocks += [ConvBlock(size, pool=pool), ConvBlock(size)]
        if not pool and stage > 0:
            break
        smaller = -(-smaller // 2) if pool else smaller
    return Body(blocks)


def stem(shape: tuple[int, int, int], size: int, worth: int) -> tuple[Layer, int]:
    """The first block for pictures of that shape, and the rows or columns that it leaves, the fewer of them.

    Arguments:
        shape: H, W, C.
        size: channels.
        worth: rows and columns from which on the block pools.
    """
    smaller = min(shape[:2])
    strides = first_stride(smaller)
    smaller = -(-smaller // strides)
    pool = smaller >= worth
    block = ConvBlock(size, 3 if strides == 1 else 2 * strides + 1, strides, pool)
    return block, -(-smaller // 2) if pool else smaller


def first_stride(size: int) -> int:
    """Rows and columns from one window of the first layer to the next, for pictures of that size.

    Example:
        >>> [first_stride(size) for size in (28, 64, 128, 256)]
        [1, 1, 2, 4]
    """
    stride = 1
    while size > LARGE * stride and stride < LARGEST_STRIDE:
        stride *= 2
    return stride
