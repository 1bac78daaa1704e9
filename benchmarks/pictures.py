"""Pictures per second and accuracy of a small convolutional network, beside a usual PyTorch loop.

python benchmarks/pictures.py DATA [--rows 12800] [--epochs 3] [--seeds 0,1,2] [--own-start]

conv 32 - pool - conv 64 - pool - dense 128 on fashion_mnist (DATA/fashion_mnist holds its four idx
files), batch 128, Adam. The loop is in float32 on [N, C, H, W], as tutorials have it. Both take turns,
seed by seed, on the same rows in the same order and from the same weights, PyTorch's, so that accuracies
compare the engines; with --own-start Netwright starts from its own. The figures are of whole epochs, the
first of each training left out.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

import netwright as nw
from netwright import layers
from netwright.callbacks import Callback

BATCH = 128
Result = tuple[list[float], float]
"""seconds of each epoch, and test accuracy"""


def idx(path: Path) -> np.ndarray:
    """An array of bytes from a file of the idx format."""
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">i4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def part(folder: Path, name: str, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """x [N, 28, 28, 1] from 0 to 1, y [N]"""
    x = idx(folder / f"{name}-images-idx3-ubyte.gz")[:rows].astype(np.float32) / 255
    return x[..., None], idx(folder / f"{name}-labels-idx1-ubyte.gz")[:rows].astype(np.int64)


def network() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10)),
    )


def as_keras(model: nn.Sequential) -> list[np.ndarray]:
    """A network's weights, inputs first and channels last."""
    first, first_bias, second, second_bias, dense, dense_bias, last, last_bias = (
        each.detach().numpy() for each in model.parameters()
    )
    dense = dense.reshape(128, 64, 5, 5).transpose(2, 3, 1, 0).reshape(1600, 128)
    kernels = (first.transpose(2, 3, 1, 0), second.transpose(2, 3, 1, 0), dense, last.T)
    biases = (first_bias, second_bias, dense_bias, last_bias)
    return [each for pair in zip(kernels, biases, strict=True) for each in pair]


def ours(train: tuple, test: tuple, seed: int, epochs: int, precision: str, own_start: bool) -> Result:
    class Clock(Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            moments.append(time.perf_counter())

    moments: list[float] = []
    nw.set_seed(seed)
    model = nw.Sequential(
        [
            layers.Conv2D(32, 3, activation="relu", input_shape=(28, 28, 1)),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", precision=precision)
    if not own_start:
        torch.manual_seed(seed)
        model.set_weights(as_keras(network()))
    order = np.random.default_rng(seed).permutation(len(train[1]))
    rows = (train[0][order], train[1][order])
    model.fit(*rows, batch_size=BATCH, epochs=epochs, verbose=0, shuffle=False, callbacks=[Clock()])
    return np.diff(moments).tolist(), float((model.predict(test[0]).argmax(1) == test[1]).mean())


def loop(train: tuple, test: tuple, seed: int, epochs: int) -> Result:
    torch.manual_seed(seed)
    x, y = torch.from_numpy(train[0].transpose(0, 3, 1, 2).copy()), torch.from_numpy(train[1])
    model = network()
    optimizer, loss_of = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    moments = []
    for _ in range(epochs):
        order = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)))
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            loss_of(model(x[rows]), y[rows]).backward()
            optimizer.step()
        moments.append(time.perf_counter())
    with torch.no_grad():
        judged = torch.from_numpy(test[0].transpose(0, 3, 1, 2).copy()).split(1000)
        found = torch.cat([model(piece).argmax(1) for piece in judged]).numpy()
    return np.diff(moments).tolist(), float((found == test[1]).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--rows", type=int, default=12_800)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--precision", default="float32,auto")
    parser.add_argument("--own-start", action="store_true")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    folder = arguments.data / "fashion_mnist"
    train, test = part(folder, "train", arguments.rows), part(folder, "t10k", 10_000)
    print(f"{arguments.rows} rows, {arguments.threads} threads, load {os.getloadavg()[0]:.1f} before")
    kinds = {f"netwright, {each}": each for each in arguments.precision.split(",")}
    found: dict[str, list[Result]] = {name: [] for name in ("PyTorch loop", *kinds)}
    for seed in (int(each) for each in arguments.seeds.split(",")):
        found["PyTorch loop"].append(loop(train, test, seed, arguments.epochs))
        for name, precision in kinds.items():
            found[name].append(ours(train, test, seed, arguments.epochs, precision, arguments.own_start))
    base = rate(found["PyTorch loop"], arguments.rows)
    for name, results in found.items():
        each = rate(results, arguments.rows)
        accuracies = [accuracy for _, accuracy in results]
        told = " ".join(f"{accuracy:.4f}" for accuracy in accuracies)
        print(f"{name:22}{each:9.0f} pictures/s{each / base:7.2f} times   accuracy", end=" ")
        print(f"{statistics.mean(accuracies):.4f} ({told})", flush=True)


def rate(results: list[Result], rows: int) -> float:
    return rows / statistics.median(seconds for times, _ in results for seconds in times)


if __name__ == "__main__":
    main()
