"""A drawing of a network: circles and lines where it is small and dense, boxes and arrows otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import InputError
from netwright.report.drawing import draw

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_UNITS = 16  # in a column of circles
MOST_LINES = 800


def network(model: Any) -> Figure:
    """A model of layers by hand as it is built.

    Small chains of dense layers are circles and lines: a line's colour is its weight's sign and its width the
    weight's size among those of its layer; a circle's rim tells the bias so. All other models are boxes with
    names, outputs' shapes and numbers of parameters; data flows along the arrows.

    Arguments:
        model: a `Sequential` or `Model`.

    Raises:
        InputError: it is another kind of model, or has no shape yet.

    Example:
        >>> import netwright as nw
        >>> figure = network(nw.Sequential([nw.layers.Dense(4, "relu", input_dim=2), nw.layers.Dense(1)]))
    """
    return draw(described(model))


def described(model: Any) -> dict[str, Any]:
    """What `netwright.report.drawing.draw` takes, as plain values; arguments and errors as for `network`."""
    if not hasattr(model, "get_weights") or not hasattr(model, "network"):
        hint = "give a Sequential or a Model"
        raise InputError(f"a {type(model).__name__} cannot be drawn", where="network", hint=hint)
    if model.network is None:
        raise InputError("the model has no shape yet", where="network", hint="build it, or fit it first")
    return _dense(model) or {"boxes": _boxes(model.network)}


def _dense(model: Any) -> dict[str, Any] | None:
    """Weights and biases of small dense layers, and words below each column; None where they are not all."""
    chain, graph = model.network.graph.chain(), model.network.graph
    if not chain or len(graph.shapes[0]) != 1 or graph.shapes[0][0] is None:
        return None
    values = {name: value[0].float().cpu().numpy() for name, value in model.network.named_values().items()}
    weights, words = [], [f"{graph.shapes[0][0]} inputs"]
    names = {layer: name for name, layer in graph.layers.items()}
    for layer in chain:
        kind = type(layer).__name__
        place = f"graph.layers.{names[layer]}"
        if kind == "Dense":
            kernel = values[f"{place}.kernel"]
            weights.append((kernel, values.get(f"{place}.bias", np.zeros(kernel.shape[1]))))
            activation = layer.activation_name
            words.append(f"{layer.name}\n{'' if activation == 'linear' else activation}".rstrip())
        elif kind in ("Dropout", "GaussianNoise", "GaussianDropout"):
            words[-1] += f"\n{layer.name} {layer.arguments.get('rate', layer.arguments.get('stddev'))}"
        elif kind in ("Activation", "ReLU", "Softmax"):
            words[-1] += f"\n{layer.arguments.get('activation', kind.lower())}"
        else:
            return None
    sizes = [size for kernel, _ in weights for size in kernel.shape]
    lines = sum(kernel.size for kernel, _ in weights)
    small = weights and max(sizes) <= MOST_UNITS and lines <= MOST_LINES
    if not small:
        return None
    layers = [{"weights": kernel.tolist(), "biases": bias.tolist()} for kernel, bias in weights]
    return {"layers": layers, "words": words}


def _boxes(made: Any) -> list[dict[str, Any]]:
    graph, inputs = made.graph, len(made.graph.inputs)
    sources = [()] * inputs + [node.sources for node in graph.nodes]
    parts = dict.fromkeys(graph.ends, "output") | dict.fromkeys(range(inputs), "input")
    return [
        dict(zip(("name", "about"), _words(made, place), strict=True))
        | {"part": parts.get(place, ""), "sources": list(each)}
        for place, each in enumerate(sources)
    ]


def _words(made: Any, place: int) -> tuple[str, str]:
    """The two lines of a box."""
    graph = made.graph
    shape = "(" + ", ".join("any" if size is None else str(size) for size in graph.shapes[place]) + ")"
    if place < len(graph.inputs):
        return made.input_names[place], f"input {shape}"
    layer = graph.nodes[place - len(graph.inputs)].layer
    count = sum(
        declared.size for module in layer.modules() for declared in getattr(module, "declared", {}).values()
    )
    kind = type(layer).__name__
    activation = getattr(layer, "activation_name", "")
    head = layer.name if layer.name.rstrip("_0123456789") == _plain(kind) else f"{layer.name}: {kind}"
    if activation not in ("", "linear") and kind != "Activation":
        head += f", {activation}"
    if kind == "Activation":
        head = f"{layer.name}: {activation}"
    return head, shape + (f"  {count:,} parameters" if count else "")


def _plain(kind: str) -> str:
    from netwright.layers.base import snake_case

    return snake_case(kind).rstrip("_0123456789")
