from __future__ import annotations

import numpy as np
import torch

from netwright.training.averaging import MovingAverage, StochasticAverage, exchange


def weights(steps: int = 12) -> torch.Tensor:
    return torch.randn(steps, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


ACTIVE = [torch.tensor([True, step % 4 != 1]) for step in range(12)]


def test_moving_average_by_its_formula_members_apart():
    momentum = torch.tensor([[0.9], [0.5]], dtype=torch.float64)
    average = MovingAverage(weights()[0], momentum)
    expected = weights()[0].numpy().copy()
    for step in range(1, 12):
        average.update(weights()[step], ACTIVE[step])
        for member in range(2):
            if ACTIVE[step][member]:
                keep = float(momentum[member])
                expected[member] = keep * expected[member] + (1 - keep) * weights()[step, member].numpy()
    np.testing.assert_allclose(average.values, expected, rtol=1e-12)


def test_stochastic_average_is_the_mean_since_its_start():
    average = StochasticAverage(torch.zeros(2, 3, dtype=torch.float64), start=torch.tensor([[3], [0]]))
    for step in range(12):
        average.update(weights()[step], ACTIVE[step])
        if step == 1:
            assert torch.equal(average.values[0], weights()[1, 0])
    mine = [step for step in range(12) if ACTIVE[step][1]]
    torch.testing.assert_close(average.values[0], weights()[3:, 0].mean(0))
    torch.testing.assert_close(average.values[1], weights()[mine, 1].mean(0))


def test_stochastic_average_equals_torchs():
    module = torch.nn.Linear(2, 1)
    theirs = torch.optim.swa_utils.AveragedModel(module)
    ours = StochasticAverage(torch.zeros(1, 3))
    for step in range(6):
        flat = weights()[step, :1].float()
        with torch.no_grad():
            module.weight.copy_(flat[:, :2])
            module.bias.copy_(flat[0, 2:])
        theirs.update_parameters(module)
        ours.update(flat)
    torch.testing.assert_close(ours.values[0, :2], theirs.module.weight[0].detach())


def test_saved_averages_go_on_and_change_places():
    for made in (MovingAverage, StochasticAverage):
        one, two = made(weights()[0]), made(weights()[0])
        one.update(weights()[1])
        two.load_state_dict(one.state_dict())
        for average in (one, two):
            average.update(weights()[2])
        assert torch.equal(one.values, two.values)
        flat, values = weights()[3].clone(), one.values.clone()
        exchange(flat, one)
        assert torch.equal(flat, values)
        exchange(flat, one)
        assert torch.equal(flat, weights()[3])
        assert torch.equal(one.values, values)
