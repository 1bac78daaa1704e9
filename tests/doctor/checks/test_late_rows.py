"""Targets that stand beside their neighbours' rows; series of time and sorted rows are none of that."""

from __future__ import annotations

import numpy as np
import pytest
from tests.doctor.checks.rows import bundled, case_of_parts

from netwright.doctor import plain
from netwright.doctor.checks.late_rows import late_rows

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(700, 6))
SCORE = X[:, 0] + X[:, 1] ** 2 - 0.8 * X[:, 2] + 0.5 * RANDOM.normal(size=700)
KINDS = {"numbers": SCORE, "yes_no": (SCORE > 1).astype(np.int64), "classes": np.digitize(SCORE, [0.3, 1.5])}


def told(x: np.ndarray, y: np.ndarray) -> list[str]:
    case = case_of_parts({"train": (x, y)})
    rows = plain.known(case)
    found = list(late_rows(case, plain.matrix(case, rows), rows))
    assert [each.severity for each in found] in ([], ["error"])
    return [each.message for each in found]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("by", "said"), [(1, "too late"), (-1, "too early")])
def test_targets_of_the_next_row(kind: str, by: int, said: str) -> None:
    y = KINDS[kind].copy()
    y[200:] = np.roll(y[200:], by, 0)
    (message,) = told(X, y)
    assert message.endswith(said)
    assert told(X, KINDS[kind]) == []


def test_targets_of_any_other_row() -> None:
    y = KINDS["classes"].copy()
    y[200:] = RANDOM.permutation(y[200:])
    assert told(X, y) == []


def test_silence_of_a_series_of_time_that_tells_what_comes_next() -> None:
    walk = np.convolve(RANDOM.normal(size=730), np.ones(12), "valid")[:710]
    x = np.column_stack([np.roll(walk, each) for each in range(5)])[5:705]
    assert told(x, walk[5:705]) == []
    assert told(x, np.roll(walk, -1)[5:705]) == []


def test_silence_of_sorted_rows_and_of_tables() -> None:
    order = np.argsort(SCORE)
    assert told(X[order], KINDS["classes"][order]) == []
    for name in ("breast_cancer", "diabetes", "digits"):
        assert told(*bundled(name)) == []
