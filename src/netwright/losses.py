"""Losses under Keras's names: numbers first, then classes, then the rest.

Axes: M members, B rows, then whatever the target has, C the last axis of the output. A softmax or sigmoid at
the end of a network is joined with its loss, which is then computed from the logits and cannot overflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from netwright.errors import InputError
from netwright.nn import targets
from netwright.nn.spec import find

EPSILON = 1e-7
"""Keras's: probabilities are kept this far from 0 and 1 where a loss is not joined"""

# What a last layer can give at all, by its activation; those that are not here give every number.
_RANGES: dict[str, tuple[float, float]] = {
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


@dataclass(frozen=True)
class Loss:
    """How far outputs are from targets, for each row."""

    joins: ClassVar[str | None] = None
    """the last activation that the loss is computed together with, from its inputs"""

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        """The loss of each row, a mean over its numbers.

        Arguments:
            target: as `prepare` gave it. [M, B, ...]
            output: of the network. [M, B, ..., C]
            logits: whether `output` is what goes into the activation that `joins` names.

        Returns:
            [M, B]
        """
        raise NotImplementedError

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        """The derivative of rows.sum() by the output, where it is written out; else None. [M, B, ..., C]"""
        return None

    def both(
        self, target: Tensor, output: Tensor, *, logits: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """`rows` and `gradient` together, with what they share computed once."""
        return self.rows(target, output, logits=logits), self.gradient(target, output, logits=logits)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        """The target as the loss wants it; `target` holds finite numbers."""
        raise NotImplementedError

    def prepare(
        self, target: Any, shape: tuple[int, ...], activation: str | None, where: str = "y"
    ) -> Tensor:
        """Checks targets at the door.

        Arguments:
            target: as the user gave it. [N, ...]
            shape: of one row's output, such as (10,).
            activation: name of the last layer's; None where it is not known, and so not checked.
            where: what errors call the target.

        Returns:
            What `rows` wants: class numbers as int64, all else as float32. [N, ...]

        Raises:
            InputError: text, NaN, labels out of range, one-hot against class numbers, a last layer that
                cannot fit the loss, ...

        Example:
            >>> MeanSquaredError().prepare([1, 2], (1,), "linear").shape
            torch.Size([2, 1])
        """
        values = self.check(targets.numbers(target, where), tuple(shape), activation, where)
        return self._tensor(values, torch.float32)

    def _tensor(self, values: np.ndarray, kind: torch.dtype) -> Tensor:
        values = np.array(values)  # a copy: the caller may change theirs
        return torch.from_numpy(values) if self._codes else torch.from_numpy(values).to(kind)

    _codes: ClassVar[bool] = False

    def resolve(self, target: Any, shape: tuple[int, ...]) -> Loss:
        """The loss itself; "crossentropy" becomes the one that the target's form decides."""
        return self

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        """The mean loss of arrays without a member axis.

        Arguments:
            y_true: targets. [N, ...]
            y_pred: predictions; of probabilities unless from_logits. [N, ..., C]

        Returns:
            A number; for a tensor `y_pred` a tensor of one number, which gradients flow through.

        Example:
            >>> MeanSquaredError()([0.0, 1.0], [0.0, 3.0])
            2.0
        """
        mean = _each_row(self, y_true, y_pred).mean()
        return mean if isinstance(y_pred, Tensor) else float(mean)


def _each_row(loss: Loss, y_true: Any, y_pred: Any) -> Tensor:
    output = y_pred if isinstance(y_pred, Tensor) else torch.from_numpy(np.array(y_pred))
    if not output.is_floating_point():
        output = output.to(torch.float32)
    if output.dim() == 1:
        output = output[:, None]
    y_true = y_true.detach().cpu().numpy() if isinstance(y_true, Tensor) else y_true
    shape = tuple(output.shape[1:])
    loss = loss.resolve(y_true, shape)
    target = loss._tensor(loss.check(targets.numbers(y_true, "y_true"), shape, None, "y_true"), output.dtype)
    if len(target) != len(output):
        raise InputError(f"y_true has {len(target)} rows, y_pred has {len(output)}")
    return loss.rows(target.to(output.device)[None], output[None])[0]


def _mean(values: Tensor) -> Tensor:
    """The mean over all axes but M and B. [M, B, ...] to [M, B]"""
    return values if values.dim() == 2 else values.flatten(2).mean(2)


def log_softmax(output: Tensor) -> Tensor:
    """Logs of the softmax over the last axis.

    PyTorch's own takes .15 microseconds for a row on a processor, however short it is; many short rows are
    four times as fast this way.
    """
    if output.requires_grad or output.shape[-1] > 64 or output.numel() < 4096 or output.is_cuda:
        return torch.log_softmax(output, -1)
    shifted = output - output.amax(-1, keepdim=True)
    return shifted.sub_(shifted.exp().sum(-1, keepdim=True).log_())


def _normalized_logs(output: Tensor) -> Tensor:
    """Logs of probabilities that are made to sum to 1 and kept from 0, as Keras does."""
    return torch.log((output / output.sum(-1, keepdim=True)).clamp(EPSILON, 1 - EPSILON))


# Numbers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Numeric(Loss):
    """A loss of targets and outputs that stand number beside number."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        """The loss of each number. [M, B, ..., C]"""
        raise NotImplementedError

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        return _mean(self.each(target, output))

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        _no_lonely_softmax(shape, activation)
        if activation == "softmax" and target.shape[1:] in (shape[:-1], (*shape[:-1], 1)):
            raise InputError(
                f"{where} holds a number for each row, and the last layer gives {shape[-1]} probabilities",
                where="softmax",
                hint="for classes use sparse_categorical_crossentropy, or "
                f"to_categorical({where}, {shape[-1]}); for numbers 1 unit without activation",
            )
        return _within_reach(targets.columns(target, shape, where), activation, where)


def _within_reach(target: np.ndarray, activation: str | None, where: str) -> np.ndarray:
    low, high = _RANGES.get(activation or "", (-math.inf, math.inf))
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


@dataclass(frozen=True)
class MeanSquaredError(Numeric):
    """(y - p)²."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (output - target).square()

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        return (output - target) * (2 / _numbers_a_row(output))


@dataclass(frozen=True)
class MeanAbsoluteError(Numeric):
    """|y - p|."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (output - target).abs()

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        return torch.sign(output - target) * (1 / _numbers_a_row(output))


def _numbers_a_row(output: Tensor) -> int:
    return math.prod(output.shape[2:])


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
        _no_lonely_softmax(shape, activation)
        return _within_reach(targets.columns(target, (*shape[:-1], 1), where), activation, where)


@dataclass(frozen=True)
class Poisson(Numeric):
    """p - y log p: outputs are the means of counts."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return output - target * torch.log(output + EPSILON)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        if activation in _RANGES and _RANGES[activation][0] < 0:
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
        return _mean(-cosine(target, output)[..., None])

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


# Margins ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hinge(Numeric):
    """max(1 - y p, 0) for labels -1 and 1; labels 0 and 1 are taken as these."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (1 - target * output).clamp(min=0)

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        _no_lonely_softmax(shape, activation)
        return targets.signs(targets.columns(target, shape, where), where)


@dataclass(frozen=True)
class SquaredHinge(Hinge):
    """max(1 - y p, 0)²; labels as for `Hinge`."""

    def each(self, target: Tensor, output: Tensor) -> Tensor:
        return (1 - target * output).clamp(min=0).square()


@dataclass(frozen=True)
class CategoricalHinge(Loss):
    """max(1 + the best wrong class's output - the right one's, 0), for one-hot targets."""

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        right = (target * output).sum(-1)
        wrong = ((1 - target) * output).amax(-1)
        return _mean((1 + wrong - right).clamp(min=0))

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        _several(self, shape, activation)
        return targets.distributions(target, shape, where, "categorical_hinge")


# Classes ----------------------------------------------------------------------------------------------------


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
        return _mean(self.each(self._smooth(target), output, logits))

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        if not (logits or self.from_logits):
            return None
        slope = torch.sigmoid(output).sub_(self._smooth(target))
        count = _numbers_a_row(output)
        return slope if count == 1 else slope / count

    def _smooth(self, target: Tensor) -> Tensor:
        return target + self.label_smoothing * (0.5 - target) if self.label_smoothing else target

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        _no_lonely_softmax(shape, activation)
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
        return _mean(-(self._smooth(target) * self._logs(output, logits)).sum(-1))

    def gradient(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor | None:
        if not (logits or self.from_logits):
            return None
        # Targets sum to 1, as `check` saw to.
        slope = torch.softmax(output, -1).sub_(self._smooth(target))
        positions = math.prod(output.shape[2:-1])
        return slope if positions == 1 else slope / positions

    def both(
        self, target: Tensor, output: Tensor, *, logits: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        if not (logits or self.from_logits) or output.dim() != 3 or self.label_smoothing:
            return super().both(target, output, logits=logits)
        logs = torch.log_softmax(output, -1)
        return (target * logs).sum(-1).neg_(), logs.exp_().sub_(target)

    def _logs(self, output: Tensor, logits: bool) -> Tensor:
        return log_softmax(output) if logits or self.from_logits else _normalized_logs(output)

    def _smooth(self, target: Tensor) -> Tensor:
        share = self.label_smoothing
        return target * (1 - share) + share / target.shape[-1] if share else target

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        _several(self, shape, activation)
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
        return _mean(-(self.alpha * missed**self.gamma * self._smooth(target) * logs).sum(-1))

    def both(
        self, target: Tensor, output: Tensor, *, logits: bool = False
    ) -> tuple[Tensor, Tensor | None]:
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
        logs = log_softmax(output) if logits or self.from_logits else _normalized_logs(output)
        loss = -logs.gather(-1, target[..., None])[..., 0]
        if self.label_smoothing:
            loss = torch.lerp(loss, -logs.mean(-1), self.label_smoothing)
        return _mean(loss)

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

    def both(
        self, target: Tensor, output: Tensor, *, logits: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        if not (logits or self.from_logits) or output.dim() != 3 or self.label_smoothing:
            return super().both(target, output, logits=logits)
        logs = torch.log_softmax(output, -1)
        right = target[..., None]
        rows = logs.gather(-1, right)[..., 0].neg_()
        return rows, logs.exp_().scatter_(-1, right, -1.0, reduce="add")

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        _several(self, shape, activation)
        _fits(self, activation, ("softmax",))
        return targets.codes(target, shape, where)


@dataclass(frozen=True)
class KLDivergence(Loss):
    """sum(y log(y / p)) over the classes, for targets that are probabilities."""

    joins: ClassVar[str | None] = "softmax"

    def rows(self, target: Tensor, output: Tensor, *, logits: bool = False) -> Tensor:
        target = target.clamp(EPSILON, 1)
        logs = torch.log_softmax(output, -1) if logits else torch.log(output.clamp(EPSILON, 1))
        return _mean((target * (torch.log(target) - logs)).sum(-1))

    def check(
        self, target: np.ndarray, shape: tuple[int, ...], activation: str | None, where: str
    ) -> np.ndarray:
        _no_lonely_softmax(shape, activation)
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


def _positive(loss: Loss, name: str, value: float) -> None:
    if not value > 0:
        raise InputError(f"{name} is {value!r}", where=type(loss).__name__, hint="give more than 0")


def _no_lonely_softmax(shape: tuple[int, ...], activation: str | None) -> None:
    if activation == "softmax" and shape[-1:] in ((), (1,)):
        raise InputError(
            "a softmax of one unit always gives 1",
            where="last layer",
            hint="use 'sigmoid' with binary_crossentropy for two classes, or a unit for each class",
        )


def _several(loss: Loss, shape: tuple[int, ...], activation: str | None) -> None:
    _no_lonely_softmax(shape, activation)
    if shape[-1:] in ((), (1,)):
        raise InputError(
            f"{snake(type(loss).__name__)} needs an output for each class, and the network gives one number",
            hint="use a sigmoid with binary_crossentropy for two classes, or a softmax with a unit for each",
        )


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
    if activation in _RANGES and activation not in good:
        has = "has no activation" if activation == "linear" else f"has {activation}"
        raise InputError(
            f"the last layer cannot fit the loss: {name} wants probabilities, and the layer {has}",
            hint=f"use the activation {good[0]!r}, or from_logits=True and no activation"
            if isinstance(loss, Probabilistic)
            else f"use the activation {good[0]!r}",
        )


# By name ----------------------------------------------------------------------------------------------------


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
        rows = _each_row(self.kind(**arguments), y_true, y_pred)
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


def snake(name: str) -> str:
    """A class's name as Keras writes it in a history: "KLDivergence" is "kl_divergence".

    Example:
        >>> snake("MeanSquaredError"), snake("KLDivergence"), snake("AUC")
        ('mean_squared_error', 'kl_divergence', 'auc')
    """
    out = ""
    for place, letter in enumerate(name):
        before, after = name[place - 1 : place], name[place + 1 : place + 2]
        if letter.isupper() and before and (before.islower() or (before.isupper() and after.islower())):
            out += "_"
        out += letter.lower()
    return out
