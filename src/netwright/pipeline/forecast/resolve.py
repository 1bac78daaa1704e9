"""Every "auto" of a forecast gets its value, from the number of windows and the effort."""

from __future__ import annotations

import torch

from netwright.config import Config, TrainingConfig
from netwright.errors import InputError
from netwright.nn.objective import NUMBER_LOSSES
from netwright.pipeline.forecast.prepare import Prepared
from netwright.pipeline.recipes.base import batch_size
from netwright.training.device import find_device, use_threads

EPOCHS = {"quick": 5, "normal": 12, "best": 30}
MEMBERS = {"quick": 1, "normal": 1, "best": 4}
MANY = 1_000  # windows from which on a network that is not linear is the default
LEAST_STEPS = 1_500  # so many are trained even on few windows
MOST_EPOCHS = 300
BATCHES = ((300, 8), (1_500, 32), (50_000, 64), (300_000, 128))
LARGEST_BATCH = 256
SIZES = {
    "mlp": (256, 1, 0.2),
    "patch": (32, 2, 0.2),
    "gru": (64, 1, 0.1),
    "nlinear": (1, 0, 0.0),
    "dlinear": (1, 0, 0.0),
}
"""width, depth and dropout"""
PIECE = 16
WARMUP = 0.02
TREND = 25
UNUSED = {
    "class_weights": "none",
    "sampling": "plain",
    "logit_adjustment": 0.0,
    "threshold": "half",
    "label_smoothing": 0.0,
    "mixup": 0.0,
    "reweigh": False,
}
"""settings of the training that forecasts have no use for, and their plain values"""


def refuse_unused(config: Config) -> None:
    """Refuses what would change nothing of a forecast, before the data is read.

    Raises:
        InputError: names the option.
    """
    inputs = config.inputs
    if config.training.start_from is not None:
        raise _unused("training.start_from", "a forecast cannot start from another run", "leave out --from")
    sections = [inputs.image, inputs.text, inputs.sound]
    if inputs.pretrained is not None or any(section.pretrained is not None for section in sections):
        what = "pretrained networks read pictures, texts and sounds, and a forecast has none"
        raise _unused("inputs.pretrained", what, "leave out --pretrained")
    if config.split.group is not None:
        hint = "--series names the column of several series"
        raise _unused("split.group", "forecasts are split by time and not by groups", hint)
    if config.data.sensitive:
        what = "groups are compared in the reports of tables alone"
        raise _unused("data.sensitive", what, "leave out --sensitive")
    if config.data.positive is not None:
        raise _unused("data.positive", "a forecast has no positive class", "leave out --positive")


def _unused(where: str, what: str, hint: str) -> InputError:
    return InputError(what, where=where, hint=hint)


def resolve(prepared: Prepared) -> tuple[Config, torch.device]:
    """The config without "auto", and the device."""
    config = prepared.config.model_copy(deep=True)
    check_options(config.training)
    _network(config, prepared)
    return config, _training(config, len(prepared.windows["train"]))


def check_options(training: TrainingConfig) -> None:
    """Refuses what forecasts have no use for; where that is open, it is left out.

    Raises:
        InputError: names the option.
    """
    for key, plain in UNUSED.items():
        value = getattr(training, key)
        if value == "auto":
            setattr(training, key, plain)
        elif value != plain:
            raise InputError(
                f"training.{key} is {value}, which forecasts have no use for",
                where=f"training.{key}",
                hint=f"leave it {plain}",
            )
    if training.loss not in ("auto", *NUMBER_LOSSES):
        hint = f"possible here: {', '.join(NUMBER_LOSSES)}"
        raise InputError(
            f"training.loss is {training.loss}, which is for classes", where="training.loss", hint=hint
        )


def _network(config: Config, prepared: Prepared) -> None:
    wanted, network, lookback = config.forecast, config.network, prepared.schema.lookback
    if network.layers is not None or network.kind != "auto":
        raise InputError(
            "network.kind and network.layers are for tables",
            where="network",
            hint="a forecast's network is chosen by forecast.network, its size by network.width and depth",
        )
    if wanted.network == "auto":
        wanted.network = "mlp" if len(prepared.windows["train"]) >= MANY else "nlinear"
    if wanted.normalization == "auto":
        wanted.normalization = "last" if wanted.network == "nlinear" else "instance"
    if wanted.patch == "auto":
        wanted.patch = max(1, min(PIECE, lookback // 4))
    if wanted.trend == "auto":
        wanted.trend = min(TREND, lookback)
    width, depth, dropout = SIZES[wanted.network]
    network.width = width if network.width == "auto" else network.width
    network.depth = depth if network.depth == "auto" else network.depth
    network.dropout = dropout if network.dropout == "auto" else network.dropout


def _training(config: Config, windows: int) -> torch.device:
    training = config.training
    device = find_device(training.device)
    training.device = device.type  # type: ignore[assignment]
    if training.precision == "auto":
        training.precision = "float32"
    if training.loss == "auto":
        training.loss = "mse"
    if training.batch_size == "auto":
        training.batch_size = batch_size(windows, BATCHES, LARGEST_BATCH)
    if training.epochs == "auto":
        least = -(-LEAST_STEPS * int(training.batch_size) // windows)
        training.epochs = max(EPOCHS[training.effort], min(MOST_EPOCHS, least))
    if training.learning_rate == "auto":
        training.learning_rate = {"sgd": 1e-2}.get(training.optimizer, 1e-3)
    if training.weight_decay == "auto":
        training.weight_decay = 1e-3 if training.optimizer == "adamw" else 1e-5
    if training.warmup == "auto":
        training.warmup = WARMUP
    if training.patience == "auto":
        training.patience = max(4, round(int(training.epochs) / 3))
    if training.members == "auto":
        training.members = MEMBERS[training.effort]
    small = config.forecast.network not in ("patch", "gru")
    if training.threads is None and device.type == "cpu" and small:
        training.threads = 1
    training.threads = use_threads(training.threads)
    return device
