"""The graph of a model: its layers in the order in which data flows through them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from netwright.errors import InputError
from netwright.layers.base import Activated, Layer, Symbol, snake_case
from netwright.layers.pooling import MaxPooling1D, MaxPooling2D
from netwright.nn.member import Mode


class Node(NamedTuple):
    """One call of a layer: the places that it reads from, in a list of all values, and its own place."""

    layer: Layer
    sources: tuple[int, ...]
    place: int


class Graph(nn.Module):
    """Layers from input symbols to output symbols, built for M members.

    Arguments:
        inputs: symbols of no layer.
        outputs: symbols that follow from them.
        members: M.

    Attributes:
        layers: each layer once, by its name, in order.
        nodes: calls of layers, in order; the first places hold the inputs.
        postponed: places of values whose activation comes after the next layer.

    Raises:
        InputError: the outputs need an input that is not given, or two layers share a name.
    """

    def __init__(self, inputs: Sequence[Symbol], outputs: Sequence[Symbol], members: int) -> None:
        super().__init__()
        self.inputs, self.outputs = list(inputs), list(outputs)
        places = {symbol: place for place, symbol in enumerate(inputs)}
        if len(places) < len(self.inputs):
            raise InputError("the same input is given twice", where="Model")
        self.nodes: list[Node] = []
        self.shapes: list[Any] = [symbol.shape for symbol in inputs]
        for symbol in _ordered(outputs):
            if symbol in places:
                continue
            if symbol.layer is None:
                name = f" {symbol.name!r}" if symbol.name else ""
                raise InputError(f"an output depends on an input{name} that is not among the inputs")
            sources = tuple(places[source] for source in symbol.sources)
            places[symbol] = len(places)
            shapes = [self.shapes[place] for place in sources]
            self.shapes.append(symbol.layer.connect(shapes if symbol.layer.several else shapes[0], members))
            self.nodes.append(Node(symbol.layer, sources, places[symbol]))
        self.ends = [places[symbol] for symbol in outputs]
        self.postponed = _postponed(self.nodes, self.ends)
        self.layers = nn.ModuleDict()
        # Not by add_module: a layer may be called "values" or "type", as the dictionary's own methods are.
        self.layers._modules.update(_named([node.layer for node in self.nodes]))

    def run(self, inputs: list[Tensor], mode: Mode, joined: frozenset[int] = frozenset()) -> list[Tensor]:
        """The outputs for inputs [M, B, ...]; at places of `joined` what comes before the activation."""
        values: list[Any] = [*inputs, *[None] * len(self.nodes)]
        for layer, sources, place in self.nodes:
            given: Any = [values[source] for source in sources] if layer.several else values[sources[0]]
            if place in joined or place in self.postponed:
                assert isinstance(layer, Activated)
                values[place] = layer.compute(given, mode)
            else:
                values[place] = layer(given, mode)
            if sources[0] in self.postponed:
                values[place] = torch.relu(values[place])
        return [values[place] for place in self.ends]

    def last_layer(self, output: int) -> Layer | None:
        """The layer that gives an output; None when it is an input."""
        return next((node.layer for node in self.nodes if node.place == self.ends[output]), None)

    def chain(self) -> list[Layer] | None:
        """The layers one after another; None when the graph is anything else."""
        if len(self.inputs) != 1 or len(self.outputs) != 1 or self.ends[0] != len(self.nodes):
            return None
        straight = all(
            node.sources == (place,) and not node.layer.several for place, node in enumerate(self.nodes)
        )
        return [node.layer for node in self.nodes] if straight else None


def _postponed(nodes: list[Node], ends: list[int]) -> frozenset[int]:
    """Places of values that are pooled before their relu: the largest value is the same, and there is less
    to do. The gradient is the same too."""
    readers: dict[int, list[Layer]] = {}
    for node in nodes:
        for source in node.sources:
            readers.setdefault(source, []).append(node.layer)
    return frozenset(
        node.place
        for node in nodes
        if isinstance(node.layer, Activated)
        and type(node.layer).forward is Activated.forward
        and node.layer.activation_name == "relu"
        and node.place not in ends
        and [type(reader) for reader in readers.get(node.place, [])] in ([MaxPooling1D], [MaxPooling2D])
    )


def _ordered(outputs: Sequence[Symbol]) -> list[Symbol]:
    """All symbols that outputs follow from, sources first."""
    done: dict[Symbol, None] = {}
    waiting = list(reversed(outputs))
    while waiting:
        symbol = waiting[-1]
        missing = [source for source in symbol.sources if source not in done]
        if symbol in done or not missing:
            done[waiting.pop()] = None
        else:
            waiting += reversed(missing)
    return list(done)


def _named(layers: list[Layer]) -> dict[str, Layer]:
    """Each layer once by a name of its own: "dense", "dense_1", ... as in Keras."""
    named: dict[str, Layer] = {}
    for layer in dict.fromkeys(layers):
        if layer.given_name is not None:
            if layer.given_name in named or not layer.given_name or "." in layer.given_name:
                raise layer.wrong(
                    f"the name {layer.given_name!r} is taken or has a dot", "give each layer its own"
                )
            named[layer.given_name] = layer
    for layer in dict.fromkeys(layers):
        if layer.given_name is None:
            base, number = snake_case(type(layer).__name__), 0
            name = base
            while name in named:
                number += 1
                name = f"{base}_{number}"
            layer.name = name
            named[name] = layer
    order = list(dict.fromkeys(layers))
    return dict(sorted(named.items(), key=lambda item: order.index(item[1])))
