from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from netwright.evaluate.ranking import areas, cumulated, rank

ROWS = st.integers(2, 40)


@st.composite
def ranked_rows(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows = draw(ROWS)
    positive = draw(arrays(bool, rows))
    score = draw(arrays(np.int64, rows, elements=st.integers(0, 6))) / 6.0  # many equal scores
    weight = draw(arrays(np.float64, rows, elements=st.sampled_from([0.25, 0.5, 1.0, 3.0])))
    return positive, score, weight


@given(ranked_rows())
@settings(deadline=None, max_examples=40)
def test_areas_are_those_of_scikit_learn_with_ties_and_weights(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    positive, score, weight = rows
    assume(positive.any() and not positive.all())
    roc_auc, average_precision = areas(rank(positive, score), weight)
    assert roc_auc == pytest.approx(roc_auc_score(positive, score, sample_weight=weight))
    assert average_precision == pytest.approx(average_precision_score(positive, score, sample_weight=weight))


def test_a_weight_counts_rows() -> None:
    generator = np.random.default_rng(0)
    positive, score = generator.random(30) < 0.4, generator.integers(0, 8, 30) / 8
    times = generator.integers(0, 4, 30)  # some rows are not drawn at all, the best one among them
    times[score.argmax()] = 0
    repeated = np.repeat(np.arange(30), times)
    expected = areas(rank(positive[repeated], score[repeated]), np.ones(len(repeated)))
    assert areas(rank(positive, score), times.astype(float)) == pytest.approx(expected)


def test_all_scores_equal_is_chance() -> None:
    roc_auc, average_precision = areas(rank(np.array([True, False, False, False]), np.zeros(4)), np.ones(4))
    assert (roc_auc, average_precision) == (0.5, 0.25)


def test_no_positives_and_no_negatives() -> None:
    assert np.isnan(areas(rank(np.zeros(3, bool), np.arange(3.0)), np.ones(3))).all()
    roc_auc, average_precision = areas(rank(np.ones(3, bool), np.arange(3.0)), np.full(3, 0.1))
    assert np.isnan(roc_auc)
    assert average_precision == pytest.approx(1.0)


def test_cumulated_ends_with_all_rows() -> None:
    true, chosen = cumulated(rank(np.array([True, False, True]), np.array([0.2, 0.9, 0.2])), np.ones(3))
    assert true.tolist() == [0.0, 2.0]
    assert chosen.tolist() == [1.0, 3.0]
