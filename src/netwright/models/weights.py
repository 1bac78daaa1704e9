"""A model's weights as arrays, in Keras's order: layer by layer, trained ones first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from netwright.errors import InputError
from netwright.models import arrays, sharing
from netwright.models.network import GraphNetwork

PREFIX = "graph.layers."


def names(network: GraphNetwork) -> list[str]:
    """Names of parameters and statistics: of each layer the trained ones, then the others."""
    found = []
    for path, module in network.named_modules():
        if path.startswith(PREFIX):
            found += [f"{path}.{name}" for name in getattr(module, "declared", {})]
            found += [f"{path}.{name}" for name in getattr(module, "statistics", ())]
    return found


def get(network: GraphNetwork) -> list[np.ndarray]:
    """Copies of all weights. See `Model.get_weights`."""
    values = network.named_values()
    return [values[name][0].cpu().numpy().copy() for name in names(network)]


def set_all(network: GraphNetwork, weights: Sequence[Any]) -> None:
    """Takes weights in the order of `get`. See `Model.set_weights`.

    Raises:
        InputError: not so many arrays, another shape, or NaN.
    """
    values, order = network.named_values(), names(network)
    if not isinstance(weights, list | tuple):
        raise InputError("weights are a list of arrays", hint="as get_weights gives it")
    if len(weights) != len(order):
        raise InputError(f"the model has {len(order)} arrays of weights, and {len(weights)} were given")
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
