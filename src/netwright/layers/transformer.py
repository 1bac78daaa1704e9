"""A block of attention and a feed-forward network."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from netwright.errors import InputError
from netwright.layers.attention import MultiHeadAttention
from netwright.layers.base import Layer, Shape, at_least, last_axis, share
from netwright.layers.dense import Dense
from netwright.layers.noise import Dropout
from netwright.layers.normalization import LayerNormalization
from netwright.nn import activations
from netwright.nn.member import Mode


class TransformerEncoder(Layer):
    """Self-attention, then two dense layers at each step, each added to what it gets (arXiv 1706.03762).

    Arguments:
        num_heads: heads; they share the features of the input.
        intermediate_dim: units of the first dense layer; the second gives as many as come in.
        dropout: of attention weights, of both sums, and between the dense layers.
        activation: between the dense layers.
        norm_first: whether layer norms stand before attention and dense layers (arXiv 2002.04745), or
            after the sums, as in the original.
        layer_norm_epsilon: see `LayerNormalization`.
        causal: whether a step sees itself and earlier ones only.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: of the first norm, attention, the second norm, the two dense layers.

    Example:
        >>> TransformerEncoder(num_heads=2, intermediate_dim=32).output_shape((20, 8))
        (20, 8)
    """

    def __init__(
        self,
        num_heads: int,
        intermediate_dim: int,
        dropout: float = 0.1,
        activation: Any = "gelu",
        norm_first: bool = True,
        layer_norm_epsilon: float = 1e-5,
        causal: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.num_heads = at_least(num_heads, 1, "num_heads", self)
        self.intermediate_dim = at_least(intermediate_dim, 1, "intermediate_dim", self)
        self.dropout = share(dropout, "dropout", self)
        try:
            activations.get(activation)
        except InputError as error:
            raise self.wrong(error.what, error.hint) from None
        self.activation, self.epsilon = activation, layer_norm_epsilon
        self.norm_first, self.causal = norm_first, causal

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise self.wrong(f"it takes sequences [time, features] and its input has shape {shape}")
        features = last_axis(shape, self)
        if features % self.num_heads:
            raise self.wrong(
                f"{features} features cannot be shared by {self.num_heads} heads",
                "choose num_heads such that it divides the features",
            )
        return shape

    def build(self, shape: Shape) -> None:
        features = last_axis(shape, self)
        common: dict[str, Any] = {"trainable": self.trainable}
        self.attention_norm = LayerNormalization(epsilon=self.epsilon, **common)
        self.attention = MultiHeadAttention(
            self.num_heads, features // self.num_heads, dropout=self.dropout, causal=self.causal, **common
        )
        self.attention_dropout = Dropout(self.dropout)
        self.dense_norm = LayerNormalization(epsilon=self.epsilon, **common)
        self.expand = Dense(self.intermediate_dim, self.activation, **common)
        self.middle_dropout = Dropout(self.dropout)
        self.contract = Dense(features, **common)
        self.dense_dropout = Dropout(self.dropout)
        for layer in self.children():
            assert isinstance(layer, Layer)
            self.inner(layer, (shape[0], self.intermediate_dim) if layer is self.contract else shape)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        if self.norm_first:
            x = x + self._attend(self.attention_norm(x, mode), mode)
            return x + self._dense(self.dense_norm(x, mode), mode)
        x = self.attention_norm(x + self._attend(x, mode), mode)
        return self.dense_norm(x + self._dense(x, mode), mode)

    def _attend(self, x: Tensor, mode: Mode) -> Tensor:
        return self.attention_dropout(self.attention(x, mode), mode)

    def _dense(self, x: Tensor, mode: Mode) -> Tensor:
        middle = self.middle_dropout(self.expand(x, mode), mode)
        return self.dense_dropout(self.contract(middle, mode), mode)
