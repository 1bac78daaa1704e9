"""A monitor changes nothing, whatever trains."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.doctor.watched import MEMBERS, ROWS, X, Y, mlp, population, trained
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import netwright as nw
from netwright.doctor.monitor import Monitor


@pytest.mark.parametrize("more", [[], [nn.Dropout(0.3)], [nn.BatchNorm1d(8), nn.Dropout(0.3)]])
def test_a_module_ends_with_the_same_bits(more):
    plain, watched = mlp(*copy.deepcopy(more)), mlp(*copy.deepcopy(more))
    trained(plain)
    trained(watched, [Monitor()])
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name


class Noisy(nn.Module):
    """Draws random numbers, and counts, in whatever mode it is."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x + 0.1 * torch.randn_like(x)


def test_a_module_that_draws_in_evaluation_too_ends_with_the_same_bits():
    plain, watched = mlp(Noisy()), mlp(Noisy())
    trained(plain)
    trained(watched, [Monitor()])
    assert torch.equal(plain[0].weight, watched[0].weight)
    assert plain[1].calls == watched[1].calls


def test_a_shuffled_loader_ends_with_the_same_bits():
    def weights(callbacks):
        rows = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
        net = mlp(nn.Dropout(0.2))
        trainer = nw.Trainer(net, nn.CrossEntropyLoss(), callbacks=callbacks, seed=3, device="cpu")
        trainer.fit(DataLoader(rows, 16, shuffle=True), epochs=3, verbose=0)
        return net[0].weight.detach()

    monitor = Monitor()
    assert torch.equal(weights([]), weights([monitor]))
    record = monitor.records[0]
    assert 0 <= record.seconds_waiting <= 1
    assert list(record.looked) == list(range(30))


def test_a_chain_on_numpy_ends_with_the_same_bits_and_tells_its_losses():
    def fit(callbacks):
        nw.set_seed(0)
        model = nw.Sequential(
            [nw.layers.Dense(8, "relu"), nw.layers.Dropout(0.2), nw.layers.Dense(2, "softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(X, Y, epochs=3, batch_size=16, verbose=0, callbacks=callbacks)
        return model, history.history["loss"]

    monitor = Monitor()
    (plain, _), (watched, losses) = fit([]), fit([monitor])
    assert torch.equal(plain.network.flat, watched.network.flat)
    record = monitor.records[0]
    rows = np.array([16] * 9 + [6])
    means = (record.step_loss.reshape(3, 10) * rows).sum(1) / ROWS
    np.testing.assert_allclose(means, losses, rtol=1e-5)


def test_members_of_a_population_end_with_the_same_bits():
    settings = {"patience": 1, "epochs": 15}
    plain, watched = population(MEMBERS, **settings), population(MEMBERS, Monitor(), **settings)
    plain.fit()
    watched.fit()
    assert torch.equal(plain.network.flat, watched.network.flat)
