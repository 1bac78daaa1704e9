"""Microseconds per training step and network, and memory, of populations trained as one program.

python benchmarks/population.py [--python PATH] [--rounds 5] [--members 1,4,16,64,256] [--shapes small,wide]

1000 random rows of 100 features in ten classes, batch 32, Adam, categorical cross-entropy, for the
network of the course program (64-64-10, "small") and for one of 256-256-256-10 ("wide"). Each member has
a seed and an order of its own. Beside it: a usual PyTorch loop over one network, and a raw JAX program
that scans over the steps of an epoch, of one network and of 64 by vmap. PATH is an interpreter that has
JAX. Every contender lives in a process of its own, and they take turns. Memory is the process's peak
beyond what its imports take.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROWS, FEATURES, CLASSES, BATCH = 1000, 100, 10, 32
STEPS = -(-ROWS // BATCH)
SHAPES = {"small": (64, 64), "wide": (256, 256, 256)}
Epochs = Callable[[int], None]
"""Trains for so many epochs more."""


def data() -> tuple[np.ndarray, np.ndarray]:
    """x [N, D] float32, y [N] int64"""
    random = np.random.default_rng(0)
    return random.random((ROWS, FEATURES), dtype=np.float32), random.integers(0, CLASSES, ROWS)


def netwright(widths: tuple[int, ...], members: int) -> Epochs:
    import torch

    from netwright import losses
    from netwright.config import TrainingConfig
    from netwright.data.dataset import Dataset
    from netwright.layers import Dense
    from netwright.layers.base import Symbol
    from netwright.models.network import Goal, GraphNetwork
    from netwright.training.device import fitting_threads
    from netwright.training.population import Member, Population

    x, y = (torch.from_numpy(each) for each in data())
    first = symbol = Symbol((FEATURES,))
    for width in widths:
        symbol = Dense(width, "relu")(symbol)
    network = GraphNetwork([first], [Dense(CLASSES, "softmax")(symbol)], members)
    network.aim([Goal(losses.get("sparse_categorical_crossentropy"))])
    rows = torch.arange(ROWS)
    settings = {"epochs": 1, "batch_size": BATCH, "optimizer": "adam", "schedule": "constant", "warmup": 0.0}

    def train(epochs: int) -> None:
        config = TrainingConfig.model_validate(settings | {"epochs": epochs, "patience": None})
        each = [Member(seed, rows, rows[:0], 1e-3) for seed in range(members)]
        population = Population(
            network, Dataset({"x": x}, y, torch.ones(ROWS)), each, config, keep_best=False
        )
        population.prepare()
        network.use_chain(BATCH)
        with fitting_threads(BATCH * network.layout.size * members, network.flat.device):
            population.train()

    return train


def torch_loop(widths: tuple[int, ...], members: int) -> Epochs:
    import torch
    from torch import nn

    assert members == 1
    x, y = (torch.from_numpy(each) for each in data())
    parts: list[nn.Module] = []
    for inputs, width in zip((FEATURES, *widths), widths, strict=False):
        parts += [nn.Linear(inputs, width), nn.ReLU()]
    model = nn.Sequential(*parts, nn.Linear(widths[-1], CLASSES))
    optimizer, loss_of = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()

    def train(epochs: int) -> None:
        for _ in range(epochs):
            order = torch.randperm(ROWS)
            for start in range(0, ROWS, BATCH):
                rows = order[start : start + BATCH]
                optimizer.zero_grad()
                loss_of(model(x[rows]), y[rows]).backward()
                optimizer.step()

    return train


def jax_scan(widths: tuple[int, ...], members: int) -> Epochs:
    """Whole batches only: a scan wants all steps of one shape. Counted as if it had the last one too."""
    import jax
    import jax.numpy as jnp

    x, y = (jnp.asarray(each) for each in data())
    sizes = (FEATURES, *widths, CLASSES)

    def start(key: Any) -> Any:
        keys = jax.random.split(key, len(sizes) - 1)
        return [
            (jax.random.normal(each, (inputs, outputs)) * (2.0 / inputs) ** 0.5, jnp.zeros(outputs))
            for each, inputs, outputs in zip(keys, sizes[:-1], sizes[1:], strict=True)
        ]

    def loss_of(layers: Any, x: Any, y: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(x @ weight + bias)
        logs = jax.nn.log_softmax(x @ layers[-1][0] + layers[-1][1])
        return -jnp.take_along_axis(logs, y[:, None], 1).mean()

    def step(carry: Any, rows: Any) -> Any:
        layers, first, second, count = carry
        loss, slopes = jax.value_and_grad(loss_of)(layers, x[rows], y[rows])
        count += 1.0
        tree = jax.tree_util.tree_map
        first = tree(lambda m, g: 0.9 * m + 0.1 * g, first, slopes)
        second = tree(lambda v, g: 0.999 * v + 0.001 * g * g, second, slopes)
        scale = 1e-3 * jnp.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)
        layers = tree(lambda p, m, v: p - scale * m / (jnp.sqrt(v) + 1e-7), layers, first, second)
        return (layers, first, second, count), loss

    def epoch(carry: Any, key: Any) -> Any:
        order = jax.random.permutation(key, ROWS)[: ROWS // BATCH * BATCH].reshape(-1, BATCH)
        return jax.lax.scan(step, carry, order)

    run = jax.jit(jax.vmap(epoch) if members > 1 else epoch, donate_argnums=0)
    keys = jax.random.split(jax.random.key(0), members)
    layers = jax.vmap(start)(keys) if members > 1 else start(keys[0])
    first, second = (jax.tree_util.tree_map(jnp.zeros_like, layers) for _ in range(2))
    carry = (layers, first, second, jnp.zeros(members) if members > 1 else jnp.zeros(()))
    split = jax.vmap(jax.random.split, out_axes=1) if members > 1 else jax.random.split
    divide = jax.jit(split)
    state: dict[str, Any] = {"carry": carry, "keys": keys if members > 1 else keys[0]}

    def train(epochs: int) -> None:
        for _ in range(epochs):
            state["keys"], now = divide(state["keys"])
            state["carry"], state["losses"] = run(state["carry"], now)
        state["losses"].block_until_ready()

    return train


MAKERS = {"netwright": netwright, "torch": torch_loop, "jax": jax_scan}


# A contender's process --------------------------------------------------------------------------------------


def peak() -> float:
    """Megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(name: str, shape: str, members: int, seconds: float) -> None:
    """Answers each line on stdin with microseconds per step and network, and megabytes."""
    if name == "jax":
        import jax.numpy as jnp

        jnp.zeros(1).block_until_ready()
    else:
        import torch

        torch.ones(64, 64).mm(torch.ones(64, 64))
        if name == "netwright":
            import netwright.models.network
            import netwright.training.population  # noqa: F401
    before = peak()
    train = MAKERS[name](SHAPES[shape], members)
    train(2)
    began = time.perf_counter()
    train(2)
    epochs = max(2, round(seconds / ((time.perf_counter() - began) / 2)))
    print("ready", flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        train(epochs)
        spent = time.perf_counter() - began
        print(json.dumps([spent / epochs / STEPS / members * 1e6, peak() - before]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement, about")
    parser.add_argument("--members", default="1,4,16,64,256")
    parser.add_argument("--shapes", default="small,wide")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        name, shape, members = arguments.serve
        serve(name, shape, int(members), arguments.seconds)
        return
    counts = [int(each) for each in arguments.members.split(",")]
    for shape in arguments.shapes.split(","):
        wanted = [("torch", 1), *(("netwright", each) for each in counts), ("jax", 1), ("jax", 64)]
        print(f"\n{shape}: {SHAPES[shape]}, load {os.getloadavg()[0]:.1f} before", flush=True)
        table(shape, wanted, arguments)


def table(shape: str, wanted: list[tuple[str, int]], arguments: argparse.Namespace) -> None:
    processes: dict[tuple[str, int], subprocess.Popen[str]] = {}
    for name, members in wanted:
        interpreter = arguments.python if name == "jax" else sys.executable
        options = ["--seconds", str(arguments.seconds), "--serve", name, shape, str(members)]
        process = subprocess.Popen(
            [interpreter, __file__, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if name == "jax" else None,
            text=True,
        )
        assert process.stdout is not None
        if process.stdout.readline() == "ready\n":
            processes[name, members] = process
        else:
            print(f"left out: {name} of {members}", flush=True)
    found: dict[tuple[str, int], list[list[float]]] = {key: [] for key in processes}
    for _ in range(arguments.rounds):
        for key, process in processes.items():
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            found[key].append(json.loads(process.stdout.readline()))
    for process in processes.values():
        process.communicate()
    loop = statistics.median(each[0] for each in found["torch", 1])
    print(f"{'':14}{'networks':>9}{'us/step/network':>17}{'least':>9}{'PyTorch times it':>18}{'MB':>8}")
    for (name, members), rounds in found.items():
        middle, least = statistics.median(each[0] for each in rounds), min(each[0] for each in rounds)
        memory = rounds[-1][1]
        print(f"{name:14}{members:9}{middle:17.2f}{least:9.2f}{loop / middle:18.2f}{memory:8.0f}")


if __name__ == "__main__":
    main()
