"""Metrics as functions of the rows' weights.

What does not depend on weights (sorting, the cells of the confusion matrix, each row's error) is done once,
so that a bootstrap can ask a thousand times. A scorer gives NaN for what cannot be computed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from netwright.evaluate.calibration import BINS, confidence_excess
from netwright.evaluate.ranking import areas, rank

Scorer = Callable[[np.ndarray], dict[str, float]]


def decided(output: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Codes of the predicted classes: the most probable ones; of two classes with a threshold other than one
    half the last where its probability is above it. [N, C] to [N]

    Example:
        >>> decided(np.array([[0.7, 0.3], [0.9, 0.1]]), threshold=0.2).tolist()
        [1, 0]
    """
    if threshold == 0.5 or output.shape[1] != 2:
        return output.argmax(axis=1)
    return (output[:, 1].astype(np.float64) > threshold).astype(np.int64)


def class_scorer(
    target: np.ndarray, output: np.ndarray, *, binary: bool, ranks: bool = True, threshold: float = 0.5
) -> Scorer:
    """Metrics of one target of classes.

    Arguments:
        target: codes of the true classes; -1 for classes that the network does not know, which count as
            one more class that is never predicted. [N]
        output: probabilities. [N, C]
        binary: whether precision, recall, F1, average precision and Brier score are those of the last
            class rather than over all classes.
        ranks: whether ROC AUC and average precision are wanted, which cost most; else they are NaN.
        threshold: of two classes; see `decided`.
    """
    classes = output.shape[1]
    truth = np.where(target < 0, classes, target)
    known = bool(np.all(target >= 0))
    size = classes if known else classes + 1
    cell = truth * size + decided(output, threshold)
    excess, place = confidence_excess(target, output, BINS)
    own = np.take_along_axis(output, np.minimum(truth, classes - 1)[:, None], axis=1)[:, 0]
    surprise = -np.log(np.clip(own, np.finfo(np.float64).eps, 1.0))
    if binary:
        square = (output[:, 1] - (truth == 1)) ** 2
    else:
        square = (output**2).sum(axis=1) - 2.0 * own + 1.0
    ranked = [1] if binary else list(range(classes))
    complete = ranks and all(np.any(truth == each) for each in ranked)
    rankings = [rank(truth == each, output[:, each]) for each in ranked] if complete else []

    def score(weight: np.ndarray) -> dict[str, float]:
        total = weight.sum()
        matrix = np.bincount(cell, weight, size * size).reshape(size, size)
        pairs = [areas(ranking, weight) for ranking in rankings] or [(np.nan, np.nan)]
        roc_auc, average_precision = np.mean(pairs, axis=0)
        return {
            **_from_confusion(matrix, binary=binary),
            "roc_auc": roc_auc,
            "average_precision": average_precision,
            "log_loss": weight @ surprise / total if known else np.nan,
            "brier": weight @ square / total if known else np.nan,
            "ece": np.abs(np.bincount(place, weight * excess)).sum() / total,
        }

    return score


def rates(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 of each class of a confusion matrix; NaN for 0 / 0. [C] each"""
    right, support, predicted = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return right / predicted, right / support, 2.0 * right / (support + predicted)


def _from_confusion(matrix: np.ndarray, *, binary: bool) -> dict[str, float]:
    """Metrics that need only counts. Macro averages are over the classes that are true or predicted
    somewhere, and 0 / 0 counts as 0 in them, as in scikit-learn."""
    precision, recall, f1 = rates(matrix)
    support = matrix.sum(axis=1)
    met = (support + matrix.sum(axis=0)) > 0
    if binary:
        shown = precision[1], recall[1], f1[1]
    else:
        shown = tuple(np.nan_to_num(each[met]).mean() for each in (precision, recall, f1))
    return {
        "accuracy": np.diag(matrix).sum() / support.sum(),
        "balanced_accuracy": recall[support > 0].mean() if support.any() else np.nan,
        "precision": shown[0],
        "recall": shown[1],
        "f1": shown[2],
        "f1_weighted": np.nan_to_num(f1[met]) @ support[met] / support.sum(),
    }


def label_scorer(target: np.ndarray, output: np.ndarray, *, ranks: bool = True) -> Scorer:
    """Metrics of several yes/no labels: accuracy is the share of rows with all labels right, F1 weighted is
    by the labels' positives, all others are means over the labels.

    Arguments:
        target: 1 where the row has the label, 0 where not, NaN where not known (left out). [N, L]
        output: probabilities. [N, L]
        ranks: as for `class_scorer`.
    """
    known = np.isfinite(target)
    whole = known.all(axis=1)
    right = ((output > 0.5) == (target == 1)).all(axis=1)
    labels = []
    for each in range(target.shape[1]):
        rows = known[:, each]
        chance = output[rows, each]
        both = np.column_stack([1.0 - chance, chance])
        labels.append(
            (
                rows,
                target[rows, each] == 1,
                class_scorer(target[rows, each].astype(int), both, binary=True, ranks=ranks),
            )
        )

    def score(weight: np.ndarray) -> dict[str, float]:
        single = [scorer(weight[rows]) for rows, _, scorer in labels]
        values = {name: np.array([each[name] for each in single]) for name in single[0]}
        for name in ("precision", "recall", "f1"):
            values[name] = np.nan_to_num(values[name])
        support = np.array([weight[rows] @ positive for rows, positive, _ in labels])
        return {
            **{name: value.mean() for name, value in values.items()},
            "accuracy": weight @ (right & whole) / (weight @ whole),
            "f1_weighted": values["f1"] @ support / support.sum(),
        }

    return score


def regression_scorer(target: np.ndarray, output: np.ndarray) -> Scorer:
    """Metrics of one or more numbers, averaged over the targets (RMSE too: the mean of the targets' RMSE).

    Arguments:
        target: true values; NaN where not known (left out). [N, T]
        output: predictions. [N, T]
    """
    single = [_number_scorer(target[:, each], output[:, each]) for each in range(target.shape[1])]

    def score(weight: np.ndarray) -> dict[str, float]:
        scores = [scorer(weight) for scorer in single]
        return {name: float(np.mean([each[name] for each in scores])) for name in scores[0]}

    return score


def _number_scorer(target: np.ndarray, output: np.ndarray) -> Scorer:
    known = np.isfinite(target)
    truth = target[known]
    error = np.abs(truth - output[known])
    # Measured from the first value, a constant target has a variance of exactly 0.
    moved = truth - truth[:1]
    relative = error / np.abs(truth) if np.all(truth != 0) else np.full_like(error, np.nan)
    order = np.argsort(error)
    ascending = error[order]

    def score(weight: np.ndarray) -> dict[str, float]:
        weight = weight[known]
        total = weight.sum()
        if total == 0:
            return dict.fromkeys(REGRESSION, np.nan)
        mse = weight @ error**2 / total
        variance = weight @ (moved - weight @ moved / total) ** 2 / total
        below = np.cumsum(weight[order])
        middle = [np.searchsorted(below, below[-1] / 2, side) for side in ("left", "right")]
        return {
            "r2": 1.0 - mse / variance if variance > 0 else np.nan,
            "mse": mse,
            "rmse": np.sqrt(mse),
            "mae": weight @ error / total,
            "median_absolute_error": ascending[middle].mean(),
            "mape": weight @ relative / total,
        }

    return score


CLASSES = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "f1_weighted",
    "roc_auc",
    "average_precision",
    "log_loss",
    "brier",
    "ece",
)
REGRESSION = ("r2", "mse", "rmse", "mae", "median_absolute_error", "mape")
