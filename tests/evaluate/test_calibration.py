from __future__ import annotations

import numpy as np
import pytest

from netwright.evaluate.calibration import expected_calibration_error, reliability
from netwright.evaluate.metrics import score


def slow_error(target: np.ndarray, output: np.ndarray, bins: int) -> float:
    """The definition, a bin at a time."""
    confidence, right = output.max(axis=1), output.argmax(axis=1) == target
    total = 0.0
    for each in range(bins):
        top = np.inf if each == bins - 1 else (each + 1) / bins
        inside = (confidence >= each / bins) & (confidence < top)
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return total


@pytest.mark.parametrize("classes", [2, 5])
def test_calibration_error_is_its_definition(classes: int) -> None:
    generator = np.random.default_rng(0)
    output = generator.dirichlet(np.ones(classes), 300)
    target = generator.integers(0, classes, 300)
    assert expected_calibration_error(target, output) == pytest.approx(slow_error(target, output, 15))
    task = "binary" if classes == 2 else "multiclass"
    assert score(task, target, output)["ece"] == pytest.approx(slow_error(target, output, 15))


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not() -> None:
    sure = np.eye(2)[[0, 1, 1]]
    assert expected_calibration_error(np.array([0, 1, 1]), sure) == 0.0
    assert expected_calibration_error(np.array([1, 0, 0]), sure) == 1.0
    assert expected_calibration_error(np.array([], int), np.zeros((0, 2))) is None


def test_weights_count_rows() -> None:
    output = np.array([[0.2, 0.8], [0.1, 0.9], [0.7, 0.3]])
    target, times = np.array([1, 0, 0]), np.array([3, 1, 2])
    repeated = np.repeat(np.arange(3), times)
    expected = expected_calibration_error(target[repeated], output[repeated])
    assert score("binary", target, output, times)["ece"] == pytest.approx(expected)


def test_reliability_of_two_classes_is_about_the_positive_one() -> None:
    chance = np.array([0.05, 0.15, 0.15, 1.0])
    points = reliability(np.array([0, 1, 0, 1]), np.column_stack([1 - chance, chance]), bins=10)
    assert [(each["low"], each["rows"], each["observed"]) for each in points] == [
        (0.0, 1, 0.0),
        (0.1, 2, 0.5),
        (0.9, 1, 1.0),
    ]
    assert points[1]["confidence"] == pytest.approx(0.15)


def test_reliability_of_many_classes_is_about_the_predicted_one() -> None:
    output = np.array([[0.7, 0.2, 0.1], [0.1, 0.75, 0.15], [0.2, 0.2, 0.6]])
    points = reliability(np.array([0, 2, -1]), output, bins=2)
    assert points == [
        {
            "low": 0.5,
            "high": 1.0,
            "confidence": pytest.approx(2.05 / 3),
            "observed": pytest.approx(1 / 3),
            "rows": 3,
        }
    ]
