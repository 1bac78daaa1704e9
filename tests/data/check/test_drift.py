from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from netwright.data.check.drift import cramers_v, drift, ks_distance, unseen_categories

RANDOM = np.random.default_rng(0)
N = 1000
Y = ["a", "b"] * (N // 2)
TEST = np.arange(N) % 5 == 4


def test_ks_distance_is_scipys():
    a, b = RANDOM.normal(size=100).round(1), RANDOM.normal(0.5, size=70).round(1)
    assert ks_distance(a, b) == pytest.approx(stats.ks_2samp(a, b).statistic)


def test_cramers_v_is_scipys_but_for_the_bias():
    a, b = RANDOM.integers(0, 4, size=3000), RANDOM.choice(4, size=2000, p=[0.5, 0.3, 0.1, 0.1])
    table = np.stack([np.bincount(a), np.bincount(b)])
    assert cramers_v(a, b)[0] == pytest.approx(stats.contingency.association(table), rel=0.01)
    assert cramers_v(np.zeros(9, dtype=int), np.zeros(9, dtype=int)) == (0.0, 1.0)
    assert cramers_v(np.zeros(0, dtype=int), np.zeros(9, dtype=int)) == (0.0, 1.0)


@pytest.mark.parametrize("size", [2, 5, 40])
def test_the_probability_by_chance_is_that_of_the_chi_squared_test(size):
    a, b = RANDOM.integers(0, size, size=4000), RANDOM.integers(0, size, size=2000)
    b[:60] = 0
    table = np.stack([np.bincount(a), np.bincount(b)])
    expected = stats.chi2_contingency(table, correction=False).pvalue
    assert cramers_v(a, b)[1] == pytest.approx(expected, rel=0.2)


def test_chance_alone_makes_no_association():
    a, b = RANDOM.integers(0, 4, size=300), RANDOM.integers(0, 4, size=200)
    assert cramers_v(a, b)[0] < 0.1


def test_shifted_numbers_categories_and_missing_cells_are_found_in_the_part_concerned(view_of):
    cells = {
        "number": RANDOM.normal(size=N) + 2 * TEST,
        "category": np.where(TEST, RANDOM.choice(["u", "v"], N, p=[0.9, 0.1]), RANDOM.choice(["u", "v"], N)),
        "gaps": [None if test and RANDOM.random() < 0.5 else 1.0 for test in TEST],
        "same": RANDOM.normal(size=N),
        "y": Y,
    }
    view = view_of(cells, {"number": "number", "category": "category", "gaps": "number", "same": "number"})
    (finding,) = drift(view)
    assert set(finding.columns) == {"number", "category", "gaps"}
    assert "in the test rows" in finding.message


def test_a_random_split_of_any_numbers_does_not_drift(view_of):
    columns = {f"c{place}": RANDOM.lognormal(size=N) for place in range(30)}
    words = {f"w{place}": RANDOM.choice(["u", "v", "w"], N) for place in range(30)}
    kinds = dict.fromkeys(columns, "number") | dict.fromkeys(words, "category")
    assert drift(view_of(columns | words | {"y": Y}, kinds)) == []


def test_test_labels_play_no_part(view_of):
    x = RANDOM.normal(size=N)
    view = view_of({"x": x, "y": np.where(TEST, "a", "b")}, {"x": "number"}, classes=["a", "b"])
    assert drift(view) == []


def test_categories_that_training_has_not_seen(view_of):
    x = np.where(TEST & (np.arange(N) % 2 == 0), "new", "old")
    (finding,) = unseen_categories(view_of({"x": x, "y": Y}, {"x": "category"}))
    assert (finding.rows, finding.examples[0]) == (100, 4)
    assert "25 % of the rows" in finding.message
    assert unseen_categories(view_of({"x": ["old"] * N, "y": Y}, {"x": "category"})) == []
