from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, mean_squared_error

from netwright.evaluate.ensemble import greedy_weights


def chances(rows: int, classes: int, members: int, truth: np.ndarray, skill: list[float]) -> np.ndarray:
    """Members' probabilities: noise, and as much of the truth as their skill."""
    random = np.random.default_rng(1)
    logits = random.normal(size=(members, rows, classes))
    logits += np.array(skill)[:, None, None] * np.eye(classes)[truth]
    values = np.exp(logits)
    return values / values.sum(-1, keepdims=True)


@pytest.mark.parametrize(("task", "classes"), [("binary", 2), ("multiclass", 4)])
def test_the_result_is_no_worse_than_the_best_member_and_the_average(task, classes):
    truth = np.random.default_rng(0).integers(0, classes, 300)
    outputs = chances(300, classes, 5, truth, [2.0, 1.5, 0.2, 0.0, 1.8])
    weights = greedy_weights(task, truth, outputs)
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0
    reached = log_loss(truth, np.tensordot(weights, outputs, 1), labels=range(classes))
    assert reached < log_loss(truth, outputs.mean(0), labels=range(classes))
    assert reached < min(log_loss(truth, each, labels=range(classes)) for each in outputs)
    assert weights[0] > weights[3]


def test_weights_are_what_a_plain_loop_of_the_paper_finds():
    truth = np.random.default_rng(0).integers(0, 3, 80)
    outputs = chances(80, 3, 4, truth, [1.0, 0.8, 0.6, 0.1])
    bag: list[int] = []
    losses: list[float] = []
    for _ in range(20):
        tried = [log_loss(truth, outputs[[*bag, member]].mean(0)) for member in range(4)]
        bag.append(int(np.argmin(tried)))
        losses.append(min(tried))
    best = bag[: int(np.argmin(losses)) + 1]
    expected = np.bincount(best, minlength=4) / len(best)
    assert greedy_weights("multiclass", truth, outputs, rounds=20) == pytest.approx(expected.tolist())


def test_equal_weights_where_nothing_is_better():
    truth = np.array([0, 1, 0, 1])
    outputs = np.stack([np.eye(2)[truth] * 0.8 + 0.1] * 3)
    assert greedy_weights("binary", truth, outputs) == pytest.approx([1 / 3] * 3)


def test_numbers_labels_and_what_is_not_known():
    random = np.random.default_rng(2)
    truth = random.normal(size=(100, 2)) * [1.0, 1000.0]
    good, bad = (truth + scale * random.normal(size=truth.shape) * [1.0, 1000.0] for scale in (0.3, 3.0))
    weights = greedy_weights("regression", truth, np.stack([good, bad]))
    assert weights[0] > 0.9
    mixed = np.tensordot(weights, np.stack([good, bad]), 1)
    assert mean_squared_error(truth / truth.std(0), mixed / truth.std(0)) <= mean_squared_error(
        truth / truth.std(0), good / truth.std(0)
    )
    spoiled, wrong = truth.copy(), np.stack([good, bad])
    spoiled[:50, 0] = np.nan
    assert greedy_weights("regression", spoiled, wrong)[0] > 0.9
    labels = (random.random((100, 3)) > 0.5).astype(float)
    outputs = np.stack([0.1 + 0.8 * labels, random.random((100, 3))])
    assert greedy_weights("multilabel", labels, outputs)[0] > 0.9
    codes = np.where(np.arange(100) < 50, -1, 1)
    right = np.tile([0.2, 0.8], (100, 1))
    assert greedy_weights("binary", codes, np.stack([right, right[:, ::-1]])) == [1.0, 0.0]


def test_rows_of_more_weight_count_more():
    truth = np.array([0, 1])
    first, second = np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([[0.1, 0.9], [0.1, 0.9]])
    outputs = np.stack([first, second])
    assert greedy_weights("binary", truth, outputs, np.array([9.0, 0.001]))[0] == 1.0
    assert greedy_weights("binary", truth, outputs, np.array([0.001, 9.0]))[0] == 0.0
