"""Attention of sequences to sequences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from netwright.layers.base import Layer, Symbol, at_least, last_axis, share
from netwright.layers.parameters import group, start
from netwright.nn import layers as blocks
from netwright.nn.initial import Initial
from netwright.nn.layers import affine
from netwright.nn.member import Mode


class MultiHeadAttention(Layer):
    """softmax(Q Kᵀ / sqrt(key_dim)) V in several heads, then one product that joins them (arXiv 1706.03762).

    Called on one symbol it attends to itself; else on (query, value) or (query, value, key), as separate
    arguments or as a list. Each is [time, features]; the output has the query's length.

    Arguments:
        num_heads: heads.
        key_dim: features of queries and keys in each head.
        value_dim: features of values in each head; key_dim unless given.
        dropout: share of attention weights that are zeroed while training.
        use_bias: whether the four products have a bias.
        output_shape: features of the output; those of the query unless given.
        kernel_initializer: how the kernels start; "auto" is Glorot's uniform start of the products as
            matrices, where Keras's default takes the heads for a receptive field.
        bias_initializer: how the biases start.
        kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint: as for `Dense`.
        causal: whether a step sees itself and earlier ones only. In a call, `use_causal_mask=True` sets it.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights, D features: query_kernel [D, num_heads, key_dim], query_bias [num_heads, key_dim], the same of
    key and value, output_kernel [num_heads, value_dim, outputs], output_bias [outputs].

    Example:
        >>> MultiHeadAttention(num_heads=2, key_dim=4).output_shape((20, 8))
        (20, 8)
    """

    query_kernel: Tensor
    query_bias: Tensor
    key_kernel: Tensor
    key_bias: Tensor
    value_kernel: Tensor
    value_bias: Tensor
    output_kernel: Tensor
    output_bias: Tensor

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | None = None,
        kernel_initializer: Any = "auto",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        causal: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.num_heads = at_least(num_heads, 1, "num_heads", self)
        self.key_dim = at_least(key_dim, 1, "key_dim", self)
        self.value_dim = self.key_dim if value_dim is None else at_least(value_dim, 1, "value_dim", self)
        self.outputs = None if output_shape is None else at_least(output_shape, 1, "output_shape", self)
        self.dropout = share(dropout, "dropout", self)
        self.use_bias, self.causal = use_bias, causal
        self.as_matrix = kernel_initializer == "auto"
        self.starts = (start(kernel_initializer, self), start(bias_initializer, self))
        self.groups = (
            group(self, kernel_regularizer, kernel_constraint),
            group(self, bias_regularizer, bias_constraint),
        )

    def __call__(self, *inputs: Any, use_causal_mask: bool = False, **more: Any) -> Any:
        """On symbols: query, value and key as Keras has them. On tensors: the forward pass."""
        if use_causal_mask:
            self.causal = self.arguments["causal"] = True
        named = [more[name] for name in ("query", "value", "key") if more.get(name) is not None]
        given = [*(inputs[0] if inputs and isinstance(inputs[0], list | tuple) else inputs), *named]
        if not given or not all(isinstance(each, Symbol) for each in given):
            return super().__call__(*inputs, **more)
        self.several = self.several or len(given) > 1
        shapes = [each.shape for each in given]
        return Symbol(self.output_shape(shapes), self, tuple(given))

    def output_shape(self, shape: Any) -> Any:
        query, value, key = self._three(shape)
        for each in (query, value, key):
            if len(each) != 2:
                raise self.wrong(
                    f"it takes sequences [time, features] and an input has shape {each}",
                    f"put Reshape(({each[0]}, 1)) before it" if len(each) == 1 and each[0] else None,
                )
        if None not in (value[0], key[0]) and value[0] != key[0]:
            raise self.wrong(f"the value has {value[0]} steps and the key {key[0]}")
        return (query[0], self.outputs or last_axis(query, self))

    def build(self, shape: Any) -> None:
        query, value, key = (last_axis(each, self) for each in self._three(shape))
        for name, inputs, size in (
            ("query", query, self.key_dim),
            ("key", key, self.key_dim),
            ("value", value, self.value_dim),
        ):
            self._declare(name, inputs, (inputs, self.num_heads, size), (self.num_heads, size))
        joined, outputs = self.num_heads * self.value_dim, self.outputs or query
        self._declare("output", joined, (self.num_heads, self.value_dim, outputs), (outputs,))
        self.drops = blocks.Dropout(torch.full((self.members,), self.dropout))

    def _declare(self, name: str, inputs: int, kernel: tuple[int, ...], bias: tuple[int, ...]) -> None:
        initial = matrix(self.starts[0], inputs) if self.as_matrix else self.starts[0]
        self.declare(f"{name}_kernel", kernel, initial, **self.groups[0])
        if self.use_bias:
            self.declare(f"{name}_bias", bias, self.starts[1], **self.groups[1])

    def forward(self, x: Any, mode: Mode) -> Tensor:
        query, value, key = self._three(x)  # each [M, B, T, D]
        biases = (self.query_bias, self.key_bias, self.value_bias) if self.use_bias else (None,) * 3
        q = self._heads(query, self.query_kernel, biases[0])  # [M B, heads, T, key_dim]
        k = self._heads(key, self.key_kernel, biases[1])
        v = self._heads(value, self.value_kernel, biases[2])
        if mode.training and self.drops.active:
            found = self._attend(q, k, v, query.shape[:2], mode)
        else:
            found = functional.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        joined = found.transpose(1, 2).reshape(*query.shape[:3], -1)  # [M, B, T, heads * value_dim]
        bias = self.output_bias[:, None] if self.use_bias else None
        return affine(joined, self.output_kernel.flatten(1, 2), bias)

    def _heads(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        found = affine(x, kernel.flatten(2), None if bias is None else bias.flatten(1)[:, None])
        return found.view(-1, x.shape[2], *kernel.shape[2:]).transpose(1, 2)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, rows: torch.Size, mode: Mode) -> Tensor:
        """The attention written out, with dropout of each member's own."""
        scores = q @ k.transpose(2, 3) / math.sqrt(self.key_dim)  # [M B, heads, T of query, T of key]
        if self.causal:
            later = torch.ones(scores.shape[2:], dtype=torch.bool, device=q.device).triu(1)
            scores = scores.masked_fill(later, -math.inf)
        weights = self.drops(scores.softmax(-1).unflatten(0, rows), mode)
        return weights.flatten(0, 1) @ v

    def _three(self, given: Any) -> list[Any]:
        """Query, value and key, of what was given: of one, or of a list of one to three."""
        each = given if isinstance(given, list) else [given]
        if not 1 <= len(each) <= 3:
            raise self.wrong(f"it takes a query, a value and a key, and was given {len(each)} inputs")
        value = each[min(1, len(each) - 1)]
        return [each[0], value, each[2] if len(each) == 3 else value]


def matrix(initial: Initial, inputs: int) -> Initial:
    """The start of the matrix [inputs, outputs] that a kernel of more axes is."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return initial(random, (inputs, math.prod(shape) // inputs)).reshape(shape)

    return draw
