from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

from netwright.report.curves import precision_recall, roc, thinned

ROWS = some.lists(some.tuples(some.booleans(), some.integers(0, 6)), min_size=1, max_size=40)


@settings(deadline=None, max_examples=50)
@given(ROWS)
def test_areas_agree_with_scikit_learn_with_ties(rows: list[tuple[bool, int]]) -> None:
    truth, score = np.array([row[0] for row in rows]), np.array([row[1] / 7 for row in rows])
    curve, other = roc(truth, score), precision_recall(truth, score)
    if truth.all() or not truth.any():
        assert curve is None
    else:
        assert curve is not None
        assert curve[2] == pytest.approx(roc_auc_score(truth, score))
    if truth.any():
        assert other is not None
        assert other[2] == pytest.approx(average_precision_score(truth, score))
    else:
        assert other is None


def test_points_agree_with_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    truth, score = generator.random(300) > 0.7, generator.random(300).round(2)
    curve, other = roc(truth, score), precision_recall(truth, score)
    assert curve is not None
    assert other is not None
    false, true, _ = roc_curve(truth, score, drop_intermediate=False)
    np.testing.assert_allclose(curve[0], false)
    np.testing.assert_allclose(curve[1], true)
    precision, recall, _ = precision_recall_curve(truth, score)
    np.testing.assert_allclose(other[0][1:], recall[::-1][1:])
    np.testing.assert_allclose(other[1][1:], precision[::-1][1:])


def test_thinning_keeps_ends_and_shape() -> None:
    x = np.linspace(0, 1, 20_000)
    y = x**0.2
    few_x, few_y = thinned(x, y)
    assert len(few_x) <= 201
    assert (few_x[0], few_x[-1]) == (0.0, 1.0)
    np.testing.assert_allclose(np.interp(x, few_x, few_y), y, atol=0.01)
