"""Seconds of a search on titanic: 5 folds x 32 trials x 30 epochs, batch 32, two hidden layers of 64.

python benchmarks/trials.py DATA [--trials 32] [--rounds 3] [--threads 2]

Learning rate, weight decay and dropout are searched at random. `train_crowd` trains all 160 networks as one
program; beside it the same trials in a plain PyTorch loop under Optuna, and scikit-learn's RandomizedSearchCV
over MLPClassifier with two processes (which has no dropout). All have the same columns and folds; reading the
file does not count, preparing the columns does. Each round runs all three, so that what else the machine does
hits all alike.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import polars as pl
import torch
from sklearn.model_selection import StratifiedKFold
from torch import nn

FOLDS, EPOCHS, BATCH, WIDTH = 5, 30, 32, 64
NUMBERS, WORDS, TARGET = ["Pclass", "Age", "SibSp", "Parch", "Fare"], ["Sex", "Embarked"], "Survived"
RATES, DECAYS, DROPOUT = (1e-4, 1e-2), (1e-6, 1e-2), (0.0, 0.5)
Folds = list[tuple[np.ndarray, np.ndarray]]


def sampled(trial: optuna.Trial) -> tuple[float, float, float]:
    """Rate, decay and dropout of a trial."""
    return (
        trial.suggest_float("rate", *RATES, log=True),
        trial.suggest_float("decay", *DECAYS, log=True),
        trial.suggest_float("dropout", *DROPOUT),
    )


def study() -> optuna.Study:
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=0))


def encoded(table: pl.DataFrame, train: np.ndarray) -> np.ndarray:
    """Scaled numbers and one-hot words, fitted on the training rows. [N, D] float32"""
    numbers = table[NUMBERS].cast(pl.Float64).to_numpy()
    middle = np.nanmedian(numbers[train], 0)
    filled = np.where(np.isnan(numbers), middle, numbers)
    filled = (filled - filled[train].mean(0)) / (filled[train].std(0) + 1e-9)
    words = table[WORDS].fill_null("").to_dummies().to_numpy()
    return np.hstack([filled, words]).astype(np.float32)


def crowd(table: pl.DataFrame, folds: Folds, trials: int) -> list[float]:
    """Accuracies of the trials, means over folds."""
    from netwright.config import Config
    from netwright.pipeline.crowd import Plan, train_crowd
    from netwright.pipeline.prepare import prepare
    from netwright.pipeline.resolve import resolve
    from netwright.pipeline.watch import Watch

    threads = torch.get_num_threads()
    config = Config.parse(
        {
            "data": {"target": [TARGET]},
            "inputs": {"number": {"embedding": "none"}},
            "network": {"kind": "mlp", "width": WIDTH, "depth": 2},
            "training": {
                "epochs": EPOCHS,
                "batch_size": BATCH,
                "patience": None,
                "optimizer": "adamw",
                "schedule": "constant",
                "warmup": 0.0,
                "device": "cpu",
                "threads": threads,
            },
        }
    )
    prepared = prepare(config, table[[*NUMBERS, *WORDS, TARGET]], Watch())
    base, _ = resolve(prepared.config, prepared.schema, len(folds[0][0]))
    search, asked, plans = study(), [], []
    for _ in range(trials):
        trial = search.ask()
        asked.append(trial)
        own = base.model_copy(deep=True)
        rate, own.training.weight_decay, own.network.dropout = sampled(trial)
        own.training.learning_rate = rate
        plans += [Plan(own, train, held) for train, held in folds]
    trained = train_crowd(prepared.schema, prepared.dataset(), plans)
    each = [max(row["validation_accuracy"] for row in one.rows) for one in trained]
    means = np.reshape(each, (trials, FOLDS)).mean(1).tolist()
    for trial, mean in zip(asked, means, strict=True):
        search.tell(trial, mean)
    return means


def loop(table: pl.DataFrame, folds: Folds, trials: int) -> list[float]:
    y = torch.from_numpy(table[TARGET].to_numpy().astype(np.int64))

    def score(trial: optuna.Trial) -> float:
        rate, decay, dropout = sampled(trial)
        found = []
        for train, held in folds:
            x = torch.from_numpy(encoded(table, train))
            model = nn.Sequential(
                *(nn.Linear(x.shape[1], WIDTH), nn.ReLU(), nn.Dropout(dropout)),
                *(nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Dropout(dropout)),
                nn.Linear(WIDTH, 2),
            )
            optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
            loss_of, best = nn.CrossEntropyLoss(), 0.0
            rows, judged = torch.from_numpy(train), torch.from_numpy(held)
            for _ in range(EPOCHS):
                model.train()
                for batch in rows[torch.randperm(len(rows))].split(BATCH):
                    optimizer.zero_grad()
                    loss_of(model(x[batch]), y[batch]).backward()
                    optimizer.step()
                model.eval()
                with torch.no_grad():
                    right = model(x[judged]).argmax(1) == y[judged]
                best = max(best, float(right.float().mean()))
            found.append(best)
        return statistics.mean(found)

    search = study()
    search.optimize(score, n_trials=trials)
    return [trial.value or 0.0 for trial in search.trials]


def sklearn(table: pl.DataFrame, folds: Folds, trials: int) -> list[float]:
    from scipy.stats import loguniform
    from sklearn.model_selection import RandomizedSearchCV
    from sklearn.neural_network import MLPClassifier

    network: Any = MLPClassifier((WIDTH, WIDTH), batch_size=BATCH, max_iter=EPOCHS, tol=0.0)  # type: ignore[arg-type]
    space = {"learning_rate_init": loguniform(*RATES), "alpha": loguniform(*DECAYS)}
    search = RandomizedSearchCV(
        network, space, n_iter=trials, cv=folds, n_jobs=2, random_state=0, refit=False
    )
    search.fit(encoded(table, np.arange(len(table))), table[TARGET].to_numpy())
    return search.cv_results_["mean_test_score"].tolist()


CONTENDERS: dict[str, Callable[[pl.DataFrame, Folds, int], list[float]]] = {
    "train_crowd": crowd,
    "PyTorch loop under Optuna": loop,
    "RandomizedSearchCV": sklearn,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--trials", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"  # in scikit-learn's processes: that 30 epochs are few
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    table = pl.read_csv(arguments.data / "titanic" / "train.csv")
    y = table[TARGET].to_numpy()
    folds: Folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(y, y))
    for contender in CONTENDERS.values():  # imports and first calls do not count
        contender(table, folds, 1)
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    print(f"{arguments.trials} trials, {arguments.threads} threads, load {os.getloadavg()[0]:.1f} before")
    scores = {}
    for _ in range(arguments.rounds):
        for name, contender in CONTENDERS.items():
            torch.set_num_threads(arguments.threads)
            began = time.perf_counter()
            scores[name] = contender(table, folds, arguments.trials)
            seconds[name].append(time.perf_counter() - began)
    ours = statistics.median(seconds["train_crowd"])
    for name, each in seconds.items():
        middle, best, usual = statistics.median(each), max(scores[name]), statistics.median(scores[name])
        print(f"{name:28}{middle:8.1f} s{middle / ours:7.1f} times   accuracy {best:.4f}, median {usual:.4f}")


if __name__ == "__main__":
    main()
