"""Heads: the one place where a task lives. Loss, output activation, target scaling, mean over K."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from netwright.data.schema import Target
from netwright.nn import initial
from netwright.nn.member import Layer, Mode
from netwright.nn.objective import Objective
from netwright.nn.trainable import Purpose, weighted_mean
from netwright.nn.weighted import Ordered, as_counts

NORMAL_QUARTILES = 1.349  # standard deviations between the quartiles of a normal distribution


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
    adjustment: Tensor | None  # added to the logits in the loss. [M, 1, 1, C]
    of_members = ("adjustment",)
    plain_loss = "binary_cross_entropy"  # the task's own

    def __init__(self, inputs: int, outputs: int, heads: int, members: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.objective = Objective()
        self.declare("weight", (heads, inputs, outputs), initial.fan_in_uniform(inputs))
        self.declare("bias", (heads, 1, outputs), initial.fan_in_uniform(inputs), decay=False)
        self.register_buffer("offset", torch.zeros(members, 1, 1, outputs))
        self.register_buffer("adjustment", None, persistent=False)

    def aim(self, objective: Objective) -> None:
        """Sets what the members are trained for, before they are fitted."""
        self.objective = objective
        if objective.logit_adjustment is not None and self.adjustment is None:
            self.adjustment = torch.zeros_like(self.offset)

    def start_from(self, member: int, prior: Tensor) -> None:
        """Lets the loss start from the logs of the classes' odds [C].

        Where logits are adjusted by tau times these (Menon et al. 2021, arXiv 2007.07314), the network itself
        starts from what is left of them.
        """
        prior = prior.to(self.offset.dtype)
        if self.adjustment is not None and self.objective.logit_adjustment is not None:
            adjustment = self.objective.logit_adjustment[member].to(prior) * prior
            self.adjustment[member] = adjustment
            prior = prior - adjustment
        self.offset[member] = prior

    def purpose(self) -> Purpose:
        """What the network is trained for."""
        loss = self.plain_loss if self.objective.plain else self.objective.loss
        return Purpose(loss, "numbers" if self.plain_loss == "mse" else "logits")

    def judged(self, output: Tensor) -> Tensor:
        """The outputs as the loss takes them."""
        return output if self.adjustment is None else output + self.adjustment

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

    def _yes_or_no(self, logits: Tensor, wanted: Tensor) -> Tensor:
        """The loss of each logit for targets between 0 and 1."""
        wanted = wanted.expand_as(logits)
        if self.objective.plain:
            return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        yes, no = (self.objective.of_class(functional.logsigmoid(each)) for each in (logits, -logits))
        return torch.lerp(no, yes, wanted)

    def loss(
        self, output: Tensor, target: Tensor, weight: Tensor | None, smoothing: Tensor | None = None
    ) -> Tensor:
        """The weighted mean over rows of the mean of the heads' losses. [M]

        The mean of K losses, not the loss of the mean: heads stay different (arXiv 2410.24210).
        """
        return weighted_mean(self.errors(output, target, smoothing).mean(1), weight)

    def both(
        self, output: Tensor, target: Tensor, weight: Tensor | None, smoothing: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """What `loss` gives [M], and the gradient of its sum by the output [M, K, B, C]."""
        plain = self.objective.plain and self.adjustment is None
        slopes = self.slopes(output, target, smoothing) if plain else None
        if slopes is None:
            with torch.enable_grad():
                leaf = output.detach().requires_grad_()
                losses = self.loss(leaf, target, weight, smoothing)
                (gradient,) = torch.autograd.grad(losses.sum(), leaf)
            return losses.detach(), gradient
        errors, gradient = slopes
        rows, heads = errors[:, 0] if errors.shape[1] == 1 else errors.mean(1), output.shape[1]
        if weight is None:
            return rows.mean(1), gradient.div_(heads * rows.shape[1])
        share = weight / weight.sum(1, keepdim=True).clamp(min=1e-12)
        return (rows * share).sum(1), gradient.mul_(share[:, None, :, None] / heads)

    def slopes(
        self, output: Tensor, target: Tensor, smoothing: Tensor | None
    ) -> tuple[Tensor, Tensor] | None:
        """`errors` [M, K, B] and their derivatives by the output [M, K, B, C], of the task's own loss; None
        where they are not written out."""
        return None

    def predict(self, output: Tensor) -> Tensor:
        """What a user sees: probabilities or values, averaged over the heads. [M, K, B, C] to [M, B, C]"""
        raise NotImplementedError

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Loss and metric of the averaged prediction of each row, to be averaged over rows. Each [M, B]"""
        raise NotImplementedError

    def _class_scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Loss and accuracy of the averaged probabilities for codes [M, B], and the log loss where it is
        another. Each [M, B]"""
        probability, place = self.predict(output), target.clamp(min=0)[..., None]
        right = probability.argmax(-1) == target

        def surprise(chance: Tensor) -> Tensor:
            return torch.log(chance.gather(-1, place)[..., 0].clamp(min=1e-7))

        logs = surprise(probability)
        scores = {"loss": -logs, "accuracy": right.to(logs.dtype)}
        if self.objective.plain and self.adjustment is None:
            return scores
        judged = logs if self.adjustment is None else surprise(self.predict(self.judged(output)))
        return scores | {"loss": self.objective.of_class(judged), "log_loss": -logs}

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        """The scores' values from their means over rows. Each [M]"""
        return means


class BinaryHead(Head):
    """One logit; the second class is the positive one."""

    def __init__(self, inputs: int, heads: int, members: int) -> None:
        super().__init__(inputs, 1, heads, members)

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        share = (weight * target).sum() / weight.sum()
        self.start_from(member, torch.logit(share.clamp(1e-4, 1 - 1e-4)))

    def known(self, target: Tensor) -> Tensor:
        return target >= 0

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        return self._yes_or_no(self.judged(output)[..., 0], _smoothed(target, smoothing, output.dtype))

    def slopes(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> tuple[Tensor, Tensor]:
        wanted = _smoothed(target, smoothing, output.dtype)
        errors = self._yes_or_no(output[..., 0], wanted)
        return errors, torch.sigmoid(output).sub_(wanted[..., None])

    def predict(self, output: Tensor) -> Tensor:
        positive = torch.sigmoid(output[..., 0]).mean(1)
        return torch.stack([1.0 - positive, positive], dim=-1)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return self._class_scores(output, target)


class MulticlassHead(Head):
    """A logit a class."""

    plain_loss = "cross_entropy"

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        count = torch.zeros(self.outputs, dtype=weight.dtype, device=weight.device)
        count.index_add_(0, target, weight)
        self.start_from(member, torch.log((count + 0.1) / (count + 0.1).sum()))

    def known(self, target: Tensor) -> Tensor:
        return target >= 0

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        logs = torch.log_softmax(self.judged(output), dim=-1)
        place = target.clamp(min=0)[:, None, :, None].expand(*output.shape[:3], 1)
        picked = self.objective.of_class(logs.gather(-1, place)[..., 0])
        if smoothing is None:
            return picked
        others = self.objective.of_class(logs).mean(-1)
        return torch.lerp(picked, others, smoothing[:, None, None].expand_as(picked))

    def slopes(
        self, output: Tensor, target: Tensor, smoothing: Tensor | None
    ) -> tuple[Tensor, Tensor] | None:
        if smoothing is not None:
            return None
        logs = torch.log_softmax(output, dim=-1)
        place = target.clamp(min=0)[:, None, :, None].expand(*output.shape[:3], 1)
        errors = -logs.gather(-1, place)[..., 0]
        return errors, logs.exp_().scatter_add_(-1, place, logs.new_full((), -1.0).expand(place.shape))

    def predict(self, output: Tensor) -> Tensor:
        return torch.softmax(output, dim=-1).mean(1)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return self._class_scores(output, target)


class MultilabelHead(Head):
    """A logit a label, each yes or no by itself."""

    def fit(self, member: int, target: Tensor, weight: Tensor) -> None:
        share = (target * weight[:, None]).sum(0) / weight.sum()
        self.start_from(member, torch.logit(share.clamp(1e-4, 1 - 1e-4)))

    def known(self, target: Tensor) -> Tensor:
        return ~torch.isnan(target).any(-1)

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        wanted = target[:, None].nan_to_num().to(output.dtype)  # [M, 1, B, C]
        if smoothing is not None:
            wanted = wanted + smoothing[:, None, None, None] * (0.5 - wanted)
        return self._yes_or_no(output, wanted).mean(-1)

    def predict(self, output: Tensor) -> Tensor:
        return torch.sigmoid(output).mean(1)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        probability = self.predict(output).clamp(1e-7, 1 - 1e-7)
        wanted = target.nan_to_num().to(probability.dtype)
        right = ((probability > 0.5) == (wanted > 0.5)).all(-1)
        loss = functional.binary_cross_entropy(probability, wanted, reduction="none").mean(-1)
        scores = {"loss": loss, "accuracy": right.to(loss.dtype)}
        if self.objective.plain:
            return scores
        chance = torch.where(wanted > 0.5, probability, 1.0 - probability)
        return scores | {"loss": self.objective.of_class(chance.log()).mean(-1), "log_loss": loss}


class RegressionHead(Head):
    """Targets standardised by the training rows; predictions stay within the range seen there.

    With a robust loss the median and the quartiles stand for mean and deviation.
    """

    plain_loss = "mse"

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
        if not self.objective.plain:
            quarters = Ordered(target, as_counts(weight)).quantiles(torch.tensor([0.25, 0.5, 0.75]))
            spread = (quarters[2] - quarters[0]) / NORMAL_QUARTILES
            mean, deviation = quarters[1], torch.where(spread > 0, spread, deviation)
        self.centre[member] = mean
        self.scale[member] = torch.where(deviation > 0, deviation, 1.0)
        self.low[member], self.high[member] = target.amin(0), target.amax(0)

    def widen(self, target: Tensor) -> None:
        """Lets predictions of all members reach these targets [rows, C] too."""
        self.low.copy_(torch.minimum(self.low, target.amin(0)))
        self.high.copy_(torch.maximum(self.high, target.amax(0)))

    def errors(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> Tensor:
        wanted = ((target - self.centre) / self.scale).to(output.dtype)[:, None]  # [M, 1, B, C]
        return self.objective.of_number(output - wanted).mean(-1)

    def slopes(self, output: Tensor, target: Tensor, smoothing: Tensor | None) -> tuple[Tensor, Tensor]:
        wanted = ((target - self.centre) / self.scale).to(output.dtype)[:, None]  # [M, 1, B, C]
        wrong = output - wanted
        return wrong.square().mean(-1), wrong.mul_(2.0 / output.shape[-1])

    def predict(self, output: Tensor) -> Tensor:
        value = output.mean(1).to(torch.float64) * self.scale + self.centre
        return value.clamp(self.low, self.high)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        wrong = self.predict(output) - target
        error = wrong.square()
        if self.objective.plain:
            return {"loss": (error / self.scale.square()).mean(-1), "rmse": error.mean(-1)}
        return {"loss": self.objective.of_number(wrong / self.scale).mean(-1), "rmse": error.mean(-1)}

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: mean.sqrt() if name == "rmse" else mean for name, mean in means.items()}


def _smoothed(target: Tensor, smoothing: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Codes of two classes [M, B] as the shares that are wanted of the second. [M, 1, B]"""
    wanted = target.clamp(min=0)[:, None].to(dtype)
    return wanted if smoothing is None else wanted + smoothing[:, None, None] * (0.5 - wanted)


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
