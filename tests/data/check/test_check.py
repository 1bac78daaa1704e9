from __future__ import annotations

import numpy as np
import pytest

from netwright.data.check import CHECKS, SEVERITIES, check


def run(view):
    return check(view.table, view.split, view.schema, view.config)


def test_findings_stand_in_the_order_of_their_severity(view_of):
    y = ["a", "b"] * 50
    cells = {"twin": y, "gaps": [None, "1"] * 30 + ["1"] * 40, "never": [None] * 100, "y": y}
    findings = run(view_of(cells, {"twin": "category", "gaps": "number", "never": "constant"}))
    assert [SEVERITIES.index(finding.severity) for finding in findings] == sorted(
        SEVERITIES.index(finding.severity) for finding in findings
    )
    assert {"target_leak", "missing_column", "missing_values"} <= {finding.id for finding in findings}


def test_a_clean_table_has_no_findings(view_of):
    random = np.random.default_rng(0)
    x = random.normal(size=(3, 500))
    y = np.where(x.sum(axis=0) + random.normal(size=500) > 0, "yes", "no")
    cells = dict(zip("abc", x, strict=True)) | {"city": random.choice(["Rome", "Oslo"], 500), "y": y}
    assert run(view_of(cells, dict.fromkeys("abc", "number") | {"city": "category"})) == []


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("rows", [3, 10, 60])
def test_any_shape_of_table_is_checked(view_of, task, rows):
    y = {"binary": ["a", "b"], "multiclass": ["a", "b", "c"], "regression": [1.0, 2.5]}[task]
    cells = {"id": range(rows), "y": (y * rows)[:rows]}
    roles = (np.arange(rows) % 3).astype(np.int8)
    run(view_of(cells, {"id": "id"}, task=task, roles=roles))
    text = cells | {"t": [f"some words {i}" for i in range(rows)], "d": [None] * (rows - 1) + ["2020-01-01"]}
    run(view_of(text, {"id": "number", "t": "text", "d": "date"}, task=task, roles=roles))


def test_every_check_says_what_it_looks_for():
    assert all(each.__doc__ for each in CHECKS)
