"""Layers that make one of several inputs, each also as a function: `add([a, b])` is `Add()([a, b])`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from netwright.layers.base import Layer, Shape, axis_of
from netwright.nn.member import Mode


class Merging(Layer):
    """Base of layers that take a list of inputs."""

    several = True
    most: int | None = None

    def output_shape(self, shape: list[Shape]) -> Shape:
        if not isinstance(shape, list) or len(shape) < 2:
            raise self.wrong(f"it takes a list of inputs, two or more, and was given {shape}")
        if self.most is not None and len(shape) > self.most:
            raise self.wrong(f"it takes {self.most} inputs, and was given {len(shape)}")
        return self.merged(shape)

    def merged(self, shapes: list[Shape]) -> Shape:
        """The output's shape: inputs have one shape, or 1 along an axis that is repeated."""
        if len({len(shape) for shape in shapes}) > 1:
            raise self.wrong(f"its inputs have different numbers of axes, with shapes {_list(shapes)}")
        found: list[int | None] = []
        for values in zip(*shapes, strict=True):
            known = {size for size in values if size not in (1, None)}
            if len(known) > 1:
                raise self.wrong(
                    f"its inputs have the shapes {_list(shapes)}, which do not fit together",
                    "bring them to one shape, with Dense or a convolution, or join them with Concatenate",
                )
            found.append(known.pop() if known else None if None in values else 1)
        return tuple(found)


class Add(Merging):
    """The sum of inputs.

    Example:
        >>> Add().output_shape([(7, 4), (7, 4)])
        (7, 4)
    """

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        return reduce(torch.add, x)


class Subtract(Merging):
    """The first input less the second."""

    most = 2

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        return x[0] - x[1]


class Multiply(Merging):
    """The product of inputs, value by value."""

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        return reduce(torch.mul, x)


class Average(Merging):
    """The mean of inputs."""

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        return reduce(torch.add, x) / len(x)


class Maximum(Merging):
    """The larger of inputs, value by value."""

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        return reduce(torch.maximum, x)


class Minimum(Merging):
    """The smaller of inputs, value by value."""

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        return reduce(torch.minimum, x)


class Concatenate(Merging):
    """Inputs one after the other along an axis.

    Arguments:
        axis: along which; 0 is the batch, as in Keras, so that features start at 1. -1 is the last.

    Example:
        >>> Concatenate().output_shape([(7, 4), (7, 2)])
        (7, 6)
    """

    def __init__(self, axis: int = -1, **common: Any) -> None:
        super().__init__(**common)
        self.axis = axis

    def merged(self, shapes: list[Shape]) -> Shape:
        axis = axis_of(self.axis, shapes[0], self)
        others = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if len({len(shape) for shape in shapes}) > 1 or len(others) > 1:
            raise self.wrong(
                f"its inputs have the shapes {_list(shapes)}, which may differ along axis {self.axis} only"
            )
        along = [shape[axis] for shape in shapes]
        total = None if None in along else sum(size or 0 for size in along)
        return (*shapes[0][:axis], total, *shapes[0][axis + 1 :])

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        return torch.cat(x, self.axis + 1 if self.axis > 0 else self.axis)


class Dot(Merging):
    """Sums over one axis of two inputs' products; all their other axes stay. [R, K] and [S, K] to [R, S]

    Arguments:
        axes: the axis of both, or of each; 0 is the batch. Vectors give one value: [K] and [K] to [1].
        normalize: whether inputs are divided by their length along the axis first: the cosine.

    Example:
        >>> Dot(axes=(2, 1)).output_shape([(7, 4), (4, 5)])
        (7, 5)
    """

    most = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **common: Any) -> None:
        super().__init__(**common)
        self.axes = (axes, axes) if isinstance(axes, int) else tuple(axes)
        self.normalize = normalize
        if len(self.axes) != 2:
            raise self.wrong(f"axes is {axes!r}", "give one axis, or one for each of both inputs")

    def merged(self, shapes: list[Shape]) -> Shape:
        axes = [axis_of(axis, shape, self) for axis, shape in zip(self.axes, shapes, strict=True)]
        along = [shape[axis] for axis, shape in zip(axes, shapes, strict=True)]
        if None not in along and along[0] != along[1]:
            raise self.wrong(
                f"the axes {self.axes} of its inputs, of shapes {_list(shapes)}, differ in length: "
                f"{along[0]} and {along[1]}"
            )
        rest = [
            size
            for axis, shape in zip(axes, shapes, strict=True)
            for place, size in enumerate(shape)
            if place != axis
        ]
        return tuple(rest) or (1,)

    def forward(self, x: list[Tensor], mode: Mode) -> Tensor:
        first, second = (
            each.movedim(axis + 1 if axis > 0 else axis, -1) for each, axis in zip(x, self.axes, strict=True)
        )
        if self.normalize:
            first, second = functional.normalize(first, dim=-1), functional.normalize(second, dim=-1)
        rest = (*first.shape[2:-1], *second.shape[2:-1])
        rows, columns = _matrix(first), _matrix(second)  # [M, B, R, K] and [M, B, S, K]
        return (rows @ columns.mT).reshape(*first.shape[:2], *(rest or (1,)))


def add(inputs: list[Any], **common: Any) -> Any:
    return Add(**common)(inputs)


def subtract(inputs: list[Any], **common: Any) -> Any:
    return Subtract(**common)(inputs)


def multiply(inputs: list[Any], **common: Any) -> Any:
    return Multiply(**common)(inputs)


def average(inputs: list[Any], **common: Any) -> Any:
    return Average(**common)(inputs)


def maximum(inputs: list[Any], **common: Any) -> Any:
    return Maximum(**common)(inputs)


def minimum(inputs: list[Any], **common: Any) -> Any:
    return Minimum(**common)(inputs)


def concatenate(inputs: list[Any], axis: int = -1, **common: Any) -> Any:
    return Concatenate(axis, **common)(inputs)


def dot(inputs: list[Any], axes: int | Sequence[int] = -1, **common: Any) -> Any:
    return Dot(axes, **common)(inputs)


def _matrix(x: Tensor) -> Tensor:
    """[M, B, ..., K] to [M, B, R, K]"""
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:-1]), x.shape[-1])


def _list(shapes: list[Shape]) -> str:
    return " and ".join(str(shape) for shape in shapes)
