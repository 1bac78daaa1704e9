"""Layers with a member axis. Activations run as [M, K, B, H]; weights are shared over K."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.nn import initial
from netwright.nn.member import Layer, Mode


class Linear(Layer):
    """y = x W + b, one W for each member, shared by its K heads.

    Arguments:
        inputs, outputs: features in and out.
        gain: see `initial.fan_in_uniform`.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, inputs: int, outputs: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.declare("weight", (inputs, outputs), initial.fan_in_uniform(inputs, gain))
        self.declare("bias", (1, outputs), initial.fan_in_uniform(inputs), decay=False)

    def forward(self, x: Tensor) -> Tensor:
        return affine(x, self.weight, self.bias)


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x W + b. [M, ..., D], [M, D, H] and [M, 1, H] to [M, ..., H]"""
    flat = x.reshape(x.shape[0], -1, x.shape[-1])
    found = torch.bmm(flat, weight) if bias is None else torch.baddbmm(bias, flat, weight)
    return found.view(*x.shape[:-1], weight.shape[-1])


class LayerNorm(Layer):
    """Normalises the features of each row (arXiv 1607.06450)."""

    scale: Tensor
    shift: Tensor

    def __init__(self, features: int, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.declare("scale", (1, 1, features), initial.ones, decay=False)
        self.declare("shift", (1, 1, features), initial.zeros, decay=False)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        normed = nn.functional.layer_norm(x, x.shape[-1:], eps=self.epsilon)
        return normed * self.scale + self.shift


class BatchNorm(Layer):
    """Normalises each feature over the real rows of the batch (arXiv 1502.03167).

    Padding rows of a ragged last batch are left out of the statistics, so a member's network does not
    depend on which members it is trained beside.
    """

    scale: Tensor
    shift: Tensor
    mean: Tensor
    variance: Tensor
    statistics = ("mean", "variance")

    def __init__(self, features: int, members: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.declare("scale", (1, 1, features), initial.ones, decay=False)
        self.declare("shift", (1, 1, features), initial.zeros, decay=False)
        self.register_buffer("mean", torch.zeros(members, 1, 1, features))
        self.register_buffer("variance", torch.ones(members, 1, 1, features))

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        if mode.training:
            mean, variance = self._statistics(x, mode.rows)
        else:
            mean, variance = self.mean, self.variance
        return (x - mean) * torch.rsqrt(variance + self.epsilon) * self.scale + self.shift

    def _statistics(self, x: Tensor, rows: Tensor | None) -> tuple[Tensor, Tensor]:
        real = self.mean.new_ones(x.shape[0], x.shape[2]) if rows is None else rows
        weight = real[:, None, :, None]  # [M, 1, B, 1]
        count = (real.sum(1) * x.shape[1])[:, None, None, None]  # rows times heads
        there = (count > 0).to(self.mean.dtype)  # x may be bfloat16
        mean, variance = masked_moments(x, weight, count, (1, 2))
        with torch.no_grad():
            rate = self.momentum * there  # a member without rows in this step keeps its statistics
            unbiased = variance * count / (count - 1).clamp(min=1)
            self.mean.lerp_(mean.expand_as(self.mean), rate.expand_as(self.mean))
            self.variance.lerp_(unbiased.expand_as(self.variance), rate.expand_as(self.variance))
        return mean, variance


def masked_moments(x: Tensor, weight: Tensor, count: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and biased variance over axes of x where weight is 1, count times; 0 where nothing is."""
    mean = (x * weight).sum(axes, keepdim=True) / count.clamp(min=1)
    variance = ((x - mean).square() * weight).sum(axes, keepdim=True) / count.clamp(min=1)
    return mean, variance


class Dropout(nn.Module):
    """Zeroes features at random while training, with each member's own rate and randomness (JMLR 15, 2014).

    Arguments:
        rate: share of features that are zeroed, one for each member. [M]
    """

    limit: Tensor
    scale: Tensor
    of_members = ("limit", "scale")  # they lead with a member axis, though they are not saved

    def __init__(self, rate: Tensor) -> None:
        super().__init__()
        self.active = bool((rate > 0).any())
        limit = (rate * 2**16).round() - 2**15 - 0.5  # of 16 random bits: below it a feature is zeroed. [M]
        self.register_buffer("limit", limit, persistent=False)
        self.register_buffer("scale", 1.0 / (1.0 - rate), persistent=False)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        factors = self.factors(x, mode)
        return x if factors is None else x * factors

    def factors(self, x: Tensor, mode: Mode) -> Tensor | None:
        """What x [M, ...] is multiplied with: 0 or 1 / (1 - rate); None when nothing is dropped."""
        if not (mode.training and self.active):
            return None
        # 16 random bits a feature: about ten times as fast as Tensor.bernoulli_.
        bits = mode.bits.take(self, x[0].numel(), x.device)  # type: ignore[union-attr]
        shape = (-1, *[1] * (x.dim() - 1))
        over = bits.view(len(bits), *x.shape[1:]) - self.limit.view(shape)
        # A comparison and a product take four times as long.
        kept = torch.ops.aten.threshold_backward(self.scale.view(shape).expand(over.shape), over, 0.0)
        return kept.to(x.dtype)


def normalization(kind: str, features: int, members: int) -> nn.Module | None:
    """The normalising layer of that name."""
    if kind == "layer":
        return LayerNorm(features)
    if kind == "batch":
        return BatchNorm(features, members)
    return None
