"""Nine bases of other kinds than the others; no threshold has been set on any of them.

Their networks are chains too, so that what faults do to the last layer can be done to theirs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from first.bases import ACTIVATIONS, Base, Drawn, mlp

# ---------------------------------------------------------------------------------------------- networks


class Folded(nn.Module):
    """Each number beside its sine and cosine, all of which dense layers see. [B, F] to [B, 3 F]"""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.sin(2.0 * x), torch.cos(2.0 * x)], 1)


def folded(inputs: int, outputs: int, **shape: object) -> nn.Sequential:
    """Dense layers over numbers and their waves. [B, inputs] to [B, outputs]"""
    dense = mlp(3 * inputs, outputs, **shape)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(Folded(), *dense)


def pooled(
    outputs: int,
    width: int = 8,
    depth: int = 2,
    activation: str = "relu",
    norm: str = "batch",
    dropout: float = 0.1,
) -> nn.Sequential:
    """Convolutions, the first two of which are followed by pooling. [B, 1, 12, 12] to [B, outputs]"""
    parts: list[nn.Module] = []
    channels, side = 1, 12
    for place in range(depth):
        parts.append(nn.Conv2d(channels, width, 3, padding=1, bias=not norm))
        if norm:
            parts.append(nn.BatchNorm2d(width))
        parts.append(ACTIVATIONS[activation]())
        if place < 2:
            parts.append(nn.AvgPool2d(2) if place else nn.MaxPool2d(2))
            side //= 2
        channels = width
    parts += [nn.Flatten(), nn.Dropout(dropout)]
    return nn.Sequential(*parts, nn.Linear(channels * side * side, outputs))


class Greatest(nn.Module):
    """The greatest and the mean number over time. [B, C, T] to [B, 2 C]"""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x.amax(-1), x.mean(-1)], 1)


def dilated(
    outputs: int,
    width: int = 12,
    depth: int = 3,
    activation: str = "silu",
    norm: str = "group",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Convolutions over ever longer stretches of time. [B, 2, T] to [B, outputs]"""
    parts: list[nn.Module] = []
    channels = 2
    for place in range(depth):
        reach = 2 ** min(place, 3)
        parts.append(nn.Conv1d(channels, width, 3, padding=reach, dilation=reach))
        if norm:
            parts.append(nn.BatchNorm1d(width) if norm == "batch" else nn.GroupNorm(2, width))
        parts.append(ACTIVATIONS[activation]())
        channels = width
    return nn.Sequential(*parts, Greatest(), nn.Dropout(dropout), nn.Linear(2 * width, outputs))


class Bag(nn.Module):
    """The mean of the words' vectors, without padding (0). [B, T] to [B, C]"""

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.table = nn.Embedding(words, width, padding_idx=0)

    def forward(self, x: Tensor) -> Tensor:
        real = (x > 0).float()[..., None]  # [B, T, 1]
        return (self.table(x) * real).sum(1) / real.sum(1).clamp(min=1.0)


def bag(
    words: int,
    outputs: int,
    width: int = 24,
    depth: int = 1,
    activation: str = "tanh",
    dropout: float = 0.1,
    norm: str = "",
) -> nn.Sequential:
    """The mean of vectors, and dense layers. [B, T] to [B, outputs]"""
    dense = mlp(width, outputs, width=width, depth=depth, activation=activation, norm=norm)
    *body, head = dense
    return nn.Sequential(Bag(words, width), *body, nn.Dropout(dropout), head)


# -------------------------------------------------------------------------------------------------- data


def incomes(seed: int) -> Drawn:
    """Four classes of unlike size, of eleven columns with long tails: sums, counts and times."""
    random = np.random.default_rng([seed, 41])
    fixed = np.random.default_rng(42)
    rows = 2200
    hidden = random.normal(size=(rows, 11))
    hidden[:, 5:] = random.standard_t(4, (rows, 6))
    way = fixed.normal(size=(5, 4))
    score = hidden[:, :5] @ way + 1.5 * np.abs(hidden[:, 5:9]) - 1.0
    score[:, 0] += 1.2 * hidden[:, 0] * hidden[:, 1]
    score = score + np.array([0.8, 0.4, 0.0, -0.4]) + random.gumbel(0.0, 0.35, (rows, 4))
    x = np.column_stack([np.exp(0.5 * hidden[:, :5]), hidden[:, 5:]])
    return x, score.argmax(1).astype(np.float64)


def needles(seed: int) -> Drawn:
    """Three classes told by eight columns and products of them; twenty-four others say nothing."""
    random = np.random.default_rng([seed, 43])
    fixed = np.random.default_rng(44)
    x = random.normal(size=(2800, 32))
    way, both = fixed.normal(0.0, 0.8, (8, 3)), fixed.normal(0.0, 1.0, (4, 3))
    score = x[:, :8] @ way + (x[:, :4] * x[:, 4:8]) @ both + random.gumbel(0.0, 0.25, (len(x), 3))
    return x[:, np.random.default_rng(45).permutation(32)], score.argmax(1).astype(np.float64)


def plant(seed: int) -> Drawn:
    """Four readings of a plant from nine settings. y [N, 4]"""
    random = np.random.default_rng([seed, 46])
    rows = 1700
    x = random.uniform(-1.7, 1.7, (rows, 9))
    heat = x[:, 0] * x[:, 1] + 0.5 * x[:, 2]
    flow = np.tanh(2.0 * x[:, 3]) - 0.6 * x[:, 4] ** 2
    y = np.column_stack([heat, flow, heat * np.cos(x[:, 5]), flow + 0.8 * x[:, 6] * x[:, 0]])
    y = y + random.normal(0.0, 0.1, y.shape)
    return x, (y - y.mean(0)) / y.std(0)


def yields(seed: int) -> Drawn:
    """A number whose errors are in proportion to it, of seven columns."""
    random = np.random.default_rng([seed, 47])
    rows = 3000
    x = random.normal(size=(rows, 7))
    told = 2.0 + np.sin(1.7 * x[:, 0]) + 0.8 * np.tanh(x[:, 1] * x[:, 2]) + 0.6 * np.cos(1.5 * x[:, 3])
    y = told * (1.0 + 0.15 * random.normal(size=rows))
    return x, (y - y.mean()) / y.std()


def alarms(seed: int) -> Drawn:
    """One row in eight is one to be warned of: those in the middle of three columns out of six."""
    random = np.random.default_rng([seed, 48])
    rows = 3600
    x = random.normal(size=(rows, 6))
    apart = ((x[:, :3] - np.array([0.5, -0.4, 0.2])) ** 2).sum(1) + 0.25 * x[:, 3]
    return x, (apart + random.normal(0.0, 0.1, rows) < 0.85).astype(np.float64)


def figures(seed: int) -> Drawn:
    """A frame, a cross, a bar upright, a bar lying or a spot, anywhere, under noise. [N, 1, 12, 12]"""
    random = np.random.default_rng([seed, 49])
    rows = 1500
    drawn = np.zeros((5, 5, 5))
    drawn[0], drawn[0, 1:4, 1:4] = 1.0, 0.0
    drawn[1, 2], drawn[1, :, 2] = 1.0, 1.0
    drawn[2, :, 1:3] = drawn[3, 1:3] = 1.0
    drawn[4, 1:4, 1:4] = 1.0
    y = random.integers(0, 5, rows)
    x = random.normal(0.0, 0.3, (rows, 12, 12))
    strength = random.uniform(0.9, 1.6, rows)
    for place, (down, across) in enumerate(random.integers(0, 8, (rows, 2))):
        x[place, down : down + 5, across : across + 5] += strength[place] * drawn[y[place]]
    return x[:, None] - 0.2, y.astype(np.float64)


def calls(seed: int) -> Drawn:
    """A rising, falling, level or broken tone, which two channels hear one after the other. [N, 2, 48]"""
    random = np.random.default_rng([seed, 50])
    rows, steps = 1400, 24
    time = np.arange(steps) / steps
    y = random.integers(0, 4, rows)
    high, low = random.uniform(5.5, 7, (rows, 1)), random.uniform(1.5, 2.5, (rows, 1))
    middle = random.uniform(low, high)
    first = np.choose(y[:, None], [low, high, middle, middle])
    last = np.choose(y[:, None], [high, low, middle, middle])
    angle = 2 * np.pi * (first * time + (last - first) * time**2 / 2 + random.random((rows, 1)))
    tone = np.where((y[:, None] == 3) & (np.arange(steps) // 4 % 2 == 1), 0.0, np.sin(angle))
    x = np.zeros((rows, 2, 48))
    for place, begin in enumerate(random.integers(0, 22, rows)):
        x[place, 0, begin : begin + steps] = tone[place]
        x[place, 1, begin + 2 : begin + 2 + steps] = 0.7 * tone[place]
    return x + random.normal(0.0, 0.25, x.shape), y.astype(np.float64)


NOTE_WORDS = 90


def notes(seed: int) -> Drawn:
    """Six to twelve words, 0 for padding, of which some speak of ships (1..15) and some of storms (16..30).

    Neither or both (0), only ships (1), or only storms (2). [N, 12]
    """
    random = np.random.default_rng([seed, 51])
    rows = 2000
    x = np.zeros((rows, 12), dtype=np.int64)
    y = random.integers(0, 4, rows)
    for place in range(rows):
        length = random.integers(6, 13)
        x[place, :length] = random.integers(31, NOTE_WORDS, length)
        where = random.permutation(length)
        for kind in (0, 1):
            count = random.integers(1, 4) if y[place] >> kind & 1 else int(random.random() < 0.03)
            x[place, where[kind : kind + 2 * count : 2]] = 1 + 15 * kind + random.integers(0, 15, count)
    return x, (y % 3).astype(np.float64)


def findings(seed: int) -> Drawn:
    """Five findings, each there or not, of sixteen measurements. y [N, 5]"""
    random = np.random.default_rng([seed, 52])
    fixed = np.random.default_rng(53)
    x = random.normal(size=(2200, 16))
    x[:, 8:] = 0.6 * x[:, :8] + 0.8 * x[:, 8:]
    way = fixed.normal(0.0, 0.7, (16, 5))
    pairs = fixed.permutation(16)[:10].reshape(5, 2)
    score = x @ way / 2.0 + 1.3 * x[:, pairs[:, 0]] * x[:, pairs[:, 1]]
    return x, (score + random.normal(0.0, 0.4, score.shape) > 0.4).astype(np.float64)


# ------------------------------------------------------------------------------------------------- bases

_ALL = (
    Base(
        "incomes",
        "classes",
        incomes,
        (700, 300),
        mlp,
        {"inputs": 11, "outputs": 4, "width": 40, "activation": "silu", "norm": "layer"},
        0.003,
        20,
        batch=24,
        optimizer="rmsprop",
    ),
    Base(
        "needles",
        "classes",
        needles,
        (1200, 300),
        mlp,
        {"inputs": 32, "outputs": 3, "width": 64, "dropout": 0.2},
        0.004,
        24,
        batch=48,
        optimizer="adamw",
    ),
    Base(
        "plant",
        "numbers",
        plant,
        (800, 250),
        mlp,
        {"inputs": 9, "outputs": 4, "width": 40, "activation": "gelu"},
        0.05,
        30,
        batch=40,
        optimizer="sgd",
        momentum=0.9,
    ),
    Base(
        "yields",
        "numbers",
        yields,
        (1200, 400),
        folded,
        {"inputs": 7, "outputs": 1, "width": 32, "activation": "elu"},
        0.004,
        12,
        batch=64,
    ),
    Base(
        "alarms",
        "yes_no",
        alarms,
        (1200, 500),
        mlp,
        {"inputs": 6, "outputs": 1, "width": 24, "depth": 2, "activation": "leaky"},
        0.01,
        16,
        batch=50,
        optimizer="rmsprop",
    ),
    Base(
        "figures",
        "classes",
        figures,
        (700, 250),
        pooled,
        {"outputs": 5, "width": 12},
        0.01,
        14,
        scaled=False,
        batch=40,
    ),
    Base(
        "calls",
        "classes",
        calls,
        (500, 250),
        dilated,
        {"outputs": 4, "width": 12},
        0.01,
        12,
        scaled=False,
        batch=25,
        optimizer="adamw",
    ),
    Base(
        "notes",
        "classes",
        notes,
        (900, 300),
        bag,
        {"words": NOTE_WORDS, "outputs": 3, "width": 24},
        0.01,
        20,
        scaled=False,
        batch=30,
    ),
    Base(
        "findings",
        "yes_no",
        findings,
        (900, 300),
        mlp,
        {"inputs": 16, "outputs": 5, "width": 48, "norm": "batch", "activation": "relu"},
        0.1,
        16,
        batch=36,
        optimizer="sgd",
        momentum=0.9,
    ),
)
BASES: dict[str, Base] = {each.name: each for each in _ALL}
