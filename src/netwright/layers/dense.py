"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from netwright.layers.base import Activated, Shape, at_least, last_axis
from netwright.layers.parameters import group, start
from netwright.nn.layers import affine
from netwright.nn.member import Mode


class Dense(Activated):
    """activation(x W + b) over the last axis.

    Arguments:
        units: outputs.
        activation: name or function; none unless given.
        use_bias: whether there is a b.
        kernel_initializer: how W starts; "auto" fits the activation (He's start before ReLU, Glorot's
            otherwise), where Keras always takes Glorot's.
        bias_initializer: how b starts.
        kernel_regularizer, bias_regularizer: penalties, such as "l2" or `regularizers.L2(1e-4)`.
        kernel_constraint, bias_constraint: such as `constraints.MaxNorm(3)`.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: kernel [inputs, units], bias [units].

    Example:
        >>> Dense(3).output_shape((5, 2))
        (5, 3)
    """

    kernel: Tensor
    bias: Tensor

    def __init__(
        self,
        units: int,
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
        self.units = at_least(units, 1, "units", self)
        self.use_bias = use_bias
        self.starts = (
            start(kernel_initializer, self, self.activation_name),
            start(bias_initializer, self),
        )
        self.groups = (
            group(self, kernel_regularizer, kernel_constraint),
            group(self, bias_regularizer, bias_constraint),
        )

    def output_shape(self, shape: Shape) -> Shape:
        last_axis(shape, self)
        return (*shape[:-1], self.units)

    def build(self, shape: Shape) -> None:
        self.declare("kernel", (last_axis(shape, self), self.units), self.starts[0], **self.groups[0])
        if self.use_bias:
            self.declare("bias", (self.units,), self.starts[1], **self.groups[1])

    def compute(self, x: Tensor, mode: Mode) -> Tensor:
        return affine(x, self.kernel, self.bias[:, None] if self.use_bias else None)
