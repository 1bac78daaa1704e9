"""Every "auto" gets its value, from the number of rows and columns, the task and the effort.

The values were chosen on validation rows; benchmarks/defaults.py makes the measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from netwright.config import Config
from netwright.data.schema import Schema
from netwright.errors import InputError
from netwright.nn.encoders import OWN_TENSOR
from netwright.nn.member import Layout
from netwright.pipeline.options import check_options
from netwright.pipeline.recipes import Recipe, recipe_of, settle
from netwright.pipeline.recipes.base import batch_size
from netwright.runs.network import build
from netwright.training.device import find_device, find_precision, use_threads


@dataclass(frozen=True)
class Effort:
    """What an effort means.

    Arguments:
        heads: of TabM.
        width, depth: of its layers.
        bins: pieces of the number embedding.
        seen: rows that training sees, repeats counted; the number of epochs follows from it.
        epochs: at most; twice as many for tables of very few rows.
        members: seeds averaged.
    """

    heads: int
    width: int
    depth: int
    bins: int
    seen: int
    epochs: int
    members: int


EFFORTS = {
    "quick": Effort(heads=4, width=128, depth=2, bins=32, seen=100_000, epochs=12, members=1),
    "normal": Effort(heads=8, width=256, depth=2, bins=64, seen=400_000, epochs=30, members=1),
    "best": Effort(heads=32, width=384, depth=3, bins=64, seen=1_500_000, epochs=60, members=4),
}
MOST_EMBEDDED = 150  # more number columns than that are not embedded
FEW_ROWS = 2_000
VERY_FEW_ROWS = 1_000
ROWS_OF_A_BIN = 40
MOST_PIECES = 4_000  # of all columns together
LEAST_EPOCHS = 4
LARGEST_BATCHES = ((400, 32), (4_000, 64), (20_000, 128), (100_000, 256), (300_000, 512))
LARGEST_BATCH = 1024
MOST_PATIENCE = 12
WARMUP = 0.02
SMALL_WORK = 16_000_000  # products a layer and step, below which a second thread costs more than it gives


def resolve(config: Config, schema: Schema, rows: int) -> tuple[Config, torch.device]:
    """The config without "auto", and the device.

    Arguments:
        config: as prepared.
        schema: what the columns are.
        rows: number of training rows.
    """
    config = config.model_copy(deep=True)
    check_options(config.training, schema.target)
    effort = EFFORTS[config.training.effort]
    settle(schema, config.inputs, rows, config.training.effort)
    _inputs(config, schema, effort, rows)
    recipe = recipe_of(schema, config.inputs, rows, config.training.effort)
    if recipe is not None:
        _follow(config, recipe)
    _network(config, effort, rows)
    if config.training.loss == "auto":
        config.training.loss = "mse" if schema.target.task == "regression" else "cross_entropy"
    return config, _training(config, schema, effort, rows)


def _follow(config: Config, recipe: Recipe) -> None:
    """Takes what a recipe says, where the user says nothing."""
    for section in (config.network, config.training):
        if section is config.network and config.network.layers is not None:
            continue
        for name in type(section).model_fields:
            value = getattr(recipe, name, None)
            if value is not None and getattr(section, name) == "auto":
                setattr(section, name, (value or None) if name == "patience" else value)


def _inputs(config: Config, schema: Schema, effort: Effort, rows: int) -> None:
    number, category = config.inputs.number, config.inputs.category
    columns = len(schema.of_kind("number"))
    if number.embedding == "auto":
        number.embedding = "piecewise" if columns <= MOST_EMBEDDED else "none"
    if number.bins == "auto":
        number.bins = max(12, min(effort.bins, rows // ROWS_OF_A_BIN, MOST_PIECES // max(columns, 1)))
    if number.size == "auto":
        number.size = 24 if columns <= 16 else 12 if columns <= 64 else 8
    if config.data.clean.outliers == "clip":
        number.clip_outliers = True
    if category.size == "auto":
        category.size = 8
    config.inputs.columns = {
        name: _of_column(config, schema, name, settings) for name, settings in config.inputs.columns.items()
    }


def _of_column(config: Config, schema: Schema, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The checked settings of a single column; an "auto" becomes what its kind has."""
    where = f"inputs.columns.{name}"
    kinds = {column.name: column.kind for column in schema.inputs}
    if name not in kinds:
        raise InputError(
            f"the column {name!r} is no input", where=where, hint="an id, a constant or left out"
        )
    section = "category" if kinds[name] == "boolean" else kinds[name]
    common = getattr(config.inputs, section)
    Config.parse({"inputs": {section: settings}}, where=where)
    return {key: getattr(common, key) if value == "auto" else value for key, value in settings.items()}


def _network(config: Config, effort: Effort, rows: int) -> None:
    network = config.network
    if network.layers is not None:
        network.kind = "layers"
        return
    if network.kind == "auto":
        network.kind = "tabm"
    if network.heads == "auto":
        network.heads = effort.heads if network.kind == "tabm" else 1
    if network.width == "auto":
        network.width = effort.width if rows >= FEW_ROWS else min(effort.width, 128)
    if network.depth == "auto":
        network.depth = effort.depth
    if network.normalization == "auto":
        network.normalization = "layer" if network.kind == "residual" else "none"
    if network.dropout == "auto":
        network.dropout = 0.1 if rows >= FEW_ROWS else 0.25


def _largest_layer(config: Config, schema: Schema) -> int:
    """Products of one row in the largest layer."""
    network = config.network
    if network.layers is None and not schema.of_kind(*OWN_TENSOR):
        return int(network.heads) * int(network.width) ** 2
    built = build(schema, config.inputs, network)  # which also checks the layers, before anything takes time
    encoders = max(part.products for part in built.encoders.list)
    if network.layers is None:
        return max(encoders, int(network.heads) * int(network.width) ** 2 if int(network.depth) else 0)
    layers = [place.declared.size for place in Layout(built.trunk).places]
    return max(encoders, *layers, 0)


def _training(config: Config, schema: Schema, effort: Effort, rows: int) -> torch.device:
    training = config.training
    device = find_device(training.device)
    training.device = device.type  # type: ignore[assignment]
    training.precision = find_precision(training.precision, device)  # type: ignore[assignment]
    if training.epochs == "auto":
        most = 2 * effort.epochs if rows < VERY_FEW_ROWS else effort.epochs
        training.epochs = max(LEAST_EPOCHS, min(most, effort.seen // max(rows, 1)))
    if training.batch_size == "auto":
        training.batch_size = batch_size(rows, LARGEST_BATCHES, LARGEST_BATCH)
    if training.learning_rate == "auto":
        rates = {"adamw": 3e-3, "adam": 3e-3, "rmsprop": 1e-3, "sgd": 3e-2}
        training.learning_rate = rates[training.optimizer]
    if training.weight_decay == "auto":
        training.weight_decay = 3e-4 if training.optimizer == "adamw" else 1e-5
    if training.patience == "auto":
        training.patience = max(4, min(MOST_PATIENCE, round(int(training.epochs) / 3)))
    for name, value in (("warmup", WARMUP), ("label_smoothing", 0.0)):
        if getattr(training, name) == "auto":
            setattr(training, name, value)
    if training.members == "auto":
        training.members = effort.members
    work = products(config, schema)
    if training.threads is None and device.type == "cpu" and work < SMALL_WORK:
        training.threads = 1
    training.threads = use_threads(training.threads)
    return device


def products(config: Config, schema: Schema) -> int:
    """Products of the largest layer in one step of all members."""
    training = config.training
    return int(training.batch_size) * int(training.members) * _largest_layer(config, schema)
