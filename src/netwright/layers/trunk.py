"""Layers by hand between the encoders of a table and its head: the `layers` of a config's network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from netwright.errors import InputError
from netwright.layers.activation import Softmax
from netwright.layers.base import Activated, Layer, Shape
from netwright.layers.spec import from_spec
from netwright.nn.member import Mode
from netwright.nn.trunks import Trunk

WHERE = "network.layers"


class LayersTrunk(Trunk):
    """Layers one after another.

    Arguments:
        specs: plain values, as `from_spec` takes them. Hidden layers only: the head makes the outputs.
        inputs: features that the encoders give.
        members: M.

    Raises:
        InputError: an unknown layer, wrong arguments, or layers that do not fit each other; names which.

    Example:
        >>> LayersTrunk([{"Dense": 64}, {"Dropout": 0.2}, {"Dense": 32}], inputs=10, members=1).width
        32
    """

    def __init__(self, specs: Sequence[Any], inputs: int, members: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        self.shapes: list[Shape] = []
        shape: Shape = (inputs,)
        for place, spec in enumerate(specs):
            where = f"{WHERE}[{place}]"
            try:
                layer = from_spec(spec, where)
                _check(layer, where)
                shape = layer.connect(shape, members)
            except InputError as error:
                what, hint = error.what, error.hint
                raise InputError(what, where=where, hint=hint) from None
            self.layers.append(layer)
            self.shapes.append(shape)
        last = f"{WHERE}[{len(specs) - 1}]"
        if len(shape) != 1 or shape[0] is None:
            hint = "end with Flatten, or with a pooling over all places"
            raise InputError(
                f"the last layer gives shape {shape}, not one row of features", where=last, hint=hint
            )
        if _ends_in_softmax(self.layers[-1]):
            hint = "take it out: layers here are hidden ones, and the layer of outputs follows by itself"
            raise InputError("the last layer is a softmax", where=last, hint=hint)
        self.width = shape[0]

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        for layer in self.layers:
            x = layer(x, mode)
        return x[:, None]  # [M, 1, B, H]

    def describe(self) -> list[str]:
        return [
            f"{layer!r} gives {shape[0] if len(shape) == 1 else shape}, {_count(layer):,} parameters"
            for layer, shape in zip(self.layers, self.shapes, strict=True)
        ]


def _check(layer: Layer, where: str) -> None:
    if layer.several:
        raise InputError(f"{type(layer).__name__} joins several inputs, and a chain has one", where=where)
    if layer.code_limit is not None:
        hint = "columns of categories are embedded before: see inputs.category"
        raise InputError(f"{type(layer).__name__} takes codes, and gets numbers here", where=where, hint=hint)


def _ends_in_softmax(layer: nn.Module) -> bool:
    return isinstance(layer, Softmax) or (
        isinstance(layer, Activated) and layer.activation_name in ("softmax", "log_softmax")
    )


def _count(layer: nn.Module) -> int:
    """Parameters of one member."""
    return sum(
        declared.size
        for module in layer.modules()
        if isinstance(module, Layer)
        for declared in module.declared.values()
    )
