from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.data.apportion import divide, divide_in_order
from netwright.data.roles import TEST, TRAIN, VALIDATION


def counts(role: np.ndarray) -> tuple[int, int, int]:
    return tuple(int((role == part).sum()) for part in (TRAIN, VALIDATION, TEST))  # type: ignore[return-value]


def test_shares_are_exact_without_equal_keys():
    keys = np.random.default_rng(0).random(1000)
    assert counts(divide(keys, np.zeros(1000, dtype=np.int64), 0.16, 0.20)) == (640, 160, 200)


def test_lowest_keys_train_and_highest_test():
    keys = np.random.default_rng(0).random(100)
    role = divide(keys, np.zeros(100, dtype=np.int64), 0.16, 0.20)
    assert keys[role == TRAIN].max() < keys[role == VALIDATION].min()
    assert keys[role == VALIDATION].max() < keys[role == TEST].min()


def test_each_stratum_has_its_share_and_all_together_too():
    strata = np.repeat([0, 1, 2], [152, 68, 124])
    role = divide(np.random.default_rng(0).random(344), strata, 0.16, 0.20)
    assert counts(role) == (220, 55, 69)
    for stratum, size in enumerate([152, 68, 124]):
        _, validation, test = counts(role[strata == stratum])
        assert abs(validation - 0.16 * size) < 1
        assert abs(test - 0.20 * size) < 1


@pytest.mark.parametrize(("size", "expected"), [(1, (1, 0, 0)), (2, (1, 0, 1)), (5, (3, 1, 1))])
def test_small_strata_train_first_then_test(size: int, expected: tuple[int, int, int]):
    strata = np.repeat([0, 1], [95, size])
    role = divide(np.random.default_rng(0).random(95 + size), strata, 0.16, 0.20)
    assert counts(role[strata == 1]) == expected


def test_a_group_larger_than_the_training_share_leaves_the_rest_in_proportion():
    keys = np.concatenate([np.zeros(800), np.linspace(0.1, 1, 200)])
    role = divide(keys, np.zeros(1000, dtype=np.int64), 0.16, 0.20)
    assert counts(role) == (800, 89, 111)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60), st.integers(0, 2**31))
@settings(deadline=None, max_examples=50)
def test_regrouping_test_rows_moves_no_row(groups: list[int], seed: int):
    scores = np.random.default_rng(seed).random(len(groups))
    strata = np.zeros(len(groups), dtype=np.int64)
    labels = np.array(groups)
    keys = lowest_of(scores, labels)
    role = divide(keys, strata, 0.16, 0.20)
    for regrouped in (100 + np.arange(len(groups)), np.full(len(groups), 100)):
        changed = np.where(role == TEST, regrouped, labels)
        assert (divide(lowest_of(scores, changed), strata, 0.16, 0.20) == role).all()


def lowest_of(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.array([scores[labels == label].min() for label in labels])


def test_in_order_keeps_ties_together_at_the_nearest_change():
    keys = np.repeat([2001.0, 2002, 2003, 2004, 2005], 20)
    role = divide_in_order(keys[::-1].copy(), 0.16, 0.20)
    assert role is not None
    assert counts(role) == (60, 20, 20)
    assert (role[:20] == TEST).all()
    assert (role[20:40] == VALIDATION).all()


def test_in_order_needs_a_key_for_each_part():
    assert divide_in_order(np.repeat([1.0, 2.0], 50), 0.16, 0.20) is None
    late = np.concatenate([np.zeros(97), [1.0, 2.0, 3.0]])
    role = divide_in_order(late, 0.16, 0.20)
    assert role is not None
    assert min(counts(role)) >= 1
