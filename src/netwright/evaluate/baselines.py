"""What every score is compared with: a constant prediction, and a linear model."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import numpy as np

from netwright.data.schema import Task
from netwright.evaluate.solvers import affine, logistic, packed, ridge, sigmoid, softmax

FEWEST_ROWS = 20_000
MOST_WORK = 10_000_000


class Linear(NamedTuple):
    """Predictions of a linear model, and how it was fitted in one sentence."""

    output: np.ndarray
    note: str


def constant(task: Task, train_target: np.ndarray, rows: int, classes: int | None = None) -> np.ndarray:
    """The best prediction that looks at no input: the classes' shares, or the mean.

    Arguments:
        task: binary, multiclass, multilabel or regression.
        train_target: of the training rows; as for `score`. [N], [N, L] or [N, T]
        rows: number of rows to predict R.
        classes: number of classes C (binary, multiclass).

    Returns:
        Probabilities [R, C] or [R, L], or numbers of the target's shape.

    Example:
        >>> constant("binary", np.array([0, 0, 0, 1]), rows=1, classes=2).tolist()
        [[0.75, 0.25]]
    """
    if task in ("binary", "multiclass"):
        count = 2 if classes is None else classes
        known = train_target[train_target >= 0]
        value = np.bincount(known, minlength=count) / len(known)
    else:
        value = np.asarray(np.nanmean(train_target.astype(np.float64), axis=0))
    return np.broadcast_to(value, (rows, *value.shape)).copy()


def linear(
    task: Task,
    x_train: Any,
    y_train: np.ndarray,
    x_rows: Any,
    x_validation: Any = None,
    y_validation: np.ndarray | None = None,
    *,
    classes: int | None = None,
    seed: int = 0,
    seconds: float | None = None,
) -> Linear:
    """Predictions of logistic or ridge regression with an L2 penalty.

    The penalty is chosen among 1000, 100, 10, 1 and 0.1 by the loss on the validation rows; it is 1 without
    them. Large tables are bounded: where filled cells x outputs are above 10 million, rows are drawn until
    they are less, but 20,000 rows are always used where there are so many.

    Arguments:
        task: binary, multiclass (softmax), multilabel (one logistic regression a label) or regression.
        x_train: inputs of the training rows, such as from `design`; dense or scipy sparse. [N, F]
        y_train: their targets, as for `score`. [N], [N, L] or [N, T]
        x_rows: inputs of the rows to predict. [R, F]
        x_validation: inputs of the validation rows. [V, F]
        y_validation: their targets.
        classes: number of classes C (multiclass).
        seed: of the draw of rows.
        seconds: no new penalty is tried, and no further step made, after that time.

    Returns:
        (output, note): probabilities [R, C] or [R, L], or numbers of the target's shape; a sentence.

    Example:
        >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
        >>> linear("binary", x, np.array([0, 0, 1, 1]), x).output.argmax(axis=1).tolist()
        [0, 0, 1, 1]
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    inputs, target = _known_rows(x_train, _as_columns(task, y_train, classes))
    total = len(target)
    inputs, target = _drawn(inputs, target, seed)
    inputs = packed(inputs)
    validation = None
    if x_validation is not None and y_validation is not None:
        validation = _known_rows(x_validation, _as_columns(task, y_validation, classes))
        validation = validation if len(validation[1]) else None
    if task == "regression":
        weights, strength = ridge(inputs, target, validation, deadline)
    else:
        weights, strength = logistic(task, inputs, target, validation, deadline)
    used = "all" if len(target) == total else f"{len(target)} drawn"
    chosen = "chosen on the validation rows" if validation is not None else "not tuned"
    name = "ridge" if task == "regression" else "logistic"
    note = f"{name} regression on {used} of {total} training rows, L2 penalty {strength:g} ({chosen})"
    output = _shaped(task, affine(x_rows, weights))
    return Linear(output[:, 0] if task == "regression" and np.ndim(y_train) == 1 else output, note)


def _as_columns(task: Task, target: np.ndarray, classes: int | None) -> np.ndarray:
    """Targets as a matrix of floats with NaN for what is unknown; classes one-hot, binary as one column."""
    target = np.asarray(target)
    if task == "binary":
        return np.where(target >= 0, target, np.nan).astype(np.float64)[:, None]
    if task == "multiclass":
        count = int(target.max()) + 1 if classes is None else classes
        return np.where(target[:, None] >= 0, target[:, None] == np.arange(count), np.nan)
    values = target.astype(np.float64)
    return values if values.ndim == 2 else values[:, None]


def _known_rows(inputs: Any, target: np.ndarray) -> tuple[Any, np.ndarray]:
    known = np.isfinite(target).all(axis=1)
    return (inputs, target) if known.all() else (inputs[known], target[known])


def _drawn(inputs: Any, target: np.ndarray, seed: int) -> tuple[Any, np.ndarray]:
    stored = inputs.nnz if hasattr(inputs, "nnz") else inputs.size
    work = stored * target.shape[1]
    rows = max(FEWEST_ROWS, int(len(target) * MOST_WORK / max(work, 1)))
    if rows >= len(target):
        return inputs, target
    chosen = np.sort(np.random.default_rng(seed).choice(len(target), rows, replace=False))
    return inputs[chosen], target[chosen]


def _shaped(task: Task, logits: np.ndarray) -> np.ndarray:
    if task == "multiclass":
        return softmax(logits)
    if task == "regression":
        return logits
    positive = sigmoid(logits)
    return np.column_stack([1.0 - positive, positive]) if task == "binary" else positive
