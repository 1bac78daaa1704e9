from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix

from netwright.errors import InputError
from netwright.evaluate.fairness import by_group, reweighing


def people(seed: int = 0) -> tuple[pl.Series, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    groups = pl.Series([["a", "b", "c", None][each] for each in generator.integers(0, 4, 400)])
    chance = generator.random(400)
    return groups, generator.integers(0, 2, 400), np.column_stack([1.0 - chance, chance])


def test_rates_are_those_of_the_confusion_matrix() -> None:
    groups, target, output = people()
    found = by_group("binary", groups, target, output)
    assert [each["group"] for each in found["groups"]] == ["(missing)", "a", "b", "c"]
    for each in found["groups"]:
        rows = (groups.fill_null("(missing)") == each["group"]).to_numpy()
        tn, fp, fn, tp = confusion_matrix(target[rows], output[rows].argmax(axis=1)).ravel()
        assert each["rows"] == tn + fp + fn + tp
        assert each["true_positive_rate"] == pytest.approx(tp / (tp + fn))
        assert each["false_positive_rate"] == pytest.approx(fp / (fp + tn))
        assert each["selection_rate"] == pytest.approx((tp + fp) / rows.sum())
        assert each["positive_rate"] == pytest.approx((tp + fn) / rows.sum())
        assert each["accuracy"] == pytest.approx((tp + tn) / rows.sum())
        assert each["calibration"] == pytest.approx(output[rows, 1].mean() - target[rows].mean())


def test_gaps_are_between_the_highest_and_the_lowest_group() -> None:
    groups, target, output = people()
    found = by_group("binary", groups, target, output)
    rates = {each["group"]: each for each in found["groups"]}
    gap = found["gaps"]["demographic_parity_difference"]
    selection = {name: each["selection_rate"] for name, each in rates.items()}
    assert gap["value"] == max(selection.values()) - min(selection.values())
    assert gap["high_group"] == max(selection, key=selection.__getitem__)
    assert gap["low_group"] == min(selection, key=selection.__getitem__)
    ratio = found["gaps"]["demographic_parity_ratio"]
    assert ratio["value"] == min(selection.values()) / max(selection.values())
    odds = [found["gaps"][name]["value"] for name in ("equal_opportunity", "false_positive_rate")]
    assert found["gaps"]["equalized_odds"]["value"] == max(odds)


def test_small_groups_make_no_gap_and_absent_labels_no_rate() -> None:
    groups = pl.Series(["a"] * 30 + ["b"] * 30 + ["few"] * 5)
    target = np.r_[np.arange(30) % 2, np.zeros(30, int), np.ones(5, int)]
    output = np.column_stack([np.full(65, 0.4), np.full(65, 0.6)])
    output[60:] = [0.9, 0.1]
    found = by_group("binary", groups, target, output)
    assert found["groups"][1]["true_positive_rate"] is None
    assert found["gaps"]["demographic_parity_difference"]["value"] == 0.0
    assert "equal_opportunity" not in found["gaps"]
    assert "equalized_odds" not in found["gaps"]
    assert found["gaps"]["calibration"]["value"] == pytest.approx(0.5)


def test_other_tasks() -> None:
    groups = pl.Series(["a"] * 20 + ["b"] * 20)
    target = np.zeros(40)
    output = np.r_[np.full(20, 1.0), np.tile([-2.0, 2.0], 10)]
    numbers = by_group("regression", groups, target, output)
    assert [each["mean_error"] for each in numbers["groups"]] == [1.0, 0.0]
    assert numbers["gaps"]["mae"] == {"value": 1.0, "low_group": "a", "high_group": "b"}
    classes = by_group("multiclass", groups, target.astype(int), np.tile([0.5, 0.3, 0.2], (40, 1)))
    assert classes["groups"][0] == {"group": "a", "rows": 20, "accuracy": 1.0, "ece": pytest.approx(0.5)}
    labels = by_group("multilabel", groups, np.tile([1.0, np.nan], (40, 1)), np.tile([0.9, 0.9], (40, 1)))
    assert labels["groups"][0]["accuracy"] == 1.0


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, 2)), min_size=1, max_size=60))
@settings(deadline=None, max_examples=50)
def test_weighted_rows_make_target_and_group_independent(rows: list[tuple[str | None, int]]) -> None:
    groups = pl.Series([group for group, _ in rows], dtype=pl.String)
    target = np.array([label for _, label in rows])
    weight = reweighing(groups, target)
    names = groups.fill_null("?").to_numpy()
    for name in np.unique(names):
        for label in np.unique(target):
            cell = (names == name) & (target == label)
            if cell.any():
                expected = (names == name).sum() * (target == label).sum() / len(target)
                assert weight[cell].sum() == pytest.approx(expected)


def test_reweighing_needs_classes() -> None:
    with pytest.raises(InputError, match="one target of classes"):
        reweighing(pl.Series(["a", "b"]), np.array([0.5, 1.5]))
