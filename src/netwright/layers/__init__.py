"""Layers to build networks of by hand, with Keras's names and arguments. Channels last."""

from netwright.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from netwright.layers.base import Layer
from netwright.layers.dense import Dense
from netwright.layers.noise import Dropout, GaussianNoise
from netwright.layers.shapes import Flatten, Permute, RepeatVector, Reshape

__all__ = [
    "ELU",
    "Activation",
    "Dense",
    "Dropout",
    "Flatten",
    "GaussianNoise",
    "Layer",
    "LeakyReLU",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "Softmax",
]
