"""Each member has its own record, beside others, alone, and when others leave."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.doctor.watched import MEMBERS, member, mlp, population, side_by_side
from torch import nn

from netwright.doctor.monitor import Monitor


@pytest.mark.parametrize("training", [{}, {"patience": 1, "epochs": 15}])
def test_each_member_is_recorded_as_if_it_trained_alone(training):
    together = Monitor()
    population(MEMBERS, together, **training).fit()
    for place, each in enumerate(MEMBERS):
        alone = Monitor()
        population([each], alone, **training).fit()
        ours, its = together.records[place], alone.records[0]
        assert ours.steps_per_epoch == its.steps_per_epoch
        steps, left, right = np.intersect1d(ours.looked, its.looked, return_indices=True)
        assert len(steps) >= 0.9 * min(len(ours.looked), len(its.looked)) / 4
        np.testing.assert_allclose(ours.norm[left], its.norm[right], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(ours.step_loss[left], its.step_loss[right], rtol=1e-3, atol=1e-5)
        for mine, other in zip(ours.parameters, its.parameters, strict=True):
            _, left, right = np.intersect1d(ours.sampled, its.sampled, return_indices=True)
            assert len(left) > 3
            np.testing.assert_allclose(mine.update[left], other.update[right], rtol=1e-3, atol=1e-6)
            assert mine.moved == pytest.approx(other.moved, rel=1e-3, abs=1e-6)
        _, left, right = np.intersect1d(ours.probed, its.probed, return_indices=True)
        assert len(left) >= 2
        for mine, other in zip(ours.units, its.units, strict=True):
            np.testing.assert_allclose(mine.inactive[left], other.inactive[right], atol=1e-3)


def test_a_member_that_leaves_early_keeps_what_was_seen_of_it():
    monitor = Monitor()
    made = population([member(0, 200, 3e-3), member(1, 200, 0.3)], monitor, patience=2, epochs=20)
    made.fit()
    lasts = [max(row["epoch"] for row in made.history.rows if row["member"] == each) for each in range(2)]
    assert min(lasts) < max(lasts), "both stayed as long"
    for record, last in zip(monitor.records, lasts, strict=True):
        assert len(record.train_loss) == len(record.validation_loss) == last
        assert len(record.norm) == len(record.step_loss) == len(record.looked)
        assert record.looked.max() < last * record.steps_per_epoch
        assert record.looked.max() >= (last - 1) * record.steps_per_epoch
        assert record.sampled.max() < last * record.steps_per_epoch
        assert record.probed.max() <= last
        assert np.isfinite(record.norm).all()


def test_modules_side_by_side_are_recorded_as_if_each_trained_alone():
    first = [mlp(), nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))]
    together, plain = Monitor(), copy.deepcopy(first)
    trained_plain = side_by_side(plain, None)
    trained_plain.train()
    watched = side_by_side(copy.deepcopy(first), together)
    watched.train()
    assert torch.equal(trained_plain.network.flat, watched.network.flat)
    for place, record in enumerate(together.records):
        (unit,) = record.units
        assert (unit.layer, unit.kind, unit.units) == ("1", "relu", 8)
        kernel = next(each for each in record.parameters if each.name.endswith("0.weight"))
        before = first[place][0].weight.detach()
        assert kernel.moved == pytest.approx(
            float((watched.network.owned[place][0].weight.detach() - before).abs().max()), rel=1e-5
        )
        assert kernel.weight[0] == pytest.approx(float(before.square().mean().sqrt()), rel=1e-5)
        assert len(record.train_loss) == 4
        assert record.steps_per_epoch == [8, 7][place]
