"""The same seed gives the same bits, and networks made one after another differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netwright as nw
from netwright import layers


def trained() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 3)), random.integers(0, 2, 40)
    model = nw.Sequential([layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy")
    model.fit(x, y, epochs=2, batch_size=16, verbose=0)
    return model.get_weights()


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("seed", [nw.set_seed, nw.utils.set_random_seed])
def test_the_same_seed_gives_the_same_bits(seed: Any) -> None:
    seed(5)
    first = trained()
    trained()
    seed(5)
    assert same(first, trained())
    seed(6)
    assert not same(first, trained())


def test_models_in_a_loop_differ() -> None:
    found = [trained() for _ in range(5)]
    assert not any(same(found[i], found[j]) for i in range(5) for j in range(i))


def test_without_a_seed_runs_differ() -> None:
    nw.set_seed(None)
    assert not same(trained(), trained())


def test_dropout_of_a_call_is_drawn_anew_each_time() -> None:
    x = np.ones((4, 50))
    model = nw.Sequential([layers.Dropout(0.5, input_shape=(50,))])
    first, second = model(x, training=True), model(x, training=True)
    assert set(np.unique(first)) == {0.0, 2.0}
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(model(x), x)
