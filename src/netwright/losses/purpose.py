"""What a loss asks for, in terms that networks of all kinds share."""

from __future__ import annotations

from netwright.losses.base import Loss
from netwright.losses.classes import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from netwright.losses.numbers import Huber, MeanAbsoluteError, MeanSquaredError
from netwright.nn.trainable import Purpose

NAMES: dict[type[Loss], str] = {
    BinaryCrossentropy: "binary_cross_entropy",
    CategoricalCrossentropy: "cross_entropy",
    SparseCategoricalCrossentropy: "cross_entropy",
    MeanSquaredError: "mse",
    MeanAbsoluteError: "mae",
    Huber: "huber",
}


def loss_purpose(loss: Loss, takes: str | None) -> Purpose:
    """What a network with this loss is trained for.

    Arguments:
        loss: resolved.
        takes: "logits" where the loss is computed from them; None for what it takes by itself.
    """
    name = NAMES.get(type(loss), type(loss).__name__)
    own = "probabilities" if name.endswith("cross_entropy") else "numbers"
    return Purpose(name, takes or own)
