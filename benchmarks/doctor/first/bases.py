"""Fourteen small trainings that are healthy, made from data that needs no download, and what a base is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from netwright import optimizers
from training import Task, Training, split_of

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "leaky": nn.LeakyReLU,
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "none": nn.Identity,
}
Drawn = tuple[np.ndarray, np.ndarray]


# ---------------------------------------------------------------------------------------------- networks


def mlp(
    inputs: int,
    outputs: int,
    width: int = 32,
    depth: int = 2,
    activation: str = "relu",
    norm: str = "",
    dropout: float = 0.0,
    first: str = "",
) -> nn.Sequential:
    """Dense layers. [B, inputs] to [B, outputs]

    Arguments:
        norm: "batch" or "layer" after each hidden dense layer.
        first: "batch" normalises the inputs themselves.
    """
    parts: list[nn.Module] = [nn.BatchNorm1d(inputs)] if first == "batch" else []
    for _ in range(depth):
        parts.append(nn.Linear(inputs, width))
        if norm:
            parts.append(nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width))
        parts.append(ACTIVATIONS[activation]())
        if dropout:
            parts.append(nn.Dropout(dropout))
        inputs = width
    return nn.Sequential(*parts, nn.Linear(inputs, outputs))


def cnn(
    outputs: int,
    width: int = 8,
    depth: int = 2,
    activation: str = "relu",
    norm: str = "",
    dropout: float = 0.0,
) -> nn.Sequential:
    """Convolutions for pictures of 8 x 8. [B, 1, 8, 8] to [B, outputs]"""
    parts: list[nn.Module] = []
    channels = 1
    for place in range(depth):
        parts.append(nn.Conv2d(channels, width * (1 + place), 3, padding=1))
        if norm:
            parts.append(nn.BatchNorm2d(width * (1 + place)))
        parts.append(ACTIVATIONS[activation]())
        channels = width * (1 + place)
    parts += [nn.MaxPool2d(2), nn.Flatten()]
    if dropout:
        parts.append(nn.Dropout(dropout))
    return nn.Sequential(*parts, nn.Linear(channels * 16, outputs))


class Words(nn.Module):
    """The mean of the words' vectors, without padding (0), and dense layers. [B, T] to [B, outputs]"""

    def __init__(
        self, words: int, outputs: int, width: int = 16, activation: str = "relu", dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.table = nn.Embedding(words, width, padding_idx=0)
        self.hidden = nn.Linear(width, width)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        real = (x > 0).float()[..., None]  # [B, T, 1]
        mean = (self.table(x) * real).sum(1) / real.sum(1).clamp(min=1.0)  # [B, C]
        return self.head(self.dropout(self.activation(self.hidden(mean))))


class Mean(nn.Module):
    """The mean over time. [B, C, T] to [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(-1)


def waves(
    outputs: int, width: int = 12, activation: str = "relu", norm: str = "", dropout: float = 0.0
) -> nn.Module:
    """Convolutions over time. [B, 1, T] to [B, outputs]"""
    parts: list[nn.Module] = []
    channels = 1
    for kernel in (7, 5):
        parts.append(nn.Conv1d(channels, width, kernel, padding=kernel // 2, stride=2))
        if norm:
            parts.append(nn.BatchNorm1d(width))
        parts.append(ACTIVATIONS[activation]())
        channels = width
    parts.append(Mean())
    if dropout:
        parts.append(nn.Dropout(dropout))
    return nn.Sequential(*parts, nn.Linear(width, outputs))


class Recurrent(nn.Module):
    """A GRU whose last state is read. [B, T, C] to [B, outputs]"""

    def __init__(self, inputs: int, outputs: int, width: int = 20, dropout: float = 0.0) -> None:
        super().__init__()
        self.gru = nn.GRU(inputs, width, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.gru(x)[0][:, -1]))


# -------------------------------------------------------------------------------------------------- data


def from_sklearn(name: str) -> Callable[[int], Drawn]:
    """A table that comes with scikit-learn."""

    def draw(seed: int) -> Drawn:
        from sklearn import datasets

        found: Any = getattr(datasets, f"load_{name}")()
        y = found.target.astype(np.float64)
        if name == "diabetes":
            y = (y - y.mean()) / y.std()
        return found.data.astype(np.float64), y

    return draw


def pictures(seed: int) -> Drawn:
    x, y = from_sklearn("digits")(seed)
    return x.reshape(-1, 1, 8, 8) / 8.0 - 0.6, y


def generated(name: str, **settings: Any) -> Callable[[int], Drawn]:
    """Rows of one of scikit-learn's generators."""

    def draw(seed: int) -> Drawn:
        from sklearn import datasets

        x, y = getattr(datasets, f"make_{name}")(random_state=seed, **settings)
        y = y.astype(np.float64)
        return x, (y - y.mean()) / y.std() if name.startswith("friedman") else y

    return draw


def blobs(seed: int) -> Drawn:
    """Six overlapping clouds whose centres are the same in each draw."""
    random = np.random.default_rng([seed, 2])
    centres = np.random.default_rng(5).normal(0.0, 2.0, (6, 8))
    y = random.integers(0, 6, 1400)
    return centres[y] + random.normal(0.0, 1.5, (1400, 8)), y.astype(np.float64)


def mixture(seed: int) -> Drawn:
    """Two classes of several clouds each in 20 columns, ten of which say nothing."""
    random = np.random.default_rng([seed, 3])
    centres = np.random.default_rng(6).normal(0.0, 1.6, (8, 10))
    cloud = random.integers(0, 8, 1600)
    x = np.concatenate([centres[cloud] + random.normal(size=(1600, 10)), random.normal(size=(1600, 10))], 1)
    return x, (cloud % 2).astype(np.float64)


def surface(seed: int) -> Drawn:
    """A curved function of five columns with a little noise."""
    random = np.random.default_rng([seed, 4])
    x = random.uniform(-2.0, 2.0, (1500, 5))
    y = np.sin(2.0 * x[:, 0]) + 0.7 * x[:, 1] * x[:, 2] + 0.4 * x[:, 3] ** 2
    y = y + random.normal(0.0, 0.2, len(y))
    return x, (y - y.mean()) / y.std()


WORDS = 300


def reviews(seed: int) -> Drawn:
    """Rows of 8 to 24 words, 0 for padding: praising words (1..40), blaming ones (41..80), others."""
    random = np.random.default_rng([seed, 5])
    rows = 1800
    x = np.zeros((rows, 24), dtype=np.int64)
    y = random.integers(0, 2, rows)
    for place in range(rows):
        length = random.integers(8, 25)
        others = 81 + (random.pareto(1.0, length) * 20).astype(int) % (WORDS - 81)
        telling = random.random(length) < 0.35
        kind = np.where(random.random(length) < 0.75, y[place], 1 - y[place])
        x[place, :length] = np.where(telling, 1 + 40 * kind + random.integers(0, 40, length), others)
    return x, y.astype(np.float64)


def waveforms(seed: int) -> Drawn:
    """Sine, square, saw tooth and double sine of any phase, under noise. [N, 1, 48]"""
    random = np.random.default_rng([seed, 6])
    rows, time = 1300, np.arange(48) / 48.0
    y = random.integers(0, 4, rows)
    angle = 2 * np.pi * (random.uniform(3, 5, rows)[:, None] * time + random.random(rows)[:, None])
    kinds = np.stack(
        [
            np.sin(angle),
            np.sign(np.sin(angle)),
            1.7 * ((angle / (2 * np.pi)) % 1.0 * 2 - 1),
            0.7 * np.sin(angle) + 0.7 * np.sin(2 * angle),
        ]
    )
    x = kinds[y, np.arange(rows)] + random.normal(0.0, 0.35, (rows, 48))
    return x[:, None], y.astype(np.float64)


def rhythm(seed: int) -> Drawn:
    """Two pulses, one in each channel: which one comes first. [N, 14, 2]"""
    random = np.random.default_rng([seed, 7])
    rows, steps = 1100, 14
    x = random.normal(0.0, 0.2, (rows, steps, 2))
    first = random.integers(0, steps - 4, rows)
    second = first + random.integers(1, 4, rows)
    y = random.integers(0, 2, rows)
    x[np.arange(rows), first, y] += 2.0
    x[np.arange(rows), second, 1 - y] += 2.0
    return x, y.astype(np.float64)


# ------------------------------------------------------------------------------------------------- bases


@dataclass(frozen=True)
class Base:
    """One base set-up.

    Arguments:
        draw: all rows of a seed: x [N, ...] and y [N], or [N, K] for several numbers or marks.
        sizes: of the training and the validation part.
        scaled: whether the columns are standardised by the training rows.
        loss: makes another loss than the usual one of the task.
        momentum: of SGD, where it has any.
    """

    name: str
    task: Task
    draw: Callable[[int], Drawn]
    sizes: tuple[int, int]
    build: Callable[..., nn.Module]
    shape: dict[str, Any]
    rate: float
    epochs: int
    scaled: bool = True
    batch: int = 32
    optimizer: str = "adam"
    loss: Callable[[], nn.Module] | None = None
    momentum: float = 0.0

    def make(self, seed: int) -> Training:
        """The healthy training."""
        x, y = self.draw(seed)
        parts = split_of(x, y, self.task, seed, self.sizes)
        raw = None
        if self.scaled:
            seen = parts["train"].x
            mean, spread = seen.mean(0), seen.std(0)
            spread = torch.where(spread > 0, spread, 1.0)
            for rows in parts.values():
                rows.x = (rows.x - mean) / spread
            raw = (mean, spread)
        usual = {"classes": nn.CrossEntropyLoss, "yes_no": nn.BCEWithLogitsLoss, "numbers": nn.MSELoss}
        made = Training(
            self.name,
            seed,
            self.task,
            parts,
            self.build,
            dict(self.shape),
            (self.loss or usual[self.task])(),
            self.rate,
            self.epochs,
            self.batch,
            self.optimizer,
            raw=raw,
        )
        if self.momentum:  # made late, so that what changes the rate changes it here too
            made.optimizer = lambda module: optimizers.SGD(made.rate, momentum=self.momentum)
        return made


_ALL = (
    Base(
        "cancer",
        "classes",
        from_sklearn("breast_cancer"),
        (320, 110),
        mlp,
        {"inputs": 30, "outputs": 2},
        0.003,
        20,
    ),
    Base("wine", "classes", from_sklearn("wine"), (90, 40), mlp, {"inputs": 13, "outputs": 3}, 0.005, 40),
    Base(
        "diabetes",
        "numbers",
        from_sklearn("diabetes"),
        (250, 90),
        mlp,
        {"inputs": 10, "outputs": 1, "width": 16},
        0.002,
        25,
    ),
    Base(
        "digits",
        "classes",
        from_sklearn("digits"),
        (900, 300),
        mlp,
        {"inputs": 64, "outputs": 10, "width": 48},
        0.003,
        15,
    ),
    Base("digits_cnn", "classes", pictures, (800, 300), cnn, {"outputs": 10}, 0.005, 8, scaled=False),
    Base(
        "moons",
        "yes_no",
        generated("moons", n_samples=1500, noise=0.2),
        (400, 200),
        mlp,
        {"inputs": 2, "outputs": 1},
        0.01,
        40,
    ),
    Base(
        "circles",
        "yes_no",
        generated("circles", n_samples=1500, noise=0.1, factor=0.6),
        (400, 200),
        mlp,
        {"inputs": 2, "outputs": 1},
        0.01,
        40,
    ),
    Base("blobs", "classes", blobs, (500, 250), mlp, {"inputs": 8, "outputs": 6, "depth": 1}, 0.005, 20),
    Base(
        "friedman",
        "numbers",
        generated("friedman1", n_samples=1500, noise=1.0),
        (600, 250),
        mlp,
        {"inputs": 10, "outputs": 1},
        0.005,
        25,
    ),
    Base("mixture", "yes_no", mixture, (700, 250), mlp, {"inputs": 20, "outputs": 1, "depth": 3}, 0.003, 15),
    Base(
        "surface",
        "numbers",
        surface,
        (700, 250),
        mlp,
        {"inputs": 5, "outputs": 1, "activation": "tanh"},
        0.01,
        30,
    ),
    Base(
        "reviews",
        "classes",
        reviews,
        (800, 300),
        Words,
        {"words": WORDS, "outputs": 2},
        0.005,
        10,
        scaled=False,
    ),
    Base("waves", "classes", waveforms, (500, 200), waves, {"outputs": 4}, 0.01, 12, scaled=False),
    Base(
        "rhythm",
        "classes",
        rhythm,
        (400, 200),
        Recurrent,
        {"inputs": 2, "outputs": 2},
        0.015,
        10,
        scaled=False,
    ),
)
BASES: dict[str, Base] = {each.name: each for each in _ALL}
