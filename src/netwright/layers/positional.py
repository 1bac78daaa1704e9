"""Where in a sequence a step is, for layers that do not see the order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netwright import initializers
from netwright.errors import suggestion
from netwright.layers.base import Layer, Shape, at_least, last_axis
from netwright.nn.member import Mode

KINDS = ("sinusoidal", "learned")


class PositionalEncoding(Layer):
    """Adds a vector to each step that tells its position. [T, D] to [T, D]

    Arguments:
        kind: "sinusoidal" (arXiv 1706.03762), or "learned": one vector for each position.
        max_length: of a sequence, when learned; that of the input unless given.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: of learned ones, embeddings [max_length, D].

    Example:
        >>> PositionalEncoding().output_shape((20, 8))
        (20, 8)
    """

    embeddings: Tensor

    def __init__(self, kind: str = "sinusoidal", max_length: int | None = None, **common: Any) -> None:
        super().__init__(**common)
        if kind not in KINDS:
            raise self.wrong(f"kind is {kind!r}", suggestion(str(kind), KINDS))
        self.kind = kind
        self.max_length = None if max_length is None else at_least(max_length, 1, "max_length", self)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) < 2:
            raise self.wrong(f"it takes sequences [time, features] and its input has shape {shape}")
        if shape[-2] is not None:
            self._check(shape[-2])
        elif self.kind == "learned" and self.max_length is None:
            raise self.wrong(f"the length of its input, of shape {shape}, is not known", "give max_length")
        last_axis(shape, self)
        return shape

    def build(self, shape: Shape) -> None:
        if self.kind == "learned":
            self.max_length = self.max_length or shape[-2] or 1
            start = initializers.RandomNormal(stddev=0.02)
            self.declare("embeddings", (self.max_length, last_axis(shape, self)), start)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        length, features = x.shape[-2:]
        if self.kind == "sinusoidal":
            return x + sinusoids(length, features).to(x)
        self._check(length)
        found = self.embeddings[:, :length]  # [M, T, D]
        return x + found.view(found.shape[0], *[1] * (x.dim() - 3), length, features)

    def _check(self, length: int) -> None:
        if self.kind == "learned" and self.max_length is not None and length > self.max_length:
            raise self.wrong(f"a sequence has {length} steps, and at most {self.max_length} were learned")


@lru_cache(maxsize=32)
def sinusoids(length: int, features: int) -> Tensor:
    """sin(t / 10000^(2i / D)) in column 2i and the cosine of the same in column 2i + 1. [T, D] float64"""
    column = np.arange(features)
    rate = 10000.0 ** (-(column - column % 2) / features)
    angle = np.arange(length)[:, None] * rate
    return torch.from_numpy(np.where(column % 2 == 0, np.sin(angle), np.cos(angle)))
