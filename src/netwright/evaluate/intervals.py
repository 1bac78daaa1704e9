"""How far a metric could move with other rows of the same kind: bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netwright.data.schema import Task
from netwright.evaluate.metrics import BETTER_HIGH, NAMES, score, scorer

FEWEST_REPEATS = 200
MOST_CELLS = 300_000
MOST_WORK = 20_000_000


def bootstrap(
    task: Task,
    target: np.ndarray,
    output: np.ndarray,
    metrics: Sequence[str] | None = None,
    *,
    repeats: int = 1000,
    seed: int = 0,
    groups: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    threshold: float = 0.5,
) -> dict[str, list[float] | None]:
    """95 % bootstrap intervals of a task's metrics.

    Rows are drawn with replacement, as many as there are. The interval is the middle 95 % of the draws'
    values, moved so that their mean is the metric's own value (drawing rows twice makes some metrics, such
    as the calibration error, larger than they are) and cut to what the metric can be.

    Time is bounded: rows x outputs x repeats above 20 million lowers the repeats, down to 200; rows x
    outputs above 300,000 means that a random part of the rows is drawn from, with the spread made smaller by
    the root of that part.

    Arguments:
        task: binary, multiclass, multilabel or regression.
        target: as for `score`. [N], [N, L] or [N, T]
        output: as for `score`. [N, C], [N, L], [N] or [N, T]
        metrics: names of the metrics wanted; all unless given.
        repeats: number of draws.
        seed: of the draws.
        groups: whole groups are drawn instead of rows, for rows that depend on each other. [N]
        weight: the rows' weights; all alike unless given. [N]
        threshold: as for `score`.

    Returns:
        {metric: [low, high]}; None where the metric itself is None, or was so in more than half of the draws.

    Source: Efron and Tibshirani 1993, "An introduction to the bootstrap", chapter 13.

    Example:
        >>> truth = np.arange(100) % 2
        >>> low, high = bootstrap("binary", truth, np.full((100, 2), 0.5), ["accuracy"])["accuracy"]
        >>> low < 0.5 < high
        True
    """
    names = list(NAMES[task] if metrics is None else metrics)
    point = score(task, target, output, weight, threshold)
    if all(point[name] is None for name in names):
        return dict.fromkeys(names)
    weight = np.ones(len(target)) if weight is None else np.asarray(weight, dtype=np.float64)
    unit = np.arange(len(target)) if groups is None else np.unique(groups, return_inverse=True)[1]
    generator = np.random.default_rng(seed)
    outputs = output.shape[1] if output.ndim == 2 else 1
    share = min(1.0, MOST_CELLS / (len(target) * outputs))
    if share < 1.0:
        units = int(unit.max()) + 1
        part = np.isin(unit, generator.permutation(units)[: max(1, round(units * share))])
        target, output, weight = target[part], output[part], weight[part]
        unit = np.unique(unit[part], return_inverse=True)[1]
    units = int(unit.max()) + 1
    repeats = min(repeats, max(FEWEST_REPEATS, MOST_WORK // output.size))

    measure = scorer(task, target, output, names, threshold)
    found = np.empty((repeats, len(names)))
    with np.errstate(all="ignore"):
        for repeat in range(repeats):
            times = np.bincount(generator.integers(units, size=units), minlength=units)
            values = measure(weight * times[unit])
            found[repeat] = [values[name] for name in names]
    return {
        name: None if (value := point[name]) is None else _interval(name, found[:, place], value, share)
        for place, name in enumerate(names)
    }


def _interval(name: str, found: np.ndarray, point: float, share: float) -> list[float] | None:
    finite = np.isfinite(found)
    if 2 * finite.sum() < len(found):
        return None
    found = found[finite]
    moved = point + (found - found.mean()) * np.sqrt(share)
    least = -np.inf if name == "r2" else 0.0
    most = 1.0 if name in BETTER_HIGH or name == "ece" else np.inf
    low, high = np.clip(np.quantile(moved, [0.025, 0.975]), least, most)
    return [float(low), float(high)]


def margin(
    task: Task,
    target: np.ndarray,
    output: np.ndarray,
    other: np.ndarray,
    metric: str,
    *,
    repeats: int = 500,
    seed: int = 0,
    threshold: float = 0.5,
) -> list[float] | None:
    """By how much one prediction is better than another on the same rows: a paired 95 % bootstrap interval.

    Both are scored on the same draws of rows, so that rows that are hard for both do not widen it. Above
    300,000 rows a random part is drawn from, which makes the interval wider than it need be.

    Arguments:
        task, target: as for `score`.
        output, other: the predictions compared, as for `score`.
        metric: name of the metric.
        repeats: number of draws.
        seed: of the draws.
        threshold: of `output`, as for `score`; that of `other` is one half.

    Returns:
        [low, high], above 0 where `output` is better; None where the metric cannot be computed.

    Example:
        >>> truth = np.arange(100) % 2
        >>> right = np.eye(2)[truth]
        >>> margin("binary", truth, right, 1 - right, "accuracy")
        [1.0, 1.0]
    """
    generator = np.random.default_rng(seed)
    chosen = np.sort(generator.permutation(len(target))[:MOST_CELLS])
    target, output, other = target[chosen], output[chosen], other[chosen]
    first = scorer(task, target, output, [metric], threshold)
    second = scorer(task, target, other, [metric])
    sign = 1.0 if metric in BETTER_HIGH else -1.0
    repeats = min(repeats, max(FEWEST_REPEATS, MOST_WORK // output.size))
    found = np.empty(repeats)
    with np.errstate(all="ignore"):
        for repeat in range(repeats):
            weight = np.bincount(generator.integers(len(target), size=len(target)), minlength=len(target))
            weight = weight.astype(np.float64)
            found[repeat] = sign * (first(weight)[metric] - second(weight)[metric])
    finite = found[np.isfinite(found)]
    if 2 * len(finite) < repeats:
        return None
    low, high = np.quantile(finite, [0.025, 0.975])
    return [float(low), float(high)]
