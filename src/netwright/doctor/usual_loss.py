"""The usual loss of a task, in the place of a module's own: to see what another one would have come to."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.doctor.case import Case, Task
from netwright.nn.foreign import ForeignNetwork, Goal
from netwright.nn.trainable import Purpose

NAMES = {
    "classes": "cross entropy",
    "yes_no": "binary cross entropy",
    "labels": "binary cross entropy",
    "numbers": "the mean squared error",
}
PLAIN = {
    "classes": (nn.CrossEntropyLoss, nn.NLLLoss),
    "yes_no": (nn.BCEWithLogitsLoss, nn.BCELoss, nn.CrossEntropyLoss, nn.NLLLoss),
    "labels": (nn.BCEWithLogitsLoss, nn.BCELoss),
    "numbers": (nn.MSELoss, nn.L1Loss, nn.HuberLoss, nn.SmoothL1Loss, nn.PoissonNLLLoss),
}
SMALL = 1e-7
FEW, UNEVEN, EQUAL = 256, 1.5, 1e-4  # rows; times; share of a loss


def is_usual(goal: Goal, task: Task) -> bool:
    """Whether the loss is one that the task usually has, or has weights of its own, which are meant.

    Arguments:
        goal: of a `ForeignNetwork`; its `given` is the loss as the user gave it.
    """
    given = getattr(goal, "given", None)
    if given is None or isinstance(given, str) or task not in PLAIN:
        return True
    if not isinstance(given, nn.Module):
        own = callable(given) and not type(given).__module__.startswith("netwright")
        return not own or goal.purpose().takes != "unknown"
    weights = (getattr(given, name, None) is not None for name in ("weight", "pos_weight"))
    smooth = getattr(given, "label_smoothing", 0.0) > 0
    return any(weights) or (isinstance(given, PLAIN[task]) and not smooth and given.reduction == "mean")


def asks_otherwise(case: Case) -> bool:
    """Whether the loss, a function of the user's own, asks for numbers that are none to square errors of.

    Right answers are the best ones, and too large ones cost more or less than too small ones: a quantile. Or
    a shift of all costs nothing and another order does: ranks, a correlation.
    """
    network = case.network
    if case.train is None or case.task != "numbers" or case.purpose.takes != "unknown":
        return False
    if not isinstance(network, ForeignNetwork):
        return False
    rows = case.train.spread(FEW)
    with torch.no_grad():
        like = case.output(rows)[0]
        if not isinstance(like, Tensor) or like.numel() != rows.target.numel():
            return False
        truth = rows.target.reshape(like.shape).to(like)
        away = truth.std()
        right, above, below, turned = (
            float(network.goal.loss(each, rows.target, None))
            for each in (truth, truth + away, truth - away, truth.flip(0))
        )
    if max(abs(above - right), abs(below - right)) <= EQUAL * abs(right):
        return turned > right + EQUAL * abs(right)
    return right < min(above, below) and max(above, below) - right > UNEVEN * (min(above, below) - right)


class UsualLoss:
    """A goal with the usual loss of a task: cross entropy of classes, the squared error of numbers.

    Arguments:
        goal: that it stands for; all else is that of this one.
        task: which has a usual loss.

    Example:
        >>> goal = UsualLoss(None, "numbers")
        >>> goal.loss(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 1.0]), None)
        tensor(2.)
    """

    def __init__(self, goal: Goal, task: Task) -> None:
        self.goal, self.task = goal, task

    def loss(self, output: Any, target: Any, weight: Tensor | None) -> Tensor:
        losses = self._losses(output, target)  # [B]
        return losses.mean() if weight is None else (losses * weight).sum() / weight.sum().clamp(min=SMALL)

    def _losses(self, output: Tensor, target: Tensor) -> Tensor:
        rows = len(output)
        values = output.reshape(rows, -1)  # [B, C]
        if self.task == "numbers":
            return (values - target.reshape(rows, -1).to(values)).square().mean(1)
        if values.shape[1] > 1 and self.task != "labels":
            wanted = target.reshape(rows, -1)
            codes = wanted.argmax(1) if wanted.shape[1] > 1 else wanted[:, 0].long()
            return functional.nll_loss(_logarithms(values, self.purpose()), codes, reduction="none")
        wanted = target.reshape(rows, -1).to(values)
        if self.purpose().takes == "probabilities" or _are_chances(values):
            inside = values.clamp(SMALL, 1 - SMALL)
            return functional.binary_cross_entropy(inside, wanted, reduction="none").mean(1)
        return functional.binary_cross_entropy_with_logits(values, wanted, reduction="none").mean(1)

    def scores(self, output: Any, target: Any) -> dict[str, Tensor]:
        return self.goal.scores(output, target)

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.goal.finish(means)

    def purpose(self) -> Purpose:
        return Purpose("unknown", "unknown") if self.goal is None else self.goal.purpose()

    def answers(self, output: Any) -> Tensor:
        return self.goal.answers(output)


def _logarithms(values: Tensor, purpose: Purpose) -> Tensor:
    """Logarithms of the probabilities of classes, whatever a network gives. [B, C]"""
    if purpose.takes == "log_probabilities":
        return values
    whole = _are_chances(values) and bool((values.detach().sum(1) - 1).abs().max() < 1e-3)
    if purpose.takes == "probabilities" or (purpose.takes == "unknown" and whole):
        return values.clamp(min=SMALL).log()
    return values.log_softmax(1)


def _are_chances(values: Tensor) -> bool:
    with torch.no_grad():
        return bool(((values >= 0) & (values <= 1)).all())
