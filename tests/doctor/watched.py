"""Small trainings that a monitor watches."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import netwright as nw
from netwright.config import InputsConfig, NetworkConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.doctor.monitor import Monitor
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.network import Network
from netwright.trainer.goal import ModuleGoal
from netwright.training.optimizer import Optimizer, Settings
from netwright.training.population import Member, Population

ROWS = 150
X = np.random.default_rng(0).normal(size=(ROWS, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def trained(module, callbacks=(), x=X, y=Y, loss=None, **settings):
    fit = {"epochs": 3, "batch_size": 16, "verbose": 0}
    fit |= {name: settings.pop(name) for name in list(settings) if name in ("epochs", "validation_data")}
    trainer = nw.Trainer(
        module, loss or nn.CrossEntropyLoss(), callbacks=list(callbacks), seed=1, device="cpu", **settings
    )
    trainer.fit(x, y, **fit)
    return trainer


def mlp(*more: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), *more, nn.ReLU(), nn.Linear(8, 2))


def population(members, monitor=None, **training) -> Population:
    random = np.random.default_rng(0)
    number = random.normal(size=(300, 4))
    target = (number[:, 0] - number[:, 1] > 0).astype(np.int64)
    columns = [Column(name=f"n{place}", kind="number", values=300) for place in range(4)]
    described = Target(columns=["y"], task="binary", classes=["a", "b"], positive="b")
    data = Dataset({"number": torch.from_numpy(number)}, torch.from_numpy(target), torch.ones(300))
    settings = {"epochs": 6, "batch_size": 16, "patience": None, "precision": "float32", "members": 1}
    settings |= {"learning_rate": 3e-3, "weight_decay": 1e-3, "schedule": "constant", "warmup": 0.0}
    network = {"kind": "mlp", "width": 8, "depth": 2, "normalization": "none", "dropout": 0.0, "heads": 1}
    inputs = InputsConfig.model_validate({"number": {"embedding": "none", "bins": 4, "size": 2}})
    return Population(
        Network(
            Schema(columns=columns, target=described),
            inputs,
            NetworkConfig.model_validate(network),
            len(members),
        ),
        data,
        list(members),
        TrainingConfig.model_validate(settings | training),
        [] if monitor is None else [monitor],
        leave=True,
    )


def member(seed: int, rows: int, rate: float = 3e-3) -> Member:
    return Member(seed, torch.arange(rows), torch.arange(240, 300), rate)


MEMBERS = [member(0, 200), member(1, 120), member(2, 200, 1e-2)]


def side_by_side(modules: list[nn.Module], monitor: Monitor | None, epochs: int = 4) -> Population:
    """Modules of PyTorch as the members of one population."""
    goal = ModuleGoal(nn.CrossEntropyLoss(), [], modules[0])
    goal.prepare(torch.from_numpy(Y), torch.zeros(ROWS, 2))
    data = Dataset({"x": torch.from_numpy(X)}, torch.from_numpy(Y), torch.ones(ROWS))
    settings = {"epochs": epochs, "batch_size": 16, "patience": None, "precision": "float32", "members": 1}
    settings |= {"weight_decay": 0.0, "schedule": "constant", "warmup": 0.0, "label_smoothing": 0.0}
    network = ForeignNetwork(modules, goal)
    network.attach()
    rates, decays = network.layout.rates(), network.layout.decays()
    return Population(
        network,
        data,
        [
            Member(seed, torch.arange(120 - 20 * seed), torch.arange(120, 150), 1e-2)
            for seed in range(len(modules))
        ],
        TrainingConfig.model_validate(settings),
        [] if monitor is None else [monitor],
        optimizer=Optimizer("adam", network.flat.detach(), Settings(), rates, decays),
    )
