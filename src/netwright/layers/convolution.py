"""Convolutions over sequences and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from netwright.layers import channels, windows
from netwright.layers.base import Activated, Shape, at_least, last_axis
from netwright.layers.parameters import group, start
from netwright.nn.member import Mode


class Convolution(Activated):
    """What Conv1D and Conv2D share."""

    axes: int
    paddings: tuple[str, ...] = ("valid", "same")
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
        groups: int = 1,
        activation: str | Callable[[Tensor], Tensor] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "auto",
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
        self.groups = at_least(groups, 1, "groups", self)
        self.kernel_size = windows.sizes(kernel_size, self.axes, "kernel_size", self)
        self.strides = windows.sizes(strides, self.axes, "strides", self)
        self.dilation_rate = windows.sizes(dilation_rate, self.axes, "dilation_rate", self)
        self.padding = windows.padding_name(padding, self.paddings, self)
        self.use_bias = use_bias
        self.starts = (start(kernel_initializer, self, self.activation_name), start(bias_initializer, self))
        self.kinds = (
            group(self, kernel_regularizer, kernel_constraint),
            group(self, bias_regularizer, bias_constraint),
        )
        if self.filters % self.groups:
            raise self.wrong(f"{self.filters} filters do not divide into {self.groups} groups")

    @property
    def reach(self) -> list[int]:
        """How far a window reaches along each axis, with its gaps."""
        return reach(self.kernel_size, self.dilation_rate)

    def output_shape(self, shape: Shape) -> Shape:
        windows.expect(shape, self.axes, self)
        if last_axis(shape, self) % self.groups:
            raise self.wrong(f"the {shape[-1]} channels of its input do not divide into {self.groups} groups")
        spatial = windows.lengths(shape, self.reach, self.strides, self.padding, self, "kernel")
        return (*spatial, self.filters)

    def build(self, shape: Shape) -> None:
        kernel = (*self.kernel_size, last_axis(shape, self) // self.groups, self.filters)
        self.declare("kernel", kernel, self.starts[0], **self.kinds[0])
        if self.use_bias:
            self.declare("bias", (self.filters,), self.starts[1], **self.kinds[1])

    def compute(self, x: Tensor, mode: Mode) -> Tensor:
        bias = self.bias if self.use_bias else None
        return convolve(x, self.kernel, bias, self.strides, self.padding, self.dilation_rate, self.groups)


class Conv1D(Convolution):
    """activation(x * K + b) along sequences [T, C].

    Arguments:
        filters: output channels.
        kernel_size: length of the kernel.
        strides: steps from one window to the next.
        padding: "valid", "same" (ceil(T / strides) outputs; the odd zero comes last) or "causal" (zeros
            before the first step only, so that no output sees a later input).
        data_format: "channels_last", or None; there is no other here.
        dilation_rate: steps from one value of the kernel to the next.
        groups: channels are divided into so many parts with filters of their own.
        activation: name or function; none unless given.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint,
            bias_constraint: as in `Dense`.
        **common: name, input_shape, trainable; see `Layer`.

    Weights: kernel [kernel_size, channels / groups, filters], bias [filters].

    Example:
        >>> Conv1D(8, 3, padding="causal").output_shape((20, 4))
        (20, 8)
    """

    axes = 1
    paddings = ("valid", "same", "causal")


class Conv2D(Convolution):
    """activation(x * K + b) over pictures [H, W, C].

    Arguments:
        filters: output channels.
        kernel_size: height and width of the kernel, or one number for both.
        strides: rows and columns from one window to the next.
        padding: "valid" or "same" (ceil(size / strides) outputs; the odd zeros come last).
        data_format: "channels_last", or None; there is no other here.
        dilation_rate: rows and columns from one value of the kernel to the next.
        groups: channels are divided into so many parts with filters of their own.
        activation: name or function; none unless given.
        use_bias: whether there is a b.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint,
            bias_constraint: as in `Dense`.
        **common: name, input_shape, trainable; see `Layer`.

    Weights: kernel [height, width, channels / groups, filters], bias [filters].

    Example:
        >>> Conv2D(32, 3, activation="relu").output_shape((28, 28, 1))
        (26, 26, 32)
    """

    axes = 2


def reach(kernel_size: Sequence[int], dilation: Sequence[int]) -> list[int]:
    """How far a window reaches along each axis, with its gaps."""
    return [(size - 1) * gap + 1 for size, gap in zip(kernel_size, dilation, strict=True)]


def convolve(
    x: Tensor,
    kernel: Tensor,
    bias: Tensor | None,
    strides: Sequence[int],
    padding: str,
    dilation: Sequence[int],
    groups: int = 1,
) -> Tensor:
    """Each member's convolution. [M, B, *axes, C], [M, *sizes, C / groups, F] and [M, F] to [M, B, *axes, F]

    Several members are one convolution with groups of their own; one alone is not copied.
    """
    members, window = len(x), kernel.shape[1:-2]
    around = windows.margins(x.shape[2:-1], reach(window, dilation), strides, padding)
    even = all(before == after for before, after in around)
    if not even:
        x = windows.pad(x, around)
    found = (functional.conv1d, functional.conv2d)[len(window) - 1](
        channels.channels_first(channels.side_by_side(x)),
        kernel.movedim((-1, -2), (1, 2)).flatten(0, 1),  # [M F, C / groups, *sizes]
        None if bias is None else bias.reshape(-1),
        list(strides),
        [before for before, _ in around] if even else 0,
        list(dilation),
        members * groups,
    )
    return channels.apart(channels.channels_last(found), members)
