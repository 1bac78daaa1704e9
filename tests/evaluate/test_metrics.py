from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from netwright.data.schema import Task
from netwright.evaluate.metrics import BETTER_HIGH, NAMES, PRIMARY, confusion, per_class, per_target, score


def class_rows(rows: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, probabilities with many ties, and weights."""
    generator = np.random.default_rng(seed)
    output = generator.integers(1, 6, (rows, classes)).astype(float)
    output /= output.sum(axis=1, keepdims=True)
    target = generator.integers(0, classes, rows)
    target[:classes] = np.arange(classes)
    return target, output, generator.uniform(0.2, 3.0, rows)


@given(st.integers(0, 10_000), st.integers(10, 80), st.booleans())
@settings(deadline=None, max_examples=20)
def test_binary_is_scikit_learn(seed: int, rows: int, weighted: bool) -> None:
    target, output, weight = class_rows(rows, 2, seed)
    predicted, chance = output.argmax(axis=1), output[:, 1]
    by = {"sample_weight": weight if weighted else None}
    expected = {
        "accuracy": reference.accuracy_score(target, predicted, **by),
        "balanced_accuracy": reference.balanced_accuracy_score(target, predicted, **by),
        "recall": reference.recall_score(target, predicted, **by),
        "f1": reference.f1_score(target, predicted, **by),
        "f1_weighted": reference.f1_score(target, predicted, average="weighted", **by),
        "roc_auc": reference.roc_auc_score(target, chance, **by),
        "average_precision": reference.average_precision_score(target, chance, **by),
        "log_loss": reference.log_loss(target, output, **by),
        "brier": reference.brier_score_loss(target, chance, **by),
    }
    if predicted.any():
        expected["precision"] = reference.precision_score(target, predicted, **by)
    found = score("binary", target, output, weight if weighted else None)
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@given(st.integers(0, 10_000), st.integers(3, 6), st.booleans())
@settings(deadline=None, max_examples=20)
def test_multiclass_is_scikit_learn(seed: int, classes: int, weighted: bool) -> None:
    target, output, weight = class_rows(60, classes, seed)
    by = {"sample_weight": weight if weighted else None}
    predicted = output.argmax(axis=1)
    one_hot = np.eye(classes)[target]
    macro = {"average": "macro", "zero_division": 0, **by}
    expected = {
        "accuracy": reference.accuracy_score(target, predicted, **by),
        "balanced_accuracy": reference.balanced_accuracy_score(target, predicted, **by),
        "precision": reference.precision_score(target, predicted, **macro),
        "recall": reference.recall_score(target, predicted, **macro),
        "f1": reference.f1_score(target, predicted, **macro),
        "f1_weighted": reference.f1_score(target, predicted, average="weighted", **by),
        "roc_auc": reference.roc_auc_score(one_hot, output, average="macro", **by),
        "average_precision": reference.average_precision_score(one_hot, output, average="macro", **by),
        "log_loss": reference.log_loss(target, output, **by),
        "brier": np.average(((output - one_hot) ** 2).sum(axis=1), weights=by["sample_weight"]),
    }
    found = score("multiclass", target, output, by["sample_weight"])
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_multiclass_roc_auc_is_one_against_rest() -> None:
    target, output, _ = class_rows(200, 4)
    expected = reference.roc_auc_score(target, output, multi_class="ovr")
    assert score("multiclass", target, output)["roc_auc"] == pytest.approx(expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_multilabel_is_scikit_learn(weighted: bool) -> None:
    generator = np.random.default_rng(1)
    target = (generator.random((80, 3)) < [0.2, 0.5, 0.7]).astype(float)
    output = generator.integers(0, 9, (80, 3)) / 8
    by = {"sample_weight": generator.uniform(0.2, 3.0, 80) if weighted else None}
    predicted = output > 0.5
    labels = range(3)
    expected = {
        "accuracy": reference.accuracy_score(target, predicted, **by),
        "precision": reference.precision_score(target, predicted, average="macro", **by),
        "recall": reference.recall_score(target, predicted, average="macro", **by),
        "f1": reference.f1_score(target, predicted, average="macro", **by),
        "f1_weighted": reference.f1_score(target, predicted, average="weighted", **by),
        "roc_auc": reference.roc_auc_score(target, output, average="macro", **by),
        "average_precision": reference.average_precision_score(target, output, average="macro", **by),
        "log_loss": np.mean([reference.log_loss(target[:, k], output[:, k], **by) for k in labels]),
        "brier": np.mean([reference.brier_score_loss(target[:, k], output[:, k], **by) for k in labels]),
    }
    found = score("multilabel", target, output, by["sample_weight"])
    assert {name: found[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("targets", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_regression_is_scikit_learn(targets: int, weighted: bool) -> None:
    generator = np.random.default_rng(2)
    target = generator.normal(3.0, [1.0, 10.0, 100.0], (51, 3))[:, :targets]
    output = target + generator.normal(size=target.shape)
    by = {"sample_weight": generator.uniform(0.2, 3.0, 51) if weighted else None}
    expected = {
        "r2": reference.r2_score(target, output, **by),
        "mse": reference.mean_squared_error(target, output, **by),
        "rmse": reference.root_mean_squared_error(target, output, **by),
        "mae": reference.mean_absolute_error(target, output, **by),
        "median_absolute_error": reference.median_absolute_error(target, output, **by),
        "mape": reference.mean_absolute_percentage_error(target, output, **by),
    }
    assert score("regression", target, output, by["sample_weight"]) == pytest.approx(expected)


def test_one_number_may_come_without_a_second_axis() -> None:
    target, output = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    assert score("regression", target, output) == score("regression", target[:, None], output[:, None])


def test_median_of_an_even_number_of_errors() -> None:
    found = score("regression", np.zeros(4), np.array([1.0, 2.0, 5.0, 9.0]))
    assert found["median_absolute_error"] == 3.5


def test_rows_of_weight_zero_do_not_count() -> None:
    target, output, _ = class_rows(40, 3)
    weight = np.append(np.ones(30), np.zeros(10))
    assert score("multiclass", target, output, weight) == pytest.approx(
        score("multiclass", target[:30], output[:30])
    )


def nones(found: dict[str, float | None]) -> set[str]:
    return {name for name, value in found.items() if value is None}


def test_a_class_absent_from_the_rows() -> None:
    output = np.array([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1]])
    assert nones(score("multiclass", np.array([0, 1]), output)) == {"roc_auc", "average_precision"}
    only_negative = score("binary", np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]))
    assert nones(only_negative) == {"precision", "recall", "f1", "roc_auc", "average_precision"}


def test_precision_of_a_class_never_predicted() -> None:
    found = score("binary", np.array([0, 0, 1]), np.tile([0.7, 0.3], (3, 1)))
    assert nones(found) == {"precision"}
    assert (found["recall"], found["f1"], found["roc_auc"]) == (0.0, 0.0, 0.5)


def test_unknown_classes_count_as_wrong_as_one_more_class() -> None:
    target, output, _ = class_rows(50, 3)
    target[-7:] = -1
    found = score("multiclass", target, output)
    assert nones(found) == {"log_loss", "brier"}
    predicted = output.argmax(axis=1)
    assert found["accuracy"] == pytest.approx((predicted == target).mean())
    assert found["f1"] == pytest.approx(reference.f1_score(target, predicted, average="macro"))
    assert found["balanced_accuracy"] == pytest.approx(
        reference.recall_score(target, predicted, average="macro", zero_division=0)
    )


def test_regression_that_cannot_be_computed() -> None:
    assert nones(score("regression", np.array([2.5]), np.array([2.0]))) == {"r2"}
    assert nones(score("regression", np.full(5, 0.1), np.arange(5.0), np.full(5, 0.3))) == {"r2"}
    assert nones(score("regression", np.array([0.0, 1.0]), np.array([1.0, 1.0]))) == {"mape"}


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_no_number_is_made_up_and_nothing_warns(task: Task) -> None:
    labels = np.zeros((4, 2)) if task in ("multilabel", "regression") else np.zeros(4, int)
    broken = np.full((4, 2), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert score(task, labels, broken) == dict.fromkeys(NAMES[task])
        assert score(task, labels[:0], np.zeros((0, 2))) == dict.fromkeys(NAMES[task])
        huge = score("regression", np.array([1.0, 2.0]), np.array([1e200, 0.0]))
    assert all(value is None or math.isfinite(value) for value in huge.values())
    assert huge["mse"] is None


def test_unknown_labels_and_numbers_are_left_out() -> None:
    target = np.array([[1.0, 0.0], [0.0, np.nan], [0.0, 1.0], [1.0, 1.0]])
    output = np.array([[0.9, 0.2], [0.3, 0.9], [0.6, 0.7], [0.8, 0.9]])
    found = score("multilabel", target, output)
    assert found["accuracy"] == pytest.approx(2 / 3)
    first = reference.log_loss(target[:, 0], output[:, 0])
    second = reference.log_loss(target[[0, 2, 3], 1], output[[0, 2, 3], 1])
    assert found["log_loss"] == pytest.approx((first + second) / 2)
    assert score("regression", target, output)["mae"] == pytest.approx(
        (0.3 + 0.2 + 0.1 * 0 + 0.05) / 2, abs=0.1
    )
    by_target = per_target(target, output, ["a", "b"])
    assert by_target["b"]["mae"] == pytest.approx(np.mean([0.2, 0.3, 0.1]))


def test_names_and_directions() -> None:
    assert all(PRIMARY[task] in NAMES[task] for task in NAMES)
    low = {"log_loss", "brier", "ece", "mse", "rmse", "mae", "median_absolute_error", "mape"}
    assert frozenset(name for names in NAMES.values() for name in names) - low == BETTER_HIGH
    assert set(score("binary", np.array([0, 1]), np.eye(2))) == set(NAMES["binary"])


def test_confusion_is_scikit_learn_with_a_row_for_unknown_classes() -> None:
    target, output, _ = class_rows(60, 4)
    predicted = output.argmax(axis=1)
    assert np.array_equal(confusion(target, predicted, 4), reference.confusion_matrix(target, predicted))
    target[:5] = -1
    found = confusion(target, predicted, 4)
    assert found.shape == (5, 4)
    assert np.array_equal(found[4], np.bincount(predicted[:5], minlength=4))


def test_per_class_is_scikit_learn() -> None:
    target, output, _ = class_rows(90, 3)
    found = per_class(target, output, ["a", "b", "c"])
    precision, recall, f1, support = reference.precision_recall_fscore_support(target, output.argmax(axis=1))
    for place, name in enumerate("abc"):
        expected = {
            "precision": precision[place],
            "recall": recall[place],
            "f1": f1[place],
            "support": support[place],
            "roc_auc": reference.roc_auc_score(target == place, output[:, place]),
        }
        assert found[name] == pytest.approx(expected)


def test_per_class_without_rows_and_with_labels() -> None:
    found = per_class(np.array([0, 0]), np.array([[0.9, 0.1], [0.8, 0.2]]), ["a", "b"])
    assert found["b"] == {"precision": None, "recall": None, "f1": None, "support": 0, "roc_auc": None}
    labels = per_class(np.array([[1.0, 0.0], [np.nan, 1.0]]), np.array([[0.9, 0.8], [0.9, 0.9]]), ["a", "b"])
    assert (labels["a"]["precision"], labels["a"]["support"], labels["b"]["precision"]) == (1.0, 1, 0.5)
