"""Losses of numbers beside numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from netwright.errors import InputError
from netwright.losses.base import EPSILON, Loss, numbers_a_row, row_means
from netwright.losses.reach import RANGES, no_lonely_softmax, within_reach
from netwright.nn import targets


@dataclass(frozen=True)
class Numeric(Loss):
    """A loss of targets and outputs that stand number beside number."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        """The loss of each number. [M, B, ..., C]"""
        raise NotImplementedError

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        return row_means(self.each(target, output))

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        no_lonely_softmax(shape, activation)
        if activation == "softmax" and target.shape[1:] in (shape[:-1], (*shape[:-1], 1)):
            raise InputError(
                f"{where} holds a number for each row, and the last layer gives {shape[-1]} probabilities",
                where="softmax",
                hint="for classes use sparse_categorical_crossentropy, or "
                f"to_categorical({where}, {shape[-1]}); for numbers 1 unit without activation",
            )
        return within_reach(targets.columns(target, shape, where), activation, where)


@dataclass(frozen=True)
class MeanSquaredError(Numeric):
    """(y - p)²."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (output - target).square()

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        return (output - target) * (2 / numbers_a_row(output))


@dataclass(frozen=True)
class MeanAbsoluteError(Numeric):
    """|y - p|."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (output - target).abs()

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        return torch.sign(output - target) * (1 / numbers_a_row(output))


@dataclass(frozen=True)
class MeanAbsolutePercentageError(Numeric):
    """100 |y - p| / max(|y|, 1e-7)."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return 100 * (output - target).abs() / target.abs().clamp(min=EPSILON)


@dataclass(frozen=True)
class MeanSquaredLogarithmicError(Numeric):
    """(log(1 + y) - log(1 + p))², for numbers of at least 0; outputs below 0 count as 0."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        low = EPSILON
        return (torch.log1p(output.clamp(min=low)) - torch.log1p(target.clamp(min=low))).square()

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        target = super().check(target, shape, activation, where)
        return targets.at_least_zero(target, where, "mean_squared_logarithmic_error")


@dataclass(frozen=True)
class Huber(Numeric):
    """(y - p)² / 2 up to |y - p| = delta, then the straight line that goes on (Huber 1964).

    Example:
        >>> Huber(1.0)([0.0, 0.0], [1.0, 3.0])
        1.5
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "delta", self.delta)

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return functional.huber_loss(output, target, reduction="none", delta=self.delta)


@dataclass(frozen=True)
class LogCosh(Numeric):
    """log(cosh(p - y))."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        error = output - target
        return error + functional.softplus(-2 * error) - math.log(2.0)


@dataclass(frozen=True)
class Quantile(Numeric):
    """The pinball loss, whose best output is a quantile of the target: max(q (y - p), (q - 1) (y - p)).

    Arguments:
        quantile: between 0 and 1, or several; then the last axis of the output holds one for each.

    Example:
        >>> Quantile(0.75)([1.0], [0.0]), Quantile(0.75)([0.0], [1.0])
        (0.75, 0.25)
    """

    quantile: float | tuple[float, ...] = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.quantile, list):
            object.__setattr__(self, "quantile", tuple(self.quantile))
        for each in self._list:
            if not 0 < each < 1:
                raise InputError(f"the quantile {each!r} is not between 0 and 1", hint="such as 0.9")
        if not self._list:
            raise InputError("no quantile is given", hint="such as 0.9, or [0.1, 0.5, 0.9]")

    @property
    def _list(self) -> tuple[float, ...]:
        return self.quantile if isinstance(self.quantile, tuple) else (self.quantile,)

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        error = target - output
        share = output.new_tensor(self._list)  # [Q] or [1]
        return torch.maximum(share * error, (share - 1) * error)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        if not isinstance(self.quantile, tuple):
            return super().check(target, shape, activation, where)
        count = len(self.quantile)
        if shape[-1:] != (count,):
            raise InputError(
                f"{count} quantiles are asked for, and the network gives {shape[-1] if shape else 1} a row",
                hint=f"the last layer needs {count} units",
            )
        no_lonely_softmax(shape, activation)
        return within_reach(targets.columns(target, (*shape[:-1], 1), where), activation, where)


@dataclass(frozen=True)
class Poisson(Numeric):
    """p - y log p: outputs are the means of counts."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return output - target * torch.log(output + EPSILON)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        if activation in RANGES and RANGES[activation][0] < 0:
            raise InputError(
                f"the last layer cannot fit the loss: poisson takes a logarithm, and {activation} gives "
                "numbers below 0 too",
                hint="use the activation 'exponential' or 'softplus' in the last layer",
            )
        return targets.at_least_zero(super().check(target, shape, activation, where), where, "poisson")


@dataclass(frozen=True)
class CosineSimilarity(Numeric):
    """The cosine between y and p along the last axis, negative: -1 when they point the same way."""

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        return row_means(-cosine(target, output)[..., None])

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        if not shape:
            raise InputError("cosine_similarity compares vectors, and the network gives one number a row")
        return targets.columns(target, shape, where)


def cosine(target: Tensor, output: Tensor) -> Tensor:
    """[..., C] twice to [...]"""
    lengths = [each.square().sum(-1, keepdim=True).clamp(min=1e-12).sqrt() for each in (target, output)]
    return (target / lengths[0] * (output / lengths[1])).sum(-1)


def _positive(loss: Loss, name: str, value: float) -> None:
    if not value > 0:
        raise InputError(f"{name} is {value!r}", where=type(loss).__name__, hint="give more than 0")
