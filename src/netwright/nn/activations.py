"""Activations by name, with the gain that keeps the variance of their inputs."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

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
