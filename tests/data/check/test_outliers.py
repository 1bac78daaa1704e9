from __future__ import annotations

import numpy as np
from scipy import stats

from netwright.data.check.outliers import outlier_limits, outliers

RANDOM = np.random.default_rng(0)


def test_limits_are_ten_robust_deviations():
    values = RANDOM.normal(5, 2, size=10_000)
    deviation = stats.iqr(values, scale="normal")
    low, high = outlier_limits(values)
    np.testing.assert_allclose([low, high], np.median(values) + np.array([-10, 10]) * deviation, rtol=1e-3)


def test_missing_and_infinite_values_do_not_move_the_limits():
    values = RANDOM.normal(size=1000)
    odd = np.concatenate([values, [np.nan, np.inf, -np.inf]])
    assert outlier_limits(odd) == outlier_limits(values)


def test_no_limits_where_there_is_no_spread_or_a_heavy_tail():
    no_limits = (-np.inf, np.inf)
    assert outlier_limits(np.array([np.nan])) == no_limits
    assert outlier_limits(np.array([0.0] * 90 + [5.0] * 10)) == no_limits
    assert outlier_limits(RANDOM.lognormal(0, 2, size=5000)) == no_limits


def test_test_rows_do_not_set_the_limits_but_are_counted(view_of):
    x = RANDOM.normal(size=200)
    x[[0, 4]] = [1e6, -1e6]  # row 0 trains, row 4 tests
    cells = {"x": x, "y": ["a", "b"] * 100}
    (finding,) = outliers(view_of(cells, {"x": "number"}))
    assert (finding.rows, finding.examples) == (2, [0, 4])
    x[4::5] *= 1e5
    (finding,) = outliers(view_of(cells | {"x": x}, {"x": "number"}))
    assert finding.rows == 41


def test_normal_numbers_have_none(view_of):
    cells = {"x": RANDOM.normal(size=200), "y": ["a", "b"] * 100}
    assert outliers(view_of(cells, {"x": "number"})) == []
