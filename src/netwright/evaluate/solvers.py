"""Logistic and ridge regression on dense or sparse inputs, without the second or two that importing
scikit-learn takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from netwright.data.schema import Task

STRENGTHS = (1000.0, 100.0, 10.0, 1.0, 0.1)
"""L2 penalties tried, strongest first; the penalty is `strength` times half the squared weights, beside the
summed loss of the rows (scikit-learn's alpha of Ridge, 1 / C of LogisticRegression)"""
PLAIN_STRENGTH = 1.0
MOST_STEPS = 200
MOST_DENSE = 1500

Loss = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""Summed loss of the logits, and its gradient. [N, C] to a number and [N, C]"""

Rows = tuple[Any, np.ndarray]
"""Inputs and targets of some rows. [N, F], [N, C]"""


def packed(inputs: Any) -> Any:
    """Inputs in the form that is multiplied fastest: dense where a quarter of the cells is filled."""
    if isinstance(inputs, np.ndarray):
        return inputs
    return inputs.toarray() if inputs.nnz > inputs.shape[0] * inputs.shape[1] / 4 else inputs.tocsr()


def affine(inputs: Any, weights: np.ndarray) -> np.ndarray:
    """Inputs times weights plus the intercepts, which are the last row. [N, F], [F + 1, C] to [N, C]"""
    return inputs @ weights[:-1] + weights[-1]


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * logits))


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _logistic_loss(task: Task, target: np.ndarray) -> Loss:
    if task == "multiclass":

        def loss(logits: np.ndarray) -> tuple[float, np.ndarray]:
            top = logits.max(axis=1)
            spread = np.exp(logits - top[:, None])
            sums = spread.sum(axis=1)
            value = (top + np.log(sums)).sum() - np.vdot(target, logits)
            return float(value), spread / sums[:, None] - target

    else:

        def loss(logits: np.ndarray) -> tuple[float, np.ndarray]:
            value = np.logaddexp(0.0, logits).sum() - np.vdot(target, logits)
            return float(value), sigmoid(logits) - target

    return loss


def logistic(
    task: Task,
    inputs: Any,
    target: np.ndarray,
    validation: Rows | None,
    deadline: float | None,
) -> tuple[np.ndarray, float]:
    """Weights and penalty of logistic regression.

    Penalties are tried from the strongest, each from the weights of the one before, until the loss on the
    validation rows rises.

    Arguments:
        task: multiclass: softmax over the columns of `target`; else one logistic regression a column.
        inputs: dense or scipy sparse. [N, F]
        target: 0 or 1. [N, C]
        validation: rows that choose the penalty; the plain penalty without them.
        deadline: time.monotonic() after which the weights so far are taken.

    Returns:
        Weights, with the intercepts as the last row [F + 1, C], and the penalty.
    """
    loss = _logistic_loss(task, target)
    weights = np.zeros((inputs.shape[1] + 1, target.shape[1]))
    if validation is None:
        return _minimise(loss, inputs, weights, PLAIN_STRENGTH, deadline), PLAIN_STRENGTH
    held_out = _logistic_loss(task, validation[1])
    best = np.inf, weights, STRENGTHS[0]
    for strength in STRENGTHS:
        weights = _minimise(loss, inputs, weights, strength, deadline)
        value, _ = held_out(affine(validation[0], weights))
        if value >= best[0]:
            break
        best = value, weights, strength
        if _over(deadline):
            break
    return best[1], best[2]


def _minimise(
    loss: Loss, inputs: Any, start: np.ndarray, strength: float, deadline: float | None
) -> np.ndarray:
    """Weights of least loss plus penalty (the intercepts are free), by L-BFGS."""
    from scipy.optimize import minimize

    turned = inputs.T.tocsr() if hasattr(inputs, "tocsr") else inputs.T
    # Mean instead of sum: the tolerances then mean the same for any number of rows.
    rows = inputs.shape[0]

    def value_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(start.shape)
        value, slope = loss(affine(inputs, weights))
        gradient = np.vstack([turned @ slope + strength * weights[:-1], slope.sum(axis=0)])
        penalty = 0.5 * strength * np.vdot(weights[:-1], weights[:-1])
        return (value + penalty) / rows, gradient.ravel() / rows

    def stop_in_time(_: np.ndarray) -> None:
        if _over(deadline):
            raise StopIteration

    options = {"maxiter": MOST_STEPS, "gtol": 1e-5, "ftol": 1e-6}
    found = minimize(
        value_and_gradient, start.ravel(), jac=True, method="L-BFGS-B", callback=stop_in_time, options=options
    )
    return found.x.reshape(start.shape)


def _over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline


def ridge(
    inputs: Any, target: np.ndarray, validation: Rows | None, deadline: float | None
) -> tuple[np.ndarray, float]:
    """Weights [F + 1, T] and penalty of ridge regression; arguments as for `logistic`."""
    middle, deviation = target.mean(axis=0), target.std(axis=0)
    scale = np.where(deviation > 0, deviation, 1.0)
    scaled = (target - middle) / scale
    best = np.inf, np.zeros((inputs.shape[1] + 1, target.shape[1])), PLAIN_STRENGTH
    for strength in (PLAIN_STRENGTH,) if validation is None else STRENGTHS:
        weights = _least_squares(inputs, scaled, strength, deadline) * scale
        weights[-1] += middle
        if validation is None:
            return weights, strength
        value = float((((affine(validation[0], weights) - validation[1]) / scale) ** 2).sum())
        if value >= best[0]:
            break
        best = value, weights, strength
        if _over(deadline):
            break
    return best[1], best[2]


def _least_squares(inputs: Any, target: np.ndarray, strength: float, deadline: float | None) -> np.ndarray:
    """Ridge weights [F + 1, T]: from the normal equations, or step by step where there are many inputs."""
    rows, features = inputs.shape
    if features > MOST_DENSE:
        start = np.zeros((features + 1, target.shape[1]))
        return _minimise(lambda logits: _square(logits - target), inputs, start, strength, deadline)
    centre = np.asarray(inputs.sum(axis=0)).ravel() / rows
    square = inputs.T @ inputs
    square = square.toarray() if hasattr(square, "toarray") else square
    square = square - rows * np.outer(centre, centre) + strength * np.eye(features)
    middle = target.mean(axis=0)
    weights = np.linalg.solve(square, inputs.T @ (target - middle))
    return np.vstack([weights, middle - centre @ weights])


def _square(error: np.ndarray) -> tuple[float, np.ndarray]:
    return 0.5 * float(np.vdot(error, error)), error
