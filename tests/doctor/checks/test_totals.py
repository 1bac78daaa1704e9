"""Totals with the target in them, and sums that are none."""

from __future__ import annotations

import numpy as np
import pytest
from tests.doctor.checks.rows import bundled, case_of_parts, parted

from netwright.doctor.checks.leaks import leaking_column

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(1000, 7))
Y = np.sin(2 * X[:, 1]) + X[:, 5] ** 2 + 0.3 * RANDOM.normal(size=1000)


def places(x: np.ndarray, y: np.ndarray) -> list[list[int]]:
    found = list(leaking_column(case_of_parts(parted(x, y))))
    assert {each.severity for each in found} <= {"error"}
    return [each.evidence["places"] for each in found]


@pytest.mark.parametrize("kind", ["numbers", "yes_no"])
def test_a_total_with_the_target_among_its_parts(kind: str) -> None:
    y = Y if kind == "numbers" else (Y > 1).astype(np.int64)
    x = X.copy()
    x[:, 0] = 50.0 + 3.0 * (x[:, 1:4].sum(1) + 2.0 * y)
    assert places(x, y) == [[0]]
    x[:, 0] += 0.01 * RANDOM.normal(size=1000)  # no sum any more
    assert places(x, y) == []


def test_sums_that_somebody_made_to_try_things_out() -> None:
    assert places(X, X[:, :3] @ np.array([1.0, -2.0, 0.5])) == []
    both = np.column_stack([X[:, :2], X[:, 0] + 0.5 * X[:, 2]])
    assert places(both, both @ np.array([1.0, -2.0, 0.5])) == []  # all columns


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer", "wine", "iris"])
def test_silence_of_measurements(name: str) -> None:
    assert places(*bundled(name)) == []


def test_silence_of_parts_that_make_a_whole() -> None:
    shares = RANDOM.dirichlet(np.ones(5), 1000)
    assert places(shares, np.sin(4 * shares[:, 0]) + shares[:, 1]) == []
