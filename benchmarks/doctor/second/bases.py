"""Ten bases more, of other kinds than those of the first part.

Their networks are chains too, so that what faults do to the last layer can be done to theirs.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from first.bases import ACTIVATIONS, Base, Drawn, Mean, from_sklearn, mlp

# ---------------------------------------------------------------------------------------------- networks


class Residual(nn.Module):
    """What two dense layers say of the normalised numbers is added to them. [B, C]"""

    def __init__(self, width: int, activation: str, norm: str, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.first = nn.Linear(width, width)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(self.dropout(self.activation(self.first(self.norm(x)))))


def residual(
    inputs: int,
    outputs: int,
    width: int = 24,
    depth: int = 2,
    activation: str = "gelu",
    norm: str = "layer",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Dense layers with ways around them. [B, inputs] to [B, outputs]"""
    blocks = [Residual(width, activation, norm, dropout) for _ in range(depth)]
    last: list[nn.Module] = [nn.LayerNorm(width)] if norm else []
    last.append(ACTIVATIONS[activation]())
    return nn.Sequential(nn.Linear(inputs, width), *blocks, *last, nn.Linear(width, outputs))


class Placed(nn.Module):
    """A dense layer for each step, and what tells the steps apart. [B, T, F] to [B, T, C]"""

    def __init__(self, inputs: int, width: int, steps: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inputs, width)
        self.place = nn.Parameter(0.3 * torch.randn(steps, width))

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(x) + self.place


def transformer(
    outputs: int,
    width: int = 16,
    depth: int = 1,
    activation: str = "gelu",
    dropout: float = 0.0,
    batch_first: bool = True,
) -> nn.Sequential:
    """Attention between the eight lines of a digit. [B, 8, 8] to [B, outputs]"""
    blocks = [
        nn.TransformerEncoderLayer(
            width, 2, 2 * width, dropout, ACTIVATIONS[activation](), batch_first=batch_first, norm_first=True
        )
        for _ in range(depth)
    ]
    return nn.Sequential(Placed(8, width, 8), *blocks, nn.Flatten(), nn.Linear(8 * width, outputs))


class Categories(nn.Module):
    """Codes become vectors, numbers stay as they are. [B, K + F] to [B, K * size + F]"""

    def __init__(self, counts: tuple[int, ...], size: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(count, size) for count in counts)

    def forward(self, x: Tensor) -> Tensor:
        codes = x[:, : len(self.tables)].long()
        vectors = [table(codes[:, place]) for place, table in enumerate(self.tables)]
        return torch.cat([*vectors, x[:, len(self.tables) :]], 1)


COUNTS = (8, 12, 5)


def with_categories(outputs: int, numbers: int = 4, size: int = 4, **shape: object) -> nn.Sequential:
    """Vectors for the codes, and dense layers. [B, K + F] to [B, outputs]"""
    dense = mlp(len(COUNTS) * size + numbers, outputs, **shape)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(Categories(COUNTS, size), *dense)


class Last(nn.Module):
    """What an LSTM holds in the last step. [B, T, F] to [B, C]"""

    def __init__(self, inputs: int, width: int, depth: int, batch_first: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, width, depth, batch_first=batch_first)

    def forward(self, x: Tensor) -> Tensor:
        return self.lstm(x)[0][:, -1]


def lstm(
    inputs: int,
    outputs: int,
    width: int = 20,
    depth: int = 1,
    dropout: float = 0.0,
    batch_first: bool = True,
) -> nn.Sequential:
    return nn.Sequential(
        Last(inputs, width, depth, batch_first), nn.Dropout(dropout), nn.Linear(width, outputs)
    )


def places(
    outputs: int,
    width: int = 8,
    depth: int = 2,
    activation: str = "leaky",
    norm: str = "group",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Convolutions, the first of which halves the sides of 10 x 10. [B, 1, 10, 10] to [B, outputs]"""
    parts: list[nn.Module] = []
    for place, (before, after) in enumerate(pairwise([1] + [width] * depth)):
        parts.append(nn.Conv2d(before, after, 3, padding=1, stride=1 if place else 2))
        if norm:
            parts.append(nn.BatchNorm2d(after) if norm == "batch" else nn.GroupNorm(1, after))
        parts.append(ACTIVATIONS[activation]())
    parts += [nn.Flatten(), nn.Dropout(dropout)]
    return nn.Sequential(*parts, nn.Linear(width * 25, outputs))


class Turned(nn.Module):
    """[B, T, C] to [B, C, T]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


def phrase_cnn(
    words: int, outputs: int, width: int = 16, activation: str = "relu", dropout: float = 0.0
) -> nn.Sequential:
    """Vectors for the words, and a convolution over two neighbours. [B, T] to [B, outputs]"""
    return nn.Sequential(
        nn.Embedding(words, width),
        Turned(),
        nn.Conv1d(width, width, 2),
        ACTIVATIONS[activation](),
        Mean(),
        nn.Dropout(dropout),
        nn.Linear(width, outputs),
    )


# -------------------------------------------------------------------------------------------------- data


def strokes(seed: int) -> Drawn:
    """Digits as eight lines of eight numbers. [N, 8, 8]"""
    x, y = from_sklearn("digits")(seed)
    return x.reshape(-1, 8, 8) / 8.0 - 0.6, y


def hastie(seed: int) -> Drawn:
    """Whether ten numbers are together far from zero: which no plane tells."""
    from sklearn import datasets

    x, y = datasets.make_hastie_10_2(1900, random_state=seed)
    return x, (y > 0).astype(np.float64)


def orders(seed: int) -> Drawn:
    """A shop, a product and a day as codes, and four numbers: whether something is ordered. [N, 7]"""
    fixed = np.random.default_rng(21)
    wanted = [fixed.normal(0.0, 1.5, count) for count in COUNTS]
    random = np.random.default_rng([seed, 22])
    rows = 1700
    # Some shops are seen far more often than others.
    codes = [random.choice(count, rows, p=share / share.sum()) for count, share in _often()]
    numbers = random.normal(size=(rows, 4))
    score = wanted[0][codes[0]] * numbers[:, 0] + wanted[1][codes[1]] + 0.7 * wanted[2][codes[2]]
    score = score + 0.8 * numbers[:, 1] + random.logistic(0.0, 0.25, rows)
    return np.column_stack([*codes, numbers]), (score > 0).astype(np.float64)


def _often() -> list[tuple[int, np.ndarray]]:
    return [(count, 1.0 / np.arange(2, count + 2)) for count in COUNTS]


def tags(seed: int) -> Drawn:
    """Four marks, each there or not, of rows of 14 columns. y [N, 4]"""
    random = np.random.default_rng([seed, 23])
    fixed = np.random.default_rng(24)
    x = random.normal(size=(1500, 14))
    way, bend = fixed.normal(0.0, 1.0, (14, 4)), fixed.normal(0.0, 1.0, (14, 4))
    score = x @ way + np.maximum(0.0, x @ bend) - 1.2 + random.normal(0.0, 0.5, (1500, 4))
    return x, (score > 0).astype(np.float64)


def arm(seed: int) -> Drawn:
    """Where the hand of an arm of two parts is, and how far away: from two angles and lengths. y [N, 3]"""
    random = np.random.default_rng([seed, 25])
    rows = 1500
    angles = random.uniform(-2.2, 2.2, (rows, 2))
    lengths = random.uniform(0.5, 1.5, (rows, 2))
    both = angles.sum(1)
    hand = [
        lengths[:, 0] * np.cos(angles[:, 0]) + lengths[:, 1] * np.cos(both),
        lengths[:, 0] * np.sin(angles[:, 0]) + lengths[:, 1] * np.sin(both),
    ]
    y = np.column_stack([*hand, np.hypot(*hand)]) + random.normal(0.0, 0.1, (rows, 3))
    x = np.column_stack([angles, lengths, random.normal(size=(rows, 2))])
    return x, (y - y.mean(0)) / y.std(0)


def tank(seed: int) -> Drawn:
    """How full a tank is after twelve steps of rain, a valve that halves it, and an edge. [N, 12, 2]"""
    random = np.random.default_rng([seed, 26])
    rows, steps = 1100, 12
    rain = random.normal(0.0, 1.0, (rows, steps))
    valve = (random.random((rows, steps)) < 0.25).astype(np.float64)
    level = np.zeros(rows)
    for step in range(steps):
        level = np.clip(level + rain[:, step], -2.0, 2.0) * (1.0 - 0.8 * valve[:, step])
    level = level + random.normal(0.0, 0.1, rows)
    return np.stack([rain, 2.0 * valve - 0.5], 2), (level - level.mean()) / level.std()


def spots(seed: int) -> Drawn:
    """Where the bright spot is, beside a dark one. [N, 1, 10, 10], y [N, 2]"""
    random = np.random.default_rng([seed, 27])
    rows = 1200
    grid = np.arange(10.0)

    def spot() -> tuple[np.ndarray, np.ndarray]:
        middle = random.uniform(1.5, 7.5, (rows, 2))
        size = random.uniform(0.8, 1.4, (rows, 1))
        down, across = (np.exp(-(((grid - middle[:, [side]]) / size) ** 2)) for side in (0, 1))  # [N, 10]
        return random.uniform(1.5, 3.0, (rows, 1, 1)) * down[:, :, None] * across[:, None], middle

    bright, middle = spot()
    x = bright - spot()[0] + random.normal(0.0, 0.15, (rows, 10, 10))
    return x[:, None], (middle - 4.5) / np.sqrt(3.0)


def claims(seed: int) -> Drawn:
    """An amount with a long tail, of nine columns."""
    random = np.random.default_rng([seed, 28])
    x = random.normal(size=(1500, 9))
    told = np.sin(1.5 * x[:, 0]) + 0.6 * x[:, 1] * x[:, 2] + 0.5 * np.abs(x[:, 3]) + 0.3 * x[:, 4]
    y = np.exp(0.7 * told + random.normal(0.0, 0.15, 1500))
    return x, (y - 1.6) / 1.6


PHRASE_WORDS = 60


def phrases(seed: int) -> Drawn:
    """Ten words, up to three of which praise (1..12) or blame (13..24), some after a "not" (25..27).

    Whether more is bad (0), neither (1) or good (2); words from 28 on say nothing. [N, 10]
    """
    random = np.random.default_rng([seed, 29])
    rows, time = 1700, 10
    x = random.integers(28, PHRASE_WORDS, (rows, time))
    total = np.zeros(rows, dtype=np.int64)
    for place in (1, 4, 7):
        place = place + random.integers(0, 2, rows)
        mood = random.integers(-1, 2, rows)
        turned = random.random(rows) < 0.4
        own = np.where(mood > 0, 1, 13) + random.integers(0, 12, rows)
        at = np.arange(rows)
        x[at, place] = np.where(mood != 0, own, x[at, place])
        x[at, place - 1] = np.where(turned, 25 + random.integers(0, 3, rows), x[at, place - 1])
        total += np.where(turned, -mood, mood)
    return x, (np.sign(total) + 1).astype(np.float64)


# ------------------------------------------------------------------------------------------------- bases

_ALL = (
    Base(
        "iris",
        "classes",
        from_sklearn("iris"),
        (80, 30),
        mlp,
        {"inputs": 4, "outputs": 3, "width": 16, "activation": "elu"},
        0.01,
        40,
        batch=16,
    ),
    Base(
        "hastie",
        "yes_no",
        hastie,
        (900, 300),
        residual,
        {"inputs": 10, "outputs": 1, "width": 24},
        0.005,
        16,
        optimizer="adamw",
    ),
    Base(
        "strokes",
        "classes",
        strokes,
        (700, 250),
        transformer,
        {"outputs": 10, "width": 16},
        0.008,
        12,
        scaled=False,
    ),
    Base(
        "orders",
        "yes_no",
        orders,
        (800, 300),
        with_categories,
        {"outputs": 1, "width": 32},
        0.006,
        12,
        scaled=False,
    ),
    Base(
        "tags",
        "yes_no",
        tags,
        (700, 250),
        mlp,
        {"inputs": 14, "outputs": 4, "width": 32, "activation": "silu"},
        0.006,
        12,
    ),
    Base(
        "arm",
        "numbers",
        arm,
        (700, 250),
        mlp,
        {"inputs": 6, "outputs": 3, "width": 32, "activation": "tanh", "norm": "layer"},
        0.01,
        16,
    ),
    Base(
        "tank",
        "numbers",
        tank,
        (600, 200),
        lstm,
        {"inputs": 2, "outputs": 1, "width": 20},
        0.02,
        15,
        scaled=False,
    ),
    Base("spots", "numbers", spots, (600, 200), places, {"outputs": 2, "width": 8}, 0.01, 10, scaled=False),
    Base(
        "claims",
        "numbers",
        claims,
        (800, 250),
        mlp,
        {"inputs": 9, "outputs": 1, "width": 32, "activation": "leaky", "norm": "batch"},
        0.01,
        16,
        loss=nn.HuberLoss,
    ),
    Base(
        "phrases",
        "classes",
        phrases,
        (900, 300),
        phrase_cnn,
        {"words": PHRASE_WORDS, "outputs": 3, "width": 24},
        0.025,
        12,
        scaled=False,
    ),
)
BASES: dict[str, Base] = {each.name: each for each in _ALL}
