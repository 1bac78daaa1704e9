"""Targets that hide in a part of the rows, in marks of classes, and in means; columns that only look so."""

from __future__ import annotations

import numpy as np
import pytest
from tests.doctor.checks.rows import bundled, case_of_parts, parted

from netwright.doctor.checks.leaks import leaking_column
from netwright.doctor.diagnosis import Diagnosis

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(1000, 5))


def _told(x: np.ndarray, y: np.ndarray) -> list[Diagnosis]:
    return list(leaking_column(case_of_parts(parted(x, y))))


def _means(codes: np.ndarray, y: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The mean target of the rows `of` that have each row's code, half where there are none. [n]"""
    count = np.bincount(codes[of], minlength=codes.max() + 1)
    total = np.bincount(codes[of], y[of], minlength=codes.max() + 1)
    return np.where(count, total / np.maximum(count, 1), 0.5)[codes]


@pytest.mark.parametrize("kind", ["numbers", "yes_no"])
def test_means_of_the_target_over_rare_codes(kind: str) -> None:
    y = X[:, 1] + RANDOM.normal(size=1000)
    y = y if kind == "numbers" else (y > 0).astype(np.int64)
    codes = RANDOM.integers(0, 1000, 1000)
    found = _told(np.column_stack([_means(codes, y, np.arange(1000)), X]), y)
    assert [each.evidence["places"] for each in found] == [[0]]
    assert _told(np.column_stack([_means(codes, y, np.arange(500)), X])[500:], y[500:]) == []
    honest = _means(RANDOM.integers(0, 20, 1000), y, np.arange(1000))
    assert _told(np.column_stack([honest, X]), y) == []


def test_marks_of_all_classes_but_not_a_column_that_tells_one() -> None:
    x, y = bundled("digits")
    marks = np.eye(10)[y] * 2.0 - 0.6
    found = _told(np.column_stack([x, marks]), y)
    assert [each.severity for each in found] == ["error"]
    assert sorted(found[0].evidence["places"]) == [*range(x.shape[1], x.shape[1] + 10)]
    assert _told(np.column_stack([x, marks[:, :2]]), y) == []


def test_the_greater_of_two_columns_is_no_leak() -> None:
    assert _told(X, X[:, :2].max(1)) == []


def test_a_target_with_one_large_part_is_no_leak() -> None:
    assert _told(X, X[:, 0] + 0.5 * RANDOM.normal(size=1000)) == []
