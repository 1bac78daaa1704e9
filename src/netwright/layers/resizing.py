"""Layers that add, cut or repeat rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from netwright.layers import windows
from netwright.layers.base import Layer, Shape
from netwright.nn.member import Mode


class _Margins(Layer):
    """Adds to (sign 1) or cuts from (sign -1) the ends of each axis."""

    axes: int
    sign: int

    def __init__(self, value: Any, data_format: str | None, what: str, **common: Any) -> None:
        super().__init__(**common)
        windows.channels_last(data_format, self)
        self.around = _around(value, self.axes, what, self)

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, self.axes, self, channels=False)
        spatial = tuple(
            None if size is None else size + self.sign * sum(both)
            for size, both in zip(shape[:-1], self.around, strict=True)
        )
        if any(size is not None and size < 1 for size in spatial):
            raise self.wrong(f"it cuts {self.around} from its input of shape {shape}, which leaves nothing")
        return (*spatial, shape[-1])

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return windows.pad(x, [(self.sign * before, self.sign * after) for before, after in self.around])


class ZeroPadding1D(_Margins):
    """Zeros before and after sequences [T, C].

    Arguments:
        padding: how many at both ends, or (before, after).
    """

    axes, sign = 1, 1

    def __init__(
        self, padding: int | Sequence[int] = 1, data_format: str | None = None, **common: Any
    ) -> None:
        super().__init__(padding, data_format, "padding", **common)


class ZeroPadding2D(_Margins):
    """Zeros around pictures [H, W, C].

    Arguments:
        padding: how many on all sides, (rows, columns), or ((top, bottom), (left, right)).

    Example:
        >>> ZeroPadding2D(((1, 0), (2, 2))).output_shape((28, 28, 3))
        (29, 32, 3)
    """

    axes, sign = 2, 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **common: Any) -> None:
        super().__init__(padding, data_format, "padding", **common)


class Cropping1D(_Margins):
    """Sequences [T, C] without their first and last steps.

    Arguments:
        cropping: how many at both ends, or (before, after).
    """

    axes, sign = 1, -1

    def __init__(
        self, cropping: int | Sequence[int] = 1, data_format: str | None = None, **common: Any
    ) -> None:
        super().__init__(cropping, data_format, "cropping", **common)


class Cropping2D(_Margins):
    """Pictures [H, W, C] without their edges.

    Arguments:
        cropping: how many on all sides, (rows, columns), or ((top, bottom), (left, right)).
    """

    axes, sign = 2, -1

    def __init__(self, cropping: Any = 1, data_format: str | None = None, **common: Any) -> None:
        super().__init__(cropping, data_format, "cropping", **common)


class UpSampling1D(Layer):
    """Each step of a sequence [T, C] `size` times."""

    def __init__(self, size: int = 2, **common: Any) -> None:
        super().__init__(**common)
        (self.size,) = windows.sizes(size, 1, "size", self)

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, 1, self, channels=False)
        return (None if shape[0] is None else shape[0] * self.size, shape[1])

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x.repeat_interleave(self.size, 2)


class UpSampling2D(Layer):
    """Each row and column of a picture [H, W, C] several times.

    Arguments:
        size: how often rows and columns, or one number for both.
        data_format: "channels_last", or None; there is no other here.
        interpolation: "nearest"; there is no other here.

    Example:
        >>> UpSampling2D((2, 3)).output_shape((7, 7, 16))
        (14, 21, 16)
    """

    def __init__(
        self,
        size: int | Sequence[int] = 2,
        data_format: str | None = None,
        interpolation: str = "nearest",
        **common: Any,
    ) -> None:
        super().__init__(**common)
        windows.channels_last(data_format, self)
        self.size = windows.sizes(size, 2, "size", self)
        if interpolation != "nearest":
            raise self.wrong(f"interpolation is {interpolation!r}", 'there is only "nearest" here')

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, 2, self, channels=False)
        height, width = (
            None if length is None else length * times
            for length, times in zip(shape[:2], self.size, strict=True)
        )
        return (height, width, shape[2])

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x.repeat_interleave(self.size[0], 2).repeat_interleave(self.size[1], 3)


def _around(value: Any, axes: int, name: str, layer: Layer) -> list[tuple[int, int]]:
    """(before, after) of each axis, from the ways in which they can be given."""
    if isinstance(value, Sequence) and axes == 1:
        value = [value]
    if not isinstance(value, Sequence):
        value = [value] * axes
    if len(value) != axes:
        raise layer.wrong(f"{name} is {value!r}", f"give a whole number, or {axes} of them")
    pairs = [windows.sizes(each, 2, name, layer, least=0) for each in value]
    return [(before, after) for before, after in pairs]
