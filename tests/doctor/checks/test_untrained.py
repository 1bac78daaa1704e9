from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from tests.doctor.checks.trained import trained
from torch import nn

from netwright import Sequential, layers
from netwright.api import train
from netwright.doctor.checks.untrained import untrained_after, untrained_before

CE = nn.CrossEntropyLoss()


def detached(zoo):
    return zoo.Computed(lambda p, x: p[1](p[0](x).relu().detach()), nn.Linear(6, 16), nn.Linear(16, 3))


def idle(zoo):
    return zoo.Computed(lambda p, x: p[1](x), nn.Linear(6, 16), nn.Linear(6, 3))


def frozen(zoo):
    net = zoo.mlp(6, 16, 16, 3)
    net[0].weight.requires_grad_(False)
    return net


def left_out(zoo):
    """A layer that is passed by at random while training (stochastic depth)."""

    def forward(parts, x):
        return parts[1](parts[0](x) if not parts.training or torch.rand(()) < 0.7 else x)

    return zoo.Computed(forward, nn.Linear(6, 6), nn.Linear(6, 3))


@pytest.mark.parametrize(
    ("make", "severity", "text"),
    [
        (detached, "error", "no gradient of the loss reaches parts.0.weight, parts.0.bias"),
        (idle, "note", "parts.0.weight, parts.0.bias belong to the network and are not used"),
        (frozen, "warning", "as a new layer has them: 0.weight"),
    ],
)
def test_parameters_that_will_not_learn(zoo, start, make, severity, text):
    [found] = zoo.told(untrained_before(zoo.case_for(make(zoo), CE, zoo.rows(6), zoo.codes())))
    assert found[0] == severity
    assert text in found[1]


def test_layers_that_are_left_out_at_random_are_no_fault(zoo, start):
    assert zoo.told(untrained_before(zoo.case_for(left_out(zoo), CE, zoo.rows(6), zoo.codes()))) == []


def test_frozen_layers_by_hand(zoo):
    grab = zoo.Grab()
    model = Sequential([layers.Dense(8, "relu", trainable=False), layers.Dense(3, "softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(zoo.rows(6).numpy(), zoo.codes().numpy(), epochs=1, verbose=0, callbacks=[grab])
    [(severity, text)] = zoo.told(untrained_before(grab.before))
    assert severity == "warning"
    assert "dense.kernel" in text


def test_a_frozen_layer_of_a_run(tmp_path, monkeypatch):
    monkeypatch.setattr("netwright.report.build", lambda folder: folder)  # drawing takes most of the time
    x, y = bent(120)
    table = {f"x{place}": x[:, place] for place in range(10)} | {"y": y[:, 0]}
    frozen = {"units": 16, "activation": "relu", "trainable": False}
    run = train(
        pd.DataFrame(table),
        target="y",
        out=tmp_path / "run",
        network={"layers": [{"Dense": frozen}, {"Dense": 8}]},
        training={"epochs": 1, "members": 1, "batch_size": 32, "threads": 1},
        progress=False,
    )
    [said] = [each for each in run.diagnoses if each["id"] == "untrained_layer"]
    assert "as a new layer has them: trunk.layers.0.kernel" in said["message"]
    assert said["evidence"]["parameters"] == ["trunk.layers.0.kernel"]


def bent(count=400):
    x = np.random.default_rng(0).normal(size=(count, 10)).astype("float32")
    return x, np.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]


def doctored(zoo, net, optimizer="adam"):
    made = {"learning_rate": 0.005} if isinstance(optimizer, str) else {}
    checks = (untrained_before, untrained_after)
    return zoo.trained(net, nn.MSELoss(), *bent(), *checks, optimizer=optimizer, epochs=10, **made)


def test_layers_that_the_optimiser_does_not_hold(zoo, start):
    net = zoo.mlp(10, 8, 1)
    [found] = doctored(zoo, net, torch.optim.SGD(net[-1].parameters(), 0.001))
    assert found.severity == "error"
    assert found.primary
    assert "0.weight, 0.bias have not changed" in found.message


def test_a_whole_training_leaves_nothing_to_say(zoo, start):
    assert doctored(zoo, zoo.mlp(10, 32, 1)) == []


def test_frozen_layers_of_a_network_that_does_badly_are_an_error(zoo, start):
    net = zoo.mlp(10, 8, 8, 1)
    for each in (net[0].weight, net[0].bias, net[2].weight, net[2].bias):
        each.requires_grad_(False)
    [found] = doctored(zoo, net)
    assert found.severity == "error"
    assert "0.weight, 2.weight" in found.message


class Signs(nn.Module):
    def forward(self, x):
        return torch.sign(x)


@pytest.mark.parametrize("part", [Signs, nn.Tanh])
def test_layers_behind_an_operation_without_a_slope(part):
    network = nn.Sequential(nn.Linear(8, 16), part(), nn.Linear(16, 3))
    case, record = trained(network, "sgd", 0.05)
    found = list(untrained_after(case, record))
    if part is nn.Tanh:
        assert found == []
        return
    assert [each.evidence.get("operation") for each in found] == ["sign"]
    assert found[0].evidence["parameters"] == ["0.weight", "0.bias"]
