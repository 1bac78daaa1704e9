"""Layers for series of different lengths in one batch: what stands after an end changes nothing.

`inside` is 1 up to the end of each series and 0 after it. [M, B, T, 1] float32; None where all have the
length of the batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from netwright.initializers import HeUniform
from netwright.layers import GRU, LSTM, BatchNormalization, Conv1D, Dense, LayerNormalization
from netwright.nn.layers import Dropout, masked_moments
from netwright.nn.member import Mode


def cut(x: Tensor, inside: Tensor | None) -> Tensor:
    """Zeros after the end, as a convolution finds them beyond the batch. [M, B, T, C]"""
    return x if inside is None else x * inside.to(x.dtype)


def mean_over_time(x: Tensor, inside: Tensor | None) -> Tensor:
    """[M, B, T, C] to [M, B, C]; zeros for a series without steps."""
    if inside is None:
        return x.mean(2)
    return (x * inside).sum(2) / inside.sum(2).clamp(min=1.0)


def max_over_time(x: Tensor, inside: Tensor | None) -> Tensor:
    """[M, B, T, C] to [M, B, C]; zeros for a series without steps."""
    if inside is None:
        return x.amax(2)
    found = x.masked_fill(inside == 0, -math.inf).amax(2)
    return torch.where(found.isinf(), 0.0, found)


def reverse(x: Tensor, inside: Tensor | None) -> Tensor:
    """Each series from its end to its start; zeros after the end. [M, B, T, C]"""
    if inside is None:
        return x.flip(2)
    length = inside.sum(2, keepdim=True).long()  # [M, B, 1, 1]
    step = torch.arange(x.shape[2], device=x.device)[:, None]
    place = (length - 1 - step).clamp(min=0).expand(x.shape)
    return cut(x.gather(2, place), inside)


class MaskedBatchNormalization(BatchNormalization):
    """Batch normalisation over the steps that are inside, of the rows that are real.

    Arguments:
        momentum: of the moving statistics; few rows make few steps, so it is below Keras's .99.
        epsilon: added to the variance.
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-3) -> None:
        super().__init__(momentum=momentum, epsilon=epsilon)

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None = None) -> Tensor:
        if inside is None or not mode.training:
            return super().forward(x, mode)
        real = inside if mode.rows is None else inside * mode.rows[:, :, None, None]  # [M, B, T, 1]
        count = real.sum((1, 2), keepdim=True)  # [M, 1, 1, 1]
        mean, variance = masked_moments(x, real, count, (1, 2))
        there = (count.view(-1, 1) > 0).to(self.moving_mean.dtype)  # [M, 1]
        self._move(mean.view(len(x), -1), variance.view(len(x), -1), there)
        return self.rescaled((x - mean) * torch.rsqrt(variance + self.epsilon))


class ConvolutionBlock(nn.Module):
    """Convolution along time, batch normalisation and, unless it is the last of a residual block, ReLU.

    Arguments:
        inputs, filters: channels.
        kernel_size: steps that the kernel reaches over.
        members: M.
        activation: whether ReLU follows.
    """

    def __init__(
        self, inputs: int, filters: int, kernel_size: int, members: int, activation: bool = True
    ) -> None:
        super().__init__()
        self.convolution = Conv1D(
            filters, kernel_size, padding="same", use_bias=False, kernel_initializer=HeUniform()
        )
        self.normalization = MaskedBatchNormalization()
        self.activation = activation
        self.normalization.connect(self.convolution.connect((None, inputs), members), members)

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        x = self.normalization(self.convolution(cut(x, inside), mode), mode, inside)
        return x.relu() if self.activation else x


class BothWays(nn.Module):
    """A recurrent layer over series as they are and one over series from their ends.

    Arguments:
        kind: gru or lstm.
        inputs: features of a step.
        units: of each direction.
        members: M.
    """

    def __init__(self, kind: str, inputs: int, units: int, members: int) -> None:
        super().__init__()
        layer = {"gru": GRU, "lstm": LSTM}[kind]
        self.ahead, self.back = (layer(units, return_sequences=True) for _ in range(2))
        for each in (self.ahead, self.back):
            each.connect((None, inputs), members)

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> tuple[Tensor, Tensor]:
        """[M, B, T, C] to all outputs [M, B, T, 2 units], and the last of both ways [M, B, 2 units]."""
        ahead = cut(self.ahead(x, mode), inside)
        back = cut(self.back(reverse(x, inside), mode), inside)
        if inside is None:
            last = torch.cat((ahead[:, :, -1], back[:, :, -1]), -1)
        else:
            end = (inside.sum(2, keepdim=True).long() - 1).clamp(min=0)  # [M, B, 1, 1]
            place = end.expand(-1, -1, -1, ahead.shape[-1])
            last = torch.cat((ahead.gather(2, place), back.gather(2, place)), -1)[:, :, 0]
        return torch.cat((ahead, reverse(back, inside)), -1), last


class AttentionBlock(nn.Module):
    """Attention of a series to its own steps, then two dense layers, each added to what it gets.

    The block with its norms first of arXiv 2002.04745.

    Arguments:
        features: of a step, in and out.
        heads: they share the features.
        dropout: of both sums, and between the dense layers.
        members: M.
    """

    def __init__(self, features: int, heads: int, dropout: float, members: int) -> None:
        super().__init__()
        self.heads = heads
        self.first_norm, self.second_norm = LayerNormalization(epsilon=1e-5), LayerNormalization(epsilon=1e-5)
        self.queries_keys_values, self.join = Dense(3 * features), Dense(features)
        self.expand, self.contract = Dense(4 * features, "gelu"), Dense(features)
        self.dropout = Dropout(torch.full((members,), dropout))
        for layer in (self.first_norm, self.second_norm, self.queries_keys_values, self.join, self.expand):
            layer.connect((None, features), members)
        self.contract.connect((None, 4 * features), members)

    def forward(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        x = x + self.dropout(self.join(self._attend(self.first_norm(x, mode), mode, inside), mode), mode)
        middle = self.dropout(self.expand(self.second_norm(x, mode), mode), mode)
        return x + self.dropout(self.contract(middle, mode), mode)

    def _attend(self, x: Tensor, mode: Mode, inside: Tensor | None) -> Tensor:
        each = self.queries_keys_values(x, mode).unflatten(-1, (3, self.heads, -1)).flatten(0, 1)
        q, k, v = each.permute(2, 0, 3, 1, 4)  # each [M B, heads, T, features / heads]
        mask = None
        if inside is not None:
            there = inside[..., 0] > 0  # [M, B, T]
            # A series without steps looks at all of them, so that it gives numbers too.
            mask = (there | ~there.any(-1, keepdim=True)).flatten(0, 1)[:, None, None]
        found = nn.functional.scaled_dot_product_attention(q, k, v, mask)
        return found.transpose(1, 2).reshape(x.shape)
