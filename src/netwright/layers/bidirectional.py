"""A recurrent layer in both directions of time."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.errors import suggestion
from netwright.layers.base import Layer, Shape
from netwright.layers.recurrent import Recurrent
from netwright.nn.member import Mode

MERGES = ("concat", "sum", "mul", "ave")


class Bidirectional(Layer):
    """Runs a recurrent layer forwards and one like it backwards, and joins what they give.

    Arguments:
        layer: SimpleRNN, LSTM or GRU.
        merge_mode: "concat" (features side by side), "sum", "mul" or "ave".
        backward_layer: the one that runs backwards, with go_backwards the other way round; one with the same
            arguments as `layer` unless given.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: the forward layer's, then the backward layer's.

    Example:
        >>> from netwright.layers import LSTM
        >>> Bidirectional(LSTM(8, return_sequences=True)).output_shape((20, 3))
        (20, 16)
    """

    forward_layer: Recurrent
    backward_layer: Recurrent

    def __init__(
        self,
        layer: Recurrent,
        merge_mode: str = "concat",
        backward_layer: Recurrent | None = None,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if merge_mode not in MERGES:
            raise self.wrong(
                f"merge_mode is {merge_mode!r}", suggestion(merge_mode, MERGES) if merge_mode else None
            )
        for each in (layer,) if backward_layer is None else (layer, backward_layer):
            if not isinstance(each, Recurrent):
                raise self.wrong(f"{each!r} is no recurrent layer", "give a SimpleRNN, an LSTM or a GRU")
        if backward_layer is None:
            backward_layer = turned(layer)
        if layer.go_backwards == backward_layer.go_backwards:
            raise self.wrong("both layers run in the same direction", "give one of them go_backwards=True")
        if layer.return_sequences != backward_layer.return_sequences:
            raise self.wrong("one layer has return_sequences=True and the other has not")
        if merge_mode != "concat" and layer.units != backward_layer.units:
            raise self.wrong(
                f"layers of {layer.units} and {backward_layer.units} units cannot be joined by {merge_mode!r}"
            )
        self.merge_mode = merge_mode
        self.forward_layer, self.backward_layer = layer, backward_layer

    def output_shape(self, shape: Shape) -> Shape:
        ahead = self.forward_layer.output_shape(shape)
        if self.merge_mode != "concat":
            return ahead
        return (*ahead[:-1], self.forward_layer.units + self.backward_layer.units)

    def build(self, shape: Shape) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            layer.trainable = layer.trainable and self.trainable
            self.inner(layer, shape)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        ahead, back = self.forward_layer(x, mode), self.backward_layer(x, mode)
        if self.forward_layer.return_sequences:
            back = back.flip(2)
        if self.merge_mode == "concat":
            return torch.cat((ahead, back), -1)
        if self.merge_mode == "mul":
            return ahead * back
        return ahead + back if self.merge_mode == "sum" else (ahead + back) / 2


def turned(layer: Recurrent) -> Recurrent:
    """One with the same arguments that runs the other way."""
    changes = {"go_backwards": not layer.go_backwards, "name": f"backward_{layer.name}"}
    made = type(layer)(**(layer.arguments | changes))
    assert isinstance(made, Recurrent)
    return made
