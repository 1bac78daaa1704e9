"""How much a network relies on each input column."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from netwright.data.schema import Task
from netwright.evaluate.metrics import BETTER_HIGH, PRIMARY, score


class Predict(Protocol):
    """A network's output for rows of which one column may hold the cells of other rows."""

    def __call__(self, rows: np.ndarray, column: str | None, source: np.ndarray) -> np.ndarray:
        """Output for `rows` ([R] places in `target`), with the cells of `column` taken from the rows
        `source` ([R]) instead; nothing is exchanged where `column` is None."""
        ...


def permutation(
    task: Task,
    predict: Predict,
    target: np.ndarray,
    columns: Sequence[str],
    *,
    repeats: int = 3,
    rows: int = 2000,
    seed: int = 0,
    seconds: float | None = None,
    threshold: float = 0.5,
) -> dict[str, Any]:
    """How much worse the predictions get when a column's cells are exchanged among the rows.

    Measured by log loss (classes, labels) or RMSE (regression), and by the task's headline metric. Rows of
    classes that the network does not know are left out.

    Arguments:
        task: binary, multiclass, multilabel or regression.
        predict: called once for the rows as they are, then once a column, for all repeats together.
        target: as for `score`. [N], [N, L] or [N, T]
        columns: names of the input columns.
        repeats: permutations of each column.
        rows: at most so many rows are drawn.
        seed: of the rows and permutations; a column's permutations depend on its place only.
        seconds: no further column is begun after that time.
        threshold: as for `score`.

    Returns:
        {"metric", "rows", "headline", "columns": [{"name", "drop", "deviation", "headline_drop",
        "headline_deviation"}]}: mean loss of quality (above 0: the column is of use) and its standard
        deviation over the repeats, sorted by falling drop; None for columns that were not reached.

    Source: Breiman 2001, "Random forests"; Fisher, Rudin and Dominici 2019, arXiv 1801.01489.

    Example:
        >>> x = np.linspace(-1.0, 1.0, 200)
        >>> found = permutation("regression", lambda rows, column, source: x[source], x, ["x"])
        >>> found["columns"][0]["drop"] > 0.5
        True
    """
    began = time.monotonic()
    metrics = ("rmse" if task == "regression" else "log_loss", PRIMARY[task])
    known = np.flatnonzero(target >= 0) if task in ("binary", "multiclass") else np.arange(len(target))
    chosen = np.sort(np.random.default_rng(seed).permutation(known)[:rows])
    truth = target[chosen]
    usual = score(task, truth, predict(chosen, None, chosen), threshold=threshold)

    def measure(place: int) -> dict[str, Any]:
        generator = np.random.default_rng([seed, place])
        source = np.concatenate([generator.permutation(chosen) for _ in range(repeats)])
        output = predict(np.tile(chosen, repeats), columns[place], source)
        scores = [score(task, truth, part, threshold=threshold) for part in np.split(output, repeats)]
        losses = [_loss(metric, usual, scores) for metric in metrics]
        return {"name": columns[place], **_entry(*losses[0], *losses[1])}

    found = []
    for place, name in enumerate(columns):
        late = seconds is not None and time.monotonic() - began > seconds
        found.append({"name": name, **_entry(None, None, None, None)} if late else measure(place))
    found.sort(key=lambda each: (each["drop"] is None, -(each["drop"] or 0.0)))
    return {"metric": metrics[0], "headline": metrics[1], "rows": len(chosen), "columns": found}


def _loss(
    metric: str, usual: dict[str, float | None], scores: list[dict[str, float | None]]
) -> tuple[float, float] | tuple[None, None]:
    """Mean and deviation of how much worse `metric` became; None where it cannot be computed."""
    before, after = usual[metric], [each[metric] for each in scores]
    if before is None or any(value is None for value in after):
        return None, None
    worse = np.array(after, dtype=np.float64) - before
    worse = -worse if metric in BETTER_HIGH else worse
    return float(worse.mean()), float(worse.std())


def _entry(
    drop: float | None, deviation: float | None, headline_drop: float | None, headline_deviation: float | None
) -> dict[str, float | None]:
    return {
        "drop": drop,
        "deviation": deviation,
        "headline_drop": headline_drop,
        "headline_deviation": headline_deviation,
    }
