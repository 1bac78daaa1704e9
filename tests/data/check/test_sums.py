from __future__ import annotations

import numpy as np
import pytest

from netwright.data.check.sums import Combination, combinations_for_numbers, pursue


@pytest.fixture
def columns():
    return list(np.random.default_rng(0).normal(size=(6, 300)) * [[1], [10], [5], [2], [100], [1]])


@pytest.mark.parametrize(
    "wanted",
    [
        Combination((0, 1), (1, 1)),
        Combination((1, 4), (1, -1)),
        Combination((0, 2, 3), (1, -1, 2)),
    ],
)
def test_combinations_are_found_in_any_unit(columns, wanted):
    target = wanted.values(columns)
    assert list(combinations_for_numbers(columns, target)) == [wanted]
    (found,) = combinations_for_numbers(columns, target / 1000 + 7)
    assert found == wanted


def test_a_difference_hidden_behind_a_column_that_goes_with_it(columns):
    revenue, cost = columns[4], columns[4] + columns[0]
    margin = cost - revenue + 0.1 * columns[5]
    found = list(combinations_for_numbers([margin, revenue, cost, columns[1]], cost - revenue))
    assert [each.places for each in found] == [(1, 2)]


def test_missing_cells_are_passed_over(columns):
    target = columns[0] + columns[3]
    gaps = [column.copy() for column in columns]
    gaps[0][::20] = np.nan
    gaps[3][5] = np.inf
    assert [each.places for each in combinations_for_numbers(gaps, target)] == [(0, 3)]


def test_two_sums_are_both_found(columns):
    one, two = columns[1], columns[2]
    columns = [one, two, one + 3 * columns[4], 3 * columns[4] - two, columns[0]]
    assert {each.places for each in combinations_for_numbers(columns, one + two)} == {(0, 1), (2, 3)}


def test_odd_factors_single_columns_and_noise_are_no_sums(columns):
    assert list(combinations_for_numbers(columns, 0.7 * columns[0] + 1.3 * columns[1])) == []
    assert list(combinations_for_numbers(columns, columns[4])) == []
    assert list(combinations_for_numbers(columns, columns[0] + columns[5] + 0.1 * columns[3])) == []
    assert list(combinations_for_numbers([], columns[0])) == []


def test_pursuit_takes_the_strongest_first_and_stops_when_all_is_explained(columns):
    assert pursue(columns, columns[4] + columns[1], 5) == [4, 1]
