"""XOR: which points of a square have coordinates of unlike signs? Five starts, with and without dropout.

python examples/xor.py [XOR.csv] [--runs 5] [--epochs 100] [--surface xor.png]

The file has the columns x, y and "class id"; without one, rows of the same rule are drawn. Dense 6-4-1, a
quarter of the rows held out. The surface shows what the last network without dropout learnt.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import netwright as nw
from netwright import layers


def rows(path: str | None) -> pd.DataFrame:
    if path is not None:
        return pd.read_csv(path)
    points = np.random.default_rng(0).uniform(-5, 5, (1000, 2))
    label = (points.prod(axis=1) < 0).astype(int)
    return pd.DataFrame({"x": points[:, 0], "y": points[:, 1], "class id": label})


def network(dropout: float) -> nw.Sequential:
    model = nw.Sequential()
    model.add(layers.Dense(6, activation="relu", input_dim=2))
    if dropout:
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(4, activation="relu"))
    if dropout:
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", nargs="?")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--surface", default="xor.png")
    arguments = parser.parse_args()

    table = rows(arguments.data)
    X, y = table[["x", "y"]], table["class id"]
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=42)
    for dropout in (0.1, 0.0):
        accuracies = []
        for seed in range(arguments.runs):
            nw.set_seed(seed)
            model = network(dropout)
            model.fit(X_train, y_train, epochs=arguments.epochs, batch_size=32, verbose=0)
            _, accuracy = model.evaluate(X_test, y_test, verbose=0)
            accuracies.append(accuracy)
        told = " ".join(f"{accuracy:.3f}" for accuracy in accuracies)
        print(f"dropout {dropout:.1f}: accuracies {told}, mean {np.mean(accuracies):.3f}")
    nw.plots.surface(model, X, y).savefig(arguments.surface)
    print(f"decision surface: {arguments.surface}")


if __name__ == "__main__":
    main()
