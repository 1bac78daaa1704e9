"""Codes as vectors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from netwright.layers.base import Layer, Shape, at_least
from netwright.layers.parameters import group, start
from netwright.nn.member import Mode


class Embedding(Layer):
    """A vector, learnt, for each code. [...] to [..., output_dim]

    Arguments:
        input_dim: how many codes there are: 0 to input_dim - 1. Others are refused before training.
        output_dim: features of a vector.
        embeddings_initializer: how vectors start; uniform between -.05 and .05 unless given.
        embeddings_regularizer, embeddings_constraint: as in `Dense`.
        mask_zero: False. Steps are not masked here; code 0 is a code like any other.
        input_length: of the sequences, where it is the first layer; the same as input_shape=(length,).
        **common: name, input_shape, trainable; see `Layer`.

    Weights: embeddings [input_dim, output_dim].

    Example:
        >>> Embedding(1000, 64).output_shape((20,))
        (20, 64)
    """

    embeddings: Tensor

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        input_length: int | None = None,
        **common: Any,
    ) -> None:
        if input_length is not None:
            common.setdefault("input_shape", (input_length,))
        super().__init__(**common)
        self.input_dim = at_least(input_dim, 1, "input_dim", self)
        self.code_limit = self.input_dim
        self.output_dim = at_least(output_dim, 1, "output_dim", self)
        self.start = start(embeddings_initializer, self)
        self.group = group(self, embeddings_regularizer, embeddings_constraint)
        if mask_zero:
            raise self.wrong(
                "mask_zero is not there: no layer here leaves steps out",
                "pad sequences at their start, so that the last step of a recurrent layer is a real one",
            )

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape, self.output_dim)

    def build(self, shape: Shape) -> None:
        self.declare("embeddings", (self.input_dim, self.output_dim), self.start, **self.group)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        members, codes = len(x), x.long()
        if members > 1:  # the members' tables one below the other
            below = torch.arange(members, device=x.device) * self.input_dim
            codes = codes + below.view(-1, *[1] * (x.dim() - 1))
        return functional.embedding(codes, self.embeddings.reshape(-1, self.output_dim))
