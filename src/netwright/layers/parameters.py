"""How layers by hand declare their parameters: starts, penalties and constraints in Keras's words."""

from __future__ import annotations

import math
from typing import Any

from netwright import constraints, initializers, regularizers
from netwright.errors import InputError
from netwright.layers.base import Layer
from netwright.nn.initial import Initial

RELU_LIKE = (
    "relu",
    "leaky_relu",
    "relu6",
    "elu",
    "celu",
    "gelu",
    "silu",
    "swish",
    "mish",
    "softplus",
    "prelu",
)


def start(identifier: Any, layer: Layer, activation: str = "linear") -> Initial:
    """The initialiser of that name; "auto" fits the activation.

    "auto" is LeCun's normal start before SELU, and otherwise `initializers.Spread`, with gain sqrt(2) before
    ReLU and its like. Keras's default is Glorot's uniform start everywhere. What more is done for "auto" with
    the first rows of data is told in `netwright.models.start`.

    Raises:
        InputError: no initialiser has that name.
    """
    if identifier == "auto":
        if activation == "selu":
            return initializers.LecunNormal()
        return initializers.Spread(math.sqrt(2.0) if activation in RELU_LIKE else 1.0)
    try:
        return initializers.get(identifier)
    except InputError as error:
        raise layer.wrong(error.what, error.hint) from None


def group(layer: Layer, regularizer: Any = None, constraint: Any = None) -> dict[str, Any]:
    """Penalties and constraint of a parameter, for `Layer.declare`."""
    try:
        penalty, bound = regularizers.get(regularizer), constraints.get(constraint)
    except InputError as error:
        raise layer.wrong(error.what, error.hint) from None
    found: dict[str, Any] = {"constraint": bound} if bound is not None else {}
    if penalty is not None:
        found |= {"l1": getattr(penalty, "l1", 0.0), "l2": getattr(penalty, "l2", 0.0)}
    return found
