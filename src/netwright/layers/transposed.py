"""Convolutions the other way round, to larger pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from netwright.layers import channels, windows
from netwright.layers.base import Activated, Shape, at_least, last_axis
from netwright.layers.convolution import reach
from netwright.layers.parameters import group, start
from netwright.nn.member import Mode


class Conv2DTranspose(Activated):
    """What passes gradients back through a `Conv2D`, as a layer: pictures become larger by `strides`.

    Arguments:
        filters, kernel_size, data_format, dilation_rate, activation, use_bias, kernel_initializer,
            bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as in
            `Conv2D`.
        strides: how many times as large the output is.
        padding: "same" gives size * strides; "valid" adds what the kernel reaches further.

    Weights: kernel [height, width, filters, channels], bias [filters].

    Example:
        >>> Conv2DTranspose(8, 3, strides=2, padding="same").output_shape((7, 7, 16))
        (14, 14, 8)
    """

    kernel: Tensor
    bias: Tensor

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: str | Callable[[Tensor], Tensor] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **common: Any,
    ) -> None:
        super().__init__(activation, **common)
        windows.channels_last(data_format, self)
        self.filters = at_least(filters, 1, "filters", self)
        self.kernel_size = windows.sizes(kernel_size, 2, "kernel_size", self)
        self.strides = windows.sizes(strides, 2, "strides", self)
        self.dilation_rate = windows.sizes(dilation_rate, 2, "dilation_rate", self)
        self.padding = windows.padding_name(padding, ("valid", "same"), self)
        self.use_bias = use_bias
        self.starts = (start(kernel_initializer, self), start(bias_initializer, self))
        self.kinds = (
            group(self, kernel_regularizer, kernel_constraint),
            group(self, bias_regularizer, bias_constraint),
        )

    @property
    def beyond(self) -> list[int]:
        """How far a kernel reaches over the next one, along each axis."""
        reaches = reach(self.kernel_size, self.dilation_rate)
        return [max(size - stride, 0) for size, stride in zip(reaches, self.strides, strict=True)]

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, 2, self)
        spatial = tuple(
            None if size is None else size * stride + (beyond if self.padding == "valid" else 0)
            for size, stride, beyond in zip(shape[:2], self.strides, self.beyond, strict=True)
        )
        return (*spatial, self.filters)

    def build(self, shape: Shape) -> None:
        kernel = (*self.kernel_size, self.filters, last_axis(shape, self))
        self.declare("kernel", kernel, self.starts[0], **self.kinds[0])
        if self.use_bias:
            self.declare("bias", (self.filters,), self.starts[1], **self.kinds[1])

    def compute(self, x: Tensor, mode: Mode) -> Tensor:
        found = functional.conv_transpose2d(
            channels.channels_first(channels.side_by_side(x)),
            self.kernel.movedim((-1, -2), (1, 2)).flatten(0, 1),  # [M C, F, height, width]
            None,
            self.strides,
            groups=len(x),
            dilation=self.dilation_rate,
        )
        whole = channels.apart(channels.channels_last(found), len(x))
        wanted = self.output_shape(tuple(x.shape[2:]))
        before = [beyond // 2 if self.padding == "same" else 0 for beyond in self.beyond]
        around = [
            (-first, (size or 0) - length + first)
            for first, size, length in zip(before, wanted[:2], whole.shape[2:4], strict=True)
        ]
        found = windows.pad(whole, around)
        return found + self.bias[:, None, None, None] if self.use_bias else found
