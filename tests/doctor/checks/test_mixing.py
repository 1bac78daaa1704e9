from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from netwright.doctor.checks.mixing import mixed_after, mixed_rows

CE = nn.CrossEntropyLoss()


def faults(zoo):
    layer = nn.TransformerEncoderLayer(16, 2, 32)
    return {
        "view": (
            zoo.Computed(lambda p, x: p[1](p[0](x.view(9, -1, 5))[1][-1]), nn.GRU(5, 12), nn.Linear(12, 3)),
            zoo.rows(9, 5),
            "begins in view",
        ),
        "reshape": (
            zoo.Computed(
                lambda p, x: p[1](p[0](x).permute(1, 0, 2).reshape(len(x), 9, 8).mean(1)),
                *(nn.Embedding(40, 8), nn.Linear(8, 3)),
            ),
            zoo.tokens(),
            "begins in reshape",
        ),
        "batch first": (
            zoo.Computed(lambda p, x: p[1](p[0](x)[0][:, -1]), nn.LSTM(5, 12), nn.Linear(12, 3)),
            zoo.rows(9, 5),
            "begins in lstm in parts.0",
        ),
        "attention over rows": (
            zoo.Computed(
                lambda p, x: p[2](p[1](p[0](x)).mean(1)),
                *(nn.Linear(5, 16), nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)),
                nn.Linear(16, 3),
            ),
            zoo.rows(9, 5),
            "begins in multi_head_attention_forward",
        ),
        "softmax over rows": (
            nn.Sequential(zoo.mlp(6, 8, 3), nn.Softmax(0)),
            zoo.rows(6),
            "begins in softmax in 1",
        ),
        "mean over rows": (
            zoo.Computed(lambda p, x: p[0](x - x.mean(0)), zoo.mlp(6, 8, 3)),
            zoo.rows(6),
            "begins in sub",
        ),
        "no statistics": (
            nn.Sequential(
                nn.Linear(6, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.ReLU(), nn.Linear(8, 3)
            ),
            zoo.rows(6),
            "begins in batch_norm in 1",
        ),
    }


@pytest.mark.parametrize(
    "name",
    [
        *("view", "reshape", "batch first", "attention over rows", "softmax over rows", "mean over rows"),
        "no statistics",
    ],
)
def test_rows_that_depend_on_others(zoo, start, name):
    net, x, text = faults(zoo)[name]
    [(severity, message)] = zoo.told(mixed_rows(zoo.case_for(net, CE, x, zoo.codes())))
    assert severity == "warning"
    assert text in message


def test_only_one_row_in_ten_is_mixed_with_another(zoo, start):
    def swap(parts, x):
        x = parts[0](x)
        x[1::10] = x[0::10][: len(x[1::10])]
        return x

    net = zoo.Computed(swap, zoo.mlp(6, 8, 3))
    [(_, message)] = zoo.told(mixed_rows(zoo.case_for(net, CE, zoo.rows(6), zoo.codes())))
    assert "for 10% of the rows" in message


@pytest.mark.parametrize(("mixes", "ids"), [(True, ["mixed_rows"]), (False, [])])
def test_it_is_an_error_where_single_rows_are_answered_worse(zoo, start, mixes, ids):
    x = np.random.default_rng(0).normal(size=(300, 4)).astype("float32")
    y = x[:, :3].argmax(1)
    axis = 0 if mixes else 1
    net = zoo.Computed(lambda p, x: 20 * torch.softmax(p[0](x), axis), zoo.mlp(4, 16, 3))
    found = zoo.trained(net, CE, x, y, mixed_rows, mixed_after, learning_rate=0.01, epochs=15)
    assert [each.id for each in found] == ids
    assert all(each.severity == "error" for each in found)
    assert all(each.evidence["marks_lost_alone"] > 0.05 for each in found)
