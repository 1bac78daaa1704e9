"""How often the XOR course program learns XOR: accuracies on the test rows over many starts.

python benchmarks/xor.py DATA [--seeds 40] [--states 42] [--dropout 0.1] [--start auto]

Dense 6-4-1, ReLU and sigmoid, binary cross-entropy, Adam, 100 epochs, batch 32, a quarter of the rows held
out. Each line is one split (`random_state`) with or without dropout after the two hidden layers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

import netwright as nw
from netwright import layers
from netwright.utils import set_random_seed


def accuracy(parts: Sequence[Any], dropout: float, start: str) -> float:
    x_train, x_test, y_train, y_test = parts
    model = nw.Sequential()
    model.add(layers.Dense(6, activation="relu", kernel_initializer=start, input_dim=2))
    if dropout:
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(4, activation="relu", kernel_initializer=start))
    if dropout:
        model.add(layers.Dropout(dropout))
    model.add(layers.Dense(1, activation="sigmoid", kernel_initializer=start))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=100, batch_size=32, verbose=0)
    return model.evaluate(x_test, y_test, verbose=0)[1]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--states", default="42", help="random_state of the splits, such as 42,0,1")
    parser.add_argument("--dropout", default="0,0.1", help="rates, such as 0,0.1")
    parser.add_argument("--start", default="auto", help="kernel_initializer, such as glorot_uniform")
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.data / "xor/xor.csv")
    x, y = table[["x", "y"]], table["class id"]
    print(f"start {arguments.start}, {arguments.seeds} seeds")
    print(f"{'state':>6}{'dropout':>9}{'mean':>8}{'below .9':>10}{'minimum':>9}{'s a fit':>9}   five lowest")
    for state in map(int, arguments.states.split(",")):
        parts = train_test_split(x, y, test_size=0.25, random_state=state)
        for dropout in map(float, arguments.dropout.split(",")):
            found, began = [], time.monotonic()
            for seed in range(arguments.first, arguments.first + arguments.seeds):
                set_random_seed(seed)
                found.append(accuracy(parts, dropout, arguments.start))
            seconds = (time.monotonic() - began) / len(found)
            low = f"{sum(each < 0.9 for each in found)} of {len(found)}"
            lowest = " ".join(f"{each:.3f}" for each in sorted(found)[:5])
            figures = f"{np.mean(found):8.4f}{low:>10}{min(found):9.3f}{seconds:9.2f}"
            print(f"{state:6d}{dropout:9.2f}{figures}   {lowest}", flush=True)


if __name__ == "__main__":
    main()
