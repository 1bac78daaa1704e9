"""Rows that stand in the order of their target."""

from __future__ import annotations

import numpy as np

from netwright.data.check.view import View
from netwright.data.check.words import count, figure
from netwright.data.finding import Finding

FEW_ROWS = 50
FEW_RUNS = 0.25
CLOSE_NEIGHBOURS = 0.5


def sorted_rows(view: View) -> list[Finding]:
    """Whether neighbouring rows have much more alike targets than rows in random order would.

    Classes are compared by their runs (Wald and Wolfowitz, 1940), numbers by the correlation of each row's
    target with the next one's.
    """
    target = view.schema.target
    if target.task == "multilabel" or len(view.split.development) < FEW_ROWS:
        return []
    said = _runs(view.target_codes) if view.is_classes else _neighbours(view.target_codes)
    if said is None:
        return []
    return [
        Finding(
            "sorted_rows",
            "note",
            f"The rows stand in an order that goes with the target {target.columns[0]!r}: {said}.",
            "training shuffles them; where the order is time or a group, say split.time or split.group",
            columns=target.columns[:1],
            rows=len(view.table),
        )
    ]


def _runs(codes: np.ndarray) -> str | None:
    shares = np.bincount(codes[codes >= 0]) / len(codes)
    expected = 1 + len(codes) * (1 - np.sum(shares**2))
    runs = 1 + int(np.count_nonzero(codes[1:] != codes[:-1]))
    if expected < 10 or runs > FEW_RUNS * expected:
        return None
    return f"{count(runs, 'run')} of equal classes, where random order has about {expected:,.0f}"


def _neighbours(values: np.ndarray) -> str | None:
    one = values.reshape(len(values), -1)[:, 0]
    one = one[np.isfinite(one)].argsort(kind="stable").argsort(kind="stable").astype(np.float64)
    if len(one) < FEW_ROWS:
        return None
    correlation = float(np.corrcoef(one[1:], one[:-1])[0, 1])
    if correlation < CLOSE_NEIGHBOURS:
        return None
    return f"the rank correlation of neighbouring rows is {figure(correlation)}, where random order has 0"
