"""Dead and saturated units beside what hooks see."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.doctor.watched import X, mlp, trained
from torch import nn

from netwright.doctor.monitor import Monitor
from netwright.doctor.probes import PROBE_ROWS
from netwright.training.callbacks import Callback


def test_dead_and_saturated_units_are_those_that_hooks_see():
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10), nn.Tanh(), nn.Linear(10, 2))
    )
    with torch.no_grad():
        net[0].bias[:2] = -100.0
        net[3].weight *= 30
    x = np.random.default_rng(1).normal(size=(PROBE_ROWS, 1, 6, 6)).astype(np.float32)
    y = (x[:, 0, 0, 0] > 0).astype(np.int64)
    seen = {}
    copied = copy.deepcopy(net)
    copied[1].register_forward_hook(lambda _, given, output: seen.update(relu=output.detach()))
    copied[4].register_forward_hook(lambda _, given, output: seen.update(tanh=given[0].detach()))
    loss = nn.functional.cross_entropy(copied(torch.from_numpy(x)), torch.from_numpy(y))
    monitor = Monitor()
    trained(net, [monitor], x, y, epochs=1)
    record = monitor.records[0]
    relu, tanh = record.units
    assert (relu.layer, relu.kind, relu.units) == ("1", "relu", 4)
    assert relu.dead[0] == 0.5
    assert relu.inactive[0] == pytest.approx(float((seen["relu"] <= 0).float().mean()), abs=1e-6)
    assert (tanh.kind, tanh.units) == ("tanh", 10)
    assert tanh.saturated[0] == pytest.approx(float((seen["tanh"].abs() > 5).float().mean()), abs=1e-6)
    assert record.probe_loss[0] == pytest.approx(float(loss.detach()), rel=1e-5)
    assert list(record.probed) == [0, 1]


class Stop(Callback):
    """Ends the training after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch(self, state):
        state.stop = state.epoch == self.epoch


@pytest.mark.parametrize(("end", "probed"), [(40, [0, 32, 40]), (5, [0, 5]), (36, [0, 32, 36])])
def test_the_last_probe_is_of_the_weights_at_the_end(end, probed):
    monitor, net = Monitor(), mlp()
    trained(net, [Stop(end), monitor], epochs=40, learning_rate=0.05)
    record = monitor.records[0]
    assert list(record.probed) == probed
    rows = torch.from_numpy(X)[torch.linspace(0, len(X) - 1, PROBE_ROWS).round().long()]
    off = (net[:2](rows) <= 0).float()
    assert record.units[0].inactive[-1] == pytest.approx(float(off.mean()), abs=1e-6)
    assert record.units[0].inactive[-1] != record.units[0].inactive[0]
