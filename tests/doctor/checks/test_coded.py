from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from netwright.doctor.checks.coded import wrong_head_after


@pytest.mark.parametrize("ordered", [False, True])
def test_classes_told_as_a_number_are_told_where_classes_do_better(zoo, start, ordered):
    random = np.random.default_rng(0)
    y = random.integers(0, 6, 500)
    angle = np.array([0, 3, 1, 5, 2, 4])[y] * np.pi / 3
    places = np.stack([y, y], 1) * 2.0 if ordered else 3 * np.stack([np.cos(angle), np.sin(angle)], 1)
    x = (places + 0.7 * random.normal(size=(500, 2))).astype("float32")
    fit = {"learning_rate": 0.02, "epochs": 20}
    net = zoo.mlp(2, 16, 1)
    found = zoo.trained(
        net, nn.MSELoss(), x, y[:, None].astype("float32"), lambda case: (), wrong_head_after, **fit
    )
    if ordered:
        assert found == []
        return
    assert [each.severity for each in found] == ["error"]  # behind simple models too
    assert found[0].evidence["gained"] > 0.1
