from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import scale

from netwright.evaluate import baselines, solvers
from netwright.evaluate.baselines import constant, linear
from netwright.evaluate.metrics import score


def test_constant_is_the_shares_of_the_classes_or_the_mean() -> None:
    assert constant("binary", np.array([0, 1, 1, 1]), 2, 2).tolist() == [[0.25, 0.75]] * 2
    assert constant("multiclass", np.array([0, 2, -1]), 1, 3).tolist() == [[0.5, 0.0, 0.5]]
    assert constant("multilabel", np.array([[1, 0], [1, 1], [np.nan, 1]]), 1).tolist() == [[1.0, 2 / 3]]
    assert constant("regression", np.array([1.0, 3.0]), 3).tolist() == [2.0] * 3
    assert constant("regression", np.array([[1.0, 10.0], [3.0, 30.0]]), 1).tolist() == [[2.0, 20.0]]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_two_classes_are_scikit_learns_logistic_regression(make: type) -> None:
    inputs, target = load_breast_cancer(return_X_y=True)
    inputs = scale(inputs)
    found = linear("binary", make(inputs[::2]), target[::2], make(inputs[1::2])).output
    reference = LogisticRegression(C=1.0, max_iter=1000).fit(inputs[::2], target[::2])
    assert found == pytest.approx(reference.predict_proba(inputs[1::2]), abs=0.02)


def test_many_classes_are_scikit_learns_logistic_regression() -> None:
    inputs, target = load_wine(return_X_y=True)
    inputs = scale(inputs)
    found = linear("multiclass", inputs[::2], target[::2], inputs[1::2], classes=4).output
    reference = LogisticRegression(C=1.0, max_iter=1000).fit(inputs[::2], target[::2])
    assert found[:, :3] == pytest.approx(reference.predict_proba(inputs[1::2]), abs=0.02)
    assert np.all(found[:, 3] < 0.01)  # a class without training rows


@pytest.mark.parametrize("dense_up_to", [1500, 5])
def test_numbers_are_scikit_learns_ridge(monkeypatch: pytest.MonkeyPatch, dense_up_to: int) -> None:
    monkeypatch.setattr(solvers, "MOST_DENSE", dense_up_to)
    inputs, target = load_diabetes(return_X_y=True)
    inputs = scale(inputs) + 3.0
    both = np.column_stack([target, -1000.0 * target + 5.0])
    found = linear("regression", inputs[::2], both[::2], inputs[1::2]).output
    expected = Ridge(alpha=1.0).fit(inputs[::2], both[::2]).predict(inputs[1::2])
    assert found == pytest.approx(expected, rel=0.02)
    single = linear("regression", inputs[::2], target[::2], inputs[1::2]).output
    assert single == pytest.approx(expected[:, 0], rel=0.02)


def test_labels_are_one_against_rest() -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(300, 4))
    target = (inputs[:, :2] + 0.3 * generator.normal(size=(300, 2)) > [0.0, 1.0]).astype(float)
    found = linear("multilabel", inputs, target, inputs).output
    for label in range(2):
        alone = linear("binary", inputs, target[:, label].astype(int), inputs).output
        assert found[:, label] == pytest.approx(alone[:, 1], abs=0.01)


def test_validation_rows_choose_the_penalty() -> None:
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(300, 40))
    noise = generator.integers(0, 2, 300)  # nothing to learn: the strongest penalty is the best
    clear = (inputs[:, 0] > 0).astype(int)
    notes = [
        linear("binary", inputs[:60], y[:60], inputs[200:], inputs[60:200], y[60:200]).note
        for y in (noise, clear)
    ]
    assert "penalty 1000 (chosen" in notes[0]
    assert "penalty 1000 " not in notes[1]
    numbers = linear("regression", inputs[:60], noise[:60], inputs, inputs[60:], noise[60:])
    assert "penalty 1000 (chosen" in numbers.note


def test_rows_are_drawn_from_large_tables_with_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "FEWEST_ROWS", 100)
    monkeypatch.setattr(baselines, "MOST_WORK", 200)
    inputs = np.random.default_rng(2).normal(size=(400, 3))
    target = (inputs[:, 0] > 0).astype(int)
    first, again, other = (linear("binary", inputs, target, inputs, seed=seed) for seed in (0, 0, 1))
    assert "100 drawn of 400" in first.note
    assert np.array_equal(first.output, again.output)
    assert not np.array_equal(first.output, other.output)


def test_rows_of_unknown_classes_and_numbers_are_left_out() -> None:
    inputs = np.random.default_rng(3).normal(size=(80, 2))
    classes = np.where(inputs[:, 0] > 0, 1, 0)
    unknown = np.append(classes, [-1] * 5)
    more = np.vstack([inputs, np.full((5, 2), 100.0)])
    found = linear("binary", more, unknown, inputs, more, unknown)
    assert np.array_equal(found.output, linear("binary", inputs, classes, inputs, inputs, classes).output)
    numbers = linear("regression", more, np.append(inputs[:, 0], [np.nan] * 5), inputs).output
    assert score("regression", inputs[:, 0], numbers)["r2"] > 0.99


def test_it_stops_in_time() -> None:
    inputs, target = load_wine(return_X_y=True)
    hurried = linear("multiclass", scale(inputs), target, scale(inputs), scale(inputs), target, seconds=0.0)
    assert "penalty 1000" in hurried.note
    assert np.all(np.isfinite(hurried.output))
