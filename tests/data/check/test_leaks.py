from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from netwright.data.check.leaks import (
    bin_score,
    class_score,
    find_leaks,
    line_score,
    quantile_bins,
    target_leak,
)

N = 600


def leaking(view):
    return [leak.columns for leak in find_leaks(view)]


@pytest.fixture
def random():
    return np.random.default_rng(0)


def test_a_column_that_is_the_target_in_other_words(view_of, random):
    y = random.choice(["0", "1"], N)
    alive = np.where(y == "1", "yes", "no")
    cells = {"alive": alive, "other": random.choice(["u", "v"], N), "y": y}
    (finding,) = target_leak(view_of(cells, {"alive": "boolean", "other": "category"}))
    assert (finding.id, finding.severity, finding.columns) == ("target_leak", "error", ["alive"])
    assert "'alive' alone tells the class right in 100 % of the rows" in finding.message


def test_a_number_that_divides_the_classes_at_a_threshold(view_of, random):
    risk = random.exponential(size=N).round(1)
    y = np.where(risk > 1, "Yes", "No")
    assert leaking(
        view_of({"risk": risk, "x": random.normal(size=N), "y": y}, {"risk": "number", "x": "number"})
    ) == [["risk"]]


def test_a_class_that_shows_by_what_is_missing(view_of, random):
    y = random.choice(["0", "1"], N)
    closed = np.where(y == "1", random.normal(size=N), np.nan)
    assert leaking(
        view_of({"closed": [None if np.isnan(v) else v for v in closed], "y": y}, {"closed": "number"})
    ) == [["closed"]]


def test_a_sum_that_is_the_target_where_no_single_column_is(view_of, random):
    casual, registered = random.poisson(30, N), random.poisson(90, N)
    weather = random.normal(size=N) + casual / 10
    cells = {"weather": weather, "casual": casual, "registered": registered, "y": casual + registered}
    view = view_of(cells, dict.fromkeys(["weather", "casual", "registered"], "number"), task="regression")
    (finding,) = target_leak(view)
    assert finding.columns == ["casual", "registered"]
    assert "casual + registered gives it exactly" in finding.message


def test_a_sum_that_divides_the_classes(view_of, random):
    a, b, c = random.normal(size=(3, N))
    y = np.where(a - b > 0.5, "late", "early")
    assert leaking(view_of({"a": a, "b": b, "c": c, "y": y}, dict.fromkeys("abc", "number"))) == [["a", "b"]]


def test_a_target_in_other_units_or_bent(view_of, random):
    y = random.lognormal(size=N)
    cells = {"pounds": y * 2.2046, "log": np.log(y), "x": random.normal(size=N), "y": y}
    view = view_of(cells, dict.fromkeys(["pounds", "log", "x"], "number"), task="regression")
    assert leaking(view)[0] == ["pounds"]


def test_ids_tell_no_class_on_other_rows(view_of, random):
    y = random.choice(["0", "1"], N)
    cells = {"name": [f"n{i}" for i in range(N)], "code": random.permutation(N), "y": y}
    assert leaking(view_of(cells, {"name": "text", "code": "number"})) == []


def test_rows_for_the_test_are_not_looked_at(view_of, random):
    y = random.choice(["0", "1"], N)
    cells = {"x": np.where(np.arange(N) % 5 == 4, y, "?"), "y": y}
    assert leaking(view_of(cells, {"x": "category"})) == []


def test_noise_that_is_not_the_target(view_of, random):
    x = random.normal(size=N)
    cells = {"x": x, "z": random.normal(size=N), "y": x + 0.2 * random.normal(size=N)}
    assert leaking(view_of(cells, {"x": "number", "z": "number"}, task="regression")) == []


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "diabetes"])
def test_honest_tables_raise_no_alarm(view_of, name):
    bunch = getattr(datasets, f"load_{name}")()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    cells = {f"x{place}": column[order] for place, column in enumerate(bunch.data.T)}
    task = "regression" if name == "diabetes" else "multiclass"
    assert (
        leaking(view_of(cells | {"y": bunch.target[order]}, dict.fromkeys(cells, "number"), task=task)) == []
    )


def test_xor_raises_no_alarm(view_of, random):
    x, y = random.uniform(-5, 5, size=(2, 1000))
    view = view_of({"a": x, "b": y, "y": np.where(x * y < 0, "1", "0")}, {"a": "number", "b": "number"})
    assert leaking(view) == []


def test_class_score_is_out_of_fold():
    labels = np.arange(100) % 2
    assert class_score(labels.astype(np.int64), labels, ordered=False) == 1.0
    assert (
        class_score(np.arange(100), labels, ordered=False) is None
    )  # a bin for each row says nothing about others
    assert (
        class_score(labels.astype(np.int64)[:30], labels[:30], ordered=False) is None
    )  # 15 errors are too few to tell


def test_bin_and_line_scores():
    target = np.arange(100.0)
    bins = np.repeat(np.arange(10), 10)
    within = sum(((target[bins == b] - target[bins == b].mean()) ** 2).sum() for b in range(10))
    best = 1 - within / ((target - target.mean()) ** 2).sum()
    assert best - 0.01 < bin_score(bins, target, ordered=False) < best
    assert bin_score(np.arange(100), target, ordered=False) < 0
    assert bin_score(np.arange(100) + 1, target, ordered=True) > 0.99
    assert line_score(3 - 2 * target, target) == pytest.approx(1)
    assert line_score(np.where(target < 90, np.nan, target), target) == 0


def test_quantile_bins_keep_order_and_set_missing_apart():
    values = np.array([3.0, np.nan, 1.0, 2.0, 1.0])
    assert quantile_bins(values).tolist() == [3, 0, 1, 2, 1]
    many = np.random.default_rng(0).normal(size=10_000)
    bins = quantile_bins(many)
    assert bins.max() <= 512
    assert np.all(np.diff(bins[np.argsort(many)]) >= 0)
