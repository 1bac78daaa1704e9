"""Norms, losses and figures of parameters beside those of a plain loop."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from tests.doctor.watched import ROWS, X, Y, mlp, side_by_side, trained
from torch import nn

import netwright as nw
from netwright.doctor import looks
from netwright.doctor.monitor import Monitor
from netwright.training.callbacks import Callback


class Batches(Callback):
    """The batches and weights of each step, seen by a callback of another kind."""

    def __init__(self) -> None:
        self.seen = []

    def on_step(self, state):
        x = next(iter(state.batch.raw.values()))[0].clone()
        self.seen.append(
            (x, state.batch.target[0].clone(), state.population.network.flat[0].detach().clone())
        )


def test_norms_losses_and_updates_are_those_of_a_plain_loop():
    batches, monitor = Batches(), Monitor()
    net = mlp()
    first = copy.deepcopy(net)
    trained(net, [batches, monitor], optimizer="sgd", learning_rate=0.1)
    record = monitor.records[0]
    assert list(record.looked) == list(range(len(batches.seen)))
    plain, sampled = copy.deepcopy(first), list(record.sampled)
    for step, (x, y, flat) in enumerate(batches.seen):
        plain.zero_grad()
        # a short batch is filled up with rows that do not count
        rows = 6 if step % 10 == 9 else 16
        loss = nn.functional.cross_entropy(plain(x[:rows]), y[:rows])
        loss.backward()
        norm = math.sqrt(sum(float(each.grad.double().square().sum()) for each in plain.parameters()))
        assert record.norm[step] == pytest.approx(norm, rel=1e-4)
        assert record.step_loss[step] == pytest.approx(float(loss.detach()), rel=1e-4)
        if step in sampled:
            at, kernel = sampled.index(step), plain[2].weight
            seen = next(each for each in record.parameters if each.name == "2.weight")
            assert seen.gradient[at] == pytest.approx(float(kernel.grad.abs().mean()), rel=1e-4)
            assert seen.zeros[at] == pytest.approx(float((kernel.grad == 0).float().mean()), abs=1e-6)
            assert seen.weight[at] == pytest.approx(float(kernel.detach().square().mean().sqrt()), rel=1e-4)
            share = 0.1 * float(kernel.grad.norm() / kernel.detach().norm())
            assert seen.update[at] == pytest.approx(share, rel=1e-3)
        with torch.no_grad():
            for each in plain.parameters():
                each -= 0.1 * each.grad
        after = torch.cat([each.detach().reshape(-1) for each in plain.parameters()])
        torch.testing.assert_close(after, flat, rtol=1e-4, atol=1e-5)
    for seen, before, after in zip(record.parameters, first.parameters(), net.parameters(), strict=True):
        assert seen.moved == pytest.approx(float((after - before).detach().abs().max()), rel=1e-5)
    assert record.steps_per_epoch == 10
    assert len(record.start) == sum(each.numel() for each in net.parameters())


def test_losses_that_are_computed_afterwards_are_those_of_their_steps_and_rarer_later_on(monkeypatch):
    monkeypatch.setattr(looks, "LATE", 64)
    monitor = Monitor()
    model = nw.Sequential([nw.layers.Dense(4, "relu"), nw.layers.Dense(2, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, Y, epochs=200, batch_size=ROWS, verbose=0, callbacks=[monitor])
    record = monitor.records[0]
    later = [*range(32, 64, 8), *range(64, 128, 16), *range(128, 200, 32)]
    assert list(record.looked) == [*range(32), *later]
    each = np.array(history.history["loss"])  # an epoch is a step
    np.testing.assert_allclose(record.step_loss, each[record.looked], rtol=1e-5)


@pytest.mark.parametrize("members", [1, 2])
def test_numbers_that_break_between_two_looks_are_found_in_their_step(members):
    """Norms of later steps are taken every eighth time only; what is not finite is seen in each."""

    class Late(nn.Module):
        def __init__(self, at: int) -> None:
            super().__init__()
            self.at, self.calls = at, 0

        def forward(self, x):
            self.calls += self.training
            return torch.log(0 * x) if self.training and self.calls > self.at else x

    at = 43
    modules = [mlp(Late(at if place == members - 1 else 10**9)) for place in range(members)]
    monitor = Monitor()
    made = side_by_side(modules, monitor, epochs=8)
    made.train()  # which goes back to its best epoch
    record = monitor.records[-1]
    assert at not in record.looked
    assert record.first_bad_cause == "forward"
    assert "log in 1" in record.first_bad_at
    assert abs(record.first_bad - at) <= 1
    if members == 2:
        assert monitor.records[0].first_bad is None
        assert np.isfinite(monitor.records[0].norm).all()
