"""The part of the "auto" start that looks at data: no unit dead or always on, first outputs not loud.

It changes only layers whose kernel starts with "auto" and whose bias starts at zero, looks at no target, and
draws no random numbers. With `initializers.Spread` it takes the XOR program of Keras's users, 6-4-1 units,
from a mean accuracy of .967 to .994 (docs/log.md; benchmarks/xor.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from netwright.layers.activation import Activation
from netwright.layers.base import Activated, Layer
from netwright.layers.convolution import Conv1D, Conv2D
from netwright.layers.dense import Dense
from netwright.layers.parameters import RELU_LIKE
from netwright.models.network import GraphNetwork
from netwright.nn.member import PREDICT

QUARTER = 0.25  # a unit switches within the middle half of the rows
LOUDEST = 0.3  # root mean square of the first outputs, before the last activation


@torch.no_grad()
def fit_start(network: GraphNetwork, sample: dict[str, Tensor], settled: Sequence[Layer] = ()) -> None:
    """Moves biases of ReLU-like layers and quietens outputs, layer by layer.

    Arguments:
        network: with weights as they were drawn.
        sample: some training rows by input. [n, ...]
        settled: layers that are not to be touched: what they hold was trained, loaded or set.
    """
    if len(settled) == len(network.graph.layers):
        return
    network.layout.bind(network.flat.detach())
    graph = network.graph
    values: list[Any] = [
        sample[name][None].expand(network.members, *sample[name].shape) for name in network.input_names
    ]
    last = _last_layers(network)
    for layer, sources, _ in graph.nodes:
        given: Any = [values[source] for source in sources] if layer.several else values[sources[0]]
        if layer not in settled and _starts_by_itself(layer):
            assert isinstance(layer, Activated)
            _fit(layer, layer.compute(given, PREDICT).flatten(1, -2), last=layer in last)
        values.append(layer(given, PREDICT))


def _fit(layer: Activated, before: Tensor, *, last: bool) -> None:
    """Fits one layer to what comes before its activation. [M, n, units]"""
    if last:
        loudness = before.square().mean((1, 2)).sqrt().clamp(min=1e-8)  # [M]
        kernel: Tensor = layer.kernel  # type: ignore[assignment]
        kernel.mul_((LOUDEST / loudness).clamp(max=1.0).view(-1, *[1] * (kernel.dim() - 1)))
    elif layer.activation_name in RELU_LIKE and layer.use_bias:
        layer.bias.sub_(_thresholds(before))  # type: ignore[union-attr]


def _thresholds(before: Tensor) -> Tensor:
    """Where units are to switch on: at 0, moved as far as some rows are on either side. [M, units]"""
    ordered = before.sort(1).values
    place = int(QUARTER * (ordered.shape[1] - 1))
    low, high = ordered[:, place], ordered[:, -1 - place]
    found = torch.minimum(torch.maximum(low, torch.zeros_like(low)), high)
    # Where the greatest value is a threshold itself, no row would be on: halfway to the next one below.
    top = ordered[:, -1]
    below = torch.where(ordered < top[:, None], ordered, -torch.inf).amax(1)
    halfway = torch.where(below.isfinite(), (top + below) / 2, torch.zeros_like(top))
    return torch.where(found < top, found, halfway)


def _starts_by_itself(layer: Layer) -> bool:
    """Whether kernel and bias start as the layer likes, and may be trained."""
    given = layer.arguments
    return (
        type(layer) in (Dense, Conv1D, Conv2D)
        and given.get("kernel_initializer", "auto") == "auto"
        and given.get("bias_initializer", "zeros") == "zeros"
        and layer.trainable
    )


def _last_layers(network: GraphNetwork) -> set[Layer]:
    """The layers whose values, but for an activation, are the outputs."""
    graph = network.graph
    by_place = {node.place: node for node in graph.nodes}
    found = set()
    for end in graph.ends:
        while end in by_place and isinstance(by_place[end].layer, Activation):
            end = by_place[end].sources[0]
        if end in by_place:
            found.add(by_place[end].layer)
    return found
