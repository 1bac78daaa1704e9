"""A layer at each time step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import Tensor

from netwright.layers.base import Layer, Shape
from netwright.nn.member import Mode


class TimeDistributed(Layer):
    """The same layer for each step of a sequence. [T, ...] to [T, ...]

    Arguments:
        layer: takes one step.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Example:
        >>> from netwright.layers import Flatten
        >>> TimeDistributed(Flatten()).output_shape((20, 8, 8, 1))
        (20, 64)
    """

    def __init__(self, layer: Layer, **common: Any) -> None:
        super().__init__(**common)
        if not isinstance(layer, Layer):
            raise self.wrong(f"{layer!r} is no layer")
        self.layer = layer

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) < 2:
            raise self.wrong(f"it takes sequences [time, ...] and its input has shape {shape}")
        return (shape[0], *self.layer.output_shape(shape[1:]))

    def build(self, shape: Shape) -> None:
        self.layer.trainable = self.layer.trainable and self.trainable
        self.inner(self.layer, shape[1:])

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        if mode.rows is not None:
            mode = replace(mode, rows=mode.rows.repeat_interleave(x.shape[2], 1))
        steps = self.layer(x.flatten(1, 2), mode)  # [M, B * T, ...]
        return steps.unflatten(1, x.shape[1:3])
