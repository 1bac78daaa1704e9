"""Targets of another size: slips are found and weighed by their harm, heavy tails are none."""

from __future__ import annotations

import numpy as np
import pytest
from tests.doctor.checks.cases import cases_for
from torch import nn

from netwright.doctor.case import Case
from netwright.doctor.checks.far_targets import _far, far_targets


def _learnt(times: float, loss: str = "mse") -> Case:
    """A training on 300 rows, four of which have targets that many times too large."""
    draws = np.random.default_rng(0)
    x = draws.normal(size=(400, 3)).astype(np.float32)
    y = (x[:, 0] + 0.5 * x[:, 1]).astype(np.float32)
    parts = x[:300], y[:300].copy(), (x[300:], y[300:, None])
    parts[1][10:50:10] = times * (1 + np.abs(parts[1][10:50:10]))
    module = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 1))
    _, after = cases_for(
        module,
        loss,
        parts[0],
        parts[1][:, None],
        0.02,
        epochs=10,
        validation_data=parts[2],
        validation_split=0.0,
    )
    return after


def test_slips_that_spoil_the_network_are_an_error() -> None:
    found = list(far_targets(_learnt(1000.0)))
    assert [(each.id, each.severity) for each in found] == [("label_errors", "error")]
    assert sorted(found[0].evidence["suspects"]) == [10, 20, 30, 40]


def test_slips_that_do_no_harm_are_a_note() -> None:
    assert [each.severity for each in far_targets(_learnt(1000.0, "mae"))] == ["note"]


def test_targets_without_slips_are_passed_over() -> None:
    assert list(far_targets(_learnt(1.0))) == []


@pytest.mark.parametrize("rows", [60, 300, 1000])
def test_heavy_tails_are_no_slips(rows: int) -> None:
    draws = np.random.default_rng(rows)
    for _ in range(50):
        normal = draws.normal(size=rows)
        for values in (
            draws.standard_cauchy(rows),
            draws.pareto(1.0, rows),
            np.exp(2.0 * normal),
            np.where(draws.random(rows) < 0.9, 0.0, np.exp(2.0 * normal)),
        ):
            assert _far(values, 0) is None


def test_a_value_for_missing_targets_is_far() -> None:
    values = np.random.default_rng(0).normal(size=200)
    values[:5] = -999.0
    found = _far(values, 0)
    assert found is not None
    assert sorted(found.rows.tolist()) == [0, 1, 2, 3, 4]
