"""`NetClassifier` and `NetRegressor` beside scikit-learn's own networks, by cross-validation.

python benchmarks/estimators.py
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    make_classification,
    make_friedman1,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import netwright as nw

SEEDS = 2
FOLDS = 5
CLASSES = {
    "breast_cancer": load_breast_cancer(return_X_y=True),
    "digits": load_digits(return_X_y=True),
    "10,000 x 20": make_classification(10_000, n_informative=10, n_classes=3, random_state=0),
}
VALUES = {
    "diabetes": load_diabetes(return_X_y=True),
    "10,000 x 20 (Friedman)": make_friedman1(10_000, 20, noise=1.0, random_state=0),
}


def measure(estimator: Any, X: np.ndarray, y: np.ndarray, folds: Any) -> tuple[float, float]:
    """Mean score (accuracy or R²), and seconds a fit."""
    began = time.monotonic()
    scores = cross_val_score(estimator, X, y, cv=folds, error_score="raise")
    return float(scores.mean()), (time.monotonic() - began) / FOLDS


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(f"{'table':24s} {'estimator':16s} score   (seeds)             seconds a fit")
    for tables, kinds, splitter in (
        (CLASSES, (MLPClassifier, nw.NetClassifier), StratifiedKFold),
        (VALUES, (MLPRegressor, nw.NetRegressor), KFold),
    ):
        for name, (X, y) in tables.items():
            folds = splitter(FOLDS, shuffle=True, random_state=0)
            for kind in kinds:
                found = []
                for seed in range(SEEDS):
                    estimator: Any = kind(random_state=seed)
                    if kind in (MLPClassifier, MLPRegressor):
                        estimator = make_pipeline(StandardScaler(), estimator)
                    found.append(measure(estimator, X, y, folds))
                scores, seconds = zip(*found, strict=True)
                shown = " ".join(f"{score:.4f}" for score in scores)
                print(
                    f"{name:24s} {kind.__name__:16s} {np.mean(scores):.4f} ({shown}) {np.mean(seconds):8.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
