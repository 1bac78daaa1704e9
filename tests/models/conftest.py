"""Small data, and networks with weights that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import netwright as nw
from netwright import layers


@pytest.fixture(autouse=True)
def _seed() -> Any:
    nw.set_seed(0)
    yield
    nw.set_seed(None)


@pytest.fixture(scope="session")
def numbers() -> Callable[..., np.ndarray]:
    """`numbers(*shape, seed=0)`: normal random numbers, float32."""
    return lambda *shape, seed=0: np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture
def small() -> nw.Sequential:
    """Dense 4-3-1 for 2 features, compiled with SGD and mean squared error."""
    model = nw.Sequential([layers.Dense(3, "tanh", input_dim=2), layers.Dense(1)])
    model.compile(nw.optimizers.SGD(0.1), "mse")
    return model
