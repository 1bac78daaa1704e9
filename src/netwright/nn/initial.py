"""Where parameters start. Drawn by (seed, name), so that neighbours and members do not change a draw."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import numpy as np

Initial = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def generator(seed: int, name: str) -> np.random.Generator:
    """The random numbers that belong to one parameter of one member."""
    key = hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(key, "little")))


def zeros(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape)


def ones(_: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.ones(shape)


def signs(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.where(random.random(shape) < 0.5, -1.0, 1.0)


def chunked_signs(sizes: list[int]) -> Initial:
    """One sign for all features that come from one column. Shape [K, sum(sizes)]."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.repeat(signs(random, (shape[0], len(sizes))), sizes, axis=1)

    return draw


def normal(deviation: float) -> Initial:
    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return random.normal(0.0, deviation, shape)

    return draw


def uniform(bound: float) -> Initial:
    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return random.uniform(-bound, bound, shape)

    return draw


def fan_in_uniform(inputs: int, gain: float = 1.0) -> Initial:
    """Uniform with variance gain² / (3 inputs): PyTorch's own start for linear layers at gain 1.

    Gain sqrt(6) is He's start for ReLU (arXiv 1502.01852).
    """
    return uniform(gain / math.sqrt(max(inputs, 1)))
