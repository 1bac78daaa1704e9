"""Heads: the one place where a task lives. Loss, output activation, target scaling, mean over K."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from netwright.data.schema import Target
from netwright.nn import initial
from netwright.nn.member import Layer, Mode
from netwright.nn.trainable import weighted_mean


class Head(Layer):
    """A linear layer for each of K heads, and what the task makes of its outputs.

    Arguments:
        inputs: features of the trunk, H.
        outputs: C.
        heads: K.
        members: M.
    """

    weight: Tensor
    bias: Tensor
    offset: Tensor

    def __init__(self, inputs: int, outputs: int, heads: int, members: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.declare("weight", (heads, inputs, outputs), initial.fan_in_uniform(inputs))
        self.declare("bias", (heads, 1, outputs), initial.fan_in_uniform(inputs), decay=False)
        self.register_buffer("offset", torch.zeros(members, 1, 1, outputs))

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        """[M, K, B, H] to [M, K, B, C], around the best constant prediction at the start."""
        return torch.matmul(x, self.weight) + (self.bias + self.offset)

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        """Fits one member's buffers on the targets [rows, ...] and weights [rows] of its training rows."""
        raise NotImplementedError

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        """The loss of each head and row. [M, K, B, C], [M, B, ...] to [M, K, B]"""
        raise NotImplementedError

    def known(self, target: Tensor) -> Tensor:
        """Which rows have a target that a loss can be computed of. [M, B, ...] to [M, B]"""
        return torch.ones(target.shape[:2], dtype=torch.bool, device=target.device)

    def loss(
        self, output: Tensor, target: Tensor, weight: Tensor | None, smoothing: Tensor | None = None
    ) -> Tensor:
        """The weighted mean over rows of the mean of the heads' losses. [M]

        The mean of K losses, not the loss of the mean: heads stay different (arXiv 2410.24210).
        """
        return weighted_mean(self.errors(output, target, smoothing).mean(1), weight)

    def predict(self, output: Tensor) -> Tensor:
        """What a user sees: probabilities or values, averaged over the heads. [M, K, B, C] to [M, B, C]"""
        raise NotImplementedError

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Loss and metric of the averaged prediction of each row, to be averaged over rows. Each [M, B]"""
        raise NotImplementedError

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        """The scores' values from their means over rows. Each [M]"""
        return means


class BinaryHead(Head):
    """One logit; the second class is the positive one."""

    def __init__(self, inputs: int, heads: int, members: int) -> None:
        super().__init__(inputs, 1, heads, members)

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        share = (weight * target).sum() / weight.sum()
        self.offset[member] = torch.logit(share.clamp(1e-4, 1 - 1e-4)).to(self.offset.dtype)

    def known(self, target: Tensor) -> Tensor:
        return target >= 0

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        wanted = target.clamp(min=0)[:, None].to(output.dtype)  # [M, 1, B]
        if smoothing is not None:
            wanted = wanted + smoothing[:, None, None] * (0.5 - wanted)
        logits = output[..., 0]
        return functional.binary_cross_entropy_with_logits(logits, wanted.expand_as(logits), reduction="none")

    def predict(self, output: Tensor) -> Tensor:
        positive = torch.sigmoid(output[..., 0]).mean(1)
        return torch.stack([1.0 - positive, positive], dim=-1)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return class_scores(self.predict(output), target)


class MulticlassHead(Head):
    """A logit a class."""

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        count = torch.zeros(self.outputs, dtype=weight.dtype, device=weight.device)
        count.index_add_(0, target, weight)
        self.offset[member] = torch.log((count + 0.1) / (count + 0.1).sum()).to(self.offset.dtype)

    def known(self, target: Tensor) -> Tensor:
        return target >= 0

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        logs = torch.log_softmax(output, dim=-1)
        place = target.clamp(min=0)[:, None, :, None].expand(*output.shape[:3], 1)
        picked = -logs.gather(-1, place)[..., 0]
        if smoothing is None:
            return picked
        return torch.lerp(picked, -logs.mean(-1), smoothing[:, None, None].expand_as(picked))

    def predict(self, output: Tensor) -> Tensor:
        return torch.softmax(output, dim=-1).mean(1)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return class_scores(self.predict(output), target)


class MultilabelHead(Head):
    """A logit a label, each yes or no by itself."""

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        share = (target * weight[:, None]).sum(0) / weight.sum()
        self.offset[member] = torch.logit(share.clamp(1e-4, 1 - 1e-4)).to(self.offset.dtype)

    def known(self, target: Tensor) -> Tensor:
        return ~torch.isnan(target).any(-1)

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        wanted = target[:, None].nan_to_num().to(output.dtype)  # [M, 1, B, C]
        if smoothing is not None:
            wanted = wanted + smoothing[:, None, None, None] * (0.5 - wanted)
        losses = functional.binary_cross_entropy_with_logits(
            output, wanted.expand_as(output), reduction="none"
        )
        return losses.mean(-1)

    def predict(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output).mean(1)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        probability = self.predict(output).clamp(1e-7, 1 - 1e-7)
        wanted = target.nan_to_num().to(probability.dtype)
        right = ((probability > 0.5) == (wanted > 0.5)).all(-1)
        loss = functional.binary_cross_entropy(probability, wanted, reduction="none").mean(-1)
        return {"loss": loss, "accuracy": right.to(loss.dtype)}


class RegressionHead(Head):
    """Targets standardised by the training rows; predictions stay within the range seen there."""

    centre: Tensor
    scale: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, inputs: int, outputs: int, heads: int, members: int) -> None:
        super().__init__(inputs, outputs, heads, members)
        for name in ("centre", "scale", "low", "high"):
            self.register_buffer(name, torch.ones(members, 1, outputs, dtype=torch.float64))

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        share = (weight / weight.sum()).to(torch.float64)[:, None]
        mean = (target * share).sum(0)
        deviation = ((target - mean).square() * share).sum(0).sqrt()
        self.centre[member] = mean
        self.scale[member] = torch.where(deviation > 0, deviation, 1.0)
        self.low[member], self.high[member] = target.amin(0), target.amax(0)

    def widen(self, target: Tensor) -> None:
        """Lets predictions of all members reach these targets [rows, C] too."""
        self.low.copy_(torch.minimum(self.low, target.amin(0)))
        self.high.copy_(torch.maximum(self.high, target.amax(0)))

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        wanted = ((target - self.centre) / self.scale).to(output.dtype)[:, None]  # [M, 1, B, C]
        return (output - wanted).square().mean(-1)

    def predict(self, output: Tensor) -> Tensor:
        value = output.mean(1).to(torch.float64) * self.scale + self.centre
        return value.clamp(self.low, self.high)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        error = (self.predict(output) - target).square()
        return {"loss": (error / self.scale.square()).mean(-1), "rmse": error.mean(-1)}

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: mean.sqrt() if name == "rmse" else mean for name, mean in means.items()}


def class_scores(probability: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Log loss and accuracy of probabilities [M, B, C] for codes [M, B]. Each [M, B]"""
    picked = probability.gather(-1, target.clamp(min=0)[..., None])[..., 0]
    right = probability.argmax(-1) == target
    return {"loss": -torch.log(picked.clamp(min=1e-7)), "accuracy": right.to(picked.dtype)}


def build(target: Target, inputs: int, heads: int, members: int) -> Head:
    """The head of a target's task."""
    if target.task == "binary":
        return BinaryHead(inputs, heads, members)
    if target.task == "multiclass":
        return MulticlassHead(inputs, len(target.classes), heads, members)
    outputs = len(target.columns)
    if target.task == "multilabel":
        return MultilabelHead(inputs, outputs, heads, members)
    return RegressionHead(inputs, outputs, heads, members)
