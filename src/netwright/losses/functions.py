"""Losses by name, as functions, and of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright.errors import InputError
from netwright.losses.base import Loss, each_row
from netwright.losses.classes import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    Crossentropy,
    KLDivergence,
    SparseCategoricalCrossentropy,
)
from netwright.losses.margins import CategoricalHinge, Hinge, SquaredHinge
from netwright.losses.numbers import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    Quantile,
)
from netwright.nn.spec import find


@dataclass(frozen=True)
class Custom(Loss):
    """A function (y_true, y_pred) -> tensor of one's own, applied to each member.

    Arguments:
        function: takes tensors [B, ...] and [B, ..., C]; gives the loss of each row [B], or [B, ...], which
            is averaged. One number for all rows works too, but is then the same for rows of any weight.
    """

    function: Callable[[Tensor, Tensor], Tensor]

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        members = [self._member(y, p) for y, p in zip(target, output, strict=True)]
        return torch.stack(members)

    def _member(self, target: Tensor, output: Tensor) -> Tensor:
        value = self.function(target, output)
        if not isinstance(value, Tensor) or (value.dim() and len(value) != len(output)):
            got = f"shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
            raise InputError(
                f"the loss {self.label} gave {got} for {len(output)} rows",
                hint="it must give a tensor with a number for each row",
            )
        return value.flatten(1).mean(1) if value.dim() > 1 else value.expand(len(output))

    @property
    def label(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        return target[..., None] if shape[-1:] == (1,) and target.shape[1:] == shape[:-1] else target


@dataclass(frozen=True)
class LossFunction:
    """A loss as a function: `mean_squared_error(y_true, y_pred)` gives the loss of each row. [N]"""

    kind: type[Loss]

    def __call__(self, y_true: Any, y_pred: Any, **arguments: Any) -> Any:
        rows = each_row(self.kind(**arguments), y_true, y_pred)
        return rows if isinstance(y_pred, Tensor) else rows.numpy()


KNOWN: dict[str, type[Loss]] = {
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
    "poisson": Poisson,
    "cosine_similarity": CosineSimilarity,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge,
    "binary_crossentropy": BinaryCrossentropy,
    "binary_focal_crossentropy": BinaryFocalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "categorical_focal_crossentropy": CategoricalFocalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "kl_divergence": KLDivergence,
    "crossentropy": Crossentropy,
}

ALIASES: dict[str, type[Loss]] = {
    "mse": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "l1": MeanAbsoluteError,
    "l2": MeanSquaredError,
    "pinball": Quantile,
    "kld": KLDivergence,
    "kullback_leibler_divergence": KLDivergence,
    "bce": BinaryCrossentropy,
    "cce": CategoricalCrossentropy,
    "scce": SparseCategoricalCrossentropy,
    "focal": CategoricalFocalCrossentropy,
    "cross_entropy": Crossentropy,
}

mean_squared_error = LossFunction(MeanSquaredError)
mean_absolute_error = LossFunction(MeanAbsoluteError)
mean_absolute_percentage_error = LossFunction(MeanAbsolutePercentageError)
mean_squared_logarithmic_error = LossFunction(MeanSquaredLogarithmicError)
huber = LossFunction(Huber)
log_cosh = LossFunction(LogCosh)
quantile = LossFunction(Quantile)
poisson = LossFunction(Poisson)
cosine_similarity = LossFunction(CosineSimilarity)
hinge = LossFunction(Hinge)
squared_hinge = LossFunction(SquaredHinge)
categorical_hinge = LossFunction(CategoricalHinge)
binary_crossentropy = LossFunction(BinaryCrossentropy)
binary_focal_crossentropy = LossFunction(BinaryFocalCrossentropy)
categorical_crossentropy = LossFunction(CategoricalCrossentropy)
categorical_focal_crossentropy = LossFunction(CategoricalFocalCrossentropy)
sparse_categorical_crossentropy = LossFunction(SparseCategoricalCrossentropy)
kl_divergence = LossFunction(KLDivergence)


def get(identifier: object) -> Loss:
    """The loss meant by a name, a class, an object, or a function (y_true, y_pred) -> tensor.

    Arguments:
        identifier: "mse", "binary_crossentropy", `Huber`, `Huber(0.5)`, `mean_squared_error`, ...

    Raises:
        InputError: an unknown name, or something else.

    Example:
        >>> get("huber")
        Huber(delta=1.0)
    """
    if isinstance(identifier, Loss):
        return identifier
    if isinstance(identifier, str):
        return find("loss", identifier, KNOWN | ALIASES)()
    if isinstance(identifier, type) and issubclass(identifier, Loss):
        return identifier()
    if isinstance(identifier, LossFunction):
        return identifier.kind()
    if isinstance(identifier, torch.nn.modules.loss._Loss):
        raise InputError(
            f"{type(identifier).__name__} of PyTorch takes (output, target), the other way round",
            hint="give the name of a loss, such as 'mse' or 'crossentropy', or use nw.Trainer",
        )
    if callable(identifier) and not isinstance(identifier, type):
        return Custom(identifier)  # type: ignore[arg-type]
    raise InputError(f"{identifier!r} is no loss", hint="give a name, such as 'mse', or a function")
