"""Losses of probabilities: the cross-entropies and their kin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from netwright.errors import InputError
from netwright.losses.base import EPSILON, Loss, log_softmax, normalized_logs, numbers_a_row, row_means, snake
from netwright.losses.reach import RANGES, no_lonely_softmax, several_outputs
from netwright.nn import targets


@dataclass(frozen=True)
class Probabilistic(Loss):
    """A loss of probabilities.

    Arguments:
        from_logits: the network's last layer has no activation, and its outputs are logits.
        label_smoothing: share of each target that is spread evenly over the classes, 0 to 1.
    """

    from_logits: bool = False
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing <= 1:
            raise InputError(
                f"label_smoothing is {self.label_smoothing!r}", where=type(self).__name__, hint="give 0 to 1"
            )


@dataclass(frozen=True)
class BinaryCrossentropy(Probabilistic):
    """-y log p - (1 - y) log(1 - p): a yes or no for each output. Arguments as `Probabilistic`.

    Example:
        >>> round(BinaryCrossentropy()([0, 1], [0.5, 0.5]), 4)
        0.6931
    """

    joins: ClassVar[str | None] = "sigmoid"

    def each(self, target: Tensor, output: Tensor, logits: bool) -> Tensor:
        """The loss of each number; `target` is smoothed already. [M, B, ..., C]"""
        if logits or self.from_logits:
            return functional.binary_cross_entropy_with_logits(output, target, reduction="none")
        output = output.clamp(EPSILON, 1 - EPSILON)
        return -(target * torch.log(output) + (1 - target) * torch.log(1 - output))

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        return row_means(self.each(self._smooth(target), output, logits))

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        if not (logits or self.from_logits):
            return None
        slope = torch.sigmoid(output).sub_(self._smooth(target))
        count = numbers_a_row(output)
        return slope if count == 1 else slope / count

    def _smooth(self, target: Tensor) -> Tensor:
        return target + self.label_smoothing * (0.5 - target) if self.label_smoothing else target

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        no_lonely_softmax(shape, activation)
        if activation == "softmax":
            raise InputError(
                "softmax does not go with binary_crossentropy: its outputs are the shares of one choice, "
                "not a yes or no each",
                hint="use categorical_crossentropy for one-hot targets, sparse_categorical_crossentropy for "
                "class numbers, or a sigmoid where a row may have several labels",
            )
        _fits(self, activation, ("sigmoid", "hard_sigmoid"))
        if target.shape[1:] in (shape[:-1], (*shape[:-1], 1)) and shape[-1:] > (1,):
            raise InputError(
                f"{where} holds a number for each row, and the network gives {shape[-1]} probabilities",
                hint="for two classes use 1 unit with sigmoid; for more, softmax and "
                "sparse_categorical_crossentropy",
            )
        return targets.shares(targets.columns(target, shape, where), where, "labels are 0 and 1 here")


@dataclass(frozen=True)
class BinaryFocalCrossentropy(BinaryCrossentropy):
    """Binary cross-entropy times (1 - probability of the truth) ** gamma (arXiv 1708.02002).

    Arguments:
        apply_class_balancing: whether label 1 counts `alpha` and label 0 counts 1 - alpha.
        gamma: 0 gives binary cross-entropy.
        from_logits, label_smoothing: as for `Probabilistic`.
    """

    apply_class_balancing: bool = False
    alpha: float = 0.25
    gamma: float = 2.0

    def each(self, target: Tensor, output: Tensor, logits: bool) -> Tensor:
        loss = super().each(target, output, logits)
        output = torch.sigmoid(output) if logits or self.from_logits else output.clamp(EPSILON, 1 - EPSILON)
        missed = target * (1 - output) + (1 - target) * output
        loss = missed**self.gamma * loss
        if self.apply_class_balancing:
            loss = loss * (target * self.alpha + (1 - target) * (1 - self.alpha))
        return loss

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        return None


@dataclass(frozen=True)
class CategoricalCrossentropy(Probabilistic):
    """-sum(y log p) over the classes, for one-hot targets. Arguments as `Probabilistic`.

    Example:
        >>> round(CategoricalCrossentropy()([[0, 1]], [[0.5, 0.5]]), 4)
        0.6931
    """

    joins: ClassVar[str | None] = "softmax"

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        return row_means(-(self._smooth(target) * self._logs(output, logits)).sum(-1))

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        if not (logits or self.from_logits):
            return None
        # Targets sum to 1, as `check` saw to.
        slope = torch.softmax(output, -1).sub_(self._smooth(target))
        positions = math.prod(output.shape[2:-1])
        return slope if positions == 1 else slope / positions

    def both(self, target: Tensor, output: Tensor, *, logits: bool = False) -> tuple[Tensor, Tensor | None]:
        if not (logits or self.from_logits) or output.dim() != 3 or self.label_smoothing:
            return super().both(target, output, logits=logits)
        logs = log_softmax(output)
        return (target * logs).sum(-1).neg_(), logs.exp_().sub_(target)

    def _logs(self, output: Tensor, logits: bool) -> Tensor:
        return log_softmax(output) if logits or self.from_logits else normalized_logs(output)

    def _smooth(self, target: Tensor) -> Tensor:
        share = self.label_smoothing
        return target * (1 - share) + share / target.shape[-1] if share else target

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        several_outputs(self, shape, activation)
        _fits(self, activation, ("softmax",))
        return targets.distributions(target, shape, where, snake(type(self).__name__))


@dataclass(frozen=True)
class CategoricalFocalCrossentropy(CategoricalCrossentropy):
    """-sum(alpha (1 - p) ** gamma y log p) over the classes, for one-hot targets (arXiv 1708.02002).

    Arguments:
        alpha: a factor.
        gamma: 0 gives alpha times categorical cross-entropy.
        from_logits, label_smoothing: as for `Probabilistic`.
    """

    alpha: float = 0.25
    gamma: float = 2.0

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        logs = self._logs(output, logits)
        missed = -torch.expm1(logs)  # 1 - p, exact near p = 1
        return row_means(-(self.alpha * missed**self.gamma * self._smooth(target) * logs).sum(-1))

    def both(self, target: Tensor, output: Tensor, *, logits: bool = False) -> tuple[Tensor, Tensor | None]:
        return self.rows(target, output, logits=logits), None

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        return None


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(Probabilistic):
    """-log p of the right class, for class numbers from 0. Arguments as `Probabilistic`.

    Example:
        >>> round(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]]), 4)
        0.6931
    """

    joins: ClassVar[str | None] = "softmax"
    _codes: ClassVar[bool] = True

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        logs = log_softmax(output) if logits or self.from_logits else normalized_logs(output)
        loss = -logs.gather(-1, target[..., None])[..., 0]
        if self.label_smoothing:
            loss = torch.lerp(loss, -logs.mean(-1), self.label_smoothing)
        return row_means(loss)

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        if not (logits or self.from_logits):
            return None
        share = self.label_smoothing
        slope = torch.softmax(output, -1)
        if share:
            slope = slope - share / output.shape[-1]
        right = target[..., None]
        slope.scatter_(-1, right, share - 1, reduce="add")
        positions = math.prod(output.shape[2:-1])
        return slope if positions == 1 else slope / positions

    def both(self, target: Tensor, output: Tensor, *, logits: bool = False) -> tuple[Tensor, Tensor | None]:
        if not (logits or self.from_logits) or output.dim() != 3 or self.label_smoothing:
            return super().both(target, output, logits=logits)
        logs = log_softmax(output)
        right = target[..., None]
        rows = logs.gather(-1, right)[..., 0].neg_()
        return rows, logs.exp_().scatter_(-1, right, -1.0, reduce="add")

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        several_outputs(self, shape, activation)
        _fits(self, activation, ("softmax",))
        return targets.codes(target, shape, where)


@dataclass(frozen=True)
class KLDivergence(Loss):
    """sum(y log(y / p)) over the classes, for targets that are probabilities."""

    joins: ClassVar[str | None] = "softmax"

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        target = target.clamp(EPSILON, 1)
        logs = torch.log_softmax(output, -1) if logits else torch.log(output.clamp(EPSILON, 1))
        return row_means((target * (torch.log(target) - logs)).sum(-1))

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        no_lonely_softmax(shape, activation)
        _fits(self, activation, ("softmax", "sigmoid", "hard_sigmoid"))
        return targets.shares(
            targets.columns(target, shape, where), where, "kl_divergence compares probabilities"
        )


@dataclass(frozen=True)
class Crossentropy(Probabilistic):
    """The cross-entropy that fits the target's form; arguments as `Probabilistic`.

    One output: binary. A number for each row: sparse categorical. Columns: categorical where each row sums to
    1, else binary.
    """

    def resolve(self, target: Any, shape: tuple[int, ...]) -> Loss:
        values = targets.numbers(target, "y")
        kind: type[Probabilistic] = CategoricalCrossentropy
        if shape[-1:] in ((), (1,)):
            kind = BinaryCrossentropy
        elif values.shape[1:] in (shape[:-1], (*shape[:-1], 1)):
            kind = SparseCategoricalCrossentropy
        elif not np.allclose(values.sum(-1), 1, atol=1e-3):
            kind = BinaryCrossentropy
        return kind(self.from_logits, self.label_smoothing)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        raise AssertionError("`resolve` comes first")


def _fits(loss: Loss, activation: str | None, good: tuple[str, ...]) -> None:
    """Raises InputError where the last layer's activation gives no probabilities of that kind."""
    name = snake(type(loss).__name__)
    if getattr(loss, "from_logits", False):
        if activation in ("sigmoid", "softmax", "hard_sigmoid", "log_softmax", "log_sigmoid"):
            raise InputError(
                f"{name}(from_logits=True) wants a last layer without activation, and it has {activation}",
                hint="leave out one of the two",
            )
        return
    if activation in RANGES and activation not in good:
        has = "has no activation" if activation == "linear" else f"has {activation}"
        raise InputError(
            f"the last layer cannot fit the loss: {name} wants probabilities, and the layer {has}",
            hint=f"use the activation {good[0]!r}, or from_logits=True and no activation"
            if isinstance(loss, Probabilistic)
            else f"use the activation {good[0]!r}",
        )
