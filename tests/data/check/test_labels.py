from __future__ import annotations

import numpy as np

from netwright.data.check.labels import (
    class_counts,
    class_spellings,
    classes_in_parts,
    few_positives,
    target_numbers,
)

RANDOM = np.random.default_rng(0)


def by_id(findings):
    return {finding.id: finding for finding in findings}


def test_imbalance_and_small_classes_are_counted_on_training_rows(view_of):
    y = ["a"] * 500 + ["b"] * 10
    found = by_id(class_counts(view_of({"x": range(510), "y": y}, {"x": "number"})))
    assert "'a' has 300 training rows, 'b' only 6" in found["imbalance"].message
    assert "'b' (6)" in found["few_rows_in_class"].message


def test_balanced_classes_are_fine(view_of):
    view = view_of({"x": range(60), "y": ["a", "b"] * 30}, {"x": "number"})
    assert class_counts(view) + classes_in_parts(view) + class_spellings(view) + target_numbers(view) == []


def test_classes_that_a_part_lacks_or_alone_has(view_of):
    y = ["a", "b", "c", "a", "b"] * 4
    y[4] = "z"
    view = view_of({"x": range(20), "y": y}, {"x": "number"}, task="multiclass", classes=["a", "b", "c"])
    validation, test, unknown = classes_in_parts(view)
    assert (validation.id, validation.message) == (
        "class_not_in_split",
        "The validation rows lack 2 classes: 'b' and 'c'.",
    )
    assert test.message == "The test rows lack 2 classes: 'a' and 'c'."
    assert (unknown.id, unknown.rows, unknown.examples) == ("class_not_in_training", 1, [4])


def test_classes_written_in_two_ways(view_of):
    y = ["yes", "no", "Yes", "no"] + ["yes", "no"] * 18
    (finding,) = class_spellings(view_of({"x": range(40), "y": y}, {"x": "number"}, task="multiclass"))
    assert "'Yes' and 'yes'" in finding.message


def test_rare_targets_of_several(view_of):
    cells = {"x": range(50), "y1": [0, 1] * 25, "y2": [1] + [0] * 49}
    view = view_of(cells, {"x": "number"}, task="multilabel", target=("y1", "y2"))
    (finding,) = few_positives(view)
    assert finding.columns == ["y2"]
    assert "'y2' (1)" in finding.message


def test_targets_with_many_zeros_outliers_or_a_heavy_tail(view_of):
    def found(y):
        return by_id(
            target_numbers(view_of({"x": range(len(y)), "y": y}, {"x": "number"}, task="regression"))
        )

    assert (
        "50 %" in found(np.where(np.arange(200) % 2, RANDOM.normal(size=200), 0))["repeated_target"].message
    )
    outlier = RANDOM.normal(10, 1, size=200)
    outlier[7] = 1000
    assert found(outlier)["target_outliers"].examples == [7]
    assert set(found(RANDOM.lognormal(0, 1.5, size=2000))) == {"heavy_tail"}
    assert found(RANDOM.normal(size=500)) == {}


def test_labels_of_test_rows_change_nothing_about_tails(view_of):
    y = RANDOM.normal(size=200)
    y[4::5] = 1e9
    assert target_numbers(view_of({"x": range(200), "y": y}, {"x": "number"}, task="regression")) == []
