from __future__ import annotations

import numpy as np
import pytest

from netwright.evaluate.importance import permutation

INPUTS = np.random.default_rng(0).normal(size=(400, 3))
NAMES = ["strong", "weak", "none"]


class Model:
    """A linear function of two of three columns, which remembers how it was asked."""

    def __init__(self) -> None:
        self.calls: list[str | None] = []

    def __call__(self, rows: np.ndarray, column: str | None, source: np.ndarray) -> np.ndarray:
        self.calls.append(column)
        inputs = INPUTS[rows].copy()
        if column is not None:
            inputs[:, NAMES.index(column)] = INPUTS[source, NAMES.index(column)]
        return inputs @ [3.0, 0.5, 0.0]


def probabilities(rows: np.ndarray, column: str | None, source: np.ndarray) -> np.ndarray:
    chance = 1.0 / (1.0 + np.exp(-Model()(rows, column, source)))
    return np.column_stack([1.0 - chance, chance])


def test_drop_of_a_linear_model_is_the_known_one() -> None:
    target = INPUTS @ [3.0, 0.5, 0.0]
    found = permutation("regression", Model(), target, NAMES, repeats=20)
    assert [each["name"] for each in found["columns"]] == NAMES
    strong, weak, none = found["columns"]
    # A perfect model errs by weight * (x - x'), of standard deviation weight * sqrt(2).
    assert strong["drop"] == pytest.approx(3.0 * np.sqrt(2.0) * INPUTS[:, 0].std(), rel=0.03)
    assert weak["drop"] == pytest.approx(0.5 * np.sqrt(2.0) * INPUTS[:, 1].std(), rel=0.03)
    assert none["drop"] == none["deviation"] == 0.0
    assert 0.0 < strong["deviation"] < 0.3
    assert (found["metric"], found["headline"], found["rows"]) == ("rmse", "rmse", 400)


def test_worse_accuracy_is_a_drop_too() -> None:
    target = (INPUTS[:, 0] > 0).astype(int)
    found = permutation("binary", probabilities, target, NAMES)
    strong = found["columns"][0]
    assert (found["metric"], found["headline"]) == ("log_loss", "accuracy")
    assert strong["drop"] > 0.5
    assert 0.3 < strong["headline_drop"] < 0.7


def test_rows_of_unknown_classes_are_left_out() -> None:
    target = (INPUTS[:, 0] > 0).astype(int)
    target[:100] = -1
    found = permutation("binary", probabilities, target, NAMES)
    assert found["rows"] == 300
    assert found["columns"][0]["drop"] is not None


def test_rows_are_bounded_and_calls_few() -> None:
    model = Model()
    found = permutation("regression", model, INPUTS @ [3.0, 0.5, 0.0], NAMES, rows=50)
    assert found["rows"] == 50
    assert model.calls == [None, *NAMES]


def test_columns_not_reached_in_time_have_no_number() -> None:
    found = permutation("regression", Model(), INPUTS[:, 0], NAMES, seconds=-1.0)
    assert [each["drop"] for each in found["columns"]] == [None] * 3


def test_same_seed_same_numbers() -> None:
    target = INPUTS[:, 0]
    first, again, other = (permutation("regression", Model(), target, NAMES, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
