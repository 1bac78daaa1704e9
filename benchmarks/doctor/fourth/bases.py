"""Nine bases of other kinds than those of the other parts: other losses, networks, and things to be told.

Their networks are chains too, so that what faults do to the last layer can be done to theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from first.bases import ACTIVATIONS, Base, Drawn, from_sklearn, mlp
from training import Training


@dataclass(frozen=True)
class Asked(Base):
    """A base whose outputs are read in a way of their own.

    Arguments:
        answer: from outputs to numbers.
        options: of the trainer.
    """

    answer: Callable[[Tensor], Tensor] | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def make(self, seed: int) -> Training:
        made = super().make(seed)
        made.answer = self.answer
        made.options |= self.options
        return made


# ---------------------------------------------------------------------------------------- networks, losses


def normalisation(norm: str, channels: int) -> nn.Module:
    kinds = {"": nn.Identity, "batch": nn.BatchNorm2d, "group": lambda size: nn.GroupNorm(2, size)}
    return kinds[norm](channels)


class Block(nn.Module):
    """What two convolutions say is added to what came in. [B, C, H, W]"""

    def __init__(self, width: int, activation: str, norm: str) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=not norm)
        self.norm = normalisation(norm, width)
        self.activation = ACTIVATIONS[activation]()
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.second(self.activation(self.norm(self.first(x)))))


def residual_cnn(
    outputs: int,
    width: int = 10,
    depth: int = 1,
    activation: str = "relu",
    norm: str = "batch",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Convolutions with ways around them, and the mean over the picture. [B, 3, 10, 10] to [B, outputs]"""
    stem: list[nn.Module] = [
        nn.Conv2d(3, width, 3, padding=1, stride=2),
        normalisation(norm, width),
        ACTIVATIONS[activation](),
    ]
    blocks = [Block(width, activation, norm) for _ in range(depth)]
    last = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(width, outputs)]
    return nn.Sequential(*stem, *blocks, *last)


class Weighed(nn.Module):
    """The mean of a set's things, each weighed by what is asked of it. [B, T, C] to [B, C]"""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ask = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return (torch.softmax(self.ask(x), 1) * x).sum(1)


def set_network(
    inputs: int,
    outputs: int,
    width: int = 24,
    depth: int = 2,
    activation: str = "relu",
    norm: str = "",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Dense layers for each thing, a weighed mean of them, and a dense layer. [B, T, F] to [B, outputs]"""
    parts: list[nn.Module] = []
    for _ in range(depth):
        parts.append(nn.Linear(inputs, width))
        if norm:
            parts.append(nn.LayerNorm(width))
        parts.append(ACTIVATIONS[activation]())
        inputs = width
    dense = [nn.Linear(width, width), ACTIVATIONS[activation](), nn.Dropout(dropout)]
    return nn.Sequential(*parts, Weighed(width), *dense, nn.Linear(width, outputs))


class Branches(nn.Module):
    """The same dense layers see both halves; what tells them apart goes on. [B, 2 F] to [B, 2 C]"""

    def __init__(self, half: int, width: int, activation: str) -> None:
        super().__init__()
        self.dense = nn.Sequential(nn.Linear(half, width), ACTIVATIONS[activation](), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        one, other = (self.dense(half) for half in x.chunk(2, 1))
        return torch.cat([(one - other).abs(), one * other], 1)


def two_branches(
    half: int,
    outputs: int,
    width: int = 24,
    depth: int = 1,
    activation: str = "relu",
    norm: str = "",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Two things beside each other. [B, 2 F] to [B, outputs]"""
    dense = mlp(2 * width, outputs, width, depth, activation, norm, dropout)
    return nn.Sequential(Branches(half, width, activation), *dense)


class LastState(nn.Module):
    """The last states of a GRU. [B, T, F] to [B, C]"""

    def __init__(self, inputs: int, width: int, depth: int, batch_first: bool) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, width, depth, batch_first=batch_first)

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0][:, -1]


def forecaster(
    inputs: int,
    outputs: int,
    width: int = 20,
    depth: int = 1,
    activation: str = "gelu",
    dropout: float = 0.0,
    batch_first: bool = True,
) -> nn.Sequential:
    """A GRU and two dense layers. [B, T, F] to [B, outputs]"""
    dense = [nn.Linear(width, width), ACTIVATIONS[activation](), nn.Dropout(dropout)]
    return nn.Sequential(LastState(inputs, width, depth, batch_first), *dense, nn.Linear(width, outputs))


class Spelled(nn.Module):
    """Vectors for the letters. [B, T] to [B, C, T]"""

    def __init__(self, letters: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(letters, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.table(x).transpose(1, 2)


class Highest(nn.Module):
    """The greatest number over time. [B, C, T] to [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax(-1)


def letter_cnn(
    letters: int,
    outputs: int,
    width: int = 32,
    activation: str = "relu",
    norm: str = "",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Convolutions over three letters, and where they answer most. [B, T] to [B, outputs]"""
    parts: list[nn.Module] = [Spelled(letters, 8), nn.Conv1d(8, width, 3)]
    if norm:
        parts.append(nn.BatchNorm1d(width))
    parts += [ACTIVATIONS[activation](), Highest(), nn.Dropout(dropout)]
    return nn.Sequential(*parts, nn.Linear(width, outputs))


class Pinball(nn.Module):
    """Outputs [B, 3] are the .1, .5 and .9 quantiles of a target [B, 1] (Koenker and Bassett, 1978)."""

    levels: Tensor

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction
        self.register_buffer("levels", torch.tensor([0.1, 0.5, 0.9]))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        over = target - output  # [B, 3]
        found = torch.maximum(self.levels * over, (self.levels - 1.0) * over)
        return found.sum() if self.reduction == "sum" else found.mean()


# -------------------------------------------------------------------------------------------------- data


def rides(seed: int) -> Drawn:
    """How many bicycles are lent in an hour: an hour as two numbers, and six of weather and place. [N, 8]"""
    random = np.random.default_rng([seed, 61])
    rows = 2400
    angle = random.uniform(0.0, 2.0 * np.pi, rows)
    x = np.column_stack([np.sin(angle), np.cos(angle), random.normal(size=(rows, 6))])
    rush = np.exp(-3.0 * (1.0 - np.cos(angle - 2.1))) + np.exp(-3.0 * (1.0 - np.cos(angle - 4.6)))
    strength = 1.6 + np.where(x[:, 2] > 0.6, 1.2 * np.sin(angle / 2.0) ** 2, 1.2 * rush)
    strength = strength + 0.4 * np.tanh(x[:, 3]) - 0.3 * np.maximum(0.0, x[:, 4])
    strength = strength + 0.4 * np.tanh(x[:, 5] * x[:, 6])
    return x, random.poisson(np.exp(strength)).astype(np.float64)


def tiles(seed: int) -> Drawn:
    """Stripes lying, upright or slanting, checks, or specks, of any colour. [N, 3, 10, 10]"""
    random = np.random.default_rng([seed, 62])
    rows = 1300
    y = random.integers(0, 5, rows)
    down, across = np.mgrid[0:10, 0:10]
    place = np.stack([down, across, (down + across) / 1.4])  # [3, 10, 10]
    kind = np.where(y < 3, y, 0)
    length = random.uniform(2.6, 4.0, (rows, 1, 1))
    wave = np.sin(2.0 * np.pi * (place[kind] / length + random.random((rows, 1, 1))))
    other = np.sin(2.0 * np.pi * (across / length + random.random((rows, 1, 1))))
    specks = random.permuted(wave.reshape(rows, -1), axis=1).reshape(wave.shape)
    grey = np.where((y == 3)[:, None, None], 1.4 * wave * other, wave)
    grey = np.where((y == 4)[:, None, None], specks, grey)
    colour = random.uniform(-1.0, 1.0, (rows, 3, 1, 1))
    ground = random.normal(0.0, 0.5, (rows, 3, 1, 1))
    return colour * grey[:, None] + ground + random.normal(0.0, 0.25, (rows, 3, 10, 10)), y.astype(float)


def sets(seed: int) -> Drawn:
    """Eight things of five numbers: of which of three kinds the most striking one is. [N, 8, 5]"""
    random = np.random.default_rng([seed, 63])
    centres = 1.1 * np.random.default_rng(64).normal(size=(3, 4))
    rows, things = 1500, 8
    kind = random.integers(0, 3, (rows, things))
    x = np.concatenate(
        [centres[kind] + random.normal(0.0, 0.7, (rows, things, 4)), np.zeros((rows, things, 1))], 2
    )
    x[:, :, 4] = random.normal(0.0, 0.5, (rows, things))
    chosen = random.integers(0, things, rows)
    x[np.arange(rows), chosen, 4] += 2.5
    return x, kind[np.arange(rows), chosen].astype(np.float64)


def pairs(seed: int) -> Drawn:
    """Two measurements of seven numbers each: whether they are of the same of twelve things. [N, 14]"""
    random = np.random.default_rng([seed, 65])
    things = 1.6 * np.random.default_rng(66).normal(size=(12, 7))
    rows = 2600
    y = random.integers(0, 2, rows)
    one = random.integers(0, 12, rows)
    other = np.where(y == 1, one, (one + random.integers(1, 12, rows)) % 12)
    noise = random.normal(0.0, 0.9, (rows, 14))
    return np.concatenate([things[one], things[other]], 1) + noise, y.astype(np.float64)


def swing(seed: int) -> Drawn:
    """Swings of any length, hung up anywhere, over ten steps; where it is 2, 5 and 8 steps later.

    x [N, 10, 1], y [N, 3]
    """
    random = np.random.default_rng([seed, 67])
    rows, seen, ahead = 1300, 10, 8
    angle = random.uniform(-2.2, 2.2, rows)
    speed = random.uniform(-0.5, 0.5, rows)
    pull = random.uniform(0.7, 2.5, rows)
    path = np.zeros((rows, seen + ahead))
    for step in range(seen + ahead):
        path[:, step] = angle
        for _ in range(5):
            speed = speed - 0.12 * (pull * np.sin(angle) + 0.05 * speed)
            angle = angle + 0.12 * speed
    path += random.normal(0.0, 1.0, (rows, 1))
    x = path[:, :seen, None] + random.normal(0.0, 0.05, (rows, seen, 1))
    y = path[:, [seen + 1, seen + 4, seen + 7]]
    return x, (y - y.mean(0)) / y.std(0)


def ranks(seed: int) -> Drawn:
    """Five ranks, told by four marks: whether the rank is above each of the first four. y [N, 4]"""
    random = np.random.default_rng([seed, 68])
    x = random.normal(size=(2000, 10))
    score = np.sin(1.6 * x[:, 0]) + 0.8 * x[:, 1] + 0.7 * x[:, 2] * x[:, 3] - 0.6 * np.abs(x[:, 4])
    score = score + 0.3 * x[:, 5] + random.logistic(0.0, 0.12, 2000)
    return x, (score[:, None] > np.array([-1.3, -0.5, 0.2, 1.0])).astype(np.float64)


def prices(seed: int) -> Drawn:
    """A price that is the less sure, and the more lopsided, the higher one of twelve columns is."""
    random = np.random.default_rng([seed, 69])
    rows = 2400
    x = random.normal(size=(rows, 12))
    told = np.sin(1.5 * x[:, 2]) + 0.7 * x[:, 3] * x[:, 4] + 0.5 * np.abs(x[:, 0]) - 0.4 * x[:, 1]
    spread = 0.2 * np.exp(0.4 * x[:, 5])
    y = told + spread * (random.exponential(1.0, rows) - np.log(2.0))
    return x, (y - y.mean()) / y.std()


LETTERS = 12


def letters(seed: int) -> Drawn:
    """Fourteen letters, three of which stand together in one of nine ways, anywhere. [N, 14]"""
    random = np.random.default_rng([seed, 70])
    rows = 1900
    words = np.array(
        [[0, 1, 2], [2, 1, 0], [1, 0, 2], [3, 4, 0], [4, 3, 1], [0, 4, 3], [5, 5, 2], [2, 5, 5], [5, 2, 5]]
    )
    x = random.integers(0, LETTERS, (rows, 14))
    y = random.integers(0, 9, rows)
    first = random.integers(0, 12, rows)
    for place in range(3):
        x[np.arange(rows), first + place] = words[y, place]
    return x, y.astype(np.float64)


def mended(seed: int) -> Drawn:
    """A digit or its negative under noise, with a line gone: its inner 24 numbers. x [N, 64], y [N, 24]"""
    x, _ = from_sklearn("digits")(seed)
    x = x.reshape(-1, 8, 8)
    y = x[:, 1:7, 2:6].reshape(len(x), -1)
    random = np.random.default_rng([seed, 71])
    x = (x / 4.0 - 2.0) * random.choice([-1.0, 1.0], (len(x), 1, 1)) + random.normal(0.0, 0.5, x.shape)
    for place, line in enumerate(random.integers(1, 7, len(x))):
        x[place, line] = 0.0
    return x.reshape(len(x), -1), (y - y.mean(0)) / y.std(0)


# ------------------------------------------------------------------------------------------------- bases

_ALL = (
    Asked(
        "rides",
        "numbers",
        rides,
        (1000, 400),
        mlp,
        {"inputs": 8, "outputs": 1, "width": 32, "activation": "silu"},
        0.006,
        16,
        batch=40,
        loss=nn.PoissonNLLLoss,
        answer=torch.exp,
    ),
    Base(
        "tiles",
        "classes",
        tiles,
        (600, 250),
        residual_cnn,
        {"outputs": 5, "width": 10},
        0.01,
        10,
        scaled=False,
        batch=30,
        optimizer="nadam",
    ),
    Base(
        "sets",
        "classes",
        sets,
        (700, 300),
        set_network,
        {"inputs": 5, "outputs": 3, "width": 24},
        0.006,
        14,
        scaled=False,
        batch=28,
    ),
    Base(
        "pairs",
        "yes_no",
        pairs,
        (1000, 400),
        two_branches,
        {"half": 7, "outputs": 1, "width": 24},
        0.005,
        14,
        batch=40,
        optimizer="adamw",
    ),
    Base(
        "swing",
        "numbers",
        swing,
        (600, 250),
        forecaster,
        {"inputs": 1, "outputs": 3, "width": 20},
        0.02,
        15,
        scaled=False,
        batch=50,
    ),
    Base(
        "ranks",
        "yes_no",
        ranks,
        (900, 300),
        mlp,
        {"inputs": 10, "outputs": 4, "width": 36, "depth": 3, "activation": "tanh"},
        0.1,
        24,
        batch=32,
        optimizer="sgd",
        momentum=0.9,
    ),
    Asked(
        "prices",
        "numbers",
        prices,
        (1000, 400),
        mlp,
        {"inputs": 12, "outputs": 3, "width": 48, "activation": "leaky"},
        0.012,
        20,
        batch=50,
        loss=Pinball,
        answer=lambda outputs: outputs[:, 1:2],
        options={"schedule": "cosine"},
    ),
    Base(
        "letters",
        "classes",
        letters,
        (1000, 300),
        letter_cnn,
        {"letters": LETTERS, "outputs": 9, "width": 40},
        0.012,
        12,
        scaled=False,
        batch=40,
    ),
    Base(
        "mended",
        "numbers",
        mended,
        (800, 250),
        mlp,
        {"inputs": 64, "outputs": 24, "width": 64, "depth": 2, "activation": "gelu", "norm": "layer"},
        0.004,
        14,
        batch=32,
    ),
)
BASES: dict[str, Base] = {each.name: each for each in _ALL}
