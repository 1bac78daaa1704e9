from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netwright import Sequential, layers
from netwright.doctor.checks.nonlinearity import missing_nonlinearity, missing_nonlinearity_after

CE = nn.CrossEntropyLoss()


@pytest.mark.parametrize(
    ("parts", "severity", "text"),
    [
        ([(6, 16), (16, 16), (16, 3)], "error", "between the 3 linear layers: the network is a linear model"),
        ([(6, 16), nn.ReLU(), (16, 16), (16, 3)], "warning", "between linear in 2 and linear in 3"),
        (
            [(6, 16), nn.BatchNorm1d(16), nn.Dropout(0.1), (16, 3), nn.LogSoftmax(1)],
            "error",
            "between the 2 linear layers",
        ),
        ([(6, 16), (16, 16), nn.ReLU(), (16, 16), (16, 3)], "warning", "1 more places"),
        ([(6, 2), (2, 16), nn.ReLU(), (16, 3)], "note", "save weights"),
        ([(6, 16), nn.LayerNorm(16), (16, 3)], None, ""),
    ],
)
def test_linear_layers_in_a_row(zoo, start, parts, severity, text):
    made = [nn.Linear(*each) if isinstance(each, tuple) else each for each in parts]
    found = zoo.told(missing_nonlinearity(zoo.case_for(nn.Sequential(*made), CE, zoo.rows(6), zoo.codes())))
    assert [each[0] for each in found] == ([severity] if severity else [])
    assert all(text in each[1] for each in found)


def test_convolutions(zoo, start):
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(128, 3)
    )
    [(severity, text)] = zoo.told(missing_nonlinearity(zoo.case_for(net, CE, zoo.rows(1, 8, 8), zoo.codes())))
    assert severity == "warning"
    assert "conv2d in 0 and conv2d in 1" in text
    pooled = nn.Sequential(nn.Conv2d(1, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
    found = zoo.told(missing_nonlinearity(zoo.case_for(pooled, CE, zoo.rows(1, 8, 8), zoo.codes())))
    assert found[0][0] == "error"


class _Mean(nn.Module):
    """[B, T, C] to [B, C]"""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(1)


@pytest.mark.parametrize("dense", [True, False])
def test_vectors_of_words_are_linear_in_their_codes(zoo, start, dense):
    between = [nn.Linear(8, 8)] if dense else []
    net = nn.Sequential(nn.Embedding(40, 8), *between, _Mean(), nn.Linear(8, 3))
    found = zoo.told(missing_nonlinearity(zoo.case_for(net, CE, zoo.tokens(), zoo.codes())))
    assert [each[0] for each in found] == (["error"] if dense else [])


def test_layers_by_hand(zoo):
    grab = zoo.Grab()
    model = Sequential([layers.Dense(8), layers.Dropout(0.1), layers.Dense(3, "softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    model.fit(zoo.rows(6).numpy(), zoo.codes().numpy(), epochs=1, verbose=0, callbacks=[grab])
    assert zoo.told(missing_nonlinearity(grab.before))[0][0] == "error"


@pytest.mark.parametrize(("bent", "severity"), [(True, "error"), (False, "note")])
def test_it_is_an_error_where_the_task_needs_more(zoo, start, bent, severity):
    x = np.random.default_rng(0).normal(size=(400, 2)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0) if bent else (x[:, 0] + x[:, 1] > 0)
    net = nn.Sequential(nn.Linear(2, 16), nn.Linear(16, 2))
    found = zoo.trained(net, CE, x, y.astype(int), missing_nonlinearity, learning_rate=0.02, epochs=8)
    assert [each.severity for each in found] == [severity]


@pytest.mark.parametrize(("bent", "severities"), [(True, ["warning"]), (False, [])])
def test_a_copy_that_bends_proves_the_harm(zoo, start, monkeypatch, bent, severities):
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 3)).astype("float32")
    y = (x[:, :1] + (0.4 * x[:, 1:2] ** 2 if bent else x[:, 1:2])).astype("float32")
    net = nn.Sequential(nn.Linear(3, 16), nn.Linear(16, 1))
    fit = {"learning_rate": 0.01, "epochs": 15}
    found = zoo.trained(net, nn.MSELoss(), x, y, lambda case: (), missing_nonlinearity_after, **fit)
    assert [each.severity for each in found] in (severities, ["error"] * bent)
    assert all("with a GELU there a copy comes from" in each.message for each in found)


def test_what_bends_behind_both_layers_proves_nothing_of_what_is_between(zoo, start):
    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = (nn.Parameter(nn.init.xavier_normal_(torch.empty(4, 4))) for _ in "ab")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.linear(nn.functional.linear(x, self.first), self.second)

    x = np.random.default_rng(0).normal(size=(500, 4)).astype("float32")
    y = np.maximum(x, 0)
    fit = {"learning_rate": 0.01, "epochs": 15}
    before = zoo.trained(Pair(), nn.MSELoss(), x, y, missing_nonlinearity, lambda case, record: (), **fit)
    assert before
    assert not zoo.trained(Pair(), nn.MSELoss(), x, y, lambda case: (), missing_nonlinearity_after, **fit)
