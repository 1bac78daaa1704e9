"""A small vision transformer."""

from __future__ import annotations

from torch import Tensor, nn

from netwright.layers import (
    Conv2D,
    Dropout,
    GlobalAveragePooling1D,
    LayerNormalization,
    PositionalEncoding,
    Reshape,
    TransformerEncoder,
)
from netwright.layers.base import Layer, Shape
from netwright.nn.member import Mode

DEPTH = 4
HEAD = 32  # features of an attention head


class VisionTransformer(Layer):
    """Patches as a sequence, through blocks of attention, to the mean of what comes out.

    Arguments:
        size: features of a patch, a multiple of 4.
        patch: rows and columns of a patch.
        dropout: inside the blocks.
        depth: blocks.

    Source: Dosovitskiy et al. 2021, "An image is worth 16x16 words", arXiv 2010.11929; the mean in the place
    of a class token after Beyer, Zhai and Kolesnikov 2022, arXiv 2205.01580.

    Example:
        >>> VisionTransformer(size=64, patch=4).output_shape((28, 28, 1))
        (64,)
    """

    def __init__(self, size: int, patch: int, dropout: float = 0.0, depth: int = DEPTH) -> None:
        super().__init__()
        self.size = size
        heads = max(1, size // HEAD)
        while size % heads:
            heads -= 1
        self.patches = Conv2D(size, patch, patch, "same")
        self.rest = nn.ModuleList(
            [
                Reshape((-1, size)),
                PositionalEncoding("learned"),
                Dropout(dropout),
                *(TransformerEncoder(heads, 4 * size, dropout) for _ in range(depth)),
                LayerNormalization(epsilon=1e-5),
                GlobalAveragePooling1D(),
            ]
        )

    def output_shape(self, shape: Shape) -> Shape:
        self.patches.output_shape(shape)
        return (self.size,)

    def build(self, shape: Shape) -> None:
        shape = self.inner(self.patches, shape)
        for layer in self.rest:
            shape = self.inner(layer, shape)  # type: ignore[arg-type]

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = self.patches(x, mode)
        for layer in self.rest:
            x = layer(x, mode)
        return x


def patch_of(shape: tuple[int, int, int]) -> int:
    """A size of patches that gives about eight by eight of them.

    Example:
        >>> patch_of((28, 28, 1)), patch_of((8, 8, 1)), patch_of((128, 96, 3))
        (4, 2, 12)
    """
    return max(2, -(-min(shape[:2]) // 8))
