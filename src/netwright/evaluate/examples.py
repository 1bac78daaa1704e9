"""Which rows are shown as examples: typical ones, the worst mistakes, the classes that are mixed up most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from netwright.data.schema import Task
from netwright.evaluate.metrics import confusion
from netwright.evaluate.scorers import decided

What = Literal["typical", "mistakes", "confused", "errors"]


@dataclass(frozen=True)
class Group:
    """Rows that show the same.

    Arguments:
        what: typical (right, or of a middling error), mistakes (wrong classes, the surest first), confused
            (rows of one class that were taken for one other), errors (the largest).
        rows: places in the predictions.
        of: of how many rows these are some.
        true, predicted: codes of the two classes (confused).
    """

    what: What
    rows: list[int]
    of: int
    true: int | None = None
    predicted: int | None = None


def choose(
    task: Task,
    target: np.ndarray,
    output: np.ndarray,
    *,
    threshold: float = 0.5,
    typical: int = 10,
    mistakes: int = 12,
    pairs: int = 2,
    of_pair: int = 6,
) -> list[Group]:
    """Chooses rows by nothing but their targets and predictions, always the same ones.

    Arguments:
        task: binary, multiclass, multilabel or regression.
        target: as for `score`. [N], [N, L] or [N, T]
        output: probabilities [N, C] or [N, L], or values [N, T].
        threshold: of two classes; see `decided`.
        typical: rows that are typical, as many of each class; of many classes the most frequent.
        mistakes: rows that are wrong, or whose error is large.
        pairs: pairs of classes, where there are more than two, that were mixed up twice at least.
        of_pair: rows of each.

    Returns:
        The groups that have rows.

    Example:
        >>> output = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]])
        >>> found = choose("binary", np.array([0, 1, 1, 0]), output)
        >>> [(group.what, group.rows) for group in found]
        [('typical', [0, 1]), ('mistakes', [3, 2])]
    """
    if task in ("binary", "multiclass"):
        groups = _of_classes(target, output, threshold, typical, mistakes)
        if output.shape[1] > 2:
            groups += _confused(target, output, pairs, of_pair)
    elif task == "multilabel":
        error = np.abs(output - target).max(axis=1)
        wrong = ((output > 0.5) != (target > 0.5)).any(axis=1)
        groups = _by_error(error, ~wrong, typical)
        groups.append(Group("mistakes", _largest(error, wrong, mistakes), int(wrong.sum())))
    else:
        spread = np.nanstd(target, axis=0)
        error = np.abs(output - target) / np.where(spread > 0, spread, 1.0)
        error = error.mean(axis=1)
        groups = _by_error(error, np.isfinite(error), typical)
        groups.append(
            Group("errors", _largest(error, np.isfinite(error), mistakes), int(np.isfinite(error).sum()))
        )
    return [group for group in groups if group.rows]


def _of_classes(
    target: np.ndarray, output: np.ndarray, threshold: float, typical: int, mistakes: int
) -> list[Group]:
    predicted = decided(output, threshold)
    sure = output[np.arange(len(output)), predicted]
    right = predicted == target
    counts = np.bincount(target[right], minlength=output.shape[1])
    shown = np.sort(np.argsort(-counts, kind="stable")[: min(typical, np.count_nonzero(counts))])
    each = typical // max(1, len(shown))
    rows = [row for code in shown for row in _spread(sure, np.flatnonzero(right & (target == code)), each)]
    return [
        Group("typical", rows, int(right.sum())),
        Group("mistakes", _largest(sure, ~right, mistakes), int((~right).sum())),
    ]


def _confused(target: np.ndarray, output: np.ndarray, pairs: int, of_pair: int) -> list[Group]:
    predicted = output.argmax(axis=1)
    sure = output[np.arange(len(output)), predicted]
    counts = confusion(target, predicted, output.shape[1])[: output.shape[1]]
    np.fill_diagonal(counts, 0)
    groups = []
    for place in np.argsort(-counts, axis=None, kind="stable")[:pairs]:
        true, taken = divmod(int(place), output.shape[1])
        if counts[true, taken] < 2:
            break
        both = (target == true) & (predicted == taken)
        groups.append(Group("confused", _largest(sure, both, of_pair), int(both.sum()), true, taken))
    return groups


def _by_error(error: np.ndarray, among: np.ndarray, most: int) -> list[Group]:
    """Those whose error is nearest to the middle one, the smaller errors first."""
    places = np.flatnonzero(among)
    ranked = places[np.argsort(error[places], kind="stable")]
    start = max(0, (len(ranked) - most) // 2)
    return [Group("typical", ranked[start : start + most].tolist(), len(places))]


def _spread(values: np.ndarray, places: np.ndarray, most: int) -> list[int]:
    """Some places at even distances in the order of their values, the highest first."""
    ranked = places[np.argsort(-values[places], kind="stable")]
    most = min(most, len(ranked))
    return [int(ranked[int((each + 0.5) * len(ranked) / most)]) for each in range(most)]


def _largest(values: np.ndarray, among: np.ndarray, most: int) -> list[int]:
    places = np.flatnonzero(among)
    return places[np.argsort(-values[places], kind="stable")[:most]].tolist()
