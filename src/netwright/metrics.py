"""Metrics under Keras's names: what is told beside the loss.

Each is a mean over rows of some sums and what is made of it at the end, so that batches, weights and members
need no thought here. Axes as in `netwright.losses`; outputs are those after the last activation.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from netwright import losses
from netwright.arguments import Checked
from netwright.errors import InputError, suggestion
from netwright.losses import Loss, snake
from netwright.nn.spec import find


@dataclass(frozen=True)
class Metric(Checked):
    """A figure of targets and outputs.

    Arguments:
        name: what it is called in a history; its class's name, such as "binary_accuracy", unless given.
    """

    name: str | None = field(default=None, kw_only=True)
    higher: ClassVar[bool] = False
    """whether more is better"""
    ranks: ClassVar[bool] = False
    """whether only which output is the greatest matters, so that a softmax need not be computed"""

    @property
    def label(self) -> str:
        return self.name or snake(type(self).__name__)

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        """What is averaged over rows. Targets [M, B, ...] and outputs [M, B, ..., C] to [M, B, S]"""
        raise NotImplementedError

    def finish(self, means: Tensor) -> Tensor:
        """The figure of each member, from the means over its rows. [M, S] to [M]"""
        return means[:, 0]

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """The figure of arrays without a member axis.

        Arguments:
            y_true: targets: class numbers [N] or columns [N, C].
            y_pred: predictions. [N, C], or [N] for one output

        Example:
            >>> BinaryAccuracy()([0, 1], [0.2, 0.4])
            0.5
        """
        target, output = torch.as_tensor(np.asarray(y_true)), torch.as_tensor(np.asarray(y_pred))
        if len(target) != len(output):
            raise InputError(f"y_true has {len(target)} rows, y_pred has {len(output)}")
        if output.dim() == 1:
            output = output[:, None]
        output = output if output.is_floating_point() else output.to(torch.float32)
        if output.shape[-1] == 1 and target.shape == output.shape[:-1]:
            target = target[..., None]
        return float(self.finish(self.sums(target[None], output[None]).mean(1))[0])


def _mean(values: Tensor) -> Tensor:
    """[M, B, ...] to [M, B, 1]"""
    return values.flatten(2).mean(2, keepdim=True) if values.dim() > 2 else values[..., None]


def columns(target: Tensor, output: Tensor) -> Tensor:
    """Targets in the output's shape: class numbers become one-hot. [M, B, ..., C]"""
    if target.shape == output.shape:
        return target.to(output.dtype)
    if target.dim() == output.dim() and target.shape[-1] == 1:
        target = target[..., 0]
    if output.shape[-1] == 1:
        return target[..., None].to(output.dtype)
    hot = torch.zeros_like(output)
    return hot.scatter_(-1, target.long()[..., None], 1.0)


def codes(target: Tensor, output: Tensor) -> Tensor:
    """Targets as class numbers. [M, B, ..., C] or [M, B, ...] to [M, B, ...]"""
    if target.dim() < output.dim():
        return target.long()
    return target[..., 0].long() if target.shape[-1] == 1 else target.argmax(-1)


# Classes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Accuracy(Metric):
    """In `compile` the accuracy that fits the loss and the outputs, as the name "accuracy" is.

    By itself it is Keras's: the share of predictions that equal their targets. Keras takes that in training
    too, where it is about 0 of any probabilities.

    Example:
        >>> Accuracy()([1, 2, 3], [1, 2, 0])
        0.6666666865348816
    """

    higher: ClassVar[bool] = True

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        return _mean((columns(target, output) == output).to(output.dtype))


@dataclass(frozen=True)
class BinaryAccuracy(Metric):
    """Share of numbers that are on the target's side of `threshold`."""

    threshold: float = 0.5
    higher: ClassVar[bool] = True

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        right = (columns(target, output) > self.threshold) == (output > self.threshold)
        return _mean(right.to(output.dtype))


@dataclass(frozen=True)
class CategoricalAccuracy(Metric):
    """Share of rows whose greatest output is that of the target's class."""

    higher: ClassVar[bool] = True
    ranks: ClassVar[bool] = True

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        return _mean((output.argmax(-1) == codes(target, output)).to(output.dtype))


@dataclass(frozen=True)
class SparseCategoricalAccuracy(CategoricalAccuracy):
    """`CategoricalAccuracy` of class numbers."""


@dataclass(frozen=True)
class TopKCategoricalAccuracy(Metric):
    """Share of rows whose class has one of the `k` greatest outputs."""

    k: int = 5
    higher: ClassVar[bool] = True

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        best = output.topk(min(self.k, output.shape[-1]), dim=-1).indices
        right = (best == codes(target, output)[..., None]).any(-1)
        return _mean(right.to(output.dtype))


@dataclass(frozen=True)
class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """`TopKCategoricalAccuracy` of class numbers."""


@dataclass(frozen=True)
class Precision(Metric):
    """Of the outputs above `thresholds`, the share whose label is 1; 0 where there are none.

    Several classes are counted together, each output by itself, as Keras does.
    """

    thresholds: float = 0.5
    higher: ClassVar[bool] = True

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        truth, said = columns(target, output) > 0.5, output > self.thresholds
        counts = [truth & said, said, truth]
        return torch.cat([_mean(each.to(output.dtype)) for each in counts], -1)

    def finish(self, means: Tensor) -> Tensor:
        return _share(means[:, 0], means[:, 1])


@dataclass(frozen=True)
class Recall(Precision):
    """Of the labels 1, the share whose output is above `thresholds`; 0 where there are none."""

    def finish(self, means: Tensor) -> Tensor:
        return _share(means[:, 0], means[:, 2])


@dataclass(frozen=True)
class F1Score(Metric):
    """The harmonic mean of precision and recall.

    Arguments:
        average: "macro", the mean over classes (Keras's default, None, would give a number for each);
            "micro", of all counts together; "weighted", by the classes' sizes.
        threshold: what an output must be above; None: the greatest of several outputs, .5 for one output.
    """

    average: str = "macro"
    threshold: float | None = None
    higher: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.average not in (known := ("macro", "micro", "weighted")):
            raise InputError(f"unknown average {self.average!r}", hint=suggestion(str(self.average), known))

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        truth = columns(target, output) > 0.5
        classes = output.shape[-1]
        if self.threshold is not None or classes == 1:
            said = output > (0.5 if self.threshold is None else self.threshold)
        else:
            said = torch.zeros_like(truth).scatter_(-1, output.argmax(-1, keepdim=True), True)
        counts = torch.stack([truth & said, said, truth], -2).to(output.dtype)  # [M, B, ..., 3, C]
        return counts.reshape(*output.shape[:2], -1, 3 * classes).mean(2)

    def finish(self, means: Tensor) -> Tensor:
        both, said, truth = means.unflatten(1, (3, -1)).unbind(1)  # each [M, C]
        if self.average == "micro":
            return _share(2 * both.sum(1), said.sum(1) + truth.sum(1))
        each = _share(2 * both, said + truth)
        if self.average == "macro":
            return each.mean(1)
        return _share((each * truth).sum(1), truth.sum(1))


@dataclass(frozen=True)
class AUC(Metric):
    """The area under the ROC curve, of `num_thresholds` points joined by straight lines, as Keras has it.

    Several outputs are counted together, each by itself. NaN where one of the labels is absent.
    """

    num_thresholds: int = 200
    higher: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.num_thresholds < 2:
            raise InputError(f"num_thresholds is {self.num_thresholds}", where="AUC", hint="give 2 or more")

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        inner = torch.linspace(0, 1, self.num_thresholds, dtype=output.dtype, device=output.device)[1:-1]
        ends = output.new_tensor([-losses.EPSILON]), output.new_tensor([1 + losses.EPSILON])
        above = output[..., None] > torch.cat([ends[0], inner, ends[1]])  # [M, B, ..., C, thresholds]
        truth = (columns(target, output) > 0.5)[..., None]
        counts = torch.cat([truth & above, ~truth & above], -1).to(output.dtype)
        return counts.flatten(2, -2).mean(2)

    def finish(self, means: Tensor) -> Tensor:
        true, false = means.unflatten(1, (2, -1)).unbind(1)  # each [M, thresholds], falling
        true, false = true / true[:, :1], false / false[:, :1]
        return ((false[:, :-1] - false[:, 1:]) * (true[:, :-1] + true[:, 1:]) / 2).sum(1)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp(min=1e-30), 0.0)


# Numbers ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LossMetric(Metric):
    """The mean of a loss, as a metric.

    Arguments:
        loss: any loss; targets are turned into the form that it wants.
    """

    loss: Loss = field(default_factory=losses.MeanSquaredError)

    @property
    def label(self) -> str:
        if self.name:
            return self.name
        return self.loss.label if isinstance(self.loss, losses.Custom) else snake(type(self.loss).__name__)

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        if self.loss._codes:
            target = codes(target, output)
        elif isinstance(self.loss, losses.Quantile) or (
            isinstance(self.loss, losses.Custom) and target.dim() < output.dim()
        ):
            target = target if target.dtype == torch.int64 else target.to(output.dtype)
        else:
            target = columns(target, output)
        return self.loss.rows(target, output)[..., None]


@dataclass(frozen=True)
class MeanSquaredError(Metric):
    """The mean of (y - p)²."""

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        return _mean((output - columns(target, output)).square())


@dataclass(frozen=True)
class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of (y - p)²."""

    def finish(self, means: Tensor) -> Tensor:
        return means[:, 0].sqrt()


@dataclass(frozen=True)
class MeanAbsoluteError(Metric):
    """The mean of |y - p|."""

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        return _mean((output - columns(target, output)).abs())


@dataclass(frozen=True)
class MeanAbsolutePercentageError(Metric):
    """The mean of 100 |y - p| / max(|y|, 1e-7)."""

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        return _mean(losses.MeanAbsolutePercentageError().each(columns(target, output), output))


@dataclass(frozen=True)
class CosineSimilarity(Metric):
    """The mean cosine between y and p along the last axis; the loss of that name is its negative."""

    higher: ClassVar[bool] = True

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        return _mean(losses.cosine(columns(target, output), output))


@dataclass(frozen=True)
class R2Score(Metric):
    """1 - the squared error's share of the target's variance, the mean over the columns.

    NaN for a target that does not vary.
    """

    higher: ClassVar[bool] = True

    def sums(self, target: Tensor, output: Tensor) -> Tensor:
        wanted = columns(target, output).flatten(2).double()  # squares of large numbers need the digits
        error = (wanted - output.flatten(2)).square()
        return torch.cat([error, wanted, wanted.square()], -1)

    def finish(self, means: Tensor) -> Tensor:
        error, mean, square = means.double().unflatten(1, (3, -1)).unbind(1)
        variance = square - mean.square()
        # What rounding leaves of the variance of a constant is no variance.
        variance = torch.where(variance > 1e-14 * square, variance, torch.nan)
        return (1 - error / variance).mean(1)


# By name ----------------------------------------------------------------------------------------------------

KNOWN: dict[str, type[Metric]] = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
    "precision": Precision,
    "recall": Recall,
    "f1_score": F1Score,
    "auc": AUC,
    "mean_squared_error": MeanSquaredError,
    "root_mean_squared_error": RootMeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "cosine_similarity": CosineSimilarity,
    "r2_score": R2Score,
}

ALIASES: dict[str, type[Metric]] = {
    "mse": MeanSquaredError,
    "rmse": RootMeanSquaredError,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "cosine": CosineSimilarity,
    "f1": F1Score,
    "r2": R2Score,
    "roc_auc": AUC,
}


def get(identifier: object, loss: Loss | None = None, output_shape: tuple[int, ...] = (1,)) -> Metric:
    """The metric meant by a name, a class, an object, a loss, or a function (y_true, y_pred) -> tensor.

    Arguments:
        identifier: "accuracy", "mae", `AUC`, `AUC(name="area")`, a loss's name, ...
        loss: what the network is trained with; "accuracy" is the one that suits it.
        output_shape: of one row's output.

    Returns:
        The metric; its `label` is the name as given, as in Keras's histories.

    Raises:
        InputError: an unknown name, or something else.

    Example:
        >>> get("accuracy", losses.SparseCategoricalCrossentropy(), (10,))
        SparseCategoricalAccuracy(name='accuracy')
    """
    identifier = identifier() if identifier is Accuracy else identifier
    if isinstance(identifier, Accuracy) and loss is not None:
        return replace(_accuracy(loss, output_shape), name=identifier.label)
    if isinstance(identifier, Metric):
        return identifier
    if isinstance(identifier, str):
        if identifier.casefold() in ("accuracy", "acc"):
            return replace(_accuracy(loss, output_shape), name=identifier)
        kinds = KNOWN | ALIASES
        named = {**losses.KNOWN, **losses.ALIASES, **kinds}
        kind = find("metric", identifier, {"accuracy": None, **named})
        if kind is losses.Crossentropy:
            kind = _crossentropy(loss)
        metric = kind() if issubclass(kind, Metric) else LossMetric(kind())
        return replace(metric, name=identifier)
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        return identifier()
    if isinstance(identifier, type) and not issubclass(identifier, Loss):
        raise InputError(f"{identifier.__name__} is no metric", hint="give a name, such as 'accuracy'")
    if callable(identifier):
        return LossMetric(losses.get(identifier))
    raise InputError(f"{identifier!r} is no metric", hint="give a name, such as 'accuracy', or a function")


def _crossentropy(loss: Loss | None) -> type[Loss]:
    kinds = (
        losses.BinaryCrossentropy,
        losses.CategoricalCrossentropy,
        losses.SparseCategoricalCrossentropy,
    )
    for kind in kinds:
        if isinstance(loss, kind):
            return kind
    raise InputError(
        "the metric 'crossentropy' needs a cross-entropy as loss",
        hint="name the one that is meant, such as 'binary_crossentropy'",
    )


def _accuracy(loss: Loss | None, output_shape: tuple[int, ...]) -> Metric:
    if isinstance(loss, losses.Hinge):
        return BinaryAccuracy(threshold=0.0)
    if isinstance(loss, losses.BinaryCrossentropy):
        # Logits are on the side of 1 above 0.
        return BinaryAccuracy(threshold=0.0) if loss.from_logits else BinaryAccuracy()
    if output_shape[-1:] in ((), (1,)):
        return BinaryAccuracy()
    if isinstance(loss, losses.SparseCategoricalCrossentropy):
        return SparseCategoricalAccuracy()
    return CategoricalAccuracy()
