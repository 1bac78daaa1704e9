from __future__ import annotations

import numpy as np

from netwright.data.check.order import sorted_rows

RANDOM = np.random.default_rng(0)


def test_rows_sorted_by_class(view_of):
    (finding,) = sorted_rows(view_of({"x": range(100), "y": ["a"] * 60 + ["b"] * 40}, {"x": "number"}))
    assert "2 runs" in finding.message


def test_rows_sorted_by_number(view_of):
    y = np.sin(np.arange(200) / 20)
    (finding,) = sorted_rows(view_of({"x": range(200), "y": y}, {"x": "number"}, task="regression"))
    assert finding.severity == "note"


def test_rows_in_random_order(view_of):
    x = np.arange(200)
    y = RANDOM.choice(["a", "b"], 200, p=[0.95, 0.05])
    assert sorted_rows(view_of({"x": x, "y": y}, {"x": "number"})) == []
    numbers = RANDOM.lognormal(size=200)
    assert sorted_rows(view_of({"x": x, "y": numbers}, {"x": "number"}, task="regression")) == []
