from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from netwright.evaluate import fairness, intervals, slices
from netwright.evaluate.metrics import per_class, score
from netwright.evaluate.threshold import METRICS, choose

SCORES = {
    "f1": lambda truth, said: metrics.f1_score(truth, said, zero_division=0),
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "accuracy": metrics.accuracy_score,
}
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=2, max_size=30)


@pytest.mark.parametrize("metric", METRICS)
@given(rows)
@settings(deadline=None, derandomize=True, max_examples=60)
def test_no_other_threshold_is_better(metric, rows):
    truth, probability = (np.array(each) for each in zip(*rows, strict=True))
    probability = probability / 20
    chosen = choose(truth, probability, metric)
    assert 0 < chosen < 1
    if len(set(truth)) < 2:
        assert chosen == 0.5
        return
    reached = SCORES[metric](truth, probability > chosen)
    for other in np.arange(0.5, 20) / 20:  # all that decide otherwise, of probabilities in twentieths
        assert SCORES[metric](truth, probability > other) <= reached + 1e-9


def test_of_equally_good_ones_the_nearest_to_one_half_is_taken():
    truth = np.array([0, 0, 1, 1])
    assert choose(truth, np.array([0.1, 0.3, 0.8, 0.9]), "f1") == 0.5
    assert choose(truth, np.array([0.6, 0.7, 0.8, 0.9]), "f1") == pytest.approx(0.75)
    assert choose(truth, np.array([0.1, 0.2, 0.3, 0.4]), "f1") == pytest.approx(0.25)


def test_unknown_classes_choose_nothing():
    truth, probability = np.array([0, 0, 1, 1, -1, -1]), np.array([0.1, 0.2, 0.3, 0.4, 0.9, 0.05])
    assert choose(truth, probability, "accuracy") == choose(truth[:4], probability[:4], "accuracy")


def test_a_threshold_is_used_by_every_metric_that_needs_a_decision():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    positive = np.clip(0.3 * truth + 0.4 * random.random(400), 0, 1)
    output = np.column_stack([1 - positive, positive])
    said = (positive > 0.3).astype(int)
    scores = score("binary", truth, output, threshold=0.3)
    assert scores["f1"] == pytest.approx(metrics.f1_score(truth, said))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))
    assert scores["precision"] == pytest.approx(metrics.precision_score(truth, said))
    usual = score("binary", truth, output)
    for name in ("roc_auc", "average_precision", "log_loss", "brier", "ece"):
        assert scores[name] == usual[name]
    assert per_class(truth, output, ["no", "yes"], 0.3)["yes"]["recall"] == scores["recall"]
    low, high = intervals.bootstrap("binary", truth, output, ["f1"], threshold=0.3)["f1"]
    assert low < scores["f1"] < high
    gain = intervals.margin("binary", truth, output, output, "accuracy", threshold=0.3)
    assert (gain[0] + gain[1]) / 2 == pytest.approx(scores["accuracy"] - usual["accuracy"], abs=0.02)
    import polars as pl

    groups = pl.Series(["a"] * 400)
    rates = fairness.by_group("binary", groups, truth, output, 0.3)["groups"][0]
    assert rates["true_positive_rate"] == pytest.approx(scores["recall"])
    assert rates["accuracy"] == pytest.approx(scores["accuracy"])
    part = pl.DataFrame({"half": ["x"] * 200 + ["y"] * 200})
    found = slices.weakest(part, truth, output, "binary", threshold=0.3)
    assert found[0].overall == pytest.approx(scores["accuracy"])
