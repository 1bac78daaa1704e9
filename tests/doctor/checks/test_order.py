"""Sorted rows that are not shuffled, or whose end was cut off."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.doctor.checks.cases import cases_for
from torch import nn

from netwright.doctor.checks.order import unshuffled, unshuffled_after

RANDOM = np.random.default_rng(0)
CODES = RANDOM.permutation(np.arange(400) % 4)
X = (RANDOM.normal(size=(400, 5)) + 2 * np.eye(5)[CODES]).astype("float32")
NUMBERS = X.sum(1)
SORTED, RISING = np.argsort(CODES, kind="stable"), np.argsort(NUMBERS)
CE = nn.CrossEntropyLoss()
NO_RECORD: Any = None


def test_rows_in_any_order_are_passed_over() -> None:
    for y, outputs, loss in ((CODES, 4, CE), (NUMBERS, 1, "mse")):
        for shuffle in (True, False):
            case, _ = cases_for(nn.Linear(5, outputs), loss, X, y, shuffle=shuffle)
            assert case.plan.shuffled is shuffle
            assert list(unshuffled(case)) == []


def test_sorted_rows_are_well_when_they_are_shuffled() -> None:
    held = (X[:80], CODES[:80])
    case, _ = cases_for(
        nn.Linear(5, 4), CE, X[SORTED], CODES[SORTED], validation_split=0.0, validation_data=held
    )
    assert list(unshuffled(case)) == []


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_sorted_rows_that_are_not_shuffled(kind: str) -> None:
    order, y, outputs, loss = (SORTED, CODES, 4, CE) if kind == "classes" else (RISING, NUMBERS, 1, "mse")
    fit = {"validation_split": 0.0, "validation_data": (X[:80], y[:80]), "shuffle": False}
    before, after = cases_for(nn.Linear(5, outputs), loss, X[order], y[order], **fit)
    (found,) = unshuffled(before)
    assert found.severity == "warning"
    assert found.evidence["sorted"] > 0.8
    (found,) = unshuffled_after(after, NO_RECORD)
    assert found.severity == "error"


def test_validation_rows_from_the_end_of_sorted_ones() -> None:
    case, _ = cases_for(nn.Linear(5, 4), CE, X[SORTED], CODES[SORTED])
    (found,) = unshuffled(case)
    assert found.severity == "error"
    assert found.evidence["unseen"] == [3]
    case, _ = cases_for(nn.Linear(5, 1), "mse", X[RISING], NUMBERS[RISING])
    (found,) = unshuffled(case)
    assert found.severity == "warning"
    case, _ = cases_for(nn.Linear(5, 4), CE, X[SORTED], CODES[SORTED], validation_split=0.04)
    assert list(unshuffled(case)) == []  # too few to say so
