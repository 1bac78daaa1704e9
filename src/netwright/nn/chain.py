"""Back-propagation written out for plain hidden layers of a table's network, and its head.

A step of many small networks is a few dozen operations; recording them for autograd, and what autograd then
does that is not needed, takes as long as computing them. Here the gradient is written straight into the flat
gradient [M, P] (Rumelhart et al., Nature 323, 1986). Everything else takes autograd's way, with the same
results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from netwright.nn.heads import Head
from netwright.nn.layers import Dropout
from netwright.nn.member import Layer, Layout, Mode
from netwright.nn.products import affine, back, outer
from netwright.nn.trainable import Step
from netwright.nn.trunks import MLP, Trunk

# Activations whose derivative follows from their output: (in place, d output and output to d input).
SIMPLE: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]] = {
    "relu": (torch.relu_, lambda d, y: torch.ops.aten.threshold_backward(d, y, 0.0)),
    "tanh": (torch.tanh_, torch.ops.aten.tanh_backward),
}


class Affine(NamedTuple):
    """A layer's part of the parameters, and of their gradient: [M, D, H] and [M, 1, H] each, views."""

    weight: Tensor
    bias: Tensor
    weight_gradient: Tensor
    bias_gradient: Tensor


class Chain:
    """One step of hidden layers and a head, without autograd.

    Arguments:
        trunk, head: `fits` holds for them.
        layout: of the flat tensor.
        flat: the parameters; updated in place by the optimiser. [M, P]
    """

    def __init__(self, trunk: MLP, head: Head, layout: Layout, flat: Tensor) -> None:
        flat = flat.detach()
        self.head, self.start = head, flat.data_ptr()
        self.gradient = torch.zeros_like(flat)
        self.dropouts: list[Dropout] = [block.dropout for block in trunk.blocks]  # type: ignore[misc]
        self.activate, self.derive = SIMPLE[trunk.activation]
        layers: list[Layer] = [block.linear for block in trunk.blocks]  # type: ignore[misc]
        self.layers = [_affine(layer, layout, flat, self.gradient) for layer in [*layers, head]]

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(None), ()  # a copy of a network writes its own, on its own parameters

    def step(
        self, x: Tensor, target: Tensor, weight: Tensor | None, mode: Mode, smoothing: Tensor | None
    ) -> Step:
        """Losses and their gradient for features [M, B, D]; what the step gives is used up by the next."""
        given, hidden = [x], []  # to each layer; by each activation, with the factors of its dropout
        for layer, dropout in zip(self.layers, self.dropouts, strict=False):
            y = self.activate(affine(given[-1], layer.weight, layer.bias))  # [M, B, H]
            factor = dropout.factors(y, mode)
            given.append(y if factor is None else y * factor)
            hidden.append((y, factor))
        last = self.layers[-1]
        output = affine(given[-1], last.weight, last.bias + self.head.offset[:, 0])[:, None]  # [M, 1, B, C]
        losses, slope = self.head.both(output, target, weight, smoothing)
        d = slope[:, 0]  # [M, B, C]
        for place in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[place]
            outer(given[place], d, layer.weight_gradient)
            torch.sum(d, 1, keepdim=True, out=layer.bias_gradient)
            if place:
                d = back(d, layer.weight)
                y, factor = hidden[place - 1]
                d = self.derive(d if factor is None else d.mul_(factor), y)
        return Step(losses, self.gradient, output)


def fits(trunk: Trunk) -> bool:
    """Whether a step of it is written out here."""
    if not isinstance(trunk, MLP) or trunk.activation not in SIMPLE:
        return False
    return all(block.norm is None for block in trunk.blocks)


def _affine(layer: Layer, layout: Layout, flat: Tensor, gradient: Tensor) -> Affine:
    places = {place.attribute: place for place in layout.places if place.layer is layer}

    def view(of: Tensor, name: str) -> Tensor:
        part = places[name].of(of)
        return part.view(len(of), *part.shape[-2:])

    return Affine(view(flat, "weight"), view(flat, "bias"), view(gradient, "weight"), view(gradient, "bias"))
