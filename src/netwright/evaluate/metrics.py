"""How good predictions are: every metric of a task, for all rows, for each class, and for each target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netwright.data.schema import Task
from netwright.evaluate.ranking import areas, rank
from netwright.evaluate.scorers import (
    CLASSES,
    REGRESSION,
    Scorer,
    class_scorer,
    decided,
    label_scorer,
    rates,
    regression_scorer,
)

NAMES: dict[Task, tuple[str, ...]] = {
    "binary": CLASSES,
    "multiclass": CLASSES,
    "multilabel": CLASSES,
    "regression": REGRESSION,
}
"""names of a task's metrics"""

PRIMARY: dict[Task, str] = {
    "binary": "accuracy",
    "multiclass": "accuracy",
    "multilabel": "f1",
    "regression": "rmse",
}
"""name of the headline metric of a task"""

BETTER_HIGH = frozenset({*CLASSES[:8], "r2"})
"""metrics that are better when higher; of all others lower is better"""


def score(
    task: Task,
    target: np.ndarray,
    output: np.ndarray,
    weight: np.ndarray | None = None,
    threshold: float = 0.5,
) -> dict[str, float | None]:
    """All metrics of a task.

    Definitions are scikit-learn's, but for what cannot be computed. Binary: precision, recall, F1, average
    precision and Brier score are those of the positive class, which is the last. Multiclass: macro averages,
    ROC AUC one against rest; Brier score is the sum over the classes. Multilabel: accuracy is the share of
    rows with all labels right; the rest are means over the labels. Several numbers: means over the targets
    (RMSE: the mean of the targets' RMSE). The calibration error (ece) is that of the predicted class in 15
    equal-width bins. Classes that the network does not know count together as one more class that is never
    predicted.

    Arguments:
        task: binary, multiclass, multilabel or regression.
        target: classes: codes, -1 for a class that the network does not know [N]; multilabel: 0 or 1 [N, L];
            regression: numbers [N] or [N, T]. NaN marks unknown labels and numbers, which are left out.
        output: probabilities [N, C] or [N, L], or numbers [N] or [N, T].
        weight: the rows' weights, at least 0; all alike unless given. [N]
        threshold: of two classes the positive one is predicted where its probability is above it.

    Returns:
        {metric: value}; None where it cannot be computed: ROC AUC and average precision when a class is
        absent, precision of a positive class that is never predicted, log loss and Brier score with unknown
        classes, R² of a constant target, MAPE with a target of 0, all with predictions that are not finite.

    Example:
        >>> score("binary", np.array([0, 1]), np.array([[0.9, 0.1], [0.4, 0.6]]))["accuracy"]
        1.0
    """
    names = NAMES[task]
    if len(target) == 0 or not np.all(np.isfinite(output)):
        return dict.fromkeys(names)
    weight = np.ones(len(target)) if weight is None else np.asarray(weight, dtype=np.float64)
    with np.errstate(all="ignore"):
        values = scorer(task, target, output, threshold=threshold)(weight)
    return {name: float(values[name]) if np.isfinite(values[name]) else None for name in names}


def scorer(
    task: Task,
    target: np.ndarray,
    output: np.ndarray,
    names: Sequence[str] | None = None,
    threshold: float = 0.5,
) -> Scorer:
    """The metrics of `score` as a function of the rows' weights ([N]), NaN where there is none.

    Where `names` tells which are wanted, costly ones that are not wanted may be NaN.
    """
    ranks = names is None or not {"roc_auc", "average_precision"}.isdisjoint(names)
    output = np.asarray(output, dtype=np.float64)
    if task == "regression":
        target = np.asarray(target, dtype=np.float64)
        return regression_scorer(_columns(target), _columns(output))
    if task == "multilabel":
        return label_scorer(np.asarray(target, dtype=np.float64), output, ranks=ranks)
    return class_scorer(np.asarray(target), output, binary=task == "binary", ranks=ranks, threshold=threshold)


def _columns(values: np.ndarray) -> np.ndarray:
    return values[:, None] if values.ndim == 1 else values


def confusion(target: np.ndarray, predicted: np.ndarray, count: int) -> np.ndarray:
    """How often each true class (rows) was predicted as each class (columns).

    Arguments:
        target: codes of the true classes, -1 for a class that the network does not know. [N]
        predicted: codes of the predicted classes. [N]
        count: number of classes C.

    Returns:
        Counts [C, C] int64; with unknown classes among the rows, [C + 1, C] with them in the last row.

    Example:
        >>> confusion(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist()
        [[1, 0], [1, 1]]
    """
    truth = np.where(target < 0, count, target)
    rows = count + int(np.any(target < 0))
    return np.bincount(truth * count + predicted, minlength=rows * count).reshape(rows, count)


def per_class(
    target: np.ndarray, output: np.ndarray, classes: Sequence[str], threshold: float = 0.5
) -> dict[str, dict[str, float | int | None]]:
    """Precision, recall, F1, support (rows) and ROC AUC (against the rest) of each class or label.

    Arguments:
        target: codes of the true classes [N] (-1 for an unknown one), or labels of 0 and 1 [N, L].
        output: probabilities. [N, C] or [N, L]
        classes: the classes' names, in the order of the outputs.
        threshold: as for `score`.

    Returns:
        {class: {"precision", "recall", "f1", "support", "roc_auc"}}; None where it cannot be computed.

    Example:
        >>> per_class(np.array([0, 1]), np.array([[0.9, 0.1], [0.4, 0.6]]), ["no", "yes"])["yes"]["recall"]
        1.0
    """
    target, output = np.asarray(target), np.asarray(output, dtype=np.float64)
    if target.ndim == 2:
        true, predicted = target == 1, output > 0.5
    else:
        each = np.arange(len(classes))
        true, predicted = target[:, None] == each, decided(output, threshold)[:, None] == each
    known = np.isfinite(target) if target.ndim == 2 else np.ones(true.shape, dtype=bool)
    return {
        name: _one_class(true[rows, place], predicted[rows, place], output[rows, place])
        for place, name in enumerate(classes)
        for rows in [known[:, place]]
    }


def _one_class(true: np.ndarray, predicted: np.ndarray, output: np.ndarray) -> dict[str, float | int | None]:
    matrix = confusion(true.astype(np.int64), predicted.astype(np.int64), 2)
    values = [each[1] for each in rates(matrix)]
    roc_auc = (
        areas(rank(true, output), np.ones(len(true)))[0]
        if np.all(np.isfinite(output)) and true.any()
        else np.nan
    )
    precision, recall, f1, area = (float(v) if np.isfinite(v) else None for v in [*values, roc_auc])
    return {"precision": precision, "recall": recall, "f1": f1, "support": int(true.sum()), "roc_auc": area}


def per_target(
    target: np.ndarray, output: np.ndarray, names: Sequence[str], weight: np.ndarray | None = None
) -> dict[str, dict[str, float | None]]:
    """All regression metrics of each of several targets.

    Arguments:
        target: true values. [N, T]
        output: predictions. [N, T]
        names: the targets' names. [T]
        weight: the rows' weights; all alike unless given. [N]

    Returns:
        {target: {metric: value or None}}.
    """
    return {
        name: score("regression", target[:, place], output[:, place], weight)
        for place, name in enumerate(names)
    }
