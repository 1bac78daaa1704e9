"""Layers that are parts of several models have one set of weights, as in Keras.

Each network holds its parameters in one tensor of its own. So a new network takes those of layers that it
shares with others, and whoever changes some writes them into the others too.
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor

from netwright.layers.base import Layer
from netwright.models.network import GraphNetwork

_networks: WeakKeyDictionary[Layer, WeakSet[GraphNetwork]] = WeakKeyDictionary()
_settled: WeakSet[Layer] = WeakSet()


def enter(network: GraphNetwork) -> None:
    """A new network takes the weights of layers that others have, and belongs to them from now on."""
    for layer in network.graph.layers.values():
        others = _networks.setdefault(layer, WeakSet())  # type: ignore[arg-type]
        for other in others:
            _copy(layer, other, network)  # type: ignore[arg-type]
            break
        others.add(network)


def tell(network: GraphNetwork) -> None:
    """Writes the weights of a network into all that share its layers; its start is over."""
    for layer in network.graph.layers.values():
        _settled.add(layer)  # type: ignore[arg-type]
        for other in _networks.get(layer, ()):  # type: ignore[call-overload]
            if other is not network:
                _copy(layer, network, other)  # type: ignore[arg-type]


def home(layer: Layer) -> GraphNetwork | None:
    """A network that the layer is a part of; None where there is none. All of them have the same weights."""
    return next(iter(_networks.get(layer, ())), None)


def settle(pairs: Iterable[tuple[Layer, Layer]]) -> None:
    """Where the first of two layers is settled the second is too."""
    for layer, other in pairs:
        if layer in _settled:
            _settled.add(other)


def settled(layer: Layer) -> bool:
    """Whether a layer's weights were trained, loaded or set: its start is not to be touched any more."""
    return layer in _settled


@torch.no_grad()
def _copy(layer: Layer, source: GraphNetwork, target: GraphNetwork) -> None:
    inside = set(layer.modules())
    values = _views(source)
    for key, view in _views(target).items():
        if key[0] in inside:
            view.copy_(values[key])


def _views(network: GraphNetwork) -> dict[tuple[torch.nn.Module, str], Tensor]:
    """Each parameter's part of the flat tensor. [M, size]"""
    pieces = network.flat.detach().split(network.layout.sizes, dim=1)
    places = network.layout.places
    return {(place.layer, place.attribute): piece for place, piece in zip(places, pieces, strict=True)}
