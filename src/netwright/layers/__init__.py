"""Layers to build networks of by hand, with Keras's names and arguments. Channels last."""

from netwright.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from netwright.layers.attention import MultiHeadAttention
from netwright.layers.base import Layer
from netwright.layers.bidirectional import Bidirectional
from netwright.layers.convolution import Conv1D, Conv2D
from netwright.layers.dense import Dense
from netwright.layers.embedding import Embedding
from netwright.layers.entry import Input, InputLayer
from netwright.layers.merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from netwright.layers.noise import Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D
from netwright.layers.normalization import BatchNormalization, GroupNormalization, LayerNormalization
from netwright.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from netwright.layers.positional import PositionalEncoding
from netwright.layers.recurrent import GRU, LSTM, SimpleRNN
from netwright.layers.residual import Residual
from netwright.layers.resizing import (
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from netwright.layers.separable import DepthwiseConv2D, SeparableConv2D
from netwright.layers.shapes import Flatten, Permute, RepeatVector, Reshape
from netwright.layers.time_distributed import TimeDistributed
from netwright.layers.transformer import TransformerEncoder
from netwright.layers.transposed import Conv2DTranspose

__all__ = [
    "ELU",
    "GRU",
    "LSTM",
    "Activation",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "BatchNormalization",
    "Bidirectional",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "PReLU",
    "Permute",
    "PositionalEncoding",
    "ReLU",
    "RepeatVector",
    "Reshape",
    "Residual",
    "SeparableConv2D",
    "SimpleRNN",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "TimeDistributed",
    "TransformerEncoder",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]
