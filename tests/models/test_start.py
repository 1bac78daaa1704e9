"""The part of the "auto" start that looks at data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import netwright as nw
from netwright import layers
from netwright.models.start import _thresholds, fit_start

TINY = 1e-12  # a learning rate that leaves the start as it is


def started(model: nw.Model, x: Any, y: Any = None) -> nw.Model:
    model.compile(nw.optimizers.SGD(TINY), "mse")
    model.fit(x, np.zeros((len(x), 1)) if y is None else y, verbose=0)
    return model


@pytest.mark.parametrize("seed", range(5))
def test_no_unit_is_dead_or_always_on(seed: int, numbers: Any) -> None:
    nw.set_seed(seed)
    x = 5.0 + 0.1 * numbers(
        60, 4, seed=seed
    )  # far from 0: a plain start switches each unit on or off for all
    model = nw.Sequential([layers.Dense(16, "relu", input_dim=4), layers.Dense(16, "relu"), layers.Dense(1)])
    first, bias, second, second_bias, *_ = started(model, x).get_weights()
    hidden = np.maximum(x @ first + bias, 0)
    for on in (x @ first + bias > 0, hidden @ second + second_bias > 0):
        assert (on.mean(0) >= 0.2).all()
        assert (on.mean(0) <= 0.8).all()


def test_first_outputs_are_quiet(numbers: Any) -> None:
    x = 100 * numbers(60, 4)
    model = started(nw.Sequential([layers.Dense(8, "tanh", input_dim=4), layers.Dense(1)]), x)
    assert np.sqrt((model.predict(x) ** 2).mean()) <= 0.3 + 1e-5
    loud = nw.Sequential([layers.Dense(1, input_dim=4)])
    assert np.sqrt((started(loud, x).predict(x) ** 2).mean()) == pytest.approx(0.3, rel=1e-4)


def test_targets_are_not_looked_at(numbers: Any) -> None:
    x = numbers(40, 4)
    found = []
    for y in (np.zeros(40), 1000 * numbers(40)):
        nw.set_seed(1)
        model = nw.Sequential([layers.Dense(8, "relu", input_dim=4), layers.Dense(1)])
        found.append(started(model, x, y).get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-8)


def test_weights_of_the_user_are_not_touched(numbers: Any) -> None:
    x = 10 + numbers(40, 4)
    model = nw.Sequential([layers.Dense(8, "relu", input_dim=4), layers.Dense(1)])
    mine = [10 * each + 0.5 for each in model.get_weights()]
    model.set_weights(mine)
    for one, other in zip(started(model, x).get_weights(), mine, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.parametrize(
    "given", [{"kernel_initializer": "glorot_uniform"}, {"bias_initializer": "ones"}, {"trainable": False}]
)
def test_starts_that_are_named_stay(given: dict[str, Any], numbers: Any) -> None:
    x = 10 + numbers(40, 4)
    model = nw.Sequential([layers.Dense(8, "relu", input_dim=4, **given), layers.Dense(1)])
    before = model.get_weights()[:2]
    for one, other in zip(started(model, x).get_weights()[:2], before, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 1.0, 1.0, 0.0],
        [-1.0, -1.0, -1.0, -2.0],
        [-2.0, -1.0],
        [1.0, 2.0],
        [3.0, 1.0, 2.0],
        [-1.0, -1.0, 2.0],
    ],
)
def test_few_and_equal_values_leave_a_unit_alive(values: list[float]) -> None:
    before = torch.tensor(values)[None, :, None]
    on = before - _thresholds(before)[:, None] > 0
    assert on.any()
    assert not on.all()


def test_equal_rows_say_nothing() -> None:
    assert _thresholds(torch.full((1, 5, 1), 2.0)).item() == 0.0


def test_members_are_started_each_by_itself(numbers: Any) -> None:
    from netwright.layers.base import Symbol
    from netwright.models.network import GraphNetwork

    def made(members: int) -> GraphNetwork:
        x = Symbol((4,))
        return GraphNetwork([x], [layers.Dense(1)(layers.Dense(6, "relu")(x))], members)

    sample = {"x": torch.from_numpy(3 + numbers(30, 4))}
    together = made(3)
    together.initialise([0, 1, 2])
    fit_start(together, sample)
    for seed in range(3):
        alone = made(1)
        alone.initialise([seed])
        fit_start(alone, sample)
        torch.testing.assert_close(together.flat[seed], alone.flat[0])
