"""Netwright: from data to a deep neural network that its owner can trust."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Before PyTorch starts its threads: with the usual long busy waiting, one other busy process makes a training
# on two threads seven times slower; with short waiting, 1.4 times (docs/log.md).
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.1.0"

if TYPE_CHECKING:
    from netwright import activations as activations
    from netwright import callbacks as callbacks
    from netwright import constraints as constraints
    from netwright import initializers as initializers
    from netwright import layers as layers
    from netwright import losses as losses
    from netwright import metrics as metrics
    from netwright import models as models
    from netwright import optimizers as optimizers
    from netwright import plots as plots
    from netwright import regularizers as regularizers
    from netwright import schedules as schedules
    from netwright import utils as utils
    from netwright.api import check, cross_validate, learning_curve, load, train, tune
    from netwright.config import Config
    from netwright.data.finding import Finding
    from netwright.errors import InputError, NetwrightError
    from netwright.estimators import NetClassifier, NetRegressor
    from netwright.models import Input, Model, Sequential
    from netwright.nn.seed import set_seed
    from netwright.runs.model import TableModel
    from netwright.runs.run import Run
    from netwright.trainer import Trainer
    from netwright.tuning.study import Study

# Imported when first asked for: `import netwright` must not wait for PyTorch.
_PLACES = {
    "Config": "netwright.config",
    "Finding": "netwright.data.finding",
    "InputError": "netwright.errors",
    "Input": "netwright.models",
    "Model": "netwright.models",
    "NetClassifier": "netwright.estimators",
    "NetRegressor": "netwright.estimators",
    "NetwrightError": "netwright.errors",
    "Run": "netwright.runs.run",
    "Trainer": "netwright.trainer",
    "Sequential": "netwright.models",
    "Study": "netwright.tuning.study",
    "TableModel": "netwright.runs.model",
    "check": "netwright.api",
    "cross_validate": "netwright.api",
    "learning_curve": "netwright.api",
    "load": "netwright.api",
    "set_seed": "netwright.nn.seed",
    "train": "netwright.api",
    "tune": "netwright.api",
}

# Found as `nw.losses` without an import of their own.
_MODULES = (
    "activations",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "plots",
    "regularizers",
    "schedules",
    "utils",
)

# Classes of netwright.layers, found as `nw.Dense` too.
_LAYERS = (
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
)

__all__ = [
    "Config",
    "Finding",
    "Input",
    "InputError",
    "Model",
    "NetClassifier",
    "NetRegressor",
    "NetwrightError",
    "Run",
    "Sequential",
    "Study",
    "TableModel",
    "Trainer",
    "__version__",
    "check",
    "cross_validate",
    "learning_curve",
    "load",
    "set_seed",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"netwright.{name}")
    place = "netwright.layers" if name in _LAYERS else _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'netwright' has no attribute {name!r}")
    value = getattr(import_module(place), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*__all__, *_LAYERS, *_MODULES})
