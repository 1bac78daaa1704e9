"""Networks between the encoders and the head: [M, B, D] in, [M, K, B, H] out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.nn import initial
from netwright.nn.activations import ACTIVATIONS, GAINS
from netwright.nn.layers import Dropout, Linear, normalization
from netwright.nn.member import Layer, Mode


class Trunk(nn.Module):
    """Base of what stands between the encoders and the head.

    Attributes:
        width: H, features out.
        heads: K.
    """

    width: int
    heads = 1

    def describe(self) -> list[str]:
        """A line for each layer; none where the names of the parameters say it all."""
        return []


class Block(nn.Module):
    """Linear, normalisation, activation, dropout."""

    def __init__(self, inputs: int, width: int, activation: str, norm: str, rate: Tensor) -> None:
        super().__init__()
        self.linear = Linear(inputs, width, gain=GAINS[activation])
        self.norm = normalization(norm, width, len(rate))
        self.activation = ACTIVATIONS[activation]
        self.dropout = Dropout(rate)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = self.linear(x)
        if self.norm is not None:
            x = self.norm(x, mode)
        return self.dropout(self.activation(x), mode)


class MLP(Trunk):
    """Plain hidden layers, one after another.

    Arguments:
        inputs: features in.
        width: units of each layer.
        depth: how many layers; 0 hands the inputs on.
        activation, norm: by name.
        rate: dropout of each member. [M]
    """

    activation: str

    def __init__(self, inputs: int, width: int, depth: int, activation: str, norm: str, rate: Tensor) -> None:
        super().__init__()
        sizes = [inputs, *[width] * depth]
        self.width, self.activation = sizes[-1], activation
        self.blocks = nn.ModuleList(Block(size, width, activation, norm, rate) for size in sizes[:-1])

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = x[:, None] if x.dim() == 3 else x  # [M, K, B, D]
        for block in self.blocks:
            x = block(x, mode)
        return x


class ResidualBlock(nn.Module):
    """x + linear(dropout(activation(linear(norm(x))))), after arXiv 2106.11959."""

    def __init__(self, width: int, activation: str, norm: str, rate: Tensor) -> None:
        super().__init__()
        self.norm = normalization(norm, width, len(rate))
        self.first = Linear(width, 2 * width, gain=GAINS[activation])
        self.activation = ACTIVATIONS[activation]
        self.dropout = Dropout(rate)
        self.second = Linear(2 * width, width)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        inner = x if self.norm is None else self.norm(x, mode)
        inner = self.dropout(self.activation(self.first(inner)), mode)
        return x + self.second(inner)


class Residual(Trunk):
    """A linear layer, then blocks that add to what they are given. Arguments as for `MLP`."""

    def __init__(self, inputs: int, width: int, depth: int, activation: str, norm: str, rate: Tensor) -> None:
        super().__init__()
        self.width = width
        self.first = Linear(inputs, width)
        self.blocks = nn.ModuleList(ResidualBlock(width, activation, norm, rate) for _ in range(depth))
        self.norm = normalization(norm, width, len(rate))
        self.activation = ACTIVATIONS[activation]

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = self.first(x[:, None])
        for block in self.blocks:
            x = block(x, mode)
        return self.activation(x if self.norm is None else self.norm(x, mode))


class Views(Layer):
    """K views of the inputs: each head scales them by factors of its own, which start as random signs.

    The "mini" form of TabM (arXiv 2410.24210). Features that come from one column share a sign.
    """

    factors: Tensor

    def __init__(self, columns: list[int], heads: int) -> None:
        super().__init__()
        self.declare("factors", (heads, 1, sum(columns)), _view_signs(columns), decay=False)

    def forward(self, x: Tensor) -> Tensor:
        return x[:, None] * self.factors  # [M, 1, B, D] * [M, K, 1, D]


def _view_signs(columns: list[int]) -> initial.Initial:
    draw = initial.chunked_signs(columns)
    return lambda random, shape: draw(random, (shape[0], shape[2])).reshape(shape)


class TabM(Trunk):
    """An MLP that K heads share, each with a view of the inputs of its own (arXiv 2410.24210, mini).

    Arguments:
        columns: how many features come from each column; their sum is the number of inputs.
        heads: K.
        others: as for `MLP`.
    """

    def __init__(
        self, columns: list[int], width: int, depth: int, activation: str, norm: str, rate: Tensor, heads: int
    ) -> None:
        super().__init__()
        self.heads = heads
        self.views = Views(columns, heads)
        self.mlp = MLP(sum(columns), width, depth, activation, norm, rate)
        self.width = self.mlp.width

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return self.mlp(self.views(x), mode)


def build(
    kind: str,
    columns: list[int],
    *,
    width: int,
    depth: int,
    activation: str,
    norm: str,
    rate: Tensor,
    heads: int,
) -> Trunk:
    """The trunk of that name; `columns` as for `TabM`."""
    shape = (width, depth, activation, norm, rate)
    if kind == "tabm":
        return TabM(columns, *shape, heads)
    if kind == "residual":
        return Residual(sum(columns), *shape)
    return MLP(sum(columns), *shape)


def as_member_rates(rate: float | list[float], members: int) -> Tensor:
    """One rate for all members, or one for each, as a tensor [M]."""
    return torch.tensor(rate if isinstance(rate, list) else [rate] * members, dtype=torch.float32)
