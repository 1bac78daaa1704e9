"""Where a network stands beside simple models, against scikit-learn and formulas written out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, make_friedman1
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from netwright.doctor.case import Case, Plan, Rows, flat_features
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.standing import features_of, paired, paired_recalls, simple_answers, standing
from netwright.nn.foreign import ForeignNetwork
from netwright.trainer.goal import ModuleGoal


class Says(nn.Module):
    """A network whose answers are read from the last columns of its input."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns, self.scale = columns, nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scale * x[:, -self.columns :]


def case_of_answers(
    x: np.ndarray, y: np.ndarray, answers: np.ndarray, train: int, *, validate: bool = True
) -> Case:
    """A network that answers what it is told; simple models see the other columns only."""
    classes = not np.issubdtype(y.dtype, np.floating)
    columns = answers.shape[1]
    module = Says(columns)
    goal = ModuleGoal(nn.CrossEntropyLoss() if classes else nn.MSELoss(), [], module)
    target = torch.as_tensor(y) if classes else torch.as_tensor(y, dtype=torch.float32)[:, None]
    raw = torch.as_tensor(np.concatenate([x, answers], 1), dtype=torch.float32)
    goal.prepare(target, raw[:, -columns:])
    rows = Rows({"x": raw}, target, torch.ones(len(raw)))

    def features(own: Rows) -> np.ndarray:
        return flat_features(own)[:, :-columns]

    return Case(
        ForeignNetwork([module], goal),
        rows.at(slice(0, train)),
        rows.at(slice(train, None)) if validate else None,
        None,
        {"train": train, "validation": len(y) - train},
        goal.purpose(),
        Plan("adam", 1e-3, None, None, 32, 10),
        features,
        task="classes" if classes else "numbers",
        classes=columns if classes else None,
    )


def digits() -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return x, y.astype(np.int64)


def answering(y: np.ndarray, right: float, classes: int = 10, seed: int = 0) -> np.ndarray:
    """Right in a share of the rows, else another class."""
    draws = np.random.default_rng(seed)
    wrong = draws.random(len(y)) >= right
    given = np.where(wrong, (y + draws.integers(1, classes, len(y))) % classes, y)
    return 4.0 * np.eye(classes)[given]


def test_references_are_about_as_good_as_those_of_scikit_learn():
    x, y = digits()
    stand = standing(case_of_answers(x, y, answering(y, 0.96), 1000))
    scaled = (x - x[:1000].mean(0)) / (x[:1000].std(0) + 1e-12)
    scaled = np.clip(scaled[:, x[:1000].std(0) > 0], -8, 8)
    for name, model in {
        "linear": LogisticRegression(max_iter=1000),
        "neighbours": KNeighborsClassifier(5),
        "trees": ExtraTreesClassifier(100, random_state=1),
    }.items():
        score = model.fit(scaled[:1000], y[:1000]).score(scaled[1000:], y[1000:])
        assert stand.references[name].mean() == pytest.approx(score, abs=0.02), name
        assert 0.85 < stand.folded[name].mean() < 1.0
    assert stand.references["constant"].mean() == pytest.approx(
        (y[1000:] == np.bincount(y[:1000]).argmax()).mean()
    )
    assert len(stand.validation) == len(y) - 1000
    assert stand.answers.shape == (len(stand.validation), 10)


@pytest.mark.parametrize(
    ("right", "bad", "useless"), [(0.97, False, False), (0.85, True, False), (0.1, True, True)]
)
def test_bad_is_clearly_worse_and_useless_no_better_than_a_constant(right: float, bad: bool, useless: bool):
    x, y = digits()
    stand = standing(case_of_answers(x[:900], y[:900], answering(y[:900], right), 600))
    assert (stand.bad, stand.useless) == (bad, useless)
    assert stand.validation.mean() == pytest.approx(right, abs=0.05)


def test_a_few_points_on_a_small_validation_set_are_not_bad():
    x, y = digits()
    found = [
        standing(case_of_answers(x[:340], y[:340], answering(y[:340], 0.9, seed=seed), 300)).bad
        for seed in range(4)
    ]
    assert not any(found)


def test_numbers_and_their_r2():
    x, y = make_friedman1(500, noise=1.0, random_state=0)
    case = case_of_answers(
        x, y.astype(np.float32), (y + np.random.default_rng(0).normal(size=500))[:, None], 350
    )
    stand = standing(case)
    residual = np.random.default_rng(0).normal(size=500)[350:]
    assert stand.validation.mean() == pytest.approx(1 - np.square(residual).mean() / y[:350].var(), abs=1e-3)
    assert not stand.bad
    assert standing(case_of_answers(x, y.astype(np.float32), np.full((500, 1), 3.0), 350)).useless


def test_imbalance_passed_over_is_bad_and_weights_against_it_are_not():
    draws = np.random.default_rng(0)
    y = (np.arange(1200) % 25 == 0).astype(np.int64)
    x = draws.normal(size=(1200, 4)) + 3.0 * y[:, None]
    majority = np.tile([[2.0, 0.0]], (1200, 1))
    assert standing(case_of_answers(x, y, majority, 800)).bad
    weighted = 4.0 * np.eye(2)[np.where(draws.random(1200) < 0.05, 1, y)]  # all of the rare, and 5 % more
    assert not standing(case_of_answers(x, y, weighted, 800)).useless
    assert standing(case_of_answers(x, y, weighted, 800)).behind > 0.02


def test_without_validation_rows_the_training_rows_serve_out_of_fold():
    x, y = digits()
    stand = standing(case_of_answers(x[:600], y[:600], answering(y[:600], 0.5), 500, validate=False))
    assert (stand.judged_on, len(stand.validation), stand.bad) == ("training", 0, True)
    assert len(stand.references["linear"]) == 500
    with pytest.raises(CannotTellError, match="too few rows"):
        standing(case_of_answers(x[:60], y[:60], answering(y[:60], 0.5), 20, validate=False))


def test_many_features_become_few_and_missing_or_constant_ones_do_no_harm():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(300, 3)) @ draws.normal(size=(3, 900))
    x[:, 0], x[5, 1], x[:, 2] = 7.0, np.nan, np.nan
    y = (x[:, 3] > 0).astype(np.int64)
    case: Any = case_of_answers(x, y, answering(y, 0.99, 2), 200)
    found, others = features_of(case, case.train, case.validation)
    assert found.shape == (200, 48)
    assert others.shape == (100, 48)
    assert np.isfinite(found).all()
    shares = found.var(0) / found.var(0).sum()
    assert np.sort(shares)[-3:].sum() > 0.99
    assert standing(case).references["linear"].mean() > 0.9


def test_standard_errors_count_one_difference_more():
    first, second = np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    mean, error = paired(first, second)
    spread = 0.75**2 + 3 * 0.25**2
    assert (mean, error) == (pytest.approx(0.25), pytest.approx(np.sqrt(spread + 1) / 4))
    balanced, _ = paired_recalls(first, second, np.array([0, 1, 1, 1]))
    assert balanced == pytest.approx(0.5)


def test_simple_models_learn_once_for_all_networks_of_the_same_rows(monkeypatch: pytest.MonkeyPatch):
    from netwright.doctor import standing as module

    learnt: list[int] = []

    def counted(case: Case, x: np.ndarray, *others: Any) -> dict[str, np.ndarray]:
        learnt.append(len(x))
        return simple_answers(case, x, *others)

    monkeypatch.setattr(module, "simple_answers", counted)
    x, y = digits()
    good = case_of_answers(x[:900], y[:900], answering(y[:900], 1.0), 600)
    worse = replace(case_of_answers(x[:900], y[:900], answering(y[:900], 0.85), 600), facts=good.facts)
    assert not standing(good).bad
    assert learnt == [600]  # and none out of fold: no simple model is better
    assert standing(worse).bad
    assert standing(worse).train_behind > standing(good).train_behind
    assert learnt == [600, 400, 400, 400]


def test_nearly_constant_targets_have_no_part_in_the_mark():
    draws = np.random.default_rng(0)
    y = draws.normal(size=(300, 2))
    flat = np.concatenate([y, 1e-5 * draws.normal(size=(300, 1))], 1).astype(np.float32)
    case = replace(case_of_answers(y, flat[:, 0], flat[:, :1], 200), task="numbers")
    assert case.train is not None
    assert case.validation is not None
    rows = Rows(case.validation.raw, torch.as_tensor(flat[200:]), torch.ones(100))
    case.train.target = torch.as_tensor(flat[:200])
    given = np.concatenate([y[200:] + 0.5, np.ones((100, 1))], 1)
    wanted = 1 - np.mean(0.25 / y[:200].var(0))
    assert case.marks(given, rows).mean() == pytest.approx(wanted, abs=1e-4)
