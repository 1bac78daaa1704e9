"""Networks as they are built every day, with rows that fit them: checks of structure have nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from tests.doctor.checks.cases import Grab as Grab
from torch import Tensor, nn
from torch.nn import functional

from netwright import Trainer
from netwright.doctor.case import Case, untouched
from netwright.doctor.diagnosis import Diagnosis, ranked
from netwright.doctor.examine import gated
from netwright.doctor.monitor import Monitor

Made = tuple[nn.Module, Any, Any, Any]
"""module, loss, x, y"""


def case_for(
    module: nn.Module, loss: Any, x: Any, y: Any, optimizer: Any = "adam", rate: float | None = 1e-3
) -> Case:
    """The case of a module that is about to be trained."""
    grab = Grab()
    trainer = Trainer(module, loss, optimizer, rate, callbacks=[grab], seed=0)
    trainer.fit(x, y, epochs=1, batch_size=32, validation_split=0.2, verbose=0)
    return grab.before


def trained(
    module: nn.Module, loss: Any, x: Any, y: Any, before: Any, after: Any = None, **settings: Any
) -> list[Diagnosis]:
    """What two checks of a symptom say of a whole training, as the doctor does, what is worse first."""
    grab, monitor = Grab(), Monitor()
    made = {name: settings.pop(name) for name in ("optimizer", "learning_rate") if name in settings}
    trainer = Trainer(module, loss, callbacks=[grab, monitor], seed=0, **made)
    trainer.fit(x, y, validation_split=0.3, verbose=0, **settings)
    case, record = grab.after, monitor.records[0]
    with untouched():
        found = [*before(grab.before), *(after(case, record) if after else [])]
        return ranked([gated(each, case, record) for each in found])


def told(found: Iterable[Diagnosis]) -> list[tuple[str, str]]:
    """Severities and messages, of a check that is made as the doctor makes it."""
    with untouched():
        return [(each.severity, each.message) for each in found]


def rows(*shape: int, count: int = 150, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32))


def codes(classes: int = 3, count: int = 150) -> Tensor:
    return torch.from_numpy(np.random.default_rng(1).integers(0, classes, count))


def tokens(count: int = 150, length: int = 9, words: int = 40) -> Tensor:
    return torch.from_numpy(np.random.default_rng(2).integers(0, words, (count, length)))


class Recurrent(nn.Module):
    """Tokens, LSTM, last state."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(40, 8)
        self.lstm = nn.LSTM(8, 12, batch_first=True, bidirectional=True)
        self.head = nn.Linear(24, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.lstm(self.words(x))[0].mean(1))


class TimeFirst(nn.Module):
    """A GRU that has time on its first axis, told so by a transpose."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 12)
        self.head = nn.Linear(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x.transpose(0, 1))[1][-1])


class Encoder(nn.Module):
    """Linear projection, places, transformer layers, mean, head."""

    def __init__(self, norm_first: bool) -> None:
        super().__init__()
        self.into = nn.Linear(5, 16)
        self.places = nn.Parameter(torch.randn(1, 7, 16) * 0.02)
        layer = nn.TransformerEncoderLayer(16, 2, 32, 0.1, batch_first=True, norm_first=norm_first)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(self.into(x) + self.places).mean(1))


class HandAttention(nn.Module):
    """One head of attention from queries, keys and values, written out."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Linear(5, 12)
        self.joined = nn.Linear(12, 36)
        self.out = nn.Linear(12, 12)
        self.head = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.into(x))
        q, k, v = self.joined(x).chunk(3, -1)
        weights = torch.softmax(q @ k.transpose(1, 2) / 12**0.5, -1)
        return self.head((x + self.out(weights @ v)).mean(1))


class Residual(nn.Module):
    """A projection, residual blocks without norm, a linear head: linear beside linear, joined by sums."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Linear(6, 16)
        self.first = nn.ModuleList(nn.Linear(16, 32) for _ in range(2))
        self.second = nn.ModuleList(nn.Linear(32, 16) for _ in range(2))
        self.head = nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.into(x)
        for first, second in zip(self.first, self.second, strict=True):
            x = x + second(functional.relu(first(x)))
        return self.head(x)


class Block(nn.Module):
    """A basic block of a residual network for pictures."""

    def __init__(self, inside: int, out: int) -> None:
        super().__init__()
        self.first, self.norm1 = nn.Conv2d(inside, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.second, self.norm2 = nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.short = nn.Conv2d(inside, out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.norm1(self.first(x)))
        return functional.relu(self.norm2(self.second(inner)) + self.short(x))


class TwoInputs(nn.Module):
    """Numbers and tokens, joined."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
        self.words = nn.EmbeddingBag(40, 8)
        self.head = nn.Sequential(nn.Linear(16, 8), nn.GELU(), nn.Linear(8, 3))

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        return self.head(torch.cat([self.numbers(x), self.words(words)], 1))


class Gated(nn.Module):
    """A gated linear unit: two halves of one layer, multiplied."""

    def __init__(self) -> None:
        super().__init__()
        self.both, self.head = nn.Linear(6, 32), nn.Linear(16, 1)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.both(x).chunk(2, -1)
        return self.head(value * torch.sigmoid(gate))


class Squeeze(nn.Module):
    """A convolution whose channels are weighted by what all places say (squeeze and excitation)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.less, self.more = nn.Linear(8, 2), nn.Linear(2, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.conv(x))
        weight = torch.sigmoid(self.more(functional.relu(self.less(x.mean((2, 3))))))
        return self.head((x * weight[:, :, None, None]).mean((2, 3)))


class Segmenter(nn.Module):
    """Logits of classes for each place: the classes are on the second axis."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU())
        self.up = nn.Sequential(nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU(), nn.Conv2d(8, 3, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.down(x))


class Autoencoder(nn.Module):
    """A linear bottleneck, as is usual."""

    def __init__(self) -> None:
        super().__init__()
        self.into = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 3))
        self.out = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 20))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.into(x))


def mlp(*sizes: int, between: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    parts: list[nn.Module] = []
    for inside, out in pairwise(sizes):
        parts += [nn.Linear(inside, out), between()]
    return nn.Sequential(*parts[:-1])


def separable() -> nn.Module:
    return nn.Sequential(
        *(
            nn.Conv2d(1, 8, 3),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, groups=8),
            nn.Conv2d(8, 16, 1),
            nn.BatchNorm2d(16),
        ),
        *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3)),
    )


def inverted() -> nn.Module:
    """Two linear bottlenecks as in MobileNet, without residuals."""
    return nn.Sequential(
        *(nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.ReLU6(), nn.Conv2d(12, 12, 3, 1, 1, groups=12)),
        *(nn.BatchNorm2d(12), nn.ReLU6(), nn.Conv2d(12, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 12, 1)),
        *(nn.BatchNorm2d(12), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3)),
    )


def normed() -> nn.Module:
    return nn.Sequential(
        *(nn.BatchNorm1d(6), nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(16, 16), nn.LayerNorm(16), nn.GELU(), nn.Dropout(0.2), nn.Linear(16, 3)),
    )


def series() -> nn.Module:
    return nn.Sequential(
        *(
            nn.Conv1d(2, 8, 3),
            nn.GroupNorm(2, 8),
            nn.ReLU(),
            nn.Dropout1d(0.1),
            nn.Conv1d(8, 8, 3),
            nn.ReLU(),
        ),
        *(nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(8, 1)),
    )


def frozen_backbone() -> nn.Module:
    """A backbone that has learnt something else and is kept, with a new head."""
    torch.manual_seed(5)
    backbone = mlp(6, 16, 16)
    teacher = nn.Sequential(backbone, nn.ReLU(), nn.Linear(16, 1))
    x, optimizer = rows(6, seed=9), torch.optim.Adam(teacher.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        functional.mse_loss(teacher(x)[:, 0], torch.sin(x[:, 0] * x[:, 1])).backward()
        optimizer.step()
    for each in backbone.parameters():
        each.requires_grad = False
    return nn.Sequential(backbone, nn.ReLU(), nn.Linear(16, 3))


def ends_with_logs() -> nn.Module:
    return nn.Sequential(mlp(6, 8, 3), nn.LogSoftmax(1))


def one_hot() -> Tensor:
    return functional.one_hot(codes(), 3).float()


class Computed(nn.Module):
    """A module whose forward pass is a function of itself and its inputs."""

    def __init__(self, function: Callable[..., Tensor], *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(self.parts, *inputs)


class Stuck(nn.Module):
    """A module that has one mode, whatever it is told."""

    def __init__(self, inner: nn.Module, training: bool) -> None:
        super().__init__()
        self.inner, self.only = inner, training

    def train(self, mode: bool = True) -> Stuck:
        return super().train(self.only)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


CE = nn.CrossEntropyLoss()
HEALTHY: dict[str, Callable[[], Made]] = {
    "linear classifier": lambda: (nn.Linear(6, 3), CE, rows(6), codes()),
    "linear regression": lambda: (nn.Linear(6, 1), nn.MSELoss(), rows(6), rows(1, seed=3)),
    "mlp": lambda: (mlp(6, 16, 16, 3), CE, rows(6), codes()),
    "mlp by name": lambda: (mlp(6, 16, 3), "sparse_categorical_crossentropy", rows(6), codes()),
    "mlp with softmax by name": lambda: (
        nn.Sequential(mlp(6, 16, 3), nn.Softmax(1)),
        "categorical_crossentropy",
        rows(6),
        one_hot(),
    ),
    "mlp of tanh, regression": lambda: (mlp(6, 16, 1, between=nn.Tanh), "mse", rows(6), rows(1, seed=3)),
    "positive regression": lambda: (
        nn.Sequential(mlp(6, 16, 1), nn.ReLU()),
        nn.MSELoss(),
        rows(6),
        rows(1).abs(),
    ),
    "share": lambda: (
        nn.Sequential(mlp(6, 16, 1), nn.Sigmoid()),
        nn.MSELoss(),
        rows(6),
        torch.sigmoid(rows(1)),
    ),
    "yes or no by logits": lambda: (
        mlp(6, 8, 1),
        nn.BCEWithLogitsLoss(),
        rows(6),
        codes(2)[:, None].float(),
    ),
    "yes or no by sigmoid": lambda: (
        nn.Sequential(mlp(6, 8, 1), nn.Sigmoid()),
        nn.BCELoss(),
        rows(6),
        codes(2)[:, None].float(),
    ),
    "exclusive classes by sigmoids": lambda: (mlp(6, 8, 3), nn.BCEWithLogitsLoss(), rows(6), one_hot()),
    "labels": lambda: (mlp(6, 8, 4), nn.BCEWithLogitsLoss(), rows(6), (rows(4, seed=4) > 0).float()),
    "log-softmax, nll": lambda: (ends_with_logs(), nn.NLLLoss(), rows(6), codes()),
    "log-softmax, cross entropy": lambda: (ends_with_logs(), CE, rows(6), codes()),
    "loss as a function": lambda: (
        mlp(6, 8, 3),
        lambda output, target: functional.cross_entropy(output, target, label_smoothing=0.1),
        rows(6),
        codes(),
    ),
    "norms and dropout": lambda: (normed(), CE, rows(6), codes()),
    "cnn": lambda: (
        nn.Sequential(
            *(nn.Conv2d(1, 8, 3), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3), nn.ReLU()),
            *(nn.Flatten(), nn.Dropout(0.3), nn.Linear(8, 3)),
        ),
        CE,
        rows(1, 8, 8),
        codes(),
    ),
    "residual cnn": lambda: (
        nn.Sequential(Block(1, 4), Block(4, 6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)),
        CE,
        rows(1, 8, 8),
        codes(),
    ),
    "separable cnn": lambda: (separable(), CE, rows(1, 8, 8), codes()),
    "inverted residuals": lambda: (inverted(), CE, rows(1, 8, 8), codes()),
    "squeeze and excitation": lambda: (Squeeze(), CE, rows(1, 8, 8), codes()),
    "segmentation": lambda: (Segmenter(), CE, rows(1, 8, 8), (rows(8, 8) > 0).long()),
    "series cnn": lambda: (series(), nn.L1Loss(), rows(2, 12), rows(1, seed=3)),
    "lstm": lambda: (Recurrent(), CE, tokens(), codes()),
    "gru, time first": lambda: (TimeFirst(), nn.HuberLoss(), rows(9, 5), rows(1, seed=3)),
    "transformer": lambda: (Encoder(False), CE, rows(7, 5), codes()),
    "transformer, norm first": lambda: (Encoder(True), CE, rows(7, 5), codes()),
    "attention by hand": lambda: (HandAttention(), CE, rows(7, 5), codes()),
    "residual mlp": lambda: (Residual(), nn.MSELoss(), rows(6), rows(1, seed=3)),
    "gated": lambda: (Gated(), nn.MSELoss(), rows(6), rows(1, seed=3)),
    "two inputs": lambda: (TwoInputs(), CE, (rows(6), tokens()), codes()),
    "autoencoder": lambda: (Autoencoder(), nn.MSELoss(), rows(20), rows(20)),
    "frozen backbone": lambda: (frozen_backbone(), CE, rows(6), codes()),
}
