"""Scores of simple models, beside which those of the bases and of odd set-ups stand.

python benchmarks/doctor/references.py [--seeds 3] [NAME ...] shows all bases beside linear models, neighbours
and trees.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn

from first.bases import WORDS
from setups import EVERY
from training import Rows, Training, fit


def references(training: Training) -> dict[str, float]:
    """Scores of scikit-learn's models on the same rows; of counts of words for texts."""
    from sklearn import ensemble, linear_model, multioutput, neighbors, pipeline, preprocessing

    def inputs(rows: Rows) -> np.ndarray:
        if rows.x.is_floating_point():
            return rows.x.reshape(len(rows), -1).double().numpy()
        return nn.functional.one_hot(rows.x, WORDS).sum(1)[:, 1:].double().numpy()

    def target(rows: Rows) -> np.ndarray:
        y = rows.y.reshape(len(rows), -1).double().numpy()  # [N, K]
        return y[:, 0] if y.shape[1] == 1 else y

    train, clean = training.parts["train"], training.parts["clean"]
    models: dict[str, Any] = {
        "linear": linear_model.LogisticRegression(max_iter=500),
        "neighbours": neighbors.KNeighborsClassifier(),
        "trees": ensemble.ExtraTreesClassifier(100, random_state=0),
    }
    if training.task == "numbers":
        models = {
            "linear": linear_model.RidgeCV(),
            "neighbours": neighbors.KNeighborsRegressor(),
            "trees": ensemble.ExtraTreesRegressor(100, random_state=0),
        }
    several = training.task == "yes_no" and target(train).ndim == 2
    found = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = multioutput.MultiOutputClassifier(model) if several else model
            whole = pipeline.make_pipeline(preprocessing.StandardScaler(), own)
            whole.fit(inputs(train), target(train))
            if several:  # the share of marks that are right; `score` counts rows that are right in all
                found[name] = float((whole.predict(inputs(clean)) == target(clean)).mean())
            else:
                found[name] = float(whole.score(inputs(clean), target(clean)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'base':12}{'network':>9}{'+-':>7}{'linear':>9}{'near':>9}{'trees':>9}{'seconds':>9}")
    for name in arguments.names or EVERY:
        results = [fit(EVERY[name].make(seed)) for seed in range(arguments.seeds)]
        others = [references(EVERY[name].make(seed)) for seed in range(arguments.seeds)]
        own = [each.score for each in results]
        figures = "".join(
            f"{np.mean([each[key] for each in others]):9.3f}" for key in ("linear", "neighbours", "trees")
        )
        seconds = np.mean([each.seconds for each in results])
        print(f"{name:12}{np.mean(own):9.3f}{np.std(own):7.3f}{figures}{seconds:9.2f}", flush=True)


if __name__ == "__main__":
    main()
