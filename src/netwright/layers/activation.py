"""Activations as layers of their own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from netwright.layers.base import Activated, Layer, Shape
from netwright.layers.parameters import group, start
from netwright.nn.member import Mode


class Activation(Activated):
    """An activation by name ("relu", "softmax", ...) or a function of a tensor.

    Example:
        >>> Activation("softmax").output_shape((10,))
        (10,)
    """

    def __init__(self, activation: Any, **common: Any) -> None:
        super().__init__(activation, **common)

    def compute(self, x: Tensor, mode: Mode) -> Tensor:
        return x


class ReLU(Layer):
    """max(x, 0), with Keras's further arguments.

    Arguments:
        max_value: the largest output; no limit unless given.
        negative_slope: the slope below the threshold.
        threshold: values below it are not passed on.
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = torch.where(x >= self.threshold, x, self.negative_slope * (x - self.threshold))
        return x if self.max_value is None else x.clamp(max=self.max_value)


class LeakyReLU(Layer):
    """x above 0, negative_slope * x below (Keras's default: .3)."""

    def __init__(self, negative_slope: float = 0.3, **common: Any) -> None:
        super().__init__(**common)
        self.negative_slope = negative_slope

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return functional.leaky_relu(x, self.negative_slope)


class PReLU(Layer):
    """A leaky ReLU whose slope is learnt for each feature (arXiv 1502.01852).

    Arguments:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes.
        shared_axes: axes (from 1, without the batch) along which slopes are shared, such as [1, 2] for
            pictures.

    Weights: alpha [*shape], 1 along shared axes.
    """

    alpha: Tensor

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: list[int] | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.start = start(alpha_initializer, self)
        self.group = group(self, alpha_regularizer, alpha_constraint)
        self.shared_axes = list(shared_axes or [])

    def build(self, shape: Shape) -> None:
        sizes = [1 if axis + 1 in self.shared_axes else size for axis, size in enumerate(shape)]
        if None in sizes:
            raise self.wrong(
                f"an axis of its input, of shape {shape}, is not known", "share it: shared_axes=[1]"
            )
        self.declare("alpha", tuple(size or 1 for size in sizes), self.start, **self.group)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return torch.relu(x) - self.alpha[:, None] * torch.relu(-x)


class ELU(Layer):
    """x above 0, alpha (exp(x) - 1) below (arXiv 1511.07289)."""

    def __init__(self, alpha: float = 1.0, **common: Any) -> None:
        super().__init__(**common)
        self.alpha = alpha

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return functional.elu(x, self.alpha)


class Softmax(Activation):
    """Shares that add up to 1 over the last axis."""

    def __init__(self, **common: Any) -> None:
        super().__init__("softmax", **common)
