from __future__ import annotations

import numpy as np

from netwright.data.check.duplicates import conflicting_labels, duplicate_rows, duplicates_across_splits


def test_equal_rows_are_counted_without_ids(view_of):
    x = [1.0, 2.0, 1.0, 3.0, 1.0, 2.0, 4.0, 5.0, 6.0, 7.0]
    y = ["a", "b", "a", "a", "a", "a", "b", "a", "b", "a"]
    kinds = {"x": "number", "id": "id"}
    (finding,) = duplicate_rows(view_of({"x": x, "id": range(10), "y": y}, kinds))
    assert (finding.rows, finding.examples, finding.severity) == (2, [2, 4], "warning")
    assert "20 %" in finding.message


def test_rows_on_both_sides_of_a_split_are_counted_where_they_are_scored(view_of):
    x = np.arange(20.0)
    roles = np.array([0] * 10 + [1] * 5 + [2] * 5, dtype=np.int8)
    x[10], x[15], x[16] = x[0], x[11], x[1]
    y = ["a", "b"] * 10
    view = view_of({"x": x, "y": ["a"] * 20}, {"x": "number"}, roles=roles, given=True, classes=["a", "b"])
    (finding,) = duplicates_across_splits(view)
    assert finding.severity == "error"
    assert "1 validation row (20 %) and 2 test rows (40 %)" in finding.message
    assert finding.examples == [10, 15, 16]
    assert "the split is yours" in finding.action
    roles = np.array([0] * 10 + [3] * 10, dtype=np.int8)
    assert duplicates_across_splits(view_of({"x": x, "y": y}, {"x": "number"}, roles=roles)) == []


def test_conflicting_labels_are_sought_in_development_rows_only(view_of):
    x = [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    y = ["a", "a", "b", "a", "b", "a", "a", "a", "a", "b"]  # row 4, which contradicts row 3, is a test row
    (finding,) = conflicting_labels(view_of({"x": x, "y": y}, {"x": "number"}))
    assert (finding.rows, finding.examples) == (3, [0, 1, 2])
    assert "87.5 %" in finding.message  # 7 of 8: one of the three must be wrong


def test_different_rows_are_neither_repeated_nor_contradictory(view_of):
    view = view_of({"x": np.arange(50.0), "y": ["a", "b"] * 25}, {"x": "number"})
    assert duplicate_rows(view) + conflicting_labels(view) + duplicates_across_splits(view) == []
