"""What a last layer can give at all, and so which targets it can fit."""

from __future__ import annotations

import math

import numpy as np

from netwright.errors import InputError
from netwright.losses.base import Loss, snake
from netwright.nn import targets

# What a last layer can give at all, by its activation; those that are not here give every number.
RANGES: dict[str, tuple[float, float]] = {
    "sigmoid": (0, 1),
    "hard_sigmoid": (0, 1),
    "softmax": (0, 1),
    "tanh": (-1, 1),
    "hard_tanh": (-1, 1),
    "softsign": (-1, 1),
    "relu": (0, math.inf),
    "relu6": (0, 6),
    "softplus": (0, math.inf),
    "exponential": (0, math.inf),
    "log_softmax": (-math.inf, 0),
    "log_sigmoid": (-math.inf, 0),
    "linear": (-math.inf, math.inf),
} | dict.fromkeys(
    ("leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "hard_silu"), (-math.inf, math.inf)
)


def within_reach(target: np.ndarray, activation: str | None, where: str) -> np.ndarray:
    low, high = RANGES.get(activation or "", (-math.inf, math.inf))
    wrong = (target < low - 1e-6) | (target > high + 1e-6)
    half_open = not (math.isfinite(low) and math.isfinite(high))
    if wrong.any() and (wrong.all() or not half_open):
        raise InputError(
            f"the last layer cannot fit {where}: {activation} gives {_span(low, high)}, and "
            f"{_outside(int(wrong.sum()))} outside: {targets.some(target, wrong)}",
            hint=f"use no activation in the last layer, or scale {where}",
        )
    return target


def _outside(count: int) -> str:
    return "1 value is" if count == 1 else f"{count} values are"


def _span(low: float, high: float) -> str:
    if math.isfinite(low) and math.isfinite(high):
        return f"numbers from {low:g} to {high:g}"
    return "no number below 0" if low == 0 else "no number above 0"


def no_lonely_softmax(shape: tuple[int, ...], activation: str | None) -> None:
    if activation == "softmax" and shape[-1:] in ((), (1,)):
        raise InputError(
            "a softmax of one unit always gives 1",
            where="last layer",
            hint="use 'sigmoid' with binary_crossentropy for two classes, or a unit for each class",
        )


def several_outputs(loss: Loss, shape: tuple[int, ...], activation: str | None) -> None:
    no_lonely_softmax(shape, activation)
    if shape[-1:] in ((), (1,)):
        raise InputError(
            f"{snake(type(loss).__name__)} needs an output for each class, and the network gives one number",
            hint="use a sigmoid with binary_crossentropy for two classes, or a softmax with a unit for each",
        )
