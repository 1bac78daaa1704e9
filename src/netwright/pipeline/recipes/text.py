"""Texts.

The values were chosen by cross-validation on the training rows of sst2.
"""

from __future__ import annotations

from typing import Any

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.pipeline.recipes.base import Recipe, batch_size, filled

SETTINGS: dict[str, dict[str, Any]] = {
    "bag": {"size": 16, "width": 1, "depth": 1, "dropout": 0.0},
    "cnn": {"size": 64, "width": 64, "depth": 1, "dropout": 0.4},
    "gru": {"size": 64, "width": 64, "depth": 1, "dropout": 0.4},
    "lstm": {"size": 64, "width": 64, "depth": 1, "dropout": 0.4},
    "transformer": {"size": 64, "width": 1, "depth": 2, "dropout": 0.2},
}
"""What "auto" stands for, by the encoder."""
SEEN = {"quick": 30_000, "normal": 60_000, "best": 120_000}
"""texts that training sees, repeats counted"""
LEAST_EPOCHS, MOST_EPOCHS = 3, 40
BATCHES = ((2_000, 32), (20_000, 64), (100_000, 128))
LARGEST_BATCH = 256


def settle(column: Column, settings: TextConfig, rows: int, effort: str) -> TextConfig:
    """The settings without "auto".

    Arguments:
        column: described: how it is read.
        settings: as given.
        rows: number of training rows.
        effort: quick, normal or best.

    Example:
        >>> column = Column(name="title", kind="text", units="grams", shape=[50], buckets=900)
        >>> settled = settle(column, TextConfig(), rows=1_000, effort="normal")
        >>> settled.encoder, settled.size, settled.length, settled.buckets
        ('bag', 16, 50, 900)
    """
    encoder = "bag" if settings.encoder == "auto" else settings.encoder
    values = SETTINGS[encoder] | {
        "encoder": encoder,
        "characters": column.units == "grams and parts",
        "buckets": column.buckets,
        "length": column.shape[0],
    }
    return filled(settings, values)


def recipe(column: Column, settings: TextConfig, rows: int, effort: str, task: str) -> Recipe | None:
    """How a network of nothing but texts is trained.

    Arguments as for `settle`, with the settings settled; task: of the target.
    """
    bag = settings.encoder == "bag"
    seen = SEEN[effort] if bag else 2 * SEEN[effort]
    return Recipe(
        epochs=max(LEAST_EPOCHS, min(MOST_EPOCHS, seen // max(rows, 1))),
        batch_size=batch_size(rows, BATCHES, LARGEST_BATCH),
        learning_rate=3e-3 if bag else 1e-3,
        weight_decay=3e-4 if bag else 1e-2,
        label_smoothing=0.0 if bag or task == "regression" else 0.1,
        patience=4,
        kind="mlp",
        width=64,
        depth=0,
        heads=1,
        dropout=0.0,
    )
