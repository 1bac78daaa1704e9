"""A small mixed problem held in memory, networks for it, and populations that train on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from netwright.config import InputsConfig, NetworkConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.nn.network import Network
from netwright.training.callbacks import Callback
from netwright.training.population import Member, Population

ROWS = 300
INPUTS = InputsConfig.model_validate(
    {
        "number": {"embedding": "piecewise", "bins": 6, "size": 4},
        "category": {"one_hot_up_to": 5, "size": 3},
        "text": {"size": 4, "length": 6},
    }
)
TRAINING = {
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 3e-3,
    "weight_decay": 1e-3,
    "patience": None,
    "members": 1,
    "precision": "float32",
    "schedule": "cosine",
    "warmup": 0.1,
}


@dataclass
class Problem:
    """Data of every kind of column, with missing values, and what networks for it are built from."""

    data: Dataset
    schema: Schema

    def network(self, members: int = 1, dropout: list[float] | None = None, **network: Any) -> Network:
        settings = {
            "kind": "mlp",
            "width": 12,
            "depth": 2,
            "heads": 1,
            "normalization": "none",
            "dropout": 0.0,
        }
        config = NetworkConfig.model_validate(settings | network)
        return Network(self.schema, INPUTS, config, members, dropout)

    def population(
        self,
        members: Sequence[Member],
        *,
        dropout: list[float] | None = None,
        network: dict[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        **training: Any,
    ) -> Population:
        config = TrainingConfig.model_validate(TRAINING | training)
        built = self.network(len(members), dropout, **(network or {}))
        return Population(built, self.data, list(members), config, callbacks)


def _target(task: str, random: np.random.Generator, signal: np.ndarray) -> tuple[torch.Tensor, Target]:
    noisy = signal + 0.3 * random.normal(size=len(signal))
    if task == "binary":
        target = Target(columns=["y"], task="binary", classes=["a", "b"], positive="b")
        return torch.from_numpy((noisy > 0).astype(np.int64)), target
    if task == "multiclass":
        codes = np.digitize(noisy, [-0.7, 0.7])
        return torch.from_numpy(codes.astype(np.int64)), Target(
            columns=["y"], task="multiclass", classes=["a", "b", "c"]
        )
    if task == "multilabel":
        labels = np.stack([noisy > 0, noisy > 1], axis=1).astype(np.float32)
        return torch.from_numpy(labels), Target(columns=["y", "z"], task="multilabel")
    values = np.stack([100 + 20 * noisy, -3 * noisy], axis=1)
    return torch.from_numpy(values), Target(columns=["y", "z"], task="regression")


def make_problem(task: str = "binary") -> Problem:
    random = np.random.default_rng(7)
    number = random.normal(size=(ROWS, 3))
    number[:, 1] = np.round(number[:, 1])
    signal = number[:, 0] + number[:, 1]
    number[random.random((ROWS, 3)) < 0.1] = np.nan
    category = np.stack([random.integers(1, 5, ROWS), random.integers(1, 14, ROWS)], axis=1)
    date = 1.6e9 + 3.0e7 * random.random((ROWS, 1))
    date[random.random(ROWS) < 0.1] = np.nan
    text = random.integers(0, 16, (ROWS, 6))
    target, described = _target(task, random, signal)
    columns = [
        *(Column(name=f"n{place}", kind="number", values=7 if place == 1 else ROWS) for place in range(3)),
        Column(name="few", kind="category", categories=list("abc")),
        Column(name="many", kind="category", categories=list("abcdefghijkl")),
        Column(name="when", kind="date"),
        Column(name="words", kind="text", buckets=16),
    ]
    raw = {
        "number": torch.from_numpy(number),
        "category": torch.from_numpy(category.astype(np.int32)),
        "date": torch.from_numpy(date),
        "text:words": torch.from_numpy(text.astype(np.int32)),
    }
    return Problem(Dataset(raw, target, torch.ones(ROWS)), Schema(columns=columns, target=described))


@pytest.fixture
def problem() -> Callable[..., Problem]:
    """Makes a problem: `problem("regression")`, binary unless told otherwise."""
    return make_problem


@pytest.fixture
def member() -> Callable[..., Member]:
    """Makes a member that trains on the first `rows` rows and validates on the last 60."""

    def make(seed: int = 0, rows: int = 200, **settings: Any) -> Member:
        validation = torch.arange(ROWS - 60, ROWS)
        settings = {"learning_rate": 3e-3, "weight_decay": 1e-3, **settings}
        return Member(seed, torch.arange(rows), validation, **settings)

    return make
