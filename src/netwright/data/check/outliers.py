"""Numbers far outside the rest of their column."""

from __future__ import annotations

import numpy as np

from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, figure, listed
from netwright.data.finding import Finding

DEVIATIONS = 10.0
HEAVY_TAIL = 0.01
FEW_VALUES = 20


def outlier_limits(values: np.ndarray) -> tuple[float, float]:
    """The range outside which a number is an outlier: 10 robust deviations around the median.

    The robust deviation is the interquartile range / 1.349, which is the standard deviation of a normal
    distribution. There are no limits where half of the numbers are one value, where fewer than 20 values
    differ (counts and codes), and where over 1 % lie beyond (a heavy tail rather than outliers).

    Arguments:
        values: numbers to learn the range from, NaN where missing. [n] float64

    Returns:
        The lowest and the highest number inside; (-inf, inf) for no limits.

    Example:
        >>> outlier_limits(1.349 * np.arange(-10.0, 11.0))
        (-100.0, 100.0)
    """
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        return -np.inf, np.inf
    low, median, high = np.quantile(finite, (0.25, 0.5, 0.75))
    reach = DEVIATIONS * (high - low) / 1.349
    beyond = np.count_nonzero(np.abs(finite - median) > reach)
    heavy = beyond > max(2, HEAVY_TAIL * len(finite))
    if reach == 0 or heavy or len(np.unique(finite)) < FEW_VALUES:
        return -np.inf, np.inf
    return float(median - reach), float(median + reach)


def beyond_limits(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Which finite values lie outside the limits. [n] bool"""
    return np.isfinite(values) & ((values < limits[0]) | (values > limits[1]))


def outliers(view: View) -> list[Finding]:
    """Number columns with values beyond the limits that the training rows set."""
    found: dict[str, tuple[int, float]] = {}
    rows = np.zeros(len(view.table), dtype=bool)
    train = view.split.train
    for column in view.schema.of_kind("number"):
        values = view.number(column)
        far = beyond_limits(values, outlier_limits(values[train]))
        if far.any():
            rows |= far
            extreme = values[far][np.argmax(np.abs(values[far]))]
            found[column.name] = (int(far.sum()), float(extreme))
    if not found:
        return []
    most_first = sorted(found, key=lambda name: -found[name][0])
    shown = listed(
        [f"{name!r} ({found[name][0]:,}, such as {figure(found[name][1])})" for name in most_first]
    )
    return [
        Finding(
            "outliers",
            "note",
            f"{count(int(rows.sum()), 'row')} with a number beyond 10 robust deviations: {shown}.",
            {
                "keep": "kept; the robust scaling bends them in; data.clean.outliers: clip or drop",
                "clip": "clipped inside the network (data.clean.outliers: clip)",
                "drop": "such training rows are not trained on (data.clean.outliers: drop)",
            }[view.config.clean.outliers],
            columns=most_first,
            rows=int(rows.sum()),
            examples=example_rows(view.table, rows),
        )
    ]
