"""What watching a training costs: the same training with and without the doctor's `Monitor`, in turns.

python benchmarks/doctor/overhead.py [--rounds 21] [--only "small CNN"]

Processor seconds of one thread, so that what else runs on the machine counts little. A ratio is that of two
trainings one after the other; the table has their median and quartiles. Each has 30 epochs: what is done
once, before the first step and after the last one, counts as in any short training.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

import netwright as nw
from netwright.config import InputsConfig, NetworkConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.doctor.monitor import Monitor
from netwright.nn.network import Network
from netwright.training.callbacks import Callback
from netwright.training.population import Member, Population

EPOCHS = 30
Training = Callable[[Sequence[Callback]], Callable[[], Any]]
"""Prepares a training with callbacks, and gives back what trains"""


def _digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(np.float32), y.astype(np.int64)


def sequential(callbacks: Sequence[Callback]) -> Callable[[], Any]:
    """64-64-10 with written-out back-propagation on NumPy: some 110 microseconds a step."""
    x, y = _digits()
    nw.set_seed(0)
    model = nw.Sequential([nw.layers.Dense(64, "relu"), nw.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    kept = list(callbacks)
    return lambda: model.fit(x, y, epochs=EPOCHS, validation_split=0.2, callbacks=kept, verbose=0)


def _trainer(module: nn.Module, x: np.ndarray, callbacks: Sequence[Callback]) -> Callable[[], Any]:
    _, y = _digits()
    loss = "sparse_categorical_crossentropy"
    trainer = nw.Trainer(module, loss, "adam", learning_rate=1e-3, callbacks=callbacks, device="cpu", seed=0)
    return lambda: trainer.fit(x, y, epochs=EPOCHS, validation_split=0.2, verbose=0)


def module(callbacks: Sequence[Callback]) -> Callable[[], Any]:
    torch.manual_seed(0)
    return _trainer(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), _digits()[0], callbacks)


def convolutions(callbacks: Sequence[Callback]) -> Callable[[], Any]:
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10)),
    )
    return _trainer(net, _digits()[0].reshape(-1, 1, 8, 8), callbacks)


def table(members: int) -> Training:
    """A network of a table of 12 columns, as `netwright train` builds it."""

    def prepare(callbacks: Sequence[Callback]) -> Callable[[], Any]:
        random = np.random.default_rng(0)
        number, category = random.normal(size=(2000, 8)), random.integers(1, 6, (2000, 4))
        target = (number[:, 0] + number[:, 1] * number[:, 2] + category[:, 0] > 3).astype(np.int64)
        columns = [Column(name=f"n{place}", kind="number", values=2000) for place in range(8)]
        columns += [Column(name=f"c{place}", kind="category", categories=list("abcde")) for place in range(4)]
        schema = Schema(
            columns=columns, target=Target(columns=["y"], task="binary", classes=["a", "b"], positive="b")
        )
        raw = {"number": torch.from_numpy(number), "category": torch.from_numpy(category.astype(np.int32))}
        data = Dataset(raw, torch.from_numpy(target), torch.ones(2000))
        network = {"kind": "tabm", "width": 64, "depth": 2, "heads": 8, "normalization": "none"}
        training = {"epochs": EPOCHS, "batch_size": 64, "members": members, "precision": "float32"}
        training |= {
            "label_smoothing": 0.0,
            "patience": None,
            "schedule": "cosine",
            "warmup": 0.1,
            "learning_rate": 2e-3,
        }
        config = TrainingConfig.model_validate(training | {"weight_decay": 1e-3})
        inputs = InputsConfig.model_validate(
            {"number": {"embedding": "piecewise", "bins": 16, "size": 8}, "category": {"size": 4}}
        )
        train, validation = torch.arange(1600), torch.arange(1600, 2000)
        population = Population(
            Network(schema, inputs, NetworkConfig.model_validate(network | {"dropout": 0.1}), members),
            data,
            [Member.of(config, train, validation, seed) for seed in range(members)],
            config,
            callbacks,
        )
        population.prepare()
        return population.train

    return prepare


SETUPS: dict[str, Training] = {
    "digits, Sequential": sequential,
    "digits, Trainer": module,
    "small CNN, Trainer": convolutions,
    "table, 1 member": table(1),
    "table, 16 members": table(16),
}


def seconds(training: Training, callbacks: Sequence[Callback]) -> float:
    train = training(callbacks)
    began = time.process_time()
    train()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--only", choices=SETUPS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'training of ' + str(EPOCHS) + ' epochs':24}{'seconds':>9}{'ratio':>8}   quartiles")
    for name, training in SETUPS.items():
        if given.only not in (None, name):
            continue
        seconds(training, [])
        plain, ratios = [], []
        for turn in range(given.rounds):
            times = {}
            for watched in (turn % 2 == 0, turn % 2 == 1):
                times[watched] = seconds(training, [Monitor()] if watched else [])
            plain.append(times[False])
            ratios.append(times[True] / times[False])
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"{name:24}{statistics.median(plain):9.3f}{middle:8.3f}   {low:.3f} to {high:.3f}", flush=True)


if __name__ == "__main__":
    main()
