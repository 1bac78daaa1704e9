"""Layers one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from netwright.errors import InputError
from netwright.layers.base import Layer, Symbol, as_shape
from netwright.models import arrays
from netwright.models.goals import goals
from netwright.models.model import Model
from netwright.models.network import GraphNetwork


class Sequential(Model):
    """A model of layers one after another, as in Keras.

    The input's shape comes from `input_shape=` or `input_dim=` of the first layer, from an `Input` in front,
    or from the first rows that it sees.

    Arguments:
        layers: a list of layers; more can follow with `add`.
        name: of the model.

    Example:
        >>> from netwright.layers import Dense
        >>> model = Sequential([Dense(8, "relu", input_dim=4), Dense(1)])
        >>> [array.shape for array in model.get_weights()]
        [(4, 8), (8,), (8, 1), (1,)]
    """

    def __init__(self, layers: Sequence[Layer | Symbol] | None = None, name: str | None = None) -> None:
        self._prepare(name)
        self.list: list[Layer] = []
        self.entry: Symbol | None = None
        for layer in layers or []:
            self.add(layer)

    def add(self, layer: Layer | Symbol) -> None:
        """Puts a layer at the end. The others keep their weights."""
        self._put(layer)
        if self.list:
            try:
                self._rebuild()
            except InputError:
                self.list.pop()
                raise

    def _fill(self, layers: Sequence[Layer | Symbol]) -> None:
        """Puts layers at the end and builds the network once, for weights that are taken over: those that are
        drawn depend on the name that a layer has when it joins."""
        for layer in layers:
            self._put(layer)
        self._rebuild()

    def _put(self, layer: Layer | Symbol) -> None:
        if isinstance(layer, Symbol) and layer.layer is None and not self.list:
            self.entry = layer
            return
        if isinstance(layer, Model):
            raise InputError(
                f"the model {layer.name!r} cannot be a layer of another model",
                where="Sequential.add",
                hint="add its layers: for layer in model.layers: ...; they share their weights",
            )
        if isinstance(layer, type) or not isinstance(layer, Layer):
            name = layer.__name__ if isinstance(layer, type) else repr(layer)
            raise InputError(f"{name} is no layer", where="Sequential.add", hint="such as layers.Dense(64)")
        if any(layer is each for each in self.list):
            raise layer.wrong("it is in the model already", "make a new layer for each place")
        if not self.list and self.entry is None and layer.input_shape is not None:
            self.entry = Symbol(layer.input_shape)
        self.list.append(layer)

    def pop(self) -> Layer:
        """Takes the last layer away and returns it. The others keep their weights."""
        if not self.list:
            raise InputError("the model has no layer to take away", where="Sequential.pop")
        layer = self.list.pop()
        self._rebuild()
        return layer

    def _rebuild(self) -> None:
        """The network of the layers as they are now, where the input is known."""
        if self.entry is None or not self.list:
            self.network = None
            return
        symbol = self.entry
        for layer in self.list:
            symbol = layer(symbol)
        network = GraphNetwork([self.entry], [symbol])
        if self.settings is not None:
            network.aim(goals(self.settings, network))
        before, self.network = self.network, network
        self._start()
        del before  # held until the layers' weights were taken from it

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """Builds the layers for rows of a shape; Keras's form with the batch, (None, 4), is understood."""
        if input_shape is not None:
            shape = as_shape(input_shape, "build")
            self.entry = Symbol(shape[1:] if len(shape) > 1 and shape[0] is None else shape)
        self._rebuild()

    @property
    def layers(self) -> list[Layer]:
        return list(self.list)

    def _inputs(self, x: Any) -> dict[str, Tensor]:
        if self.network is None:
            if not self.list:
                raise InputError("the model has no layers", hint="model.add(layers.Dense(64))")
            self.entry = Symbol(arrays.inputs(x, ["x"])["x"].shape[1:] or (1,))
            try:
                self._rebuild()
            except InputError:
                self.entry = None
                raise
        return super()._inputs(x)
