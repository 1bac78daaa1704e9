"""Rows as plain numbers for the doctor's simple models, and how much such models can tell of the targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from netwright.doctor.case import Case, Rows, Task
from netwright.doctor.diagnosis import CannotTellError

WIDEST = 1000
FOLDS = 4


def matrix(case: Case, rows: Rows) -> np.ndarray:
    """Features with the median of their column where one is missing. [n, F]"""
    x = case.features(rows)
    x = np.where(np.isfinite(x), x, np.nan)
    if not np.isnan(x).any():
        return x
    known = ~np.isnan(x).all(0)
    middle = np.zeros(x.shape[1])
    middle[known] = np.nanmedian(x[:, known], axis=0)
    return np.where(np.isnan(x), middle, x)


def standard(x: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Columns that vary in `other` (or `x` itself), standardised by it; at most 1000 of them. [n, F]"""
    like = x if other is None else other
    spread = like.std(0)
    keep = np.flatnonzero(spread > 1e-12 * (1 + np.abs(like.mean(0))))
    if len(keep) > WIDEST:
        keep = keep[np.linspace(0, len(keep) - 1, WIDEST).astype(int)]
    return (x[:, keep] - like[:, keep].mean(0)) / spread[keep]


def is_classes(task: Task) -> bool:
    return task in ("classes", "yes_no")


def models(task: Task, names: tuple[str, ...]) -> dict[str, Any]:
    """Fresh simple models that learn in a moment."""
    from sklearn import ensemble, linear_model, neighbors, tree

    if is_classes(task):
        known = {
            "linear": linear_model.LogisticRegression(max_iter=100),
            "neighbours": neighbors.KNeighborsClassifier(10),
            "trees": ensemble.ExtraTreesClassifier(40, min_samples_leaf=2, random_state=0),
            "stiff": linear_model.LogisticRegression(C=0.03, max_iter=100),
            "bushes": ensemble.ExtraTreesClassifier(40, min_samples_leaf=6, random_state=0),
            "vicinity": neighbors.KNeighborsClassifier(20),
            "stump": tree.DecisionTreeClassifier(max_leaf_nodes=64, min_samples_leaf=2, random_state=0),
        }
    else:
        known = {
            "linear": linear_model.RidgeCV(alphas=(0.1, 1.0, 10.0, 100.0)),
            "neighbours": neighbors.KNeighborsRegressor(5),
            "trees": ensemble.ExtraTreesRegressor(40, min_samples_leaf=2, random_state=0),
            "stump": tree.DecisionTreeRegressor(max_leaf_nodes=64, min_samples_leaf=2, random_state=0),
        }
    return {name: known[name] for name in names}


def folds_of(rows: int) -> np.ndarray:
    """The fold of each row, the same each time. [n]"""
    return np.random.default_rng(0).permutation(rows) % FOLDS


def out_of_fold(
    model: Any, x: np.ndarray, wanted: np.ndarray, task: Task, count: int, folds: np.ndarray
) -> np.ndarray:
    """Answers for each row of a model that has not seen its fold. [n, C]"""
    answers = np.zeros((len(x), count))
    for fold in np.unique(folds):
        held = folds == fold
        answers[held] = fitted(model, x[~held], wanted[~held], x[held], task, count)
    return answers


def fitted(
    model: Any, x: np.ndarray, wanted: np.ndarray, rows: np.ndarray, task: Task, count: int
) -> np.ndarray:
    """Answers for some rows of a model that learns from others: probabilities or numbers. [v, C]"""
    answers = np.zeros((len(rows), count))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of solvers that have not converged: they are yardsticks
        if is_classes(task):
            if len(np.unique(wanted)) < 2:
                answers[:, wanted[0]] = 1.0
                return answers
            model.fit(x, wanted)
            answers[:, model.classes_] = model.predict_proba(rows)
        else:
            model.fit(x, wanted[:, 0] if wanted.shape[1] == 1 else wanted)
            answers[:] = model.predict(rows).reshape(len(rows), -1)
    return answers


def marks(answers: np.ndarray, wanted: np.ndarray, task: Task) -> np.ndarray:
    """1 right and 0 wrong for classes; for numbers 1 - squared error / variance. [n]"""
    if is_classes(task):
        return (answers.argmax(1) == wanted).astype(np.float64)
    return 1.0 - (np.square(answers - wanted) / (wanted.var(0) + 1e-12)).mean(1)


def constant(wanted: np.ndarray, task: Task) -> float:
    """The mean mark of the best answer that is the same for all rows."""
    return float(np.bincount(wanted).max() / len(wanted)) if is_classes(task) else 0.0


def answers_of(case: Case, wanted: np.ndarray) -> int:
    """How many numbers a model answers for a row."""
    return max(case.classes or 2, int(wanted.max()) + 1) if is_classes(case.task) else wanted.shape[1]


def known(case: Case) -> Rows:
    """The training rows.

    Raises:
        CannotTellError: they, or what their targets are, are not known.
    """
    if case.train is None:
        raise CannotTellError("the rows come from a loader")
    if case.task == "unknown":
        raise CannotTellError("what the targets are is not known")
    return case.train


def parts(case: Case) -> dict[str, Rows]:
    """Rows that are not learnt from, by part."""
    both = {"validation": case.validation, "test": case.test}
    return {name: rows for name, rows in both.items() if rows is not None and len(rows)}


def column(case: Case, place: int) -> str:
    """A column's name for a sentence."""
    if case.names is not None and place < len(case.names):
        return repr(case.names[place])
    return f"column {place}"
