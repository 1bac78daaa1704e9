"""Convolutions of each channel by itself, and such that mix the channels afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from netwright.layers import windows
from netwright.layers.base import Activated, Shape, at_least, last_axis
from netwright.layers.convolution import convolve, reach
from netwright.layers.parameters import group, start
from netwright.nn.member import Mode


class _Depthwise(Activated):
    """A convolution of pictures whose channels do not mix."""

    bias: Tensor

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        depth_multiplier: int,
        activation: str | Callable[[Tensor], Tensor] | None,
        **common: Any,
    ) -> None:
        super().__init__(activation, **common)
        windows.channels_last(data_format, self)
        self.kernel_size = windows.sizes(kernel_size, 2, "kernel_size", self)
        self.strides = windows.sizes(strides, 2, "strides", self)
        self.dilation_rate = windows.sizes(dilation_rate, 2, "dilation_rate", self)
        self.padding = windows.padding_name(padding, ("valid", "same"), self)
        self.depth_multiplier = at_least(depth_multiplier, 1, "depth_multiplier", self)

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, 2, self)
        around = reach(self.kernel_size, self.dilation_rate)
        spatial = windows.lengths(shape, around, self.strides, self.padding, self, "kernel")
        return (*spatial, last_axis(shape, self) * self.depth_multiplier)

    def depthwise(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """[M, B, H, W, C] and [M, height, width, C, D] to [M, B, H, W, C D]"""
        alone = kernel.flatten(3)[..., None, :]  # [M, height, width, 1, C D]: C groups of one channel
        return convolve(x, alone, bias, self.strides, self.padding, self.dilation_rate, x.shape[-1])


class DepthwiseConv2D(_Depthwise):
    """A convolution of each channel of pictures [H, W, C] by itself.

    Arguments:
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer,
            bias_regularizer, bias_constraint: as in `Conv2D`.
        depth_multiplier: output channels for each input channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.

    Weights: kernel [height, width, channels, depth_multiplier], bias [channels * depth_multiplier].

    Example:
        >>> DepthwiseConv2D(3, depth_multiplier=2).output_shape((28, 28, 4))
        (26, 26, 8)
    """

    kernel: Tensor

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: str | Callable[[Tensor], Tensor] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "auto",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **common: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation, **common
        )
        self.use_bias = use_bias
        self.starts = (
            start(depthwise_initializer, self, self.activation_name),
            start(bias_initializer, self),
        )
        self.kinds = (
            group(self, depthwise_regularizer, depthwise_constraint),
            group(self, bias_regularizer, bias_constraint),
        )

    def build(self, shape: Shape) -> None:
        channels = last_axis(shape, self)
        kernel = (*self.kernel_size, channels, self.depth_multiplier)
        self.declare("kernel", kernel, self.starts[0], **self.kinds[0])
        if self.use_bias:
            self.declare("bias", (channels * self.depth_multiplier,), self.starts[1], **self.kinds[1])

    def compute(self, x: Tensor, mode: Mode) -> Tensor:
        return self.depthwise(x, self.kernel, self.bias if self.use_bias else None)


class SeparableConv2D(_Depthwise):
    """A convolution of each channel of pictures [H, W, C], then one of size 1 that mixes them.

    Arguments:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            bias_initializer, bias_regularizer, bias_constraint: as in `Conv2D`.
        depth_multiplier: channels in between, for each input channel.
        depthwise_initializer, pointwise_initializer, depthwise_regularizer, pointwise_regularizer,
            depthwise_constraint, pointwise_constraint: of both kernels.

    Weights: depthwise_kernel [height, width, channels, depth_multiplier], pointwise_kernel
    [1, 1, channels * depth_multiplier, filters], bias [filters].

    Example:
        >>> SeparableConv2D(32, 3, padding="same").output_shape((28, 28, 4))
        (28, 28, 32)
    """

    depthwise_kernel: Tensor
    pointwise_kernel: Tensor

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: str | Callable[[Tensor], Tensor] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "auto",
        pointwise_initializer: Any = "auto",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **common: Any,
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier, activation, **common
        )
        self.filters = at_least(filters, 1, "filters", self)
        self.use_bias = use_bias
        self.starts = (
            start(depthwise_initializer, self),
            start(pointwise_initializer, self, self.activation_name),
            start(bias_initializer, self),
        )
        self.kinds = (
            group(self, depthwise_regularizer, depthwise_constraint),
            group(self, pointwise_regularizer, pointwise_constraint),
            group(self, bias_regularizer, bias_constraint),
        )

    def output_shape(self, shape: Shape) -> Shape:
        return (*super().output_shape(shape)[:-1], self.filters)

    def build(self, shape: Shape) -> None:
        channels = last_axis(shape, self)
        between = channels * self.depth_multiplier
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        self.declare("depthwise_kernel", depthwise, self.starts[0], **self.kinds[0])
        self.declare("pointwise_kernel", (1, 1, between, self.filters), self.starts[1], **self.kinds[1])
        if self.use_bias:
            self.declare("bias", (self.filters,), self.starts[2], **self.kinds[2])

    def compute(self, x: Tensor, mode: Mode) -> Tensor:
        between = self.depthwise(x, self.depthwise_kernel, None)
        bias = self.bias if self.use_bias else None
        return convolve(between, self.pointwise_kernel, bias, (1, 1), "valid", (1, 1))
