"""How layers by hand declare their parameters: starts, penalties and constraints in Keras's words."""

from __future__ import annotations

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

    "auto" is He's uniform start before ReLU and its like, LeCun's normal one before SELU, and Glorot's
    uniform one otherwise. Keras's default is Glorot's everywhere.

    Raises:
        InputError: no initialiser has that name.
    """
    if identifier == "auto":
        if activation == "selu":
            return initializers.LecunNormal()
        return initializers.HeUniform() if activation in RELU_LIKE else initializers.GlorotUniform()
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
