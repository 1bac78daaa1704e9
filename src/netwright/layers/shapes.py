"""Layers that only change the shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from netwright.layers.base import Layer, Shape, as_shape, at_least
from netwright.nn.member import Mode


class Flatten(Layer):
    """All axes of a row in one.

    Example:
        >>> Flatten().output_shape((28, 28, 1))
        (784,)
    """

    def output_shape(self, shape: Shape) -> Shape:
        known = [size for size in shape if size is not None]
        return (math.prod(known) if len(known) == len(shape) else None,)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x.flatten(2) if x.dim() > 2 else x[..., None]


class Reshape(Layer):
    """Another shape of the same values.

    Arguments:
        target_shape: without the batch; -1 stands for what is left, once.

    Example:
        >>> Reshape((7, -1)).output_shape((28,))
        (7, 4)
    """

    def __init__(self, target_shape: Sequence[int], **common: Any) -> None:
        super().__init__(**common)
        self.target_shape = tuple(target_shape)
        as_shape([size for size in self.target_shape if size != -1], self.place)
        if self.target_shape.count(-1) > 1:
            raise self.wrong(f"the target shape {self.target_shape} has more than one -1")

    def output_shape(self, shape: Shape) -> Shape:
        if None in shape:
            return tuple(None if size == -1 else size for size in self.target_shape)
        total = math.prod(size for size in shape if size is not None)
        known = math.prod(size for size in self.target_shape if size != -1)
        if total % known or (-1 not in self.target_shape and total != known):
            raise self.wrong(
                f"its input has {total} values, of shape {shape}, which do not fit into {self.target_shape}"
            )
        return tuple(total // known if size == -1 else size for size in self.target_shape)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x.reshape(*x.shape[:2], *self.target_shape)


class Permute(Layer):
    """Axes in another order.

    Arguments:
        dims: from 1, without the batch: (2, 1) swaps the two axes of a row.
    """

    def __init__(self, dims: Sequence[int], **common: Any) -> None:
        super().__init__(**common)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise self.wrong(f"dims is {dims!r}", "name each axis once, from 1")

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != len(self.dims):
            raise self.wrong(f"its input has {len(shape)} axes, of shape {shape}, and dims {self.dims}")
        return tuple(shape[axis - 1] for axis in self.dims)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x.permute(0, 1, *(axis + 1 for axis in self.dims))


class RepeatVector(Layer):
    """A vector n times, as a sequence. [D] to [n, D]"""

    def __init__(self, n: int, **common: Any) -> None:
        super().__init__(**common)
        self.n = at_least(n, 1, "n", self)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise self.wrong(f"it takes vectors, and its input has shape {shape}")
        return (self.n, *shape)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x[:, :, None].expand(-1, -1, self.n, -1)
