from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from netwright.evaluate import intervals
from netwright.evaluate.intervals import bootstrap, margin
from netwright.evaluate.metrics import NAMES, score


def accuracy_rows(rows: int, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of which about `share` are right."""
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 2, rows)
    right = generator.random(rows) < share
    return target, np.where((np.where(right, target, 1 - target) == 1)[:, None], [0.3, 0.7], [0.7, 0.3])


def test_interval_of_a_share_is_the_known_one() -> None:
    target, output = accuracy_rows(2000, 0.8, seed=0)
    share = (output.argmax(axis=1) == target).mean()
    wide = norm.ppf(0.975) * np.sqrt(share * (1 - share) / 2000)
    low, high = bootstrap("binary", target, output)["accuracy"]
    assert (low, high) == pytest.approx((share - wide, share + wide), abs=0.1 * wide)


def test_true_values_lie_inside_about_95_percent_of_the_intervals() -> None:
    inside = 0
    for seed in range(100):
        error = np.random.default_rng(1000 + seed).normal(size=150)
        low, high = bootstrap("regression", np.zeros(150), error, ["mae"], repeats=150, seed=seed)["mae"]
        inside += low <= np.sqrt(2.0 / np.pi) <= high
    assert 88 <= inside <= 99


def test_every_metric_lies_in_its_interval() -> None:
    generator = np.random.default_rng(3)
    output = generator.dirichlet(np.ones(3), 400)
    target = (output.cumsum(axis=1) > generator.random((400, 1))).argmax(axis=1)
    point, found = score("multiclass", target, output), bootstrap("multiclass", target, output, repeats=200)
    assert set(found) == set(NAMES["multiclass"])
    assert all(found[name][0] < point[name] < found[name][1] for name in found)


def test_same_seed_same_interval() -> None:
    target, output = accuracy_rows(100, 0.7, seed=1)
    again = [bootstrap("binary", target, output, ["f1"], repeats=200, seed=seed)["f1"] for seed in (5, 5, 6)]
    assert again[0] == again[1] != again[2]


def test_rows_of_a_group_are_drawn_together() -> None:
    target, output = accuracy_rows(100, 0.7, seed=2)
    rows = np.repeat(np.arange(100), 10)
    alone = bootstrap("binary", target, output, ["accuracy"])["accuracy"]
    grouped = bootstrap("binary", target[rows], output[rows], ["accuracy"], groups=rows)["accuracy"]
    split = bootstrap("binary", target[rows], output[rows], ["accuracy"])["accuracy"]
    assert np.ptp(grouped) == pytest.approx(np.ptp(alone), rel=0.15)
    assert np.ptp(split) == pytest.approx(np.ptp(alone) / np.sqrt(10), rel=0.15)


def test_a_part_of_many_rows_gives_the_interval_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    target, output = accuracy_rows(4000, 0.8, seed=4)
    full = bootstrap("binary", target, output, ["accuracy"])["accuracy"]
    monkeypatch.setattr(intervals, "MOST_CELLS", 2000)
    part = bootstrap("binary", target, output, ["accuracy"])["accuracy"]
    assert np.mean(part) == pytest.approx(np.mean(full), abs=0.003)
    assert np.ptp(part) == pytest.approx(np.ptp(full), rel=0.2)


def test_what_cannot_be_computed_has_no_interval() -> None:
    target, output = np.zeros(30, int), np.tile([0.8, 0.2], (30, 1))
    found = bootstrap("binary", target, output, repeats=200)
    assert found["roc_auc"] is None
    assert found["accuracy"] == [1.0, 1.0]
    assert bootstrap("binary", target[:0], output[:0], ["accuracy"]) == {"accuracy": None}


def test_one_large_group_is_drawn_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "MOST_CELLS", 20)
    target, output = accuracy_rows(100, 0.7, seed=3)
    accuracy = (output.argmax(axis=1) == target).mean()
    found = bootstrap("binary", target, output, ["accuracy"], repeats=20, groups=np.zeros(100))
    assert found["accuracy"] == pytest.approx([accuracy, accuracy])


def test_intervals_stay_where_the_metric_can_be() -> None:
    target = np.arange(40) % 2
    output = np.where((target == 1)[:, None], [0.1, 0.9], [0.9, 0.1])
    output[0] = output[0][::-1]
    for name, interval in bootstrap("binary", target, output, repeats=300).items():
        assert interval is not None
        assert 0.0 <= interval[0] <= interval[1], name
        assert interval[1] <= 1.0 or name == "log_loss", name


def test_margin_of_one_row_is_not_beyond_chance() -> None:
    truth = np.arange(70) % 2
    right = np.eye(2)[truth]
    one_wrong = right.copy()
    one_wrong[3] = one_wrong[3, ::-1]
    low, high = margin("binary", truth, right, one_wrong, "accuracy")
    assert low == 0.0
    assert high > 0.0


def test_margin_is_positive_when_the_error_is_smaller() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=200)
    near, far = truth + 0.1 * generator.normal(size=200), truth + generator.normal(size=200)
    low, high = margin("regression", truth, near, far, "rmse")
    assert 0.5 < low < high < 1.5
    assert margin("regression", truth, far, near, "rmse")[1] < 0.0
