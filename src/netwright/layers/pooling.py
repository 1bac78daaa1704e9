"""Pooling: one value for each window, or for each channel of a whole row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from netwright.layers import channels, windows
from netwright.layers.base import Layer, Shape
from netwright.nn.member import Mode


class Pooling(Layer):
    """What pooling over windows shares."""

    axes: int

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        windows.channels_last(data_format, self)
        self.pool_size = windows.sizes(pool_size, self.axes, "pool_size", self)
        self.strides = (
            self.pool_size if strides is None else windows.sizes(strides, self.axes, "strides", self)
        )
        self.padding = windows.padding_name(padding, ("valid", "same"), self)

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, self.axes, self, channels=False)
        spatial = windows.lengths(shape, self.pool_size, self.strides, self.padding, self, "window")
        return (*spatial, shape[-1])

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        around = windows.margins(x.shape[2:-1], self.pool_size, self.strides, self.padding)
        found = self.pooled(x.flatten(0, 1), around)
        return found.unflatten(0, x.shape[:2])

    def pooled(self, x: Tensor, around: list[tuple[int, int]]) -> Tensor:
        """[N, *axes, C] to [N, *axes, C]"""
        raise NotImplementedError


class _Max(Pooling):
    def pooled(self, x: Tensor, around: list[tuple[int, int]]) -> Tensor:
        function = (functional.max_pool1d, functional.max_pool2d)[self.axes - 1]
        padded = channels.channels_first(windows.pad(x, around, -float("inf")))
        return channels.channels_last(function(padded, self.pool_size, self.strides))


class _Average(Pooling):
    def pooled(self, x: Tensor, around: list[tuple[int, int]]) -> Tensor:
        found = self._means(windows.pad(x, around))
        if not any(map(any, around)):
            return found
        real = x.new_ones(1, *x.shape[1:-1], 1)  # margins do not count
        return found / self._means(windows.pad(real, around))

    def _means(self, x: Tensor) -> Tensor:
        function = (functional.avg_pool1d, functional.avg_pool2d)[self.axes - 1]
        return channels.channels_last(function(channels.channels_first(x), self.pool_size, self.strides))


class MaxPooling1D(_Max):
    """The largest value of each window along sequences [T, C].

    Arguments:
        pool_size: length of a window.
        strides: steps from one window to the next; pool_size unless given.
        padding: "valid", or "same": ceil(T / strides) windows, of which those at the ends are shorter.
        data_format: "channels_last", or None; there is no other here.

    Example:
        >>> MaxPooling1D(3).output_shape((20, 4))
        (6, 4)
    """

    axes = 1


class MaxPooling2D(_Max):
    """The largest value of each window over pictures [H, W, C].

    Arguments:
        pool_size: height and width of a window, or one number for both.
        strides: rows and columns from one window to the next; pool_size unless given.
        padding: "valid", or "same": ceil(size / strides) windows, of which those at the edges are smaller.
        data_format: "channels_last", or None; there is no other here.

    Example:
        >>> MaxPooling2D().output_shape((28, 28, 32))
        (14, 14, 32)
    """

    axes = 2


class AveragePooling1D(_Average):
    """The mean of each window along sequences [T, C]; arguments as `MaxPooling1D`.

    With padding "same" a window's mean is that of the values that are there.
    """

    axes = 1


class AveragePooling2D(_Average):
    """The mean of each window over pictures [H, W, C]; arguments as `MaxPooling2D`.

    With padding "same" a window's mean is that of the values that are there.
    """

    axes = 2


class _Global(Layer):
    axes: int

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **common: Any) -> None:
        super().__init__(**common)
        windows.channels_last(data_format, self)
        self.keepdims = keepdims

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, self.axes, self, channels=False)
        return (*(1,) * self.axes, shape[-1]) if self.keepdims else (shape[-1],)

    @property
    def over(self) -> list[int]:
        """The axes of [M, B, *axes, C] that go."""
        return list(range(2, 2 + self.axes))


class _GlobalMax(_Global):
    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x.amax(self.over, keepdim=self.keepdims)


class _GlobalAverage(_Global):
    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x.mean(self.over, keepdim=self.keepdims)


class GlobalMaxPooling1D(_GlobalMax):
    """The largest value of each channel of a sequence. [T, C] to [C]

    Arguments:
        data_format: "channels_last", or None; there is no other here.
        keepdims: whether the axis stays, with one value: [1, C].
    """

    axes = 1


class GlobalMaxPooling2D(_GlobalMax):
    """The largest value of each channel of a picture. [H, W, C] to [C]; arguments as `GlobalMaxPooling1D`."""

    axes = 2


class GlobalAveragePooling1D(_GlobalAverage):
    """The mean of each channel of a sequence. [T, C] to [C]; arguments as `GlobalMaxPooling1D`.

    Example:
        >>> GlobalAveragePooling1D().output_shape((None, 64))
        (64,)
    """

    axes = 1


class GlobalAveragePooling2D(_GlobalAverage):
    """The mean of each channel of a picture. [H, W, C] to [C]; arguments as `GlobalMaxPooling1D`."""

    axes = 2
