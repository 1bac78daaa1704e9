"""Microseconds per step of each optimiser on flat parameters of M networks, beside torch.optim's.

python benchmarks/optimizers.py [--old FILE] [--threads 2]

P is 11,274: a network 100-64-64-10. torch.optim steps one network of six tensors, the usual case, M times as
many for M networks. FILE is another version's optimizer.py, to be measured beside this one.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from netwright.nn import initial
from netwright.nn.member import Layer, Layout
from netwright.training.muon import Plan
from netwright.training.optimizer import Optimizer
from netwright.training.rules import RULES, Settings

SHAPES = [(100, 64), (1, 64), (64, 64), (1, 64), (64, 10), (1, 10)]
THEIRS: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {"lr": 1e-3, "momentum": 0.9}),
    "rmsprop": (torch.optim.RMSprop, {"lr": 1e-3}),
    "adagrad": (torch.optim.Adagrad, {"lr": 1e-3}),
    "adadelta": (torch.optim.Adadelta, {"lr": 1e-3}),
    "adamax": (torch.optim.Adamax, {"lr": 1e-3}),
    "adam": (torch.optim.Adam, {"lr": 1e-3}),
    "adamw": (torch.optim.AdamW, {"lr": 1e-3, "weight_decay": 0.01}),
    "nadam": (torch.optim.NAdam, {"lr": 1e-3}),
}


def microseconds(call: Callable[[], None]) -> float:
    """The least of rounds of some milliseconds: other programs only ever add to it."""
    for _ in range(5):
        call()
    least = float("inf")
    for _ in range(40):
        began = time.perf_counter()
        for _ in range(20):
            call()
        least = min(least, (time.perf_counter() - began) / 20)
    return least * 1e6


def layout() -> Layout:
    layer = Layer()
    for place, shape in enumerate(SHAPES):
        layer.declare(f"p{place}", shape, initial.ones, decay=shape[0] > 1)
    return Layout(layer)


def ours(name: str, members: int, *, tensors: bool = False, differ: bool = False) -> float:
    """`tensors`: the rate comes as [M, 1]. `differ`: members have rates and betas of their own."""
    places = layout()
    flat, gradient = (torch.randn(members, places.size) * 0.01 for _ in range(2))
    settings = Settings(
        weight_decay=0.01 if name == "adamw" else 0.0, momentum=0.9 if name in ("sgd", "muon") else 0.0
    )
    rate: Any = torch.full((members, 1), 1e-3) if tensors or differ else 1e-3
    if differ:
        rate = rate * torch.linspace(0.5, 1.0, members)[:, None]
        settings.beta1 = torch.linspace(0.8, 0.9, members)[:, None]
    plan = Plan.of(places) if name == "muon" else None
    optimizer = Optimizer(name, flat, settings, places.rates(), places.decays(), plan)
    return microseconds(lambda: optimizer.step(gradient, rate))


def theirs(name: str, members: int, way: str) -> float:
    made, arguments = THEIRS[name]
    weights = [torch.nn.Parameter(torch.randn(shape)) for _ in range(members) for shape in SHAPES]
    for weight in weights:
        weight.grad = torch.randn_like(weight) * 0.01
    try:
        optimizer = made(
            weights, foreach=way == "foreach", **({"fused": True} if way == "fused" else {}), **arguments
        )
        return microseconds(optimizer.step)
    except (TypeError, RuntimeError):
        return float("nan")


def before(file: Path, name: str, members: int) -> float:
    spec = importlib.util.spec_from_file_location("old_optimizer", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["old_optimizer"] = module
    spec.loader.exec_module(module)
    places = layout()
    flat, gradient = (torch.randn(members, places.size) * 0.01 for _ in range(2))
    columns = [
        torch.full((members, 1), value) for value in (0.01 if name == "adamw" else 0.0, 0.9, 0.999, 0.9)
    ]
    rate = torch.full((members, 1), 1e-3)
    try:
        optimizer = module.Optimizer(name, flat, module.Settings(*columns), places.rates(), places.decays())
    except KeyError:
        return float("nan")
    return microseconds(lambda: optimizer.step(gradient, rate))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--old", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    old = arguments.old
    torch.set_num_threads(arguments.threads)
    for members in (1, 64):
        print(f"\nM = {members}, P = {layout().size}; microseconds per step")
        names = ["ours", "rate [M, 1]", "members differ", "old", "torch loop", "foreach", "fused"]
        print(f"{'':10}" + "".join(f"{name:>15}" for name in names))
        for name in RULES:
            figures = [
                ours(name, members),
                ours(name, members, tensors=True),
                ours(name, members, differ=True) if members > 1 else float("nan"),
                before(old, name, members) if old else float("nan"),
            ]
            figures += [
                theirs(name, members, way) if name in THEIRS else float("nan")
                for way in ("loop", "foreach", "fused")
            ]
            shown = "".join(f"{'-' if each != each else f'{each:.1f}':>15}" for each in figures)
            print(f"{name:10}{shown}", flush=True)


if __name__ == "__main__":
    main()
