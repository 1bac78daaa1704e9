from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from netwright import Sequential, Trainer, layers
from netwright.doctor.checks.modes import modes_after, modes_before, strong_dropout
from netwright.doctor.diagnosis import CannotTellError

CE = nn.CrossEntropyLoss()


def faults(zoo):
    dropped = [nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.9), nn.Linear(16, 3)]
    dropped_more = [nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.98), nn.Linear(16, 3)]
    shifted = [nn.Linear(6, 16), nn.Dropout(0.3), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)]
    return {
        "function": (
            zoo.Computed(
                lambda p, x: p[1](functional.dropout(p[0](x).relu(), 0.3)), nn.Linear(6, 9), nn.Linear(9, 3)
            ),
            ("error", "other answers each time, by"),
        ),
        "noise": (
            zoo.Computed(lambda p, x: p[0](x + torch.randn_like(x)), zoo.mlp(6, 8, 3)),
            ("error", "other answers each time"),
        ),
        "dropout of .9": (nn.Sequential(*dropped), ("warning", "dropout in 2 leaves 10% of its numbers")),
        "dropout of .98": (nn.Sequential(*dropped_more), ("error", "leaves 2% of its numbers")),
        "always training": (zoo.Stuck(zoo.normed(), True), ("error", "in training mode although")),
        "never training": (zoo.Stuck(zoo.normed(), False), ("warning", "in evaluation mode while training")),
        "dropout before norm": (nn.Sequential(*shifted), ("note", "dropout in 1 feeds batch_norm in 2")),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("function", "noise", "dropout of .9", "dropout of .98", "always training", "never training"),
        "dropout before norm",
    ],
)
def test_what_cannot_go_well(zoo, start, name):
    net, (severity, text) = faults(zoo)[name]
    case = zoo.case_for(net, CE, zoo.rows(6), zoo.codes())
    check = strong_dropout if name.startswith("dropout of") else modes_before
    [found] = zoo.told(check(case))
    assert found[0] == severity
    assert text in found[1]


def test_pretrained_statistics_may_be_kept(zoo, start):
    net = zoo.normed()
    net(zoo.rows(6, seed=8))
    assert zoo.told(modes_before(zoo.case_for(zoo.Stuck(net, False), CE, zoo.rows(6), zoo.codes()))) == []


def test_dropout_of_layers_by_hand(zoo):
    grab = zoo.Grab()
    model = Sequential([layers.Dense(8, "relu"), layers.Dropout(0.9), layers.Dense(3, "softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(zoo.rows(6).numpy(), zoo.codes().numpy(), epochs=1, verbose=0, callbacks=[grab])
    [(severity, text)] = zoo.told(strong_dropout(grab.before))
    assert severity == "warning"
    assert "leaves 10%" in text


@pytest.mark.parametrize(("momentum", "severities"), [(1e-4, ["error"]), (0.1, [])])
def test_statistics_that_lag_behind(zoo, start, momentum, severities):
    x = 3 + np.random.default_rng(0).normal(size=(400, 4)).astype("float32")
    y = (x[:, :1] - 3) * (x[:, 1:2] - 3)
    parts = [
        *(nn.Linear(4, 32), nn.BatchNorm1d(32, momentum=momentum), nn.ReLU(), nn.Linear(32, 32)),
        *(nn.BatchNorm1d(32, momentum=momentum), nn.ReLU(), nn.Linear(32, 1)),
    ]
    kept = []

    def after(case, record):
        module = case.network.owned[0]
        before = {name: each.clone() for name, each in module.state_dict().items()}
        found = list(modes_after(case, record))
        kept.extend(torch.equal(module.state_dict()[name], each) for name, each in before.items())
        return found

    net, settings = nn.Sequential(*parts), {"learning_rate": 0.01, "epochs": 15}
    found = zoo.trained(net, nn.MSELoss(), x, y, modes_before, after, **settings)
    assert [each.severity for each in found] == severities
    assert kept
    assert all(kept)  # the check has moved nothing


def test_dropout_alone_is_no_disagreement(zoo, start):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    net = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Dropout(0.6), nn.Linear(64, 3))
    grab = zoo.Grab()
    Trainer(net, CE, learning_rate=0.01, callbacks=[grab], seed=0).fit(
        x, x[:, :3].argmax(1), epochs=15, validation_split=0.3, verbose=0
    )
    assert zoo.told(modes_after(grab.after, None)) == []


class Dropped(nn.Module):
    """Dropout that keeps a fifth, and may make up for it."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (torch.rand_like(x) < 0.2) * self.factor if self.training else x


@pytest.mark.parametrize(("factor", "share"), [(1.0, 0.2), (5.0, None)])
def test_dropout_that_does_not_make_up_for_what_it_drops(zoo, start, factor, share):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    parts = [nn.Linear(4, 64), nn.ReLU(), Dropped(factor), nn.Linear(64, 3)]
    grab = zoo.Grab()
    Trainer(nn.Sequential(*parts), CE, learning_rate=0.02, callbacks=[grab], seed=0).fit(
        x, x[:, :3].argmax(1), epochs=15, validation_split=0.3, verbose=0
    )
    found = list(modes_after(grab.after, None))
    if share is None:
        assert found == []
        return
    assert [each.severity for each in found] == ["error"]
    assert "what goes into linear in 3" in found[0].message
    assert found[0].evidence["share"] == pytest.approx(share, abs=0.05)


def test_changed_inputs_are_meant_to_be_others(zoo, start):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    net = nn.Sequential(Dropped(1.0), nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 3))
    grab = zoo.Grab()
    Trainer(net, CE, learning_rate=0.01, callbacks=[grab], seed=0).fit(
        x, x[:, :3].argmax(1), epochs=5, validation_split=0.3, verbose=0
    )
    assert not any("what goes into" in text for _, text in zoo.told(modes_after(grab.after, None)))


def test_numbers_that_are_none_are_not_drawn_at_random(zoo, start):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    net = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 3))
    grab = zoo.Grab()
    Trainer(net, CE, learning_rate=0.01, callbacks=[grab], seed=0).fit(
        x, x[:, :3].argmax(1), epochs=2, validation_split=0.3, verbose=0
    )
    with torch.no_grad():
        grab.after.network.flat.fill_(float("nan"))
    with pytest.raises(CannotTellError, match="no finite numbers"):
        list(modes_after(grab.after, None))
