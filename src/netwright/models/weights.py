"""A model's weights as arrays, in Keras's order: layer by layer, trained ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from netwright.errors import InputError
from netwright.layers.base import Layer
from netwright.models import arrays, sharing
from netwright.models.network import GraphNetwork

PREFIX = "graph.layers."


def names(network: GraphNetwork, trained: bool | None = None, of: Layer | None = None) -> list[str]:
    """Names of parameters and statistics: of each layer the trained ones, then the others.

    Arguments:
        network: whose they are.
        trained: True for those that the gradient changes, False for the others; None for all.
        of: the layer, with those inside it; None for all.
    """
    found = []
    inside = set((network if of is None else of).modules())
    frozen = {
        inner
        for layer in network.modules()
        if isinstance(layer, Layer) and not layer.trainable
        for inner in layer.modules()
    }
    for path, module in network.named_modules():
        if path.startswith(PREFIX) and module in inside:
            if trained is None or trained == (module not in frozen):
                found += [f"{path}.{name}" for name in getattr(module, "declared", {})]
            if not trained:
                found += [f"{path}.{name}" for name in getattr(module, "statistics", ())]
    return found


def get(network: GraphNetwork, trained: bool | None = None, of: Layer | None = None) -> list[np.ndarray]:
    """Copies of weights, all or those that `names` names. See `Model.get_weights`."""
    values = network.named_values()
    return [values[name][0].cpu().numpy().copy() for name in names(network, trained, of)]


def set_all(network: GraphNetwork, weights: Sequence[Any], of: Layer | None = None) -> None:
    """Takes weights in the order of `get`, of the model or one of its layers. See `Model.set_weights`.

    Raises:
        InputError: not so many arrays, another shape, or NaN.
    """
    values, order = network.named_values(), names(network, of=of)
    if not isinstance(weights, list | tuple):
        raise InputError("weights are a list of arrays", hint="as get_weights gives it")
    if len(weights) != len(order):
        whose = "the model" if of is None else of.place
        raise InputError(f"{whose} has {len(order)} arrays of weights, and {len(weights)} were given")
    for name, given in zip(order, weights, strict=True):
        label, wanted = name.removeprefix(PREFIX), tuple(values[name].shape[1:])
        array = arrays.numbers(given, label)
        if array.shape != wanted:
            raise InputError(f"{label} has shape {wanted}, and {array.shape} was given")
        if array.size and not np.isfinite(array).all():
            raise InputError(f"the weights for {label} hold NaN or infinite values")
        values[name] = torch.from_numpy(np.array(array)).to(values[name])[None]
    network.load_values(values)
    sharing.tell(network)
