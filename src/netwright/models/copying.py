"""Models and layers made again from what they were made with."""

from __future__ import annotations

import copy
from typing import Any

from netwright.layers.base import Layer, Symbol
from netwright.models import sharing
from netwright.models.model import Model
from netwright.models.sequential import Sequential


def clone(model: Model) -> Model:
    """A model of the same layers made anew: weights of its own, drawn anew, and not compiled."""
    layers = {layer: again(layer) for layer in model.layers}
    if isinstance(model, Sequential):
        made = Sequential(name=model.name)
        made.entry = model.entry
        for layer in layers.values():
            made.add(layer)
        return made
    symbols: dict[Symbol, Symbol] = {}

    def follow(symbol: Symbol) -> Symbol:
        """The symbol of the new layers; inputs may stay."""
        if symbol.layer is None:
            return symbol
        if symbol not in symbols:
            sources = [follow(source) for source in symbol.sources]
            symbols[symbol] = layers[symbol.layer](sources if symbol.layer.several else sources[0])
        return symbols[symbol]

    return Model(model.inputs, [follow(symbol) for symbol in model.outputs], model.name)


def duplicate(model: Model) -> Model:
    """A copy that shares nothing with the model: weights, what was compiled, and where the training is."""
    made = clone(model)
    made.seed, made.epochs_done, made.draws = model.seed, model.epochs_done, model.draws
    if model.optimizer is not None and model.settings is not None:
        made.optimizer, made.settings = copy.copy(model.optimizer), model.settings
    if model.network is None or made.network is None:
        return made
    made.network.load_values({name: each.clone() for name, each in model.network.named_values().items()})
    made.network.aim(model.network.goals)
    sharing.settle(zip(model.layers, made.layers, strict=True))
    if model.engine is not None and made.optimizer is not None:
        made.network.freeze()
        made.engine = made.optimizer.build(made.network.flat.detach(), made.network.layout)
        made.engine.load_state_dict(copy.deepcopy(model.engine.state_dict()))
    return made


def again(layer: Layer) -> Layer:
    """A layer with the same arguments, not built."""
    made = type(layer)(**{name: _again(value) for name, value in layer.arguments.items()})
    made.trainable = layer.trainable
    return made


def _again(value: Any) -> Any:
    if isinstance(value, Layer):
        return again(value)
    if isinstance(value, list | tuple):
        return type(value)(_again(each) for each in value)
    return value
