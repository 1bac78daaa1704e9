"""Activations by name, with the gain that keeps the variance of their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from netwright.errors import InputError
from netwright.nn.spec import find

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "elu": functional.elu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "tanh": torch.tanh,
}

# Gains for `initial.fan_in_uniform`: sqrt(3) times the factor on the standard deviation 1/sqrt(inputs).
GAINS = {name: math.sqrt(6.0) for name in ACTIVATIONS} | {"tanh": math.sqrt(3.0), "selu": math.sqrt(3.0)}


def softmax(x: Tensor) -> Tensor:
    """Over the last axis. PyTorch's own takes .15 microseconds for a row of less than 16 numbers."""
    if x.requires_grad or x.shape[-1] >= 16 or x.numel() < 1024 or x.is_cuda:
        return torch.softmax(x, dim=-1)
    shifted = (x - x.amax(-1, keepdim=True)).exp_()
    return shifted.div_(shifted.sum(-1, keepdim=True))


FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": partial(functional.leaky_relu, negative_slope=0.2),
    "relu6": functional.relu6,
    "elu": functional.elu,
    "celu": functional.celu,
    "selu": functional.selu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "mish": functional.mish,
    "softplus": functional.softplus,
    "softsign": functional.softsign,
    "exponential": torch.exp,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_silu": functional.hardswish,
    "hard_tanh": functional.hardtanh,
    "log_sigmoid": functional.logsigmoid,
    "softmax": softmax,
    "log_softmax": partial(torch.log_softmax, dim=-1),
}
"""Keras's names and meanings, for layers by hand. "leaky_relu" is its slope of .2 here (Keras 3), and .01 in
`ACTIVATIONS`, PyTorch's, for the networks of tables; gelu is the exact one; softmax is over the last axis."""

ALIASES = {"swish": "silu", "hard_swish": "hard_silu", "identity": "linear", "exp": "exponential"}

# What PyTorch calls them, so that `activation=torch.relu` is known by its name too.
_FOREIGN = ((functional.relu, "relu"), (functional.sigmoid, "sigmoid"), (functional.tanh, "tanh"))

# Factors on the standard deviation 1/sqrt(fan in), as torch.nn.init.calculate_gain gives them. Where that
# knows none: 1/sqrt(E[f(z)²]) for a standard normal z, which keeps the second moment from layer to layer
# (SELU: 1 by that rule and by its paper, arXiv 1706.02515). Outputs and squashing ones with a mean: 1.
_GAINS = {
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / 1.04),
    "relu6": math.sqrt(2),
    "elu": 1.2452,
    "celu": 1.2452,
    "gelu": 1.5335,
    "silu": 1.6765,
    "mish": 1.4868,
    "softplus": 1.0419,
    "softsign": 2.3375,
    "hard_silu": 1.7367,
    "hard_tanh": 1.3920,
}


def name_of(identifier: object) -> str | None:
    """The name of an activation; None for a function that has none here.

    Arguments:
        identifier: as for `get`.

    Raises:
        InputError: an unknown name.

    Example:
        >>> name_of("Swish"), name_of(torch.tanh), name_of(None), name_of(torch.sin)
        ('silu', 'tanh', 'linear', None)
    """
    if identifier is None:
        return "linear"
    if isinstance(identifier, str):
        known = {name: name for name in FUNCTIONS} | ALIASES
        return find("activation", identifier, known)
    named = [*_FOREIGN, *((function, name) for name, function in FUNCTIONS.items())]
    return next((name for function, name in named if function is identifier), None)


def get(identifier: object) -> Callable[[Tensor], Tensor]:
    """The activation meant by a name, by a function of tensors, or by None (linear).

    Arguments:
        identifier: a name of Keras's ("relu", "gelu", "softmax", ...), a function from a tensor [M, B, ...]
            to one of its shape, or None.

    Returns:
        The function.

    Raises:
        InputError: an unknown name, or something that is no function.

    Example:
        >>> get("leaky_relu")(torch.tensor([-1.0, 2.0]))
        tensor([-0.2000,  2.0000])
    """
    name = name_of(identifier)
    if name is not None:
        return FUNCTIONS[name]
    if callable(identifier) and not isinstance(identifier, type):
        return identifier  # type: ignore[return-value]
    raise InputError(f"{identifier!r} is no activation", hint="give a name, such as 'relu', or a function")


def gain(identifier: object) -> float:
    """The factor on the deviation 1/sqrt(fan in) of weights that keeps the size of what flows through.

    Arguments:
        identifier: as for `get`; a function that is not known has gain 1.

    Returns:
        The gain, as `torch.nn.init.calculate_gain` defines it.

    Example:
        >>> round(gain("relu"), 4), gain("linear")
        (1.4142, 1.0)
    """
    return _GAINS.get(name_of(identifier) or "linear", 1.0)
