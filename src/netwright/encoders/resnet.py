"""A small residual network for pictures."""

from __future__ import annotations

from netwright.encoders.cnn import MOST_STAGES, WORTH_POOLING, Body, ConvBlock, stem
from netwright.layers import Activation, Residual
from netwright.layers.base import Layer

BLOCKS = 2  # of a stage


def resnet(shape: tuple[int, int, int], size: int) -> Layer:
    """Stages of two basic blocks, each with twice the channels and half the rows of the one before.

    Arguments:
        shape: H, W, C.
        size: channels of the first stage.

    Returns:
        A layer [M, B, H, W, C] to [M, B, D].

    Source: He, Zhang, Ren and Sun 2015, "Deep residual learning for image recognition", arXiv 1512.03385.

    Example:
        >>> resnet((32, 32, 3), 16).output_shape((32, 32, 3))
        (128,)
    """
    first, smaller = stem(shape, size, 3 * WORTH_POOLING)
    blocks = [first]
    for stage in range(MOST_STAGES):
        halved = stage > 0 and smaller >= WORTH_POOLING
        if stage > 0 and not halved:
            break
        for block in range(BLOCKS):
            inner = [
                ConvBlock(size, strides=2 if halved and not block else 1),
                ConvBlock(size, activate=False),
            ]
            blocks += [Residual(inner, projection="auto"), Activation("relu")]  # type: ignore[list-item]
        smaller = -(-smaller // 2) if halved else smaller
        size *= 2
    return Body(blocks)
