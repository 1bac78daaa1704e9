"""Every kind of layer learns 32 rows by heart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import netwright as nw
from netwright import layers
from netwright.layers import (
    GRU,
    LSTM,
    Activation,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    LayerNormalization,
    PReLU,
    Residual,
    SeparableConv2D,
    SimpleRNN,
    TimeDistributed,
    TransformerEncoder,
)
from netwright.layers.spec import known

ROWS, CLASSES = 32, 3
VECTOR, SEQUENCE, PICTURE, WORDS = (6,), (6, 4), (6, 6, 2), (8,)
# What stands in the middle of a network for rows of which shape.
MIDDLES: dict[str, tuple[tuple[int, ...], Callable[[], list[Any]]]] = {
    "Activation": (VECTOR, lambda: [Dense(32), Activation("gelu")]),
    "ELU": (VECTOR, lambda: [Dense(32), layers.ELU()]),
    "LeakyReLU": (VECTOR, lambda: [Dense(32), layers.LeakyReLU()]),
    "PReLU": (VECTOR, lambda: [Dense(32), PReLU()]),
    "ReLU": (VECTOR, lambda: [Dense(32), layers.ReLU()]),
    "Softmax": (VECTOR, lambda: [Dense(32), layers.Softmax()]),
    "Dense": (VECTOR, lambda: [Dense(32, "relu")]),
    "BatchNormalization": (VECTOR, lambda: [Dense(32), BatchNormalization(momentum=0.5), Activation("relu")]),
    "LayerNormalization": (VECTOR, lambda: [Dense(32), LayerNormalization(), Activation("relu")]),
    "GroupNormalization": (VECTOR, lambda: [Dense(32), layers.GroupNormalization(4), Activation("relu")]),
    "Dropout": (VECTOR, lambda: [Dense(64, "relu"), layers.Dropout(0.05)]),
    "GaussianDropout": (VECTOR, lambda: [Dense(64, "relu"), layers.GaussianDropout(0.05)]),
    "GaussianNoise": (VECTOR, lambda: [Dense(64, "relu"), layers.GaussianNoise(0.05)]),
    "RepeatVector": (VECTOR, lambda: [Dense(32, "relu"), layers.RepeatVector(2)]),
    "Reshape": (VECTOR, lambda: [Dense(32, "relu"), layers.Reshape((4, -1))]),
    "Residual": (VECTOR, lambda: [Dense(32), Residual([Dense(32, "relu")])]),
    "Permute": (SEQUENCE, lambda: [layers.Permute((2, 1)), Conv1D(24, 2, activation="relu")]),
    "Conv1D": (SEQUENCE, lambda: [Conv1D(24, 3, activation="relu")]),
    "SpatialDropout1D": (SEQUENCE, lambda: [Conv1D(32, 2, activation="relu"), layers.SpatialDropout1D(0.02)]),
    "AveragePooling1D": (SEQUENCE, lambda: [Conv1D(32, 2, activation="relu"), layers.AveragePooling1D(2)]),
    "MaxPooling1D": (SEQUENCE, lambda: [Conv1D(32, 2, activation="relu"), layers.MaxPooling1D(2)]),
    "GlobalAveragePooling1D": (
        SEQUENCE,
        lambda: [Conv1D(64, 3, activation="relu"), GlobalAveragePooling1D()],
    ),
    "GlobalMaxPooling1D": (
        SEQUENCE,
        lambda: [Conv1D(64, 3, activation="relu"), layers.GlobalMaxPooling1D()],
    ),
    "Cropping1D": (SEQUENCE, lambda: [Conv1D(32, 2, activation="relu"), layers.Cropping1D(1)]),
    "UpSampling1D": (SEQUENCE, lambda: [layers.UpSampling1D(2), Conv1D(24, 3, activation="relu")]),
    "ZeroPadding1D": (SEQUENCE, lambda: [layers.ZeroPadding1D(1), Conv1D(24, 3, activation="relu")]),
    "SimpleRNN": (SEQUENCE, lambda: [SimpleRNN(32)]),
    "LSTM": (SEQUENCE, lambda: [LSTM(32)]),
    "GRU": (SEQUENCE, lambda: [GRU(32)]),
    "Bidirectional": (SEQUENCE, lambda: [Bidirectional(GRU(16))]),
    "TimeDistributed": (SEQUENCE, lambda: [TimeDistributed(Dense(16, "relu"))]),
    "PositionalEncoding": (SEQUENCE, lambda: [layers.PositionalEncoding(), Conv1D(24, 3, activation="relu")]),
    "TransformerEncoder": (SEQUENCE, lambda: [TransformerEncoder(2, 16)]),
    "Embedding": (WORDS, lambda: [Embedding(9, 8)]),
    "Conv2D": (PICTURE, lambda: [Conv2D(16, 3, activation="relu")]),
    "Conv2DTranspose": (PICTURE, lambda: [Conv2DTranspose(8, 3, activation="relu")]),
    "DepthwiseConv2D": (PICTURE, lambda: [DepthwiseConv2D(3, depth_multiplier=4, activation="relu")]),
    "SeparableConv2D": (PICTURE, lambda: [SeparableConv2D(16, 3, activation="relu")]),
    "SpatialDropout2D": (PICTURE, lambda: [Conv2D(16, 3, activation="relu"), layers.SpatialDropout2D(0.02)]),
    "AveragePooling2D": (PICTURE, lambda: [Conv2D(24, 3, activation="relu"), layers.AveragePooling2D(2)]),
    "MaxPooling2D": (PICTURE, lambda: [Conv2D(24, 3, activation="relu"), layers.MaxPooling2D(2)]),
    "GlobalAveragePooling2D": (
        PICTURE,
        lambda: [Conv2D(64, 3, activation="relu"), layers.GlobalAveragePooling2D()],
    ),
    "GlobalMaxPooling2D": (PICTURE, lambda: [Conv2D(64, 3, activation="relu"), layers.GlobalMaxPooling2D()]),
    "Cropping2D": (PICTURE, lambda: [Conv2D(24, 3, activation="relu"), layers.Cropping2D(1)]),
    "UpSampling2D": (PICTURE, lambda: [layers.UpSampling2D(2), Conv2D(8, 3, activation="relu")]),
    "ZeroPadding2D": (PICTURE, lambda: [layers.ZeroPadding2D(1), Conv2D(16, 3, activation="relu")]),
}
MERGES: dict[str, Callable[[], Any]] = {
    "Add": layers.Add,
    "Average": layers.Average,
    "Concatenate": layers.Concatenate,
    "Dot": lambda: layers.Dot(axes=1),
    "Maximum": layers.Maximum,
    "Minimum": layers.Minimum,
    "Multiply": layers.Multiply,
    "Subtract": layers.Subtract,
}


def rows(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.integers(0, 9, (ROWS, *shape)) if shape == WORDS else random.normal(size=(ROWS, *shape))
    return x, random.integers(0, CLASSES, ROWS)


def overfits(model: nw.Model, shape: tuple[int, ...], rate: float = 0.02) -> None:
    x, y = rows(shape)
    model.compile(nw.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    for _ in range(8):
        model.fit(x, y, epochs=100, verbose=0)
        loss, accuracy = model.evaluate(x, y, verbose=0)
        if loss < 0.01:
            break
    assert loss < 0.01
    assert accuracy == 1.0
    np.testing.assert_array_equal(model.predict(x).argmax(1), y)


@pytest.mark.parametrize("kind", MIDDLES)
def test_learns_by_heart(kind: str) -> None:
    shape, middle = MIDDLES[kind]
    overfits(nw.Sequential([*middle(), Flatten(), Dense(CLASSES, "softmax")]), shape)


@pytest.mark.parametrize("kind", MERGES)
def test_two_branches_learn_by_heart(kind: str) -> None:
    x = nw.Input(VECTOR)
    branches = [Dense(32, "relu")(x), Dense(32, "tanh")(x)]
    merged = MERGES[kind]()(branches)
    overfits(nw.Model(x, Dense(CLASSES, "softmax")(Dense(32, "relu")(merged))), VECTOR)


def test_attention_learns_by_heart() -> None:
    x = nw.Input(SEQUENCE)
    looked = layers.MultiHeadAttention(2, 8)([x, x])
    overfits(nw.Model(x, Dense(CLASSES, "softmax")(Flatten()(looked))), SEQUENCE)


def test_no_layer_is_forgotten() -> None:
    assert set(known()) == {*MIDDLES, *MERGES, "Flatten", "MultiHeadAttention"}
