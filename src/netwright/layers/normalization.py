"""Normalisation over the batch, over the features of a row, or over groups of channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from netwright.layers.base import Layer, Shape, at_least, axis_of
from netwright.layers.channels import apart, side_by_side
from netwright.layers.parameters import group, start
from netwright.nn.initial import generator
from netwright.nn.layers import masked_moments
from netwright.nn.member import Mode


class _Normalization(Layer):
    """What follows all of them: gamma times what is normalised, plus beta."""

    gamma: Tensor
    beta: Tensor

    def __init__(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        gamma: tuple[Any, Any, Any],
        beta: tuple[Any, Any, Any],
        **common: Any,
    ) -> None:
        super().__init__(**common)
        if not epsilon > 0:
            raise self.wrong(f"epsilon is {epsilon!r}", "give a number above 0")
        self.epsilon, self.center, self.scale = epsilon, center, scale
        self.starts = {"gamma": start(gamma[0], self), "beta": start(beta[0], self)}
        self.groups_of = {"gamma": group(self, *gamma[1:]), "beta": group(self, *beta[1:])}

    def declare_both(self, shape: tuple[int, ...]) -> None:
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):
            if wanted:
                self.declare(name, shape, self.starts[name], **self.groups_of[name])

    def rescaled(self, x: Tensor) -> Tensor:
        """gamma x + beta, for parameters over the last axes of x."""
        between = [1] * (x.dim() - (self.declared_axes + 1))
        if self.scale:
            x = x * self.gamma.view(len(self.gamma), *between, *self.gamma.shape[1:])
        if self.center:
            x = x + self.beta.view(len(self.beta), *between, *self.beta.shape[1:])
        return x

    declared_axes = 1


class BatchNormalization(_Normalization):
    """Normalises each feature over the batch while training, by moving statistics afterwards.

    In training, mean and (biased) variance are those of the batch; the moving ones become
    momentum * moving + (1 - momentum) * batch's (arXiv 1502.03167, with Keras's defaults). A layer that is
    not trainable uses its moving statistics in training too.

    Arguments:
        axis: of the features; 0 is the batch, -1 the last.
        momentum: of the moving statistics; from 0 to 1.
        epsilon: added to the variance.
        center, scale: whether there is a beta, and a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: starts.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: gamma, beta [features]. Statistics: moving_mean, moving_variance [features].

    Example:
        >>> BatchNormalization().output_shape((28, 28, 32))
        (28, 28, 32)
    """

    statistics = ("moving_mean", "moving_variance")
    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **common: Any,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            (gamma_initializer, gamma_regularizer, gamma_constraint),
            (beta_initializer, beta_regularizer, beta_constraint),
            **common,
        )
        if not 0 <= momentum <= 1:
            raise self.wrong(f"momentum is {momentum!r}", "give a number from 0 to 1")
        self.axis, self.momentum = axis, momentum
        self.starts |= {
            "moving_mean": start(moving_mean_initializer, self),
            "moving_variance": start(moving_variance_initializer, self),
        }

    def output_shape(self, shape: Shape) -> Shape:
        _known(shape, axis_of(self.axis, shape, self), self)
        return shape

    def build(self, shape: Shape) -> None:
        features = _known(shape, axis_of(self.axis, shape, self), self)
        self.declare_both((features,))
        for name in self.statistics:
            drawn = torch.from_numpy(self.starts[name](generator(0, name), (features,))).float()
            self.register_buffer(name, drawn.repeat(self.members, 1))  # [M, C]

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        axis = self.axis + 1 if self.axis > 0 else self.axis
        given = x.movedim(axis, -1)
        if not (mode.training and self.trainable):
            found = self._moved(given)
        elif mode.rows is None and given[0, ..., 0].numel() > 1:
            found = self._whole(given)
        else:
            found = self._masked(given, mode.rows)
        return found.movedim(-1, axis)

    def _moved(self, x: Tensor) -> Tensor:
        """By the moving statistics."""
        return self._by_kernel(x, self.moving_mean.reshape(-1), self.moving_variance.reshape(-1), False)

    def _whole(self, x: Tensor) -> Tensor:
        """By the statistics of a batch whose rows are all real."""
        mean = torch.zeros_like(self.moving_mean)  # at momentum 1 the kernel puts its statistics here
        unbiased = torch.ones_like(mean)
        found = self._by_kernel(x, mean.view(-1), unbiased.view(-1), True)
        count = x[0, ..., 0].numel()
        self._move(mean, unbiased * ((count - 1) / count))
        return found

    def _by_kernel(self, x: Tensor, mean: Tensor, variance: Tensor, training: bool) -> Tensor:
        """PyTorch's own kernel on [1, M C, N, 1]."""
        beside = side_by_side(x)  # [B, ..., M C]
        count, width = x[0, ..., 0].numel(), beside.shape[-1]
        found = torch.batch_norm(
            beside.reshape(1, count, 1, width).permute(0, 3, 1, 2),  # channels last in memory
            self.gamma.reshape(-1) if self.scale else None,
            self.beta.reshape(-1) if self.center else None,
            mean,
            variance,
            training,
            1.0,
            self.epsilon,
            True,
        )
        return apart(found.permute(0, 2, 3, 1).reshape(beside.shape), len(x))

    def _masked(self, x: Tensor, rows: Tensor | None) -> Tensor:
        """By the statistics of the rows that are real, each member's own."""
        axes = tuple(range(1, x.dim() - 1))
        real = x.new_ones(x.shape[:2]) if rows is None else rows.to(self.moving_mean.dtype)
        weight = real.view(*x.shape[:2], *[1] * (x.dim() - 2))
        count = weight.sum(axes, keepdim=True) * x[0, 0, ..., 0].numel()  # [M, 1, ..., 1]
        mean, variance = masked_moments(x, weight, count, axes)
        there = (count.view(-1, 1) > 0).to(self.moving_mean.dtype)  # [M, 1]
        self._move(mean.view(len(x), -1), variance.view(len(x), -1), there)
        return self.rescaled((x - mean) * torch.rsqrt(variance + self.epsilon))

    def _move(self, mean: Tensor, variance: Tensor, there: Tensor | None = None) -> None:
        """Moves the statistics towards the batch's; only where a member is there, 1 or 0. [M, 1]"""
        rate = 1 - self.momentum
        with torch.no_grad():
            for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                step = rate if there is None else (rate * there).expand_as(moving)
                moving.lerp_(batch.to(moving.dtype), step)


class LayerNormalization(_Normalization):
    """Normalises the features of each row, or of each step of a sequence (arXiv 1607.06450).

    Arguments:
        axis: the last axis, or a list of the last axes: [1, 2, 3] takes a picture as a whole. 0 is the batch.
        epsilon: added to the variance.
        center, scale: whether there is a beta, and a gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint: as in `BatchNormalization`.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: gamma, beta, of the shape of the axes.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **common: Any,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            (gamma_initializer, gamma_regularizer, gamma_constraint),
            (beta_initializer, beta_regularizer, beta_constraint),
            **common,
        )
        self.axis = [axis] if isinstance(axis, int) else list(axis)

    def output_shape(self, shape: Shape) -> Shape:
        self._sizes(shape)
        return shape

    def build(self, shape: Shape) -> None:
        sizes = self._sizes(shape)
        self.declared_axes = len(sizes)
        self.declare_both(sizes)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        over = x.shape[x.dim() - self.declared_axes :]
        if len(x) > 1:
            return self.rescaled(functional.layer_norm(x, over, eps=self.epsilon))
        gamma = self.gamma[0] if self.scale else None
        beta = self.beta[0] if self.center else None
        return functional.layer_norm(x, over, gamma, beta, self.epsilon)

    def _sizes(self, shape: Shape) -> tuple[int, ...]:
        places = sorted(axis_of(axis, shape, self) for axis in self.axis)
        if places != list(range(len(shape) - len(places), len(shape))):
            raise self.wrong(
                f"axis is {self.axis}, and its input has shape {shape}",
                "name the last axes; Permute brings others there",
            )
        return tuple(_known(shape, place, self) for place in places)


class GroupNormalization(_Normalization):
    """Normalises groups of channels over each row of its own (arXiv 1803.08494).

    Arguments:
        groups: how many; -1 makes each channel a group.
        axis: of the channels: -1.
        epsilon: added to the variance.
        center, scale: whether there is a beta, and a gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint: as in `BatchNormalization`.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: gamma, beta [channels].
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **common: Any,
    ) -> None:
        super().__init__(
            epsilon,
            center,
            scale,
            (gamma_initializer, gamma_regularizer, gamma_constraint),
            (beta_initializer, beta_regularizer, beta_constraint),
            **common,
        )
        self.groups = -1 if groups == -1 else at_least(groups, 1, "groups", self)
        self.axis = axis

    def output_shape(self, shape: Shape) -> Shape:
        if axis_of(self.axis, shape, self) != len(shape) - 1:
            raise self.wrong(f"axis is {self.axis}, and its input has shape {shape}", "channels come last")
        channels = _known(shape, -1, self)
        if channels % self.groups:
            raise self.wrong(
                f"the {channels} channels of its input do not divide into {self.groups} groups",
                "give a number of groups that divides them; -1 is one for each",
            )
        return shape

    def build(self, shape: Shape) -> None:
        self.declare_both((_known(shape, -1, self),))

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        rows = x.flatten(0, 1).movedim(-1, 1)  # [N, C, ...]
        groups = x.shape[-1] if self.groups == -1 else self.groups
        found = functional.group_norm(rows, groups, eps=self.epsilon)
        return self.rescaled(found.movedim(1, -1).unflatten(0, x.shape[:2]))


def _known(shape: Shape, place: int, layer: Layer) -> int:
    """The size of an axis that parameters depend on."""
    size = shape[place]
    if size is None:
        raise layer.wrong(f"an axis of its input, of shape {shape}, must be known")
    return size
