"""Layers with a way around them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from torch import Tensor, nn

from netwright.layers.base import Layer, Shape
from netwright.layers.convolution import Conv1D, Conv2D
from netwright.layers.dense import Dense
from netwright.nn.member import Mode


class Residual(Layer):
    """x + layers(x) (arXiv 1512.03385).

    Arguments:
        layers: one layer, or several in their order.
        projection: what brings x to the shape of layers(x) where they differ: "auto" is a linear layer
            without bias (Dense, or where pictures or sequences become smaller a convolution of size 1 with
            strides, which fits layers with padding "same"); None refuses; a layer of one's own is used.

    Example:
        >>> Residual([Dense(64, "relu"), Dense(64)]).output_shape((64,))
        (64,)
    """

    def __init__(
        self, layers: Layer | Sequence[Layer], projection: str | Layer | None = None, **common: Any
    ) -> None:
        super().__init__(**common)
        inner = [layers] if isinstance(layers, Layer) else list(layers)
        if not inner or not all(isinstance(layer, Layer) for layer in inner):
            raise self.wrong("it takes a layer or a list of layers", 'such as Residual([Dense(64, "relu")])')
        if not (projection in (None, "auto") or isinstance(projection, Layer)):
            raise self.wrong(f"projection is {projection!r}", 'give "auto", None or a layer')
        self.layers = nn.ModuleList(inner)
        self.automatic = projection == "auto"
        self.projection = projection if isinstance(projection, Layer) else None

    @property
    def steps(self) -> list[Layer]:
        return list(self.layers)  # type: ignore[arg-type]

    def output_shape(self, shape: Shape) -> Shape:
        given = reduce(lambda before, layer: layer.output_shape(before), self.steps, shape)
        around = self._around(shape, given)
        if around is not None and around.output_shape(shape) != given:
            raise self.wrong(
                f"its layers give {given} for inputs of shape {shape}, and its projection gives "
                f"{around.output_shape(shape)}",
                'padding="same" in its layers, or a projection that fits',
            )
        return given

    def build(self, shape: Shape) -> None:
        given = reduce(lambda before, layer: self.inner(layer, before), self.steps, shape)
        around = self._around(shape, given)
        if around is not None:
            self.inner(around, shape)
            self.projection = around

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        given = reduce(lambda before, layer: layer(before, mode), self.steps, x)
        return given + (x if self.projection is None else self.projection(x, mode))

    def _around(self, shape: Shape, given: Shape) -> Layer | None:
        """What x goes through; None when it is added as it is."""
        if self.projection is not None:
            return self.projection
        if given == shape:
            return None
        if not self.automatic or len(shape) != len(given) or given[-1] is None:
            raise self.wrong(
                f"its layers give {given} for inputs of shape {shape}, to which x cannot be added",
                'projection="auto"' if len(shape) == len(given) else "the shapes need as many axes",
            )
        if shape[:-1] == given[:-1]:
            return Dense(given[-1], use_bias=False, name="projection")
        if len(shape) not in (2, 3):
            raise self.wrong(f"no projection brings {shape} to {given}", "give a layer: projection=...")
        strides = [
            -(-size // other) if size and other else 1
            for size, other in zip(shape[:-1], given[:-1], strict=True)
        ]
        kind = Conv1D if len(shape) == 2 else Conv2D
        return kind(given[-1], 1, strides, "same", use_bias=False, name="projection")
