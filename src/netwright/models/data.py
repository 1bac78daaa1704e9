"""Checked tensors of what `fit` and `evaluate` are given."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.data.dataset import Dataset
from netwright.errors import InputError
from netwright.layers.base import Activated
from netwright.models import arrays, matching
from netwright.models.network import GraphNetwork


def inputs(network: GraphNetwork, x: Any, where: str = "") -> dict[str, Tensor]:
    """Tensors of the inputs by name. [N, ...]

    Arguments:
        network: whose inputs they are.
        x: as the user gave it.
        where: what errors put before x: "validation_".
    """
    label = f"{where}x"
    given = arrays.inputs(x, network.input_names, label)
    found = {}
    for place, (name, values) in enumerate(given.items()):
        readers = [node.layer for node in network.graph.nodes if place in node.sources]
        limits = [layer.code_limit for layer in readers if layer.code_limit is not None]
        each = label if len(given) == 1 else f"{label}[{name!r}]"
        shape = network.graph.shapes[place]
        found[name] = arrays.tensor(
            values, shape, each, codes=bool(limits), reader=readers[0].name if readers else None
        )
        if limits:
            _codes_within(found[name], min(limits), each, readers[0].name)
    return found


def targets(network: GraphNetwork, y: Any, where: str = "") -> dict[str, np.ndarray]:
    """The target arrays by the outputs' names."""
    return matching.targets(y, network.output_names, where)


def dataset(
    network: GraphNetwork,
    raw: dict[str, Tensor],
    given: dict[str, np.ndarray],
    sample_weight: Any = None,
    where: str = "",
) -> Dataset:
    """Inputs, targets and weights of all rows on the network's device.

    Arguments:
        network: with its goals.
        raw: of `inputs`.
        given: of `targets`.
        sample_weight: of each row. [N]
        where: what errors put before y: "validation_".
    """
    several = len(given) > 1
    labels = {name: f"{where}y[{name!r}]" if several else f"{where}y" for name in given}
    lengths = {f"{where}x": next(iter(raw.values()))} | {labels[name]: given[name] for name in given}
    rows = arrays.equal_lengths(lengths)
    prepared: dict[str, Tensor] = {}
    for place, (name, goal) in enumerate(zip(network.output_names, network.goals, strict=True)):
        if goal.loss is not None:
            layer = network.graph.last_layer(place)
            activation = layer.activation_name or None if isinstance(layer, Activated) else None
            shape = network.output_shape(place)
            prepared[name] = goal.loss.prepare(given[name], shape, activation, labels[name])
    weight = arrays.weights(sample_weight, rows)
    target: Any = prepared if several else next(iter(prepared.values()))
    return _moved(Dataset(raw, target, torch.ones(rows) if weight is None else weight), network.flat.device)


def weigh_classes(
    data: Dataset,
    network: GraphNetwork,
    class_weight: dict[int, float],
    given: dict[str, np.ndarray],
    train: Tensor,
) -> None:
    """Multiplies the training rows' weights by those of their classes; others keep theirs, as in Keras."""
    if len(given) > 1:
        raise InputError("class_weight is for models of one output", hint="use sample_weight")
    classes = max(2, network.output_shape(0)[-1])
    factors = arrays.class_factors(class_weight, next(iter(given.values())), classes)
    data.weight[train] *= factors[train].to(data.weight)
    if not bool(data.weight[train].any()):
        raise InputError("all rows to train on have the weight 0", hint="look at class_weight")


def split(rows: int, share: float) -> tuple[Tensor, Tensor]:
    """The numbers of the first rows to train on, and of the last ones to validate on."""
    if isinstance(share, bool) or not isinstance(share, Real) or not 0 <= share < 1:
        raise InputError(f"validation_split is {share!r}", hint="give a share between 0 and 1")
    numbers = torch.arange(rows)
    if not share:
        return numbers, numbers[:0]
    kept = math.floor(rows * (1.0 - share))
    if kept in (0, rows):
        side = "training" if kept == 0 else "validation"
        raise InputError(f"validation_split {float(share):g} of {rows} rows leaves none for {side}")
    return numbers[:kept], numbers[kept:]


def _codes_within(codes: Tensor, limit: int, where: str, layer: str) -> None:
    low, high = int(codes.min()), int(codes.max())
    if low < 0 or high >= limit:
        wrong = low if low < 0 else high
        raise InputError(
            f"{where} holds the code {wrong}, and layer {layer!r} knows 0 to {limit - 1}",
            hint=f"Embedding(input_dim={high + 1}, ...) would do" if low >= 0 else "codes are counted from 0",
        )


def _moved(data: Dataset, device: torch.device) -> Dataset:
    if device.type == "cpu":
        return data
    target: Any = data.target
    moved: Any = (
        {name: each.to(device) for name, each in target.items()}
        if isinstance(target, dict)
        else target.to(device)
    )
    return Dataset({name: each.to(device) for name, each in data.raw.items()}, moved, data.weight.to(device))
